"""The course: each notebook has all its parts, and every task a solution that is told right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

COURSE = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("[01][0-9]_*.ipynb"))[1:]
"""All notebooks but the tour."""
NAMES = (
    "checkpoints_and_threads", "history_and_replay", "update_state_and_reducers", "as_node_and_forks",
    "human_in_the_loop", "fault_tolerance", "memory_store", "choosing_a_saver", "subgraphs_and_parallel",
    "debugging_an_agent", "what_if", "gotchas",
)  # fmt: skip


def tasks(book: Any) -> list[Any]:
    """The cells that a learner fills in; their metadata hold what a teacher would write in place of ``...``."""
    return [cell for cell in book.cells if "solution" in cell.metadata]


def test_the_course_is_whole() -> None:
    assert [path.stem for path in COURSE] == [f"{n:02d}_{name}" for n, name in enumerate(NAMES, 1)]


@pytest.mark.parametrize("path", COURSE, ids=lambda path: path.stem)
def test_a_notebook_asks_shows_and_sums_up(path: Path) -> None:
    book = nbformat.read(path, as_version=4)
    text = "\n".join(cell.source for cell in book.cells if cell.cell_type == "markdown")
    code = "\n".join(cell.source for cell in book.cells if cell.cell_type == "code")
    assert "**The question.**" in text
    assert "# Predict" in text
    assert "## Exercises" in text
    assert "## What you know now" in text
    assert "\n%lgviz " in f"\n{code}"  # something to click
    assert book.cells[-1].source.endswith("learn.report()")
    for cell in tasks(book):
        assert cell.source.count("(...)") == 1
        assert "Your turn" in str(cell.outputs)


@pytest.mark.parametrize("path", COURSE, ids=lambda path: path.stem)
def test_what_tells_an_answer_is_folded(path: Path) -> None:
    """What makes an exercise, and the saved output of the cell below a task, which JupyterLab unfolds when
    the cell is run."""
    book = nbformat.read(path, as_version=4)
    asked = False
    for cell in (cell for cell in book.cells if cell.cell_type == "code"):
        folded = cell.metadata.get("jupyter", {})
        assert folded.get("source_hidden", False) is ("learn.exercise(" in cell.source)
        if "solution" in cell.metadata:
            asked = True
        elif asked and cell.outputs:
            assert folded.get("outputs_hidden") or cell is book.cells[-1], cell.source
            asked = False


@pytest.mark.parametrize("path", COURSE, ids=lambda path: path.stem)
def test_each_solution_is_right(path: Path) -> None:
    book = nbformat.read(path, as_version=4)
    filled = tasks(book)
    assert len(filled) >= 4
    for cell in filled:
        cell.source = cell.source.replace("(...)", f"({cell.metadata.solution})")
    NotebookClient(book, timeout=60, resources={"metadata": {"path": path.parent}}).execute()
    told = {cell.source: str(cell.outputs[-1].data["text/plain"]) for cell in filled}
    assert {source: text for source, text in told.items() if "\nRight" not in text} == {}
