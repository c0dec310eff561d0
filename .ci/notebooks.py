"""Executes the notebooks of ``notebooks/``, or those whose names are given, and saves what cells answer.

An output that differs only in ids and times, by the rules of ``nbval.cfg``, stays as it was saved before; no
state of a widget is saved.

    python .ci/notebooks.py 02_history
"""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

REPO = Path(__file__).resolve().parents[1]
RULES = [
    (re.compile(found), instead)
    for found, instead in re.findall(
        r"^regex: (.*)\nreplace: (.*)$", (REPO / ".ci/nbval.cfg").read_text(encoding="utf-8"), re.MULTILINE
    )
]
WIDGET = "application/vnd.jupyter.widget-view+json"


def main(names: list[str]) -> int:
    """Execute each notebook whose name holds one of ``names``; 1 if a cell failed."""
    failed = 0
    for path in sorted((REPO / "notebooks").glob("*.ipynb")):
        if names and not any(name in path.name for name in names):
            continue
        begun = time.monotonic()
        try:
            execute(path)
        except Exception as error:  # nbclient names the cell
            failed = 1
            print(f"{path.name}: {error}", file=sys.stderr)
        else:
            print(f"{path.name}: {time.monotonic() - begun:.1f} s")
    return failed


def execute(path: Path) -> None:
    """Run one notebook in a kernel of its own and save it; nothing is saved where a cell fails."""
    book = nbformat.read(path, as_version=4)
    before = {cell.id: cell.get("outputs", []) for cell in book.cells}
    NotebookClient(
        book, timeout=60, store_widget_state=False, resources={"metadata": {"path": path.parent}}
    ).execute()
    book.metadata.pop("widgets", None)
    for number, cell in enumerate(c for c in book.cells if c.cell_type == "code"):
        cell.metadata.pop("execution", None)
        cell.execution_count = number + 1
        cell.outputs = joined([output for output in map(kept, cell.outputs) if output is not None])
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = number + 1
        if steady(cell.outputs) == steady(before[cell.id]):
            cell.outputs = before[cell.id]
    nbformat.write(book, path)


def kept(output: Any) -> Any:
    """An output without a widget's view, which is gone with its kernel; None where nothing else is in it."""
    if "data" not in output:
        return output
    output.data.pop(WIDGET, None)
    return output if output.data else None


def joined(outputs: list[Any]) -> list[Any]:
    """Outputs, what was printed in several pieces in one: where it is cut depends on the kernel's clock."""
    found: list[Any] = []
    for output in outputs:
        last = found[-1] if found else {}
        if output.output_type == last.get("output_type") == "stream" and output.name == last.name:
            last.text += output.text
        else:
            found.append(output)
    return found


def steady(output: Any) -> Any:
    """What is compared of outputs: without ids, times and how they were counted."""
    if isinstance(output, dict):
        return {name: steady(value) for name, value in output.items() if name != "execution_count"}
    if isinstance(output, list):
        return [steady(value) for value in output]
    for found, instead in RULES if isinstance(output, str) else ():
        output = found.sub(instead, output)
    return output


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
