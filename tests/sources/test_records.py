"""Many checkpoints in one trip to a source, and equal messages as one object."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, MessagesState, StateGraph

from lgviz import persistence
from lgviz.analysis.history import History
from lgviz.sources import Undecodable, open_source
from lgviz.sources.base import Source

CONFIG: Any = {"configurable": {"thread_id": "1"}}


def write(saver: Any) -> None:
    """A thread whose later checkpoints hold the messages of the earlier ones."""
    builder = StateGraph(MessagesState)
    for name in "abc":
        builder.add_node(name, lambda state, name=name: {"messages": [AIMessage(name)]})
    builder.add_edge(START, "a").add_edge("a", "b").add_edge("b", "c")
    builder.compile(checkpointer=saver).invoke({"messages": [HumanMessage("hi")]}, CONFIG)


def in_memory(_path: Path) -> Source:
    saver = InMemorySaver()
    write(saver)
    return open_source(saver)


def of_langgraph(path: Path) -> Source:
    connection = sqlite3.connect(path, check_same_thread=False)
    write(SqliteSaver(connection))
    connection.close()
    return open_source(path)


def of_lgviz(path: Path) -> Source:
    with persistence.SqliteSaver.from_conn_string(str(path)) as saver:
        write(saver)
    return open_source(path)


FILES = [of_langgraph, of_lgviz]


def places_of(source: Source) -> list[tuple[str, str]]:
    return [(row.namespace, row.id) for row in source.index("1").checkpoints]


@pytest.mark.parametrize("opened", [in_memory, *FILES])
def test_records_are_each_record_in_the_order_asked(opened: Callable[[Path], Source], tmp_path: Path) -> None:
    source = opened(tmp_path / "a.db")
    places = places_of(source)
    asked = [places[2], ("", "gone"), places[0], places[4]]
    found = source.records("1", asked)
    assert found[1] is None
    assert [found[0], *found[2:]] == [source.record("1", *place) for place in (asked[0], *asked[2:])]
    assert [record.id for record in found if record is not None] == [asked[n][1] for n in (0, 2, 3)]
    assert source.records("1", []) == []
    assert source.records("no thread", [places[0]]) == [None]
    source.close()


def test_a_damaged_record_hides_no_other(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    source = of_lgviz(path)
    places = places_of(source)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE lgviz_checkpoints SET body = x'ff' WHERE id = ?", [places[1][1]])
    first, damaged, last = source.records("1", places[:3])
    assert (first, last) == tuple(source.record("1", *places[n]) for n in (0, 2))
    assert damaged is not None and isinstance(damaged.values[""], Undecodable)
    source.close()


@pytest.mark.parametrize("opened", FILES)
def test_who_reads_ahead_makes_one_trip(
    opened: Callable[[Path], Source], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = opened(tmp_path / "a.db")
    trips: list[int] = []
    records = type(source).records

    def counted(self: Source, thread_id: str, places: Any) -> Any:
        trips.append(len(places))
        return records(self, thread_id, places)

    monkeypatch.setattr(type(source), "records", counted)
    alone, ahead = History(source, "1"), History(source, "1")
    ahead.reader.ahead = 3
    states = [[h.reader.real_state(row) for row in range(5)] for h in (alone, ahead)]
    assert states[0] == states[1]
    assert trips == [1, 1, 1, 1, 1, 4, 1]
    source.close()


@pytest.mark.parametrize("opened", FILES)
def test_equal_messages_are_one_object_only_while_shared(
    opened: Callable[[Path], Source], tmp_path: Path
) -> None:
    source = opened(tmp_path / "a.db")
    *_, before, after = places_of(source)

    def first_messages() -> list[Any]:
        return [record.values["messages"][0] for record in source.records("1", [before, after]) if record]

    with source.sharing():
        one, other = first_messages()
        assert one is other and one == HumanMessage("hi", id=one.id)
    later = first_messages()
    assert later[0] == one and later[0] is not one
    assert opened is of_lgviz or later[0] is not later[1]
    source.close()


def test_a_message_without_an_id_is_never_shared(tmp_path: Path) -> None:
    """LangGraph gives it one where it lies, which must not be that of another."""
    source = of_langgraph(tmp_path / "a.db")
    writes = [
        write.value[0]
        for record in source.records("1", places_of(source))
        if record is not None
        for write in record.writes
        if write.channel == "messages"
    ]
    assert all(isinstance(message, (AIMessage, HumanMessage)) for message in writes)
    nameless = AIMessage("a")
    blob = source.real._decoder._lenient.dumps_typed([nameless, nameless])  # type: ignore[attr-defined]
    with source.sharing():
        one, other = source.real._decoder.value(*blob)  # type: ignore[attr-defined]
        assert one == other == nameless and one is not other
    source.close()
