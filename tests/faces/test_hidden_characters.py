"""Characters that hide, or turn what follows, are shown by every face, and kept exactly by what edits them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AnyMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, StateGraph, add_messages
from langgraph.types import interrupt

import lgviz
from lgviz._visible import HIDDEN, visible
from lgviz.errors import LgvizError, ThreadNotFound
from lgviz.export.html import static_html
from lgviz.export.text import tree_text
from lgviz.persistence import MemorySaver
from lgviz.persistence import SqliteSaver as OwnSqliteSaver
from tests.support.view import View, fork

CASES: list[list[str]] = json.loads(
    (Path(__file__).parents[1] / "support" / "hidden_characters.json").read_text("utf-8")
)
BAD = "\u202egnp\u2066.exe\x1b[31m\u200b\u2028end\U000e0041\r\x85"
SHOWN = "\\u202egnp\\u2066.exe\\x1b[31m\\u200b\\u2028end\\U000e0041\\x0d\\x85"
NAME = "n" + BAD
HEBREW = "שלום עולם (1), 3 + 4!"


@pytest.mark.parametrize(("text", "shown"), CASES)
def test_what_hides_is_written_out_and_scripts_stay(text: str, shown: str) -> None:
    assert visible(text) == shown
    assert visible(shown) == shown


class State(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]
    notes: dict[str, Any]
    text: str


def speak(state: State) -> dict[str, Any]:
    return {"messages": [("ai", BAD), ("ai", HEBREW)], "notes": {BAD: [BAD, {BAD: BAD}]}, "text": BAD}


def ask(state: State) -> dict[str, Any]:
    interrupt({"question": BAD, "options": [BAD]})
    raise ValueError(BAD)


@pytest.fixture(params=["MemorySaver", "InMemorySaver", "SqliteSaver", "OwnSqliteSaver"])
def graph(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """A thread in which every text hides something: nodes, state, question, error, note."""
    made: dict[str, Callable[[], Any]] = {"MemorySaver": MemorySaver, "InMemorySaver": InMemorySaver}
    builder = StateGraph(State).add_node(NAME, speak).add_node("ask", ask).add_edge(START, NAME)
    builder.add_edge(NAME, "ask")
    if request.param in made:
        yield seeded(builder.compile(checkpointer=made[request.param]()))
        return
    of_file = {"SqliteSaver": SqliteSaver, "OwnSqliteSaver": OwnSqliteSaver}[request.param]
    with of_file.from_conn_string(str(tmp_path / "file.db")) as saver:
        yield seeded(builder.compile(checkpointer=saver))


def seeded(graph: Any) -> Any:
    config = {"configurable": {"thread_id": "t" + BAD}}
    graph.invoke({"messages": [("user", BAD)]}, config)
    lgviz.run(graph, lgviz.history(graph).latest, resume=BAD)  # and fails
    lgviz.fork(graph, lgviz.history(graph)["c1"], {"text": BAD}, as_node=NAME, note=BAD)
    return graph


def test_no_face_of_python_writes_one(graph: Any) -> None:
    for what in (graph, graph.checkpointer):
        history = lgviz.history(what)
        told = [repr(history), tree_text(history.tree, width=200), repr(history.diff("c0", "c2"))]
        told += [history.diff("c0", "c2")._repr_html_(), *(repr(each) for each in history)]
        told += [str(static_html(history, selected=each.id)) for each in history]
        with pytest.raises(ThreadNotFound) as refused:
            lgviz.history(what, thread_id=BAD)
        told += [str(refused.value), *refused.value._render_traceback_()]
        for text in told:
            assert not HIDDEN.search(text), ascii(text)
        assert "\\u202egnp" in told[0] and '<i class="lg-hidden">\\u202e</i>gnp' in "".join(told)


def test_errors_say_it_and_hide_nothing() -> None:
    error = LgvizError(f"There is no {BAD}.", f"Choose {BAD}.")
    assert (error.cause, error.remedy) == (f"There is no {SHOWN}.", f"Choose {SHOWN}.")
    assert str(error) == f"There is no {SHOWN}. Choose {SHOWN}."


def test_letters_from_right_to_left_stay_as_they_are(graph: Any) -> None:
    history = lgviz.history(graph)
    assert HEBREW in str(static_html(history, selected=history["c2"].id))
    assert HEBREW in repr(history.diff("c0", "c2"))


def test_views_are_sent_what_is_stored_and_forms_what_reads_back_the_same(graph: Any) -> None:
    view = View(graph, "t" + BAD)
    try:
        opened = view.ask("thread_open", thread_id="t" + BAD)
        at = opened["tree"]["ids"][2]
        channels = {c["name"]: c["value"] for c in view.ask("checkpoint_get", checkpoint=at)["channels"]}
        assert channels["text"]["text"] == BAD
        form = view.ask("fork_form", checkpoint=at)
        fields = {field["channel"]: field["current"] for field in form["fields"]}
        assert not HIDDEN.search("".join(fields.values()))
        assert json.loads(fields["text"]) == BAD
        assert json.loads(fields["notes"]) == {BAD: [BAD, {BAD: BAD}]}
        asked = fork(at, {}, NAME)
        asked["values"] = {"text": {"mode": "set", "text": fields["text"]}}
        made = view.ask("fork_commit", **asked)
        assert lgviz.history(graph)[made["id"]].values["text"] == BAD
    finally:
        view.close()
