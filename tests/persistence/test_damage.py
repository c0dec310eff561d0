"""One damaged row or block neither hides nor endangers the rest: each kind of damage under each operation."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import pytest
from langgraph.channels import DeltaChannel
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.sqlite import SqliteSaver as LangGraphSqlite
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

from lgviz.errors import DamagedData
from lgviz.persistence import Damaged, ExactSerializer, MemorySaver, migrate
from lgviz.persistence.blocks.merkle import blocks_of, leaf
from lgviz.persistence.database.statements import WRITE, Operation, Query
from tests.support.savers import call, config, on_loop, put, text

LAST, HIT = 6, 4
"""A thread's last checkpoint, and the one that is damaged (where it is not the last itself)."""


def own(n: int) -> list[str]:
    return [text(1000 * n + i, 90) for i in range(40)]


def values(n: int) -> dict[str, Any]:
    """Values that a checkpoint shares with others, and some of its own."""
    shared = {"list": [text(i) for i in range(n + 3)], "table": {f"k{i}": text(i, 90) for i in range(40)}}
    return shared | {"n": n, "own": own(n), "keyed": {text(1000 * n + i, 80): i for i in range(40)}}


def fill(saver: Any, thread: str = "1", last: int = LAST, prefix: str = "") -> None:
    for n in range(last + 1):
        parent = f"{prefix}{n - 1}" if n else None
        place = put(saver, f"{prefix}{n}", values(n), parent=parent, thread=thread, run_id=f"run{n % 2}")
        call(saver, "put_writes", place, [("list", [text(n)])], f"task{n}")


# -- kinds of damage: an operation that does it to checkpoint HIT


def truncated_body(_: Any) -> Operation[None]:
    yield WRITE
    rows = yield Query("SELECT key, body FROM lgviz_checkpoints WHERE id = ?", [str(HIT)])
    yield Query("UPDATE lgviz_checkpoints SET body = ? WHERE key = ?", [bytes(rows[0][1])[:-9], rows[0][0]])


def empty_body(_: Any) -> Operation[None]:
    yield WRITE
    yield Query("UPDATE lgviz_checkpoints SET body = ? WHERE id = ?", [b"", str(HIT)])


