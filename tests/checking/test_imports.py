"""Graphs by name: what goes wrong while their module is imported, and what its source says."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import lgviz

GRAPH = """
from typing import TypedDict
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph

class State(TypedDict):
    text: str

def node(state: State) -> State:
    return {"text": "a"}

builder = StateGraph(State)
builder.add_node(node)
builder.add_edge(START, "node")
"""
COMPILED = "graph = builder.compile(checkpointer=InMemorySaver())\n"


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def found(code: str, name: str = "app.py:graph") -> list[lgviz.Finding]:
    Path("app.py").write_text(code)
    return list(lgviz.check_graph(name))


def line_of(code: str, text: str) -> int:
    return next(number for number, line in enumerate(code.splitlines(), 1) if text in line)


@pytest.mark.parametrize("name", ["app.py:graph", "app:graph"])
def test_a_graph_by_its_name(name: str) -> None:
    assert found(GRAPH + COMPILED, name) == []
    with pytest.raises(lgviz.errors.NotASource):
        lgviz.check_graph("nothing.py:graph")


@pytest.mark.parametrize(
    ("module", "package"),
    [
        ("langgraph.checkpoint.elsewhere", "langgraph-checkpoint-elsewhere"),
        ("langgraph.store.elsewhere.aio", "langgraph-checkpoint-elsewhere"),
        ("a_driver_that_lacks", "a_driver_that_lacks"),
    ],
)
def test_a_package_that_is_not_installed(module: str, package: str) -> None:
    code = GRAPH + f"from {module} import Saver\n" + COMPILED
    (one,) = found(code)
    assert (one.code, one.severity, one.fix) == ("package-missing", "error", f"pip install '{package}'")
    assert one.file is not None and Path(one.file).name == "app.py"
    assert one.line == line_of(code, module)


def test_a_package_that_is_imported_only_when_it_is_needed() -> None:
    lazy = "def saver():\n    from langgraph.checkpoint.elsewhere import Saver\n    return Saver()\n"
    (one,) = found(GRAPH + lazy + COMPILED)
    assert one.code == "package-missing" and one.line == line_of(GRAPH + lazy, "elsewhere")


def test_a_package_that_may_be_missing() -> None:
    tried = (
        "try:\n    from langgraph.checkpoint.elsewhere import Saver\nexcept ImportError:\n    Saver = None\n"
    )
    assert found(GRAPH + tried + COMPILED) == []


def test_a_context_manager_in_place_of_a_saver() -> None:
    code = GRAPH + (
        "from langgraph.checkpoint.sqlite import SqliteSaver\n"
        'graph = builder.compile(checkpointer=SqliteSaver.from_conn_string("a.db"))\n'
    )
    (one,) = found(code)
    assert (one.code, one.severity) == ("saver-not-entered", "error")
    assert one.line == line_of(code, "builder.compile") and one.fix.startswith("with SqliteSaver")


def test_a_context_manager_in_code_that_did_not_run_yet() -> None:
    code = GRAPH + COMPILED + (
        "def serve():\n"
        "    from langgraph.checkpoint.sqlite import SqliteSaver\n"
        '    saver = SqliteSaver.from_conn_string("a.db")\n'
        "    return builder.compile(checkpointer=saver)\n"
    )  # fmt: skip
    (one,) = found(code)
    assert (one.code, one.line) == ("saver-not-entered", line_of(code, "saver = "))


@pytest.mark.parametrize(
    "entered",
    [
        '    with SqliteSaver.from_conn_string("a.db") as saver:\n        pass\n',
        '    opened = SqliteSaver.from_conn_string("a.db")\n    with opened as saver:\n        pass\n',
        '    stack = ExitStack()\n    saver = stack.enter_context(SqliteSaver.from_conn_string("a.db"))\n',
        # lgviz's gives a saver, which may be entered
        "    from lgviz.persistence import SqliteSaver as Small\n"
        '    return builder.compile(checkpointer=Small.from_conn_string("a.db"))\n',
    ],
)
def test_a_context_manager_that_is_entered(entered: str) -> None:
    code = "from contextlib import ExitStack\n" + GRAPH + COMPILED
    code += "def serve():\n    from langgraph.checkpoint.sqlite import SqliteSaver\n" + entered
    assert found(code) == []


def test_a_saver_in_memory_in_a_server() -> None:
    serving = "import uvicorn\n"
    (one,) = found(serving + GRAPH + COMPILED)
    assert (one.code, one.severity) == ("memory-saver-in-server", "warning")
    assert one.line == line_of(serving + GRAPH + COMPILED, "checkpointer=InMemorySaver()")


def test_a_saver_that_is_made_anew_for_each_request() -> None:
    code = "import starlette\n" + GRAPH + COMPILED.replace("graph = ", "graph = first = ") + (
        "class App:\n    def post(self, path):\n        return lambda function: function\n"
        "app = App()\n"
        '@app.post("/chat")\n'
        "def chat(text):\n"
        "    return builder.compile(checkpointer=InMemorySaver()).invoke({'text': text})\n"
    )  # fmt: skip
    code = code.replace("first = builder.compile(checkpointer=InMemorySaver())", "builder.compile()")
    assert {one.code: one.severity for one in found(code)} == {
        "no-checkpointer": "warning",
        "memory-saver-in-server": "error",
    }


def test_a_module_that_raises() -> None:
    code = GRAPH + "builder.add_edge('node', 'nowhere')\n" + COMPILED
    (one,) = found(code)
    assert one.code == "does-not-load" and "nowhere" in one.text
    assert one.line == line_of(code, "graph = ")
