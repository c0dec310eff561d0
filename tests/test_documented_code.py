"""Every block of Python in README.md and docs/ runs, one after another, in a shell as a notebook has it.

A comment above a block, ``<!-- not run: why -->``, says of one that it cannot; a line that names a server (``://``) is left out.
"""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.io import capture_output
from traitlets.config import Config

from lgviz import unload_ipython_extension
from tests.support.documented import documented_names

REPO = Path(__file__).resolve().parents[1]
BLOCK = re.compile(
    r"(?:^ *<!-- not run: (?P<why>[^\n]+) -->\n+)?^ *```python\n(?P<code>.*?)^ *```$",
    re.MULTILINE | re.DOTALL,
)
PAGES = {
    path.relative_to(REPO).as_posix(): list(BLOCK.finditer(path.read_text(encoding="utf-8")))
    for path in [REPO / "README.md", REPO / "CONTRIBUTING.md", *sorted((REPO / "docs").rglob("*.md"))]
}


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("LGVIZ_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # which make a fresh process slow
    InteractiveShell.clear_instance()
    made = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    yield made
    unload_ipython_extension(made)  # `%lgviz on` holds graphs that ran
    InteractiveShell.clear_instance()
    sys.modules.pop("app", None)


@pytest.mark.parametrize("page", [page for page, blocks in PAGES.items() if blocks])
def test_its_code_runs(page: str, shell: InteractiveShell, tmp_path: Path) -> None:
    shell.user_ns.update(documented_names(tmp_path))
    for block in PAGES[page]:
        if block["why"]:
            continue
        code = "\n".join(line for line in block["code"].splitlines() if "://" not in line)
        with capture_output():
            done = shell.run_cell(code)
        if (fault := done.error_before_exec or done.error_in_exec) is not None:
            pytest.fail(f"{page}:\n{code}\n{''.join(traceback.format_exception(fault)[-3:])}", pytrace=False)


def test_blocks_are_found() -> None:
    blocks: list[Any] = [block for found in PAGES.values() for block in found]
    fences = sum((REPO / page).read_text(encoding="utf-8").count("```python") for page in PAGES)
    assert fences == len(blocks) > 20
    assert sum(bool(block["why"]) for block in blocks) < len(blocks) / 3
