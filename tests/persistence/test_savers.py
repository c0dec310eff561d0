"""What every saver does, beyond what LangGraph's conformance suite asks."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import psycopg
import pytest
from langchain_core.messages import HumanMessage
from langgraph.channels import DeltaChannel
from langgraph.checkpoint.base.id import uuid6
from langgraph.checkpoint.memory import InMemorySaver as LangGraphMemory
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.sqlite import SqliteSaver as LangGraphSqlite
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send, interrupt
from typing_extensions import TypedDict

from lgviz.errors import (
    ForeignTables,
    MissingFile,
    NewerSchema,
    NotADatabase,
    NotKept,
    PersistenceError,
    ThreadNotFound,
    Unavailable,
    WrongLoop,
)
from lgviz.persistence import (
    AsyncPostgresSaver,
    AsyncSqliteSaver,
    Damaged,
    MemorySaver,
    PostgresSaver,
    SqliteSaver,
    migrate,
)
from lgviz.persistence.database.statements import WRITE, Operation, Query
from tests.support.savers import ALL, call, chat, checkpoint, config, on_loop, put, run, text, two_nodes

Make = Callable[..., Any]
every = pytest.mark.parametrize("kind", [*ALL, "postgreslike"])


@pytest.fixture
def saver(kind: str, make_saver: Make) -> Any:
    return make_saver(kind)


# -- graphs


@every
def test_the_documented_example(saver: Any) -> None:
    graph = two_nodes().compile(checkpointer=saver)
    run(graph, saver, "invoke", {"foo": ""}, config())
    history = run(graph, saver, "get_state_history", config())
    assert [(state.values, state.next) for state in history] == [
        ({"foo": "b", "bar": ["a", "b"]}, ()),
        ({"foo": "a", "bar": ["a"]}, ("node_b",)),
        ({"foo": "", "bar": []}, ("node_a",)),
        ({"bar": []}, ("__start__",)),
    ]
    assert call(saver, "check") == []


@every
def test_fork_versions_are_unique_and_the_latest_is_the_one_committed_last(saver: Any) -> None:
    graph = two_nodes().compile(checkpointer=saver)
    run(graph, saver, "invoke", {"foo": ""}, config())
    history = run(graph, saver, "get_state_history", config())
    for n in range(3):
        run(graph, saver, "update_state", history[1].config, {"foo": f"fork {n}"})
        assert run(graph, saver, "get_state", config()).values["foo"] == f"fork {n}"
    children = [found for found in call(saver, "list", config()) if found.parent_config == history[1].config]
    assert len(children) == 4
    assert len({found.checkpoint["channel_versions"]["foo"] for found in children}) == 4


@every
def test_interrupts_and_sends(saver: Any) -> None:
    builder: StateGraph[Any, Any, Any, Any] = StateGraph(dict)
    builder.add_node("ask", lambda state: {"answer": interrupt("why?")})
    builder.add_node("fan", lambda state: Command(goto=[Send("leaf", n) for n in range(3)]))
    builder.add_node("leaf", lambda n: None)
    builder.add_edge(START, "fan")
    builder.add_edge("leaf", "ask")
    builder.add_edge("ask", END)
    graph = builder.compile(checkpointer=saver)
    run(graph, saver, "invoke", {"x": 1}, config())
    state = run(graph, saver, "get_state", config())
    assert state.next == ("ask",) and state.tasks[0].interrupts[0].value == "why?"
    run(graph, saver, "invoke", Command(resume="because"), config())
    assert run(graph, saver, "get_state", config()).values == {"answer": "because"}
    assert call(saver, "check") == []


@every
def test_a_clock_that_goes_back_hides_nothing(saver: Any) -> None:
    later, earlier = str(uuid6(clock_seq=1)), "1e000000-0000-6000-8000-000000000000"
    put(saver, later, {"x": "first"})
    put(saver, earlier, {"x": "second"}, parent=later)
    assert call(saver, "get_tuple", config()).checkpoint["channel_values"] == {"x": "second"}
    assert [found.checkpoint["id"] for found in call(saver, "list", config())] == [earlier, later]
    before = call(saver, "list", config(), before=config(checkpoint_id=earlier))
    assert [found.checkpoint["id"] for found in before] == [later]


# -- values


@every
def test_unchanged_channels_keep_the_value_of_the_parent(saver: Any) -> None:
    big = [text(n) for n in range(50)]
    put(saver, "1", {"a": big, "b": 1})
    second = checkpoint("2", {"a": big, "b": 2}, 1)
    second["channel_versions"]["b"] = 2
    before = call(saver, "stats").blocks
    call(saver, "put", config(checkpoint_ns="", checkpoint_id="1"), second, {}, {"b": 2})
    assert call(saver, "stats").blocks == before
    assert call(saver, "get_tuple", config()).checkpoint["channel_values"] == {"a": big, "b": 2}


@every
def test_a_mutated_element_is_seen(saver: Any) -> None:
    messages = [HumanMessage(text(n), id=str(n)) for n in range(100)]
    put(saver, "1", {"m": messages})
    messages[3].content = "changed"
    put(saver, "2", {"m": messages}, parent="1")
    found = call(saver, "list", config())
    assert [one.checkpoint["channel_values"]["m"][3].content for one in found] == ["changed", text(3)]


@every
def test_fifty_channels_of_which_one_changes(saver: Any) -> None:
    values: dict[str, Any] = {f"channel_{n}": [text(n, 1000)] for n in range(50)}
    versions = dict.fromkeys(values, "00000001.aaaaaaaa")
    parent, sizes = None, []
    for step in range(12):
        name = f"channel_{step}"
        if step:
            values[name] = [text(1000 + step, 1000)]
            versions[name] = f"{step + 1:08}.aaaaaaaa"
        made = checkpoint(f"{step:04}", dict(values), channel_versions=dict(versions))
        made["versions_seen"] = {n: {n: v} for n, v in versions.items()}
        new = versions if parent is None else {name: versions[name]}
        call(saver, "put", config(checkpoint_ns="", checkpoint_id=parent), made, {}, new)
        parent = made["id"]
        sizes.append(call(saver, "stats").bytes)
    for found, n in zip(call(saver, "list", config()), range(11, -1, -1), strict=True):
        assert found.checkpoint["id"] == f"{n:04}"
        assert len(found.checkpoint["channel_values"]) == 50 == len(found.checkpoint["versions_seen"])
    assert call(saver, "get_tuple", config()).checkpoint["channel_values"] == values
    assert (sizes[-1] - sizes[0]) / 11 < 3000
    assert call(saver, "check") == []


@every
def test_special_writes_replace_and_others_stay(saver: Any) -> None:
    place = put(saver, "1", {"x": 1})
    call(saver, "put_writes", place, [("a", 1), ("b", [2])], "t2", "~2")
    call(saver, "put_writes", place, [("a", 9), ("b", 9), ("c", 3)], "t2", "~2")
    call(saver, "put_writes", place, [("__interrupt__", "old")], "t1", "~3")
    call(saver, "put_writes", place, [("__interrupt__", "new")], "t1", "~3")
    found = call(saver, "get_tuple", config())
    assert found.pending_writes == [
        ("t2", "a", 1),
        ("t2", "b", [2]),
        ("t2", "c", 3),
        ("t1", "__interrupt__", "new"),
    ]


@every
def test_special_writes_replace_also_where_no_path_is_given(saver: Any) -> None:
    place = put(saver, "1", {"x": 1})
    for path, asked in (("~3", "first"), ("", "second"), ("", "third")):
        call(saver, "put_writes", place, [("__interrupt__", asked)], "t1", path)
    assert call(saver, "get_tuple", config()).pending_writes == [("t1", "__interrupt__", "third")]


@every
def test_the_error_of_a_node_is_never_hidden(saver: Any) -> None:
    place = put(saver, "1", {"x": 1})
    call(saver, "put_writes", place, [("__error__", ValueError("bad", threading.Lock()))], "t")
    assert "ValueError" in call(saver, "get_tuple", config()).pending_writes[0][2]


@every
def test_an_unserializable_value_writes_nothing(saver: Any) -> None:
    put(saver, "1", {"x": 1})
    with pytest.raises(NotKept, match="Channel 'y'"):
        put(saver, "2", {"x": 2, "y": {"deep": lambda: 0}}, parent="1")
    assert call(saver, "get_tuple", config()).checkpoint["id"] == "1"


# -- list

FILTERS = [
    {"source": "loop"},
    {"step": 1},
    {"step": True},
    {"flag": True},
    {"none": None},
    {"missing": None},
    {"nested": {"a": 1}},
    {"nested": {"a": 1, "b": 2}},
    {"list": [1, 2]},
    {"float": 1.0},
    {"text": "a'b\"c; DROP TABLE lgviz_blocks; -- ?%s"},
    {"key'; --": 1},
    {"unicode": "ü"},
]


@every
def test_filters_answer_like_langgraphs_memory(saver: Any) -> None:
    reference = LangGraphMemory()
    for n in range(4):
        metadata = {
            "step": n,
            "flag": n == 1,
            "none": None,
            "nested": {"a": 1, "b": n},
            "list": [1, n],
            "float": n / 1,
            "text": "a'b\"c; DROP TABLE lgviz_blocks; -- ?%s",
            "key'; --": n,
            "unicode": "ü",
        }
        put(saver, str(n), {"x": n}, parent=str(n - 1) if n else None, **metadata)
        put(reference, str(n), {"x": n}, parent=str(n - 1) if n else None, **metadata)
    for filter in FILTERS:
        expected = [found.checkpoint["id"] for found in reference.list(config(), filter=filter)]
        assert [
            found.checkpoint["id"] for found in call(saver, "list", config(), filter=filter)
        ] == expected, filter
        limited = call(saver, "list", config(), filter=filter, limit=1)
        assert [found.checkpoint["id"] for found in limited] == expected[:1]


@pytest.mark.parametrize("kind", ["memory", "sqlite", "postgres"])
def test_an_open_iterator_locks_nothing(saver: Any) -> None:
    graph = two_nodes().compile(checkpointer=saver)
    for n in range(12):
        graph.invoke({"foo": str(n)}, config())
    seen = 0
    for found in saver.list(config()):
        seen += 1
        if seen % 10 == 1:
            graph.invoke({"foo": "inside"}, config("2"))
            worker = threading.Thread(target=lambda: graph.invoke({"foo": "x"}, config("3")))
            worker.start()
            worker.join(10)
            assert not worker.is_alive()
            assert saver.get_tuple(found.config) is not None
    assert seen == 48


@pytest.mark.parametrize("kind", ["aiosqlite", "aiopostgres"])
def test_an_open_async_iterator_locks_nothing(saver: Any) -> None:
    graph = two_nodes().compile(checkpointer=saver)

    async def use() -> int:
        for _ in range(10):
            await graph.ainvoke({"foo": ""}, config())
        seen = 0
        async for found in saver.alist(config()):
            seen += 1
            if seen % 10 == 1:
                await graph.ainvoke({"foo": "inside"}, config("2"))
                assert await saver.aget_tuple(found.config) is not None
        await saver.close()
        return seen

    assert asyncio.run(use()) == 40


@every
def test_one_damaged_value_hides_nothing_else(saver: Any) -> None:
    for n in range(6):
        put(saver, str(n), {"x": text(n), "y": n}, parent=str(n - 1) if n else None)
    from lgviz.persistence.database.statements import WRITE, Many, Query

    def damage() -> Any:
        yield WRITE
        rows = yield Query("SELECT id, data FROM lgviz_blocks ORDER BY id")
        yield Many("UPDATE lgviz_blocks SET data = ? WHERE id = ?", [(bytes(rows[2][1])[:9], rows[2][0])])
        yield Query("UPDATE lgviz_checkpoints SET metadata = ? WHERE id = '4'", [b"{no json"])

    if hasattr(saver, "__aenter__"):
        on_loop(saver, saver._arun(damage))
        on_loop(saver, saver.aengine()).blocks.cache.clear()
    else:
        saver._run(damage)
        saver.engine.blocks.cache.clear()
    found = {one.checkpoint["id"]: one.checkpoint["channel_values"] for one in call(saver, "list", config())}
    assert found.keys() == {"0", "1", "2", "3", "5"}
    assert isinstance(found["2"]["x"], Damaged) and found["2"]["y"] == 2
    assert found["5"] == {"x": text(5), "y": 5}
    problems = call(saver, "check")
    assert any("checkpoint 2, channel 'x'" in problem.where for problem in problems)
    assert any("checkpoint 4" in problem.where for problem in problems)
    with pytest.raises(NotKept):
        put(saver, "6", {"x": found["2"]["x"]})


# -- removing


@every
def test_deleting_gives_back_only_what_nobody_needs(saver: Any) -> None:
    shared = [text(n) for n in range(40)]
    put(saver, "1", {"m": shared}, thread="a")
    put(saver, "2", {"m": [*shared, text(100)]}, thread="a", parent="1")
    put(saver, "1", {"m": shared}, thread="b")
    call(saver, "copy_thread", "a", "c")
    for thread in ("a", "b"):
        call(saver, "delete_thread", thread)
        assert call(saver, "check") == []
    found = call(saver, "get_tuple", config("c"))
    assert found.checkpoint["channel_values"]["m"] == [*shared, text(100)]
    call(saver, "delete_thread", "c")
    assert call(saver, "stats").bytes == 0


def test_a_file_shrinks_when_a_thread_is_deleted(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with SqliteSaver.from_conn_string(str(path)) as saver:
        for n in range(20):
            put(saver, str(n), {"m": [text(100 * n + i) for i in range(50)]}, thread=str(n % 2))
        saver.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        full = path.stat().st_size
        saver.delete_thread("0")
        half = path.stat().st_size
        saver.delete_thread("1")
        assert half < 0.75 * full and path.stat().st_size < 0.2 * full


@every
def test_prune_frees_what_stats_promise_and_keeps_labels(saver: Any) -> None:
    graph = chat().compile(checkpointer=saver)
    for n in range(8):
        run(graph, saver, "invoke", {"messages": [("user", text(n))]}, config())
    before = call(saver, "stats", "1")
    state = run(graph, saver, "get_state", config())
    call(saver, "prune", ["1"])
    after = call(saver, "stats", "1")
    assert before.bytes - after.bytes == before.prune_frees > 0
    assert after.checkpoints == 1
    assert run(graph, saver, "get_state", config()).values == state.values
    run(graph, saver, "invoke", {"messages": [("user", "more")]}, config())
    assert [row.ordinal for row in call(saver, "index", "1").checkpoints] == [23, 24, 25, 26]
    assert call(saver, "check") == []


@every
def test_a_label_is_never_given_twice(saver: Any) -> None:
    for n in range(5):
        put(saver, str(n), {"x": n}, parent=str(n - 1) if n else None, run_id="old" if n < 2 else "new")
    call(saver, "delete_for_runs", ["new"])
    call(saver, "delete_for_runs", ["old"])
    assert call(saver, "get_tuple", config()) is None
    put(saver, "9", {"x": 9})
    assert [row.ordinal for row in call(saver, "index", "1").checkpoints] == [5]


class Delta(TypedDict):
    items: Annotated[
        list[str],
        DeltaChannel(lambda old, writes: old + [x for w in writes for x in w], snapshot_frequency=5),
    ]


@every
@pytest.mark.parametrize("act", ["prune", "delete_for_runs", "copy_thread"])
def test_delta_channels_survive(saver: Any, act: str) -> None:
    builder: StateGraph[Any, Any, Any, Any] = StateGraph(Delta)
    builder.add_node("add", lambda state: {"items": [f"n{len(state['items'])}"]})
    builder.add_edge(START, "add")
    builder.add_edge("add", END)
    graph = builder.compile(checkpointer=saver)
    for n in range(4):
        run(graph, saver, "invoke", {"items": [f"i{n}"]}, config() | {"metadata": {"run_id": f"run{n}"}})
    values = run(graph, saver, "get_state", config()).values
    assert len(values["items"]) == 8
    if act == "prune":
        call(saver, "prune", ["1"])
    elif act == "delete_for_runs":
        call(saver, "delete_for_runs", ["run0", "run1", "run2"])
    else:
        call(saver, "copy_thread", "1", "2")
        call(saver, "delete_thread", "1")
    thread = "2" if act == "copy_thread" else "1"
    assert run(graph, saver, "get_state", config(thread)).values == values
    run(graph, saver, "invoke", {"items": ["more"]}, config(thread))
    assert len(run(graph, saver, "get_state", config(thread)).values["items"]) == 10
    assert call(saver, "check") == []


@every
def test_copying_onto_a_thread_is_refused(saver: Any) -> None:
    put(saver, "1", {"x": 1}, thread="a")
    put(saver, "1", {"x": 2}, thread="b")
    with pytest.raises(PersistenceError, match="has checkpoints already"):
        call(saver, "copy_thread", "a", "b")


# -- index


class Asked(TypedDict):
    foo: str


@every
def test_a_step_that_was_resumed_began_when_the_answer_came(saver: Any) -> None:
    def ask(_: Any) -> dict[str, str]:
        interrupt("which?")
        threading.Event().wait(0.2)  # the answer itself is stored beside the node
        return {"foo": "b"}

    graph = StateGraph(Asked).add_node("ask", ask).add_edge(START, "ask").compile(checkpointer=saver)
    run(graph, saver, "invoke", {"foo": ""}, config())
    run(graph, saver, "invoke", Command(resume="this"), config())
    row = call(saver, "index", "1").checkpoints[-1]
    assert row.ended_at - row.started_at > 0.1


@every
def test_an_index_tells_what_is_new_and_when_to_start_again(saver: Any) -> None:
    graph = two_nodes().compile(checkpointer=saver)
    run(graph, saver, "invoke", {"foo": ""}, config())
    first = call(saver, "index", "1")
    assert [row.ordinal for row in first.checkpoints] == [0, 1, 2, 3]
    assert [row.parent_id for row in first.checkpoints] == [None, *(row.id for row in first.checkpoints[:3])]
    assert set(first.checkpoints[2].changed) >= {"foo", "bar"}
    assert {write.task_path.split(", ")[-1] for write in first.writes} == {"__start__", "node_a", "node_b"}
    for row in first.checkpoints[1:]:
        assert row.started_at is not None and row.started_at <= row.ended_at
    assert call(saver, "index", "1", first.token).checkpoints == []
    run(graph, saver, "invoke", {"foo": ""}, config())
    more = call(saver, "index", "1", first.token)
    assert [row.ordinal for row in more.checkpoints] == [4, 5, 6, 7] and not more.reset
    call(saver, "prune", ["1"])
    again = call(saver, "index", "1", more.token)
    assert again.reset and [row.ordinal for row in again.checkpoints] == [7]


@every
def test_subgraph_checkpoints_are_numbered_under_their_anchor(saver: Any) -> None:
    inner = two_nodes().compile()
    builder: StateGraph[Any, Any, Any, Any] = StateGraph(dict)
    builder.add_node("sub", lambda state: inner.invoke({"foo": "", "bar": []}))
    builder.add_edge(START, "sub")
    graph = builder.compile(checkpointer=saver)
    run(graph, saver, "invoke", {"x": 1}, config())
    rows = call(saver, "index", "1").checkpoints
    inside = [row for row in rows if row.namespace]
    assert [row.ordinal for row in inside] == [1, 2, 3, 4]
    # Checkpoints are stored while the next step runs: the subgraph's may come before the one it started from.
    started = [row for row in rows if not row.namespace][1]
    assert {row.anchor for row in inside} == {("", started.id)}


# -- making one


@pytest.mark.parametrize("kind", ["memory", "sqlite", "postgres"])
def test_from_conn_string_is_a_saver_and_a_context_manager(kind: str, make_saver: Make) -> None:
    plain = make_saver(kind)
    graph = two_nodes().compile(checkpointer=plain)
    assert graph.invoke({"foo": ""}, config())["foo"] == "b"
    with plain as same:
        assert same is plain and same.get_tuple(config()) is not None
    with pytest.raises(Unavailable):
        plain.get_tuple(config())


def test_the_async_one_is_both_too(tmp_path: Path) -> None:
    async def use() -> None:
        plain = AsyncSqliteSaver.from_conn_string(str(tmp_path / "a.db"))
        await two_nodes().compile(checkpointer=plain).ainvoke({"foo": ""}, config())
        await plain.close()
        async with AsyncSqliteSaver.from_conn_string(str(tmp_path / "a.db")) as saver:
            assert await saver.aget_tuple(config()) is not None

    asyncio.run(use())


@pytest.mark.parametrize("kind", ["aiosqlite", "aiopostgres"])
def test_plain_methods_of_an_async_saver(saver: Any) -> None:
    graph = two_nodes().compile(checkpointer=saver)

    async def use() -> None:
        await graph.ainvoke({"foo": ""}, config())
        with pytest.raises(WrongLoop, match="aget_tuple"):
            saver.get_tuple(config())
        with pytest.raises(WrongLoop):
            graph.get_state(config())
        state = await asyncio.to_thread(graph.get_state, config())
        assert state.values["foo"] == "b"
        assert len(await asyncio.to_thread(lambda: list(saver.list(config())))) == 4
        await asyncio.to_thread(saver.delete_thread, "1")
        assert await saver.aget_tuple(config()) is None
        await saver.close()

    asyncio.run(use())


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(MissingFile, match="does not exist"):
        SqliteSaver.from_conn_string(str(tmp_path / "no" / "x.db"))
    (tmp_path / "text.db").write_text("no database " * 100, encoding="utf-8")
    with pytest.raises(NotADatabase):
        SqliteSaver.from_conn_string(str(tmp_path / "text.db"))
    newer = str(tmp_path / "newer.db")
    SqliteSaver.from_conn_string(newer).close()
    with sqlite3.connect(newer) as conn:
        conn.execute("INSERT INTO lgviz_migrations VALUES ('2099-01-x', 0)")
    with pytest.raises(NewerSchema, match="2099-01-x"):
        SqliteSaver.from_conn_string(newer)
    with pytest.raises(ThreadNotFound, match="Give one"):
        MemorySaver().get_tuple({"configurable": {}})
    with pytest.raises(TypeError):
        MemorySaver(size=3)  # type: ignore[call-arg]


def test_langgraphs_file_is_refused_with_the_line_that_migrates_it(tmp_path: Path) -> None:
    old, new = str(tmp_path / "old.db"), str(tmp_path / "new.db")
    with LangGraphSqlite.from_conn_string(old) as saver:
        graph = chat().compile(checkpointer=saver)
        for n in range(3):
            graph.invoke({"messages": [("user", text(n))]}, config())
        expected = list(saver.list(config()))
        with pytest.raises(ForeignTables, match=r"lgviz\.persistence\.migrate"):
            SqliteSaver.from_conn_string(old)
        steps: list[tuple[int, int]] = []
        assert migrate(old, new, progress=lambda done, total: steps.append((done, total))) == 9
        assert steps[-1] == (9, 9)
        graph.invoke({"messages": [("user", "more")]}, config())
        assert migrate(saver, new, progress=False) == 3
    with SqliteSaver.from_conn_string(new) as copied:
        for theirs, ours in zip(expected, list(copied.list(config()))[3:], strict=True):
            assert ours.checkpoint == theirs.checkpoint
            assert (ours.config, ours.parent_config) == (theirs.config, theirs.parent_config)
            assert ours.metadata == theirs.metadata
            assert ours.pending_writes == theirs.pending_writes
        assert (
            chat()
            .compile(checkpointer=copied)
            .invoke({"messages": [("user", "x")]}, config())["messages"][-1]
            .content
        )
        assert copied.check() == []


def test_migrating_from_langgraphs_memory_keeps_task_paths() -> None:
    old, new = LangGraphMemory(), MemorySaver()
    two_nodes().compile(checkpointer=old).invoke({"foo": ""}, config())
    assert migrate(old, new, progress=False) == 4 and migrate(old, new, progress=False) == 0
    assert {write.task_path for write in new.index("1").writes} == {
        "~__pregel_pull, __start__",
        "~__pregel_pull, node_a",
        "~__pregel_pull, node_b",
    }


def test_a_callers_own_transaction_is_joined(tmp_path: Path) -> None:
    conn = sqlite3.connect(tmp_path / "x.db", check_same_thread=False)
    saver = SqliteSaver(conn)
    saver.setup()
    conn.execute("BEGIN")
    put(saver, "1", {"x": 1})
    conn.rollback()
    assert saver.get_tuple(config()) is None


def failing() -> Operation[None]:
    yield WRITE
    yield Query("DELETE FROM lgviz_threads")
    raise ValueError("the database is full, locked and malformed, says the caller")


def test_a_failure_in_a_callers_transaction_is_undone_and_leaves_no_savepoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lgviz.persistence.database.sqlite.savepoint_name", lambda: "named")
    conn = sqlite3.connect(tmp_path / "x.db", check_same_thread=False)
    saver = SqliteSaver(conn)
    saver.setup()
    conn.execute("BEGIN")
    put(saver, "1", {"x": 1})
    with pytest.raises(ValueError, match="says the caller"):
        saver.driver.run(failing)
    with pytest.raises(sqlite3.OperationalError, match="no such savepoint"):
        conn.execute("RELEASE named")
    put(saver, "2", {"x": 2}, parent="1")
    conn.commit()
    assert [one.checkpoint["id"] for one in saver.list(config())] == ["2", "1"]
    conn.close()


def test_a_failure_in_a_callers_transaction_leaves_no_savepoint_in_postgres(
    postgres_uri: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lgviz.persistence.database.postgres.savepoint_name", lambda: "named")
    with psycopg.connect(postgres_uri(), autocommit=True) as conn:
        saver = PostgresSaver(conn)
        saver.setup()
        with conn.transaction():
            put(saver, "1", {"x": 1})
            with pytest.raises(ValueError, match="says the caller"):
                saver.driver.run(failing)
            with pytest.raises(psycopg.errors.InvalidSavepointSpecification), conn.transaction():
                conn.execute("RELEASE named")
            put(saver, "2", {"x": 2}, parent="1")
        assert [one.checkpoint["id"] for one in saver.list(config())] == ["2", "1"]


async def test_a_failure_in_a_callers_transaction_leaves_no_savepoint_in_async_postgres(
    postgres_uri: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lgviz.persistence.database.postgres.savepoint_name", lambda: "named")
    async with await psycopg.AsyncConnection.connect(postgres_uri(), autocommit=True) as conn:
        saver = AsyncPostgresSaver(conn)
        await saver.setup()
        async with conn.transaction():
            with pytest.raises(ValueError, match="says the caller"):
                await saver.driver.run(failing)
            with pytest.raises(psycopg.errors.InvalidSavepointSpecification):
                async with conn.transaction():
                    await conn.execute("RELEASE named")


async def test_an_error_of_the_callers_is_not_taken_for_one_of_the_database() -> None:
    """Whatever words are in it."""
    with MemorySaver() as saver, pytest.raises(ValueError, match="says the caller") as caught:
        saver.driver.run(failing)
    assert type(caught.value) is ValueError
    async with AsyncSqliteSaver.from_conn_string(":memory:") as awaited:
        with pytest.raises(ValueError, match="says the caller") as caught:
            await awaited.driver.run(failing)
    assert type(caught.value) is ValueError


def test_tables_that_the_caller_undoes_are_made_again(tmp_path: Path) -> None:
    conn = sqlite3.connect(tmp_path / "x.db", check_same_thread=False)
    saver = SqliteSaver(conn, serde=EncryptedSerializer.from_pycryptodome_aes(key=b"k" * 16))
    for end in (conn.rollback, conn.commit):
        conn.execute("BEGIN")
        put(saver, "1", {"x": "long" * 99})
        end()
    assert saver.check() == []
    assert saver.get_tuple(config()).checkpoint["channel_values"] == {"x": "long" * 99}  # type: ignore[union-attr]
    conn.close()


def test_tables_that_the_caller_undoes_in_postgres_are_made_again(postgres_uri: Any) -> None:
    with psycopg.connect(postgres_uri(), autocommit=True) as conn:
        saver = PostgresSaver(conn)
        with conn.transaction(force_rollback=True):
            put(saver, "1", {"x": 1})
        put(saver, "1", {"x": 1})
        assert saver.check() == []


@pytest.mark.parametrize("factory", [sqlite3.Row, lambda cursor, row: {"row": row}])
def test_a_connection_with_a_row_factory(factory: Any, tmp_path: Path) -> None:
    conn = sqlite3.connect(tmp_path / "x.db", check_same_thread=False)
    conn.row_factory = factory
    saver = SqliteSaver(conn)
    graph = two_nodes().compile(checkpointer=saver)
    graph.invoke({"foo": "", "bar": []}, config())
    assert graph.get_state(config()).values == {"foo": "b", "bar": ["a", "b"]}
    saver.delete_thread("1")
    assert saver.threads() == saver.check() == []
    conn.close()


def test_an_async_saver_serves_one_loop_after_another(postgres_uri: Any, tmp_path: Path) -> None:
    uri = postgres_uri()
    for saver in (
        AsyncSqliteSaver.from_conn_string(str(tmp_path / "x.db")),
        AsyncPostgresSaver.from_conn_string(uri),
    ):
        graph = two_nodes().compile(checkpointer=saver)
        for _ in range(2):
            asyncio.run(graph.ainvoke({"foo": "", "bar": []}, config()))
        assert asyncio.run(saver.athreads())[0][1] == 8
        asyncio.run(saver.close())


def test_an_async_connection_on_another_loop_says_so(postgres_uri: Any) -> None:
    async def opened() -> AsyncPostgresSaver:
        saver = AsyncPostgresSaver(await psycopg.AsyncConnection.connect(postgres_uri(), autocommit=True))
        await saver.setup()
        return saver

    saver = asyncio.run(opened())
    with pytest.raises(WrongLoop, match="another event loop"):
        asyncio.run(saver.athreads())
    asyncio.run(saver.conn.close())  # type: ignore[union-attr]


@every
def test_a_closed_saver_says_so(kind: str, make_saver: Make) -> None:
    saver = make_saver(kind)
    call(saver, "threads")
    closed = saver.close()
    if closed is not None:
        on_loop(saver, closed)
    with pytest.raises(Unavailable, match="closed"):
        call(saver, "threads")


def test_a_path_object(tmp_path: Path) -> None:
    with SqliteSaver.from_conn_string(tmp_path / "x.db") as saver:
        put(saver, "1", {"x": 1})
    again = AsyncSqliteSaver.from_conn_string(tmp_path / "x.db")
    assert [name for name, *_ in again.threads()] == ["1"]
    asyncio.run(again.close())


@pytest.mark.parametrize("cls", [SqliteSaver, AsyncSqliteSaver, PostgresSaver, AsyncPostgresSaver])
def test_a_path_in_place_of_a_connection(cls: Any) -> None:
    with pytest.raises(PersistenceError, match=r"from_conn_string\('x'\)"):
        cls("x")


@every
def test_writes_without_a_checkpoint(saver: Any) -> None:
    with pytest.raises(PersistenceError, match="checkpoint_id"):
        call(saver, "put_writes", config(checkpoint_ns=""), [("x", 1)], "task")
