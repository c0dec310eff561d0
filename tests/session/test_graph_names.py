"""Graphs by name."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lgviz.errors import LgvizError
from lgviz.session.graph_names import load_graph


def test_graphs_are_named_as_langgraph_names_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "some_app.py").write_text(
        "from lgviz.demos import two_nodes\nfrom langgraph.graph import StateGraph\n"
        "graph = two_nodes.build()\nbuilder = graph.builder\ndef make(): return two_nodes.build()\nother = 3\n"
        "def ends(): raise SystemExit(3)\n"
    )
    for name in (
        "some_app:graph",
        "some_app:builder",
        "some_app:make",
        "some_app.py:graph",
        f"{tmp_path}/some_app.py:make",
    ):
        assert hasattr(load_graph(name), "get_state"), name
    refused = {
        "some_app": "names no graph", "some_app:none": "AttributeError", "none_app:graph": "ModuleNotFoundError",
        "none.py:graph": "no file none.py", "some_app:other": "cannot be loaded", "some_app:ends": "SystemExit: 3",
    }  # fmt: skip
    for name, said in refused.items():
        with pytest.raises(LgvizError, match=said):
            load_graph(name)


def test_the_code_of_a_file_runs_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    code = "from lgviz.demos import two_nodes\ngraph = two_nodes.build()\n"
    (tmp_path / "once_app.py").write_text(code)
    assert load_graph("once_app.py:graph") is load_graph(f"{tmp_path}/once_app.py:graph")
    assert load_graph("once_app:graph") is load_graph("./once_app.py:graph")
    (tmp_path / "fails_app.py").write_text("raise RuntimeError('not yet')")
    with pytest.raises(LgvizError, match="not yet"):
        load_graph("fails_app.py:graph")
    (tmp_path / "fails_app.py").write_text(code)
    assert hasattr(load_graph("fails_app.py:graph"), "get_state")
