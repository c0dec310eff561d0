"""What public objects show of themselves in a notebook and in a terminal, and what Tab offers on them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from langgraph.checkpoint.memory import InMemorySaver

import lgviz
import lgviz.session
from lgviz._visible import HIDDEN
from lgviz.demos import approval, two_nodes
from lgviz.persistence import MemorySaver

BAD = "<script>alert(1)</script>\x1b[31m\u202egnp"


def has(cls: type, *names: str) -> bool:
    """Whether a class says one of these itself, and does not leave it to ``object`` or to an exception."""
    homes = [next((base for base in cls.__mro__ if name in vars(base)), object) for name in names]
    return any(home not in (object, BaseException, Exception) for home in homes)


PUBLIC = {
    **{name: getattr(lgviz, name) for name in lgviz.__all__},
    **{name: getattr(lgviz.session, name) for name in lgviz.session.__all__},
}
OVERLAYS = {"OverlaySaver", "OverlayStore"}
"""LangGraph's own kinds, which a person is not given."""
CLASSES = {name: it for name, it in PUBLIC.items() if isinstance(it, type) and name not in OVERLAYS}


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_every_public_class_shows_itself_in_a_notebook_and_in_a_terminal(name: str) -> None:
    cls = CLASSES[name]
    assert has(cls, "_repr_html_", "_repr_mimebundle_"), f"{name} has no rich repr"
    if not issubclass(cls, Exception):  # Python's own says class and text
        assert has(cls, "__repr__"), f"{name} has no plain repr"
    assert not dataclasses.is_dataclass(cls) or cls.__repr__.__qualname__ != "__create_fn__.<locals>.__repr__"


@pytest.fixture
def graph() -> Any:
    graph = two_nodes.build(InMemorySaver())
    two_nodes.seed(graph)
    return graph


OBJECTS: dict[str, Callable[[Any], Any]] = {
    "History": lambda g: lgviz.history(g),
    "Checkpoint": lambda g: lgviz.history(g)["c2"],
    "Writes": lambda g: lgviz.history(g)["c2"].writes,
    "StateDiff": lambda g: lgviz.history(g).diff("c1", "c2"),
    "Change": lambda g: next(iter(lgviz.history(g).diff("c1", "c2"))),
    "Preview": lambda g: lgviz.preview(g, "c2", {"foo": "x"}, as_node="node_a", thread_id="1"),
    "Option": lambda g: lgviz.session.as_node_options(g, lgviz.history(g)["c2"])[1],
    "Run": lambda g: lgviz.run(g, "c2", thread_id="1"),
    "Sandbox": lambda g: lgviz.run(g, "c2", thread_id="1", sandbox=True).sandbox,
    "Set": lambda _: lgviz.Set(["only"]),
    "Backend": lambda g: lgviz.Backend(g),
    "KeptAsWrites": lambda _: lgviz.KeptAsWrites(3, (4,), "a reducer may add or replace"),
    "LgvizError": lambda _: lgviz.LgvizError("There is no thread.", "Choose one."),
    "ChannelInfo": lambda g: lgviz.session.channels_of(g)["bar"],
    "Plan": lambda g: lgviz.session.run_plan(g, lgviz.history(g)["c2"]),
}
SAID = {
    "Checkpoint": "<Checkpoint c2 node_a, step 1>",
    "Writes": "{'node_a': [{'foo': 'a', 'bar': ['a']}]}",
    "StateDiff": 'StateDiff: two values\n  ~ foo  "" → "a"\n  + bar[0]  "a"',
    "Change": 'Change(channel="foo", path=(), kind="changed", before="", after="a", note="")',
    "Preview": "<Preview as 'node_a', next 'node_b'>\nStateDiff: one value\n  ~ foo  \"a\" → \"x\"",
    "Option": 'Option(node="node_a", next=("node_b",), disabled=None, goto=(), needs_values=False)',
    "Run": "<Run done: 2 checkpoints>",
    "Sandbox": "<Sandbox open, thread '1'>",
    "Set": 'Set(value=["only"])',
    "Backend": "<lgviz.Backend CompiledStateGraph on InMemorySaver, no thread>",
    "KeptAsWrites": "<kept as writes; open it with the graph (a reducer may add or replace): 3, then [4]>",
    "LgvizError": "LgvizError('There is no thread. Choose one.')",
    "ChannelInfo": 'ChannelInfo(name="bar", reducer="operator.add", messages=False, settable=True)',
    "Plan": 'Plan(next=("node_b",), then=(), warnings=[])',
}
SHOWN = {
    "History": ("<svg", "node_b"), "Checkpoint": ("node_a", "node_b", "bar"), "Writes": ("node_a",),
    "StateDiff": ("foo",), "Change": ("foo", "changed"), "Preview": ("node_a", "node_b", "foo"),
    "Option": ("node_b",), "Run": ("done", "2 checkpoints", "bar"), "Sandbox": ("open",), "Set": ("only",),
    "Backend": ("InMemorySaver",), "KeptAsWrites": ("a reducer may",), "LgvizError": ("no thread", "Choose"),
    "ChannelInfo": ("operator.add",), "Plan": ("node_b",),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(OBJECTS))