def one_bit_of_a_body(_: Any) -> Operation[None]:
    yield WRITE
    rows = yield Query("SELECT key, body FROM lgviz_checkpoints WHERE id = ?", [str(HIT)])
    data = bytearray(rows[0][1])
    data[len(data) // 2] ^= 1
    yield Query("UPDATE lgviz_checkpoints SET body = ? WHERE key = ?", [bytes(data), rows[0][0]])


def bad_metadata(_: Any) -> Operation[None]:
    yield WRITE
    metadata = b'{"step": '
    yield Query("UPDATE lgviz_checkpoints SET metadata = ?, changed = '[' WHERE id = ?", [metadata, str(HIT)])


def damaged_writes(_: Any) -> Operation[None]:
    yield WRITE
    yield Query("UPDATE lgviz_writes SET data = ? WHERE checkpoint_id = ?", [b"\x93\x01", str(HIT)])


def _leaf(engine: Any, value: Any) -> Operation[int]:
    name = engine.blocks.merkle.digest(leaf(engine.blocks.merkle.serde.dumps_typed(value)))
    rows = yield Query("SELECT id FROM lgviz_blocks WHERE hash = ?", [name])
    return int(rows[0][0])


def _above(engine: Any, block: int) -> Operation[int]:
    rows = yield Query("SELECT id, form, data FROM lgviz_blocks WHERE form % 2 = 1")
    opened = ((id, engine.blocks.codec.open(form, bytes(data))) for id, form, data in rows)
    return int(next(id for id, part in opened if any(child.id == block for child in blocks_of(part))))


def wrong_bytes_in_a_leaf(engine: Any) -> Operation[None]:
    yield WRITE
    block = yield from _leaf(engine, own(HIT)[5])
    yield Query("UPDATE lgviz_blocks SET data = ?, form = 0 WHERE id = ?", [b"\x01" + b"x" * 70, block])


def one_bit_of_a_container(engine: Any) -> Operation[None]:
    yield WRITE
    block = yield from _above(engine, (yield from _leaf(engine, own(HIT)[5])))
    rows = yield Query("SELECT data FROM lgviz_blocks WHERE id = ?", [block])
    data = bytearray(rows[0][0])
    data[len(data) // 2] ^= 1
    yield Query("UPDATE lgviz_blocks SET data = ? WHERE id = ?", [bytes(data), block])


def missing_leaf(engine: Any) -> Operation[None]:
    yield WRITE
    yield Query("DELETE FROM lgviz_blocks WHERE id = ?", [(yield from _leaf(engine, own(HIT)[5]))])


def missing_container(engine: Any) -> Operation[None]:
    yield WRITE
    block = yield from _above(engine, (yield from _leaf(engine, own(HIT)[5])))
    yield Query("DELETE FROM lgviz_blocks WHERE id = ?", [block])


def missing_container_of_keys(engine: Any) -> Operation[None]:
    yield WRITE
    rows = yield Query("SELECT id, form, data FROM lgviz_blocks WHERE form % 2 = 1")
    key = text(1000 * HIT + 5, 80).encode()
    opened = ((id, engine.blocks.codec.open(form, bytes(data))) for id, form, data in rows)
    chunk = next(
        id for id, part in opened if any(isinstance(entry, bytes) and key in entry for entry in part)
    )
    yield Query("DELETE FROM lgviz_blocks WHERE id = ?", [chunk])


BODIES = [truncated_body, empty_body, one_bit_of_a_body]
LEAVES = [wrong_bytes_in_a_leaf, missing_leaf]
CONTAINERS = [one_bit_of_a_container, missing_container, missing_container_of_keys]
KINDS = [*BODIES, bad_metadata, *LEAVES, *CONTAINERS, damaged_writes]


def damage(saver: Any, kind: Callable[[Any], Operation[None]]) -> None:
    if hasattr(saver, "__aenter__"):
        engine = on_loop(saver, saver.aengine())
        on_loop(saver, saver._arun(lambda: kind(engine)))
    else:
        engine = saver.engine
        saver._run(lambda: kind(engine))
    engine.blocks.cache.clear()


def whole(saver: Any, thread: str = "1") -> set[int]:
    """The numbers of the checkpoints that can be read as they were stored, each by its id too."""
    found = set()
    for listed in call(saver, "list", config(thread)):
        held = listed.checkpoint["channel_values"]
        if held == values(held["n"]):
            assert call(saver, "get_tuple", listed.config).checkpoint == listed.checkpoint
            found.add(held["n"])
    return found


@pytest.fixture(params=["memory", "encrypted", "postgres"])
def saver(request: pytest.FixtureRequest, make_saver: Callable[..., Any]) -> Any:
    if request.param != "encrypted":
        return make_saver(request.param)
    pytest.importorskip("Crypto")
    serde = EncryptedSerializer.from_pycryptodome_aes(ExactSerializer(), key=b"k" * 16)
    return make_saver("memory", serde=serde)


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, "lgviz.persistence")


every = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
REST = set(range(LAST + 1)) - {HIT}


@every
def test_reading(saver: Any, kind: Any) -> None:
    fill(saver)
    damage(saver, kind)
    place = config(checkpoint_ns="", checkpoint_id=str(HIT))
    listed = {found.checkpoint["id"]: found for found in call(saver, "list", config())}
    if kind in (*BODIES, bad_metadata):
        assert listed.keys() == {str(n) for n in REST}
        with pytest.raises(DamagedData, match=f"Checkpoint {HIT} of thread '1' is damaged"):
            call(saver, "get_tuple", place)
    else:
        assert listed.keys() == {str(n) for n in range(LAST + 1)}
        held, expected = listed[str(HIT)].checkpoint["channel_values"], values(HIT)
        hurt = {name for name in expected if held[name] != expected[name]}
        assert len(hurt) == (kind in LEAVES + CONTAINERS)
        if kind in LEAVES:
            assert isinstance(held["own"][5], Damaged) and held["own"][6:] == expected["own"][6:]
        assert len(listed[str(HIT)].pending_writes) == (kind is not damaged_writes)
    assert whole(saver) >= REST
    # What tells of the rest without opening it does so.
    assert len(call(saver, "index", "1").checkpoints) == LAST + 1
    assert call(saver, "threads")[0][:2] == ("1", LAST + 1)
    assert [f"checkpoint {HIT}" in where for where, _ in call(saver, "check")].count(True) >= 1
    stats = call(saver, "stats")
    assert stats.checkpoints == LAST + 1 and stats.bytes > 0 and set(stats.by_channel) >= {"own", "n"}
    named = {*BODIES, bad_metadata, damaged_writes}
    assert [f"checkpoint {HIT}" in where for where, _ in stats.damaged] == [True] * (kind in named)


@every
def test_writing_on_top(saver: Any, kind: Any) -> None:
    fill(saver, last=HIT)
    damage(saver, kind)
    place = config(checkpoint_ns="", checkpoint_id=str(HIT))
    call(saver, "put_writes", place, [("list", ["again"]), ("other", 1)], f"task{HIT}")
    # New versions name only one channel: what a damaged parent cannot give is stored anew.
    put(
        saver,
        "a",
        {**values(HIT), "n": 5, "own": own(5), "keyed": values(5)["keyed"], "list": values(5)["list"]},
        parent=str(HIT),
    )
    assert whole(saver) >= set(range(HIT)) | {5}
    if kind is damaged_writes:
        found = call(saver, "get_tuple", place)
        assert [write[1:] for write in found.pending_writes] == [("list", ["again"]), ("other", 1)]


@every
def test_prune_where_the_newest_is_whole(saver: Any, kind: Any) -> None:
    fill(saver)
    fill(saver, "2", prefix="a")
    damage(saver, kind)
    promised = call(saver, "stats", "1").prune_frees
    before = call(saver, "stats").bytes
    call(saver, "prune", ["1"])
    assert whole(saver) == {LAST}
    assert before - call(saver, "stats").bytes == promised
    call(saver, "prune", ["2"])
    assert whole(saver, "2") == {LAST}
    # The damage went with its checkpoint.
    assert call(saver, "check") == []
    assert call(saver, "stats").prune_frees == 0


@every
def test_prune_where_the_newest_is_damaged(saver: Any, kind: Any) -> None:
    fill(saver, last=HIT)
    damage(saver, kind)
    promised = call(saver, "stats", "1").prune_frees
    before = call(saver, "stats").bytes
    call(saver, "prune", ["1"])
    assert before - call(saver, "stats").bytes == promised
    kept = {row.id for row in call(saver, "index", "1").checkpoints}
    if kind is damaged_writes:
        assert kept == {str(HIT)} and whole(saver) == {HIT}
    else:
        # Metadata tell which delta channels there are: without them all ancestors may be needed.
        assert kept == {str(n) for n in (range(HIT + 1) if kind is bad_metadata else (HIT - 1, HIT))}
        assert HIT - 1 in whole(saver)
    call(saver, "delete_thread", "1")
    assert call(saver, "stats").bytes == 0 and call(saver, "check") == []


@every
@pytest.mark.parametrize("run", [0, 1])
def test_delete_for_runs(saver: Any, kind: Any, run: int) -> None:
    fill(saver)
    damage(saver, kind)
    call(saver, "delete_for_runs", [f"run{run}"])
    left = {n for n in range(LAST + 1) if n % 2 != run}
    assert whole(saver) >= left - {HIT}
    ids = {row.id for row in call(saver, "index", "1").checkpoints}
    # Nobody can tell which run it was of: it stays.
    assert (str(HIT) in ids) == (HIT in left or kind is bad_metadata)


@every
def test_copying_and_deleting(saver: Any, kind: Any) -> None:
    fill(saver)
    damage(saver, kind)
    before = whole(saver)
    call(saver, "copy_thread", "1", "2")
    call(saver, "delete_thread", "1")
    assert whole(saver, "2") == before >= REST
    call(saver, "prune", ["2"], strategy="delete")
    assert call(saver, "stats").bytes == 0 and call(saver, "check") == []


@every
def test_migrating(kind: Any, make_saver: Callable[..., Any], caplog: pytest.LogCaptureFixture) -> None:
    source, target = make_saver("sqlite"), MemorySaver()
    fill(source)
    damage(source, kind)
    assert migrate(source, target, progress=False) == LAST + (kind is damaged_writes)
    assert whole(target) >= REST
    assert [len(found.pending_writes or ()) for found in target.list(config())].count(1) >= LAST
    target.close()


@pytest.mark.parametrize(
    ("statement", "left"),
    [
        ("UPDATE checkpoints SET checkpoint = substr(checkpoint, 1, 40) WHERE checkpoint_id = '4'", LAST),
        ("UPDATE checkpoints SET type = 'unknown' WHERE checkpoint_id = '4'", LAST),
        ("UPDATE checkpoints SET metadata = '{' WHERE checkpoint_id = '4'", LAST),
        ("UPDATE writes SET value = x'c1' WHERE checkpoint_id = '4'", LAST + 1),
    ],
)
def test_migrating_a_damaged_database_of_langgraphs(statement: str, left: int, tmp_path: Path) -> None:
    with LangGraphSqlite.from_conn_string(str(tmp_path / "old.db")) as old:
        fill(old)
        old.conn.execute(statement)
        old.conn.commit()
        for source in (old, tmp_path / "old.db"):
            with MemorySaver() as target:
                assert migrate(source, target, progress=False) == left
                assert whole(target) == set(range(LAST + 1)) - ({HIT} if left == LAST else set())
                # Those that are left are as they were; the damaged one's children keep their parent's id.
                assert {row.parent_id for row in target.index("1").checkpoints} >= {str(HIT)}
                assert target.check() == []


class Delta(TypedDict):
    items: Annotated[
        list[str],
        DeltaChannel(lambda old, writes: old + [x for w in writes for x in w], snapshot_frequency=50),
    ]


@pytest.mark.parametrize("what", ["body", "metadata", "writes"])
def test_a_delta_channel_is_never_rebuilt_over_a_gap(what: str) -> None:
    """Its value is made of its ancestors' writes: without one of them it would be another value."""
    with MemorySaver() as saver:
        builder: StateGraph[Any, Any, Any, Any] = StateGraph(Delta)
        builder.add_node("add", lambda state: {"items": [f"n{len(state['items'])}"]})
        builder.add_edge(START, "add")
        graph = builder.compile(checkpointer=saver)
        for n in range(5):
            graph.invoke({"items": [f"i{n}"]}, config())
        expected = graph.get_state(config()).values
        ids = [row.id for row in saver.index("1").checkpoints]
        table, column = ("lgviz_writes", "data") if what == "writes" else ("lgviz_checkpoints", what)
        key = "checkpoint_id" if what == "writes" else "id"
        kept = saver.conn.execute(f"SELECT {column} FROM {table} WHERE {key} = ?", [ids[7]]).fetchall()
        assert kept
        saver.conn.execute(f"UPDATE {table} SET {column} = x'00' WHERE {key} = ?", [ids[7]])
        saver.prune(["1"])  # keeps all that the newest is rebuilt from, damaged or not
        assert [row.id for row in saver.index("1").checkpoints] == ids
        if what == "metadata":
            assert graph.get_state(config()).values == expected
        else:
            with pytest.raises(DamagedData):
                graph.get_state(config())
        for (data,) in kept:  # someone has a copy of the row
            saver.conn.execute(f"UPDATE {table} SET {column} = ? WHERE {key} = ?", [data, ids[7]])
        assert graph.get_state(config()).values == expected and saver.check() == []
