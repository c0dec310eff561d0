"""Under which name a graph is found, and which cells of a notebook make one that has none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint

from lgviz.demos import two_nodes
from lgviz.errors import NotASource
from lgviz.session.graph_names import load_graph
from lgviz.session.graph_search import name_of_graph
from tests.support.modules import Module

NODES = """
from langgraph.graph import StateGraph

def step(state):
    return {}
"""
MODULE = f"""{NODES}
builder = StateGraph(dict).add_node(step).set_entry_point("step")
graph = builder.compile()
"""
FACTORY = f"""{NODES}
def make(checkpointer=None, **more):
    return StateGraph(dict).add_node(step).set_entry_point("step").compile(checkpointer)

def needs(checkpointer):
    return StateGraph(dict).compile(checkpointer)

async def later():
    return StateGraph(dict).compile()

def helper():
    return 3
"""


def test_an_attribute_of_the_module_of_its_nodes(module: Module) -> None:
    app = module("search_app", MODULE)
    module("a_search_user", "from search_app import graph as used, builder as used_too")
    for graph in (app.graph, app.builder.compile(checkpointer=InMemorySaver()), app.graph.with_config({})):
        name = name_of_graph(graph)
        assert name.startswith("search_app:"), "not where it is only used"
        assert load_graph(name).builder is app.builder


def test_a_graph_that_only_one_module_has(module: Module) -> None:
    code = "from langgraph.func import entrypoint\n@entrypoint()\ndef flow(given):\n    return given\n"
    flow = module("search_flow", code)
    assert name_of_graph(flow.flow) == "search_flow:flow"


def test_a_function_that_makes_it_without_being_given_anything(module: Module) -> None:
    app = module("search_factory", FACTORY)
    assert name_of_graph(app.make(InMemorySaver())) == "search_factory:make"
    assert name_of_graph(two_nodes.build()) == "lgviz.demos.two_nodes:build"
    several = module("search_factories", f"{FACTORY}\ndef other() -> 'StateGraph':\n    return make()\n")
    with pytest.raises(NotASource, match="may be 'search_factories:make' or 'search_factories:other'"):
        name_of_graph(several.make())


def test_langgraph_json(module: Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = module("search_declared", FACTORY.replace("def make(", "def made_up(needed, "))
    graph = app.made_up(None)
    with pytest.raises(NotASource, match="no attribute of a module"):
        name_of_graph(graph)
    declared: dict[str, Any] = {
        "mine": "./search_declared.py:graph",
        "other": {"path": "elsewhere:graph"},
        "in_js": "./a.ts:graph",
    }
    (tmp_path / "langgraph.json").write_text(json.dumps({"graphs": declared}))
    assert name_of_graph(graph) == "search_declared.py:graph"
    with pytest.raises(NotASource, match=r"may be 'search_declared\.py:graph' or 'elsewhere:graph'"):
        name_of_graph(None)
    (tmp_path / "langgraph.json").write_text(json.dumps({"graphs": {"mine": declared["mine"]}}))
    assert name_of_graph(None) == "search_declared.py:graph"
    below = tmp_path / "below"
    below.mkdir()
    monkeypatch.chdir(below)
    assert name_of_graph(None) == "../search_declared.py:graph"
    for broken in ("{", "[]", '{"graphs": [1]}', '{"graphs": {"a": {}}}', '{"graphs": {"a": 3}}'):
        (tmp_path / "langgraph.json").write_text(broken)
        with pytest.raises(NotASource, match="names no graph"):
            name_of_graph(None)


def test_what_is_no_graph() -> None:
    with pytest.raises(NotASource, match="A function is no graph"):
        name_of_graph(two_nodes.build)


def test_the_cells_that_make_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    try:
        cells = [
            "import math",
            "def step(state):\n    return {}\n",
            "def step(state):\n    return {'again': 1}\n",
            "%pwd",
            "from langgraph.graph import StateGraph\nbuilder = StateGraph(dict).add_node(step)",
            "graph = builder.set_entry_point('step').compile()",
            "print(graph.name)",
        ]
        for cell in cells:
            assert shell.run_cell(cell, store_history=True).success
        with pytest.raises(NotASource) as said:
            name_of_graph(shell.user_ns["graph"])
        assert said.value.cause.startswith(
            "The graph is made in this notebook (In[3], In[5] and In[6]), where no"
        )
        assert "Move what makes it into a module" in said.value.remedy

        @entrypoint()
        def flow(given: int) -> int:
            return given

        with pytest.raises(NotASource, match="is made in this notebook, where"):
            name_of_graph(flow)
    finally:
        InteractiveShell.clear_instance()