def test_what_they_show(graph: Any, name: str) -> None:
    shown = OBJECTS[name](graph)
    if name in SAID:
        assert repr(shown) == SAID[name]
    html = shown._repr_html_()
    assert type(html) is str and "<script" not in html
    assert all(words in html for words in SHOWN[name])


def test_a_history_is_its_tree_also_when_it_is_long() -> None:
    graph = two_nodes.build(MemorySaver())
    two_nodes.seed(graph)
    rows = repr(lgviz.history(graph)).splitlines()
    assert rows[0] == "<History of thread '1': 6 checkpoints, CompiledStateGraph on MemorySaver>"
    assert [next(word for word in row.split() if word[0] == "c") for row in rows[1:]] == [
        "c5", "c4", "c3", "c2", "c1", "c0",
    ]  # fmt: skip
    for _ in range(20):
        graph.invoke({"foo": "", "bar": []}, {"configurable": {"thread_id": "1"}})
    rows = repr(lgviz.history(graph)).splitlines()
    assert len(rows) == 32 and rows[-1] == "  … 56 older"


def test_nothing_of_the_state_is_markup_or_hides(graph: Any) -> None:
    graph.invoke({"foo": BAD, "bar": [BAD]}, {"configurable": {"thread_id": BAD}})
    lgviz.fork(graph, lgviz.history(graph, BAD)["c1"], {"foo": BAD}, as_node="node_a", note=BAD)
    history = lgviz.history(graph, BAD)
    shown = [
        history, *history, history["c1"].writes, history.diff("c1", "c2"), *history.diff("c1", "c2"),
        lgviz.preview(graph, history["c1"], {"foo": BAD}, as_node="node_a"),
        lgviz.run(graph, history["c1"]), lgviz.run(graph, history["c1"], sandbox=True).sandbox,
        lgviz.Set(BAD), lgviz.KeptAsWrites(BAD, (BAD,), BAD), lgviz.LgvizError(BAD, BAD),
        lgviz.session.RunError(BAD, BAD, BAD, BAD, ValueError(BAD)), lgviz.session.Edit(BAD, note=BAD),
    ]  # fmt: skip
    for each in shown:
        for text in (repr(each), each._repr_html_()):
            assert not HIDDEN.search(text), ascii(text)
        assert "<script" not in each._repr_html_()
    assert all("&lt;script" in each._repr_html_() for each in (history, history["c1"], *shown[-5:]))


def test_a_run_that_waits_or_failed_says_so() -> None:
    graph = approval.build(InMemorySaver())
    approval.seed(graph)
    run = lgviz.run(graph, lgviz.history(graph).root)
    assert repr(run).startswith(f"<Run {run.status}: ")
    assert f"<b>{run.status}</b>" in run._repr_html_()


def test_a_checkpoint_that_was_deleted_says_so(graph: Any) -> None:
    history = lgviz.history(graph)
    checkpoint = history["c2"]
    graph.checkpointer.delete_thread("1")
    history.refresh()
    assert "no longer in thread" in checkpoint._repr_html_()
    assert "6 checkpoints" not in repr(history) and history._repr_html_()


@pytest.fixture
def shell(graph: Any) -> Iterator[InteractiveShell]:
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    history = lgviz.history(graph)
    shell.run_line_magic("load_ext", "lgviz")
    shell.push({"h": history, "c": history["c2"]})
    yield shell
    InteractiveShell.clear_instance()


@pytest.mark.parametrize("jedi", [True, False])
def test_tab_offers_labels_channels_and_nodes(shell: InteractiveShell, jedi: bool) -> None:
    shell.Completer.use_jedi = jedi
    expected = {
        'h["c': ["c0", "c1", "c2", "c3", "c4", "c5"],
        "h['": ["c0", "c1", "c2", "c3", "c4", "c5"],
        'c.values["': ["bar", "foo"],
        'h["c2"].values["f': ["foo"],
        "h.latest.values['b": ["bar"],
        "h[1].children[0].values['b": ["bar"],
        'c.writes["': ["node_a"],
    }
    with provisionalcompleter():
        found = {
            typed: sorted(each.text for each in shell.Completer.completions(typed, len(typed)))
            for typed in expected
        }
    assert found == expected
