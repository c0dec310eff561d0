"""What importing costs: who only saves loads no widget, and a checkout needs no front end until it shows one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import lgviz

PACKAGE = Path(lgviz.__file__).parent
HEAVY = (
    "IPython", "anywidget", "azure", "ipywidgets", "networkx", "pandas", "plotly", "psycopg", "pymongo", "pymysql", "redis",
    "lgviz.analysis", "lgviz.backend", "lgviz.session", "lgviz.widget",
)  # fmt: skip


def python(code: str, path: Path = PACKAGE.parent) -> str:
    """What a new Python prints that finds lgviz at ``path``."""
    code = f"import sys; sys.path.insert(0, {str(path)!r})\n{code}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("module", ["lgviz", "lgviz.persistence"])
def test_no_widget_is_loaded_by_who_only_saves(module: str) -> None:
    said = python(f"import {module}; print(*(name for name in {HEAVY!r} if name in sys.modules))")
    assert said.split() == []


def test_importing_lgviz_alone_loads_next_to_nothing() -> None:
    said = python("import lgviz; print(*sys.modules)").split()
    assert {name for name in said if name.startswith("lgviz")} == {"lgviz", "lgviz._version"}
    assert "langgraph" not in said


def test_a_checkout_without_a_front_end_says_so_when_a_debugger_is_made(tmp_path: Path) -> None:
    shutil.copytree(PACKAGE, tmp_path / "lgviz", ignore=shutil.ignore_patterns("static", "__pycache__"))
    said = python(
        """
import lgviz, lgviz.persistence
from lgviz.demos import two_nodes
graph = two_nodes.build(lgviz.persistence.MemorySaver())
two_nodes.seed(graph, thread_id="1")
print(lgviz.__file__, len(lgviz.history(graph)))
try:
    lgviz.debug(graph)
except lgviz.LgvizError as error:
    print(error)
""",
        tmp_path,
    )
    assert said.startswith(str(tmp_path))
    assert "front end is not built" in said and "make setup" in said
