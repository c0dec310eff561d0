"""Nine ways to edit a database behind its saver's back, each told against a seal; LangGraph's savers serve all nine.
So are edits of a store's items."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.base import create_checkpoint, empty_checkpoint
from langgraph.checkpoint.sqlite import SqliteSaver as LangGraphSqlite
from langgraph.store.sqlite import SqliteStore as LangGraphStore
from typer.testing import CliRunner

import lgviz.cli.keeping  # noqa: F401 - declares the commands
from lgviz.cli.app import app
from lgviz.errors import DamagedData, InvalidValue, LgvizError, MissingFile
from lgviz.persistence import MemorySaver, SqliteSaver, SqliteStore
from lgviz.sources import open_source
from lgviz.sources.seals import check_seal, seal_source

KEY = b"a secret of 22 letters"
MINE, OTHERS = "mine", "others"


class Table:
    """How a saver's table of checkpoints is edited by hand.

    Attributes:
        saver: makes the saver of a path.
        rows: its table of checkpoints.
        value: its columns of what was stored.
    """

    def __init__(self, saver: Callable[[str], Any], rows: str, key: str, value: str, where: str) -> None:
        self.saver, self.rows, self.key, self.value, self.where = saver, rows, key, value, where

    def fill(self, path: Path, thread: str, count: int, first: int = 0) -> None:
        with self.saver(str(path)) as saver:
            place: Any = {"configurable": {"thread_id": thread, "checkpoint_ns": ""}}
            found = saver.get_tuple(place)
            place, made = (found.config, found.checkpoint) if found else (place, empty_checkpoint())
            for step in range(first, first + count):
                made = create_checkpoint(made, {}, step)
                made["channel_values"], version = {"state": f"{thread} {step:04}" * 40}, f"{step:032}"
                made["channel_versions"] = {"state": version}
                place = saver.put(place, made, {"source": "loop", "step": step}, {"state": version})

    def values(self, path: Path) -> list[Any]:
        with self.saver(str(path)) as saver:
            place = {"configurable": {"thread_id": MINE, "checkpoint_ns": ""}}
            return [one.checkpoint["channel_values"]["state"][:9] for one in saver.list(place)][::-1]


TABLES = {
    "LangGraph": Table(LangGraphSqlite.from_conn_string, "checkpoints", "checkpoint_id", "checkpoint", "thread_id = '{}'"),
    "lgviz": Table(
        SqliteSaver.from_conn_string, "lgviz_checkpoints", "id", "body",
        "thread = (SELECT id FROM lgviz_threads WHERE thread_id = '{}')",
    ),
}  # fmt: skip


class Store:
    """A database with two threads of six checkpoints, open to be edited."""

    def __init__(self, table: Table, path: Path) -> None:
        self.table, self.path = table, path
        table.fill(path, MINE, 6)
        table.fill(path, OTHERS, 6)

    def run(self, sql: str, *given: Any) -> list[Any]:
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            return connection.execute(sql.format(**vars(self.table)), given).fetchall()

    def ids(self, thread: str) -> list[str]:
        return [
            id_
            for (id_,) in self.run(
                f"SELECT {{key}} FROM {{rows}} WHERE {self.table.where.format(thread)} ORDER BY 1"
            )
        ]

    def value(self, id_: str) -> bytes:
        return bytes(self.run("SELECT {value} FROM {rows} WHERE {key} = ?", id_)[0][0])

    def put(self, id_: str, value: bytes) -> None:
        self.run("UPDATE {rows} SET {value} = ? WHERE {key} = ?", value, id_)


def content(store: Store) -> None:
    if store.table.rows == "checkpoints":
        id_ = store.ids(MINE)[3]
        store.put(id_, store.value(id_).replace(b"mine 0003", b"evil 0003"))
        return
    # The text lies in a block of its own, which is stored as it is: its hash is made to fit.
    import hashlib

    from lgviz.persistence.blocks.codec import BlockCodec

    codec = BlockCodec()
    for id_, form, data in store.run("SELECT id, form, data FROM lgviz_blocks"):
        part = codec.open(form, bytes(data))
        if isinstance(part, bytes) and b"mine 0003" in part:
            new = part.replace(b"mine 0003", b"evil 0003")
            digest = hashlib.blake2b(new, digest_size=16).digest()
            store.run(
                "UPDATE lgviz_blocks SET hash = ?, form = ?, data = ? WHERE id = ?",
                digest,
                *codec.close(new),
                id_,
            )


def tail(store: Store) -> None:
    for id_ in store.ids(MINE)[-2:]:
        store.run("DELETE FROM {rows} WHERE {key} = ?", id_)


def middle(store: Store) -> None:
    store.run("DELETE FROM {rows} WHERE {key} = ?", store.ids(MINE)[3])


def reorder(store: Store) -> None:
    one, other = store.ids(MINE)[2:4]
    first, second = store.value(one), store.value(other)
    store.put(one, second)
    store.put(other, first)


def forge(store: Store) -> None:
    last = store.ids(MINE)[-1]
    later = last[:-1] + ("f" if last[-1] != "f" else "g")
    columns = [name for _, name, *_ in store.run("PRAGMA table_info({rows})")]
    made = [
        f"'{later}'" if name == store.table.key else "NULL" if name == "key" else name for name in columns
    ]
    store.run(f"INSERT INTO {{rows}} SELECT {', '.join(made)} FROM {{rows}} WHERE {{key}} = ?", last)


def of_another(store: Store) -> None:
    store.put(store.ids(MINE)[-1], store.value(store.ids(OTHERS)[-1]))


def of_then(store: Store) -> None:
    store.put(store.ids(MINE)[-1], store.value(store.ids(MINE)[0]))


def metadata(store: Store) -> None:
    told = json.dumps({"source": "loop", "step": 3, "user": "somebody else"}).encode()
    store.run("UPDATE {rows} SET metadata = ? WHERE {key} = ?", told, store.ids(MINE)[3])


EDITS: dict[str, Callable[[Store], None] | None] = {
    "content changed": content,
    "tail cut off": tail,
    "one of the middle deleted": middle,
    "two exchanged": reorder,
    "one forged": forge,
    "one of another thread in its place": of_another,
    "an old one in the place of the newest": of_then,
    "metadata changed": metadata,
    "an older copy of the whole database": None,
}


@pytest.fixture(params=TABLES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return Store(TABLES[request.param], tmp_path / "a.db")


def sealed(store: Store, path: Path) -> int:
    with closing(open_source(store.path)) as source:
        return seal_source(source, path, KEY).checkpoints


def problems(store: Store, path: Path, key: bytes = KEY) -> list[Any]:
    with closing(open_source(store.path)) as source:
        return check_seal(source, path, key)


@pytest.mark.parametrize("name", EDITS)
def test_each_edit_is_told(name: str, store: Store, tmp_path: Path) -> None:
    seal, copy, edit = tmp_path / "a.seal", tmp_path / "copy.db", EDITS[name]
    shutil.copy(store.path, copy)
    if edit is None:
        store.table.fill(store.path, MINE, 1, first=6)
    assert sealed(store, seal) == 12 + (edit is None)
    assert problems(store, seal) == []
    before = store.table.values(store.path)
    if edit is None:
        shutil.copy(copy, store.path)
    else:
        edit(store)
    found = problems(store, seal)
    assert found and all(one.certain and MINE in one.where for one in found)
    with (
        pytest.raises(DamagedData, match=r"sealed checkpoints and items are changed or gone")
        if name != "one forged"
        else _nothing()
    ):
        sealed(store, seal)
    if store.table.rows == "checkpoints" and name != "metadata changed":
        assert store.table.values(store.path) != before  # LangGraph's own saver serves it, and says nothing


def _nothing() -> Any:
    from contextlib import nullcontext

    return nullcontext()


def test_what_is_written_later_is_told_until_it_is_sealed(store: Store, tmp_path: Path) -> None:
    seal = tmp_path / "a.seal"
    sealed(store, seal)
    store.table.fill(store.path, MINE, 2, first=6)
    assert [one.what for one in problems(store, seal)] == ["it is not sealed: forged, or written later"] * 2
    assert sealed(store, seal) == 14 and problems(store, seal) == []


def test_a_seal_without_its_key_is_none(store: Store, tmp_path: Path) -> None:
    seal = tmp_path / "a.seal"
    with pytest.raises(MissingFile):
        problems(store, seal)
    sealed(store, seal)
    with pytest.raises(InvalidValue):
        problems(store, seal, b"short")
    with pytest.raises(DamagedData):
        problems(store, seal, b"another secret of length")
    first, mac, rest = seal.read_bytes().split(b"\n", 2)
    seal.write_bytes(b"\n".join((first, mac, rest.split(b"\n", 1)[1])))
    with pytest.raises(DamagedData):
        problems(store, seal)
    seal.write_bytes(b"no seal")
    with pytest.raises(LgvizError):
        problems(store, seal)


# ------------------------------------------------------------ items of a store

ITEM_STORES: dict[str, Any] = {"LangGraph": LangGraphStore, "lgviz": SqliteStore}
ITEM_EDITS = {
    "LangGraph": {
        "changed": "UPDATE store SET value = replace(value, 'soup', 'evil') WHERE key = 'likes'",
        "removed": "DELETE FROM store WHERE key = 'likes'",
        "added": "INSERT INTO store (prefix, key, value) SELECT prefix, 'evil', value FROM store WHERE key = 'likes'",
        "moved": "UPDATE store SET prefix = 'bob' WHERE key = 'likes'",
        "made older": "UPDATE store SET updated_at = '2020-01-01' WHERE key = 'likes'",
    },
    "lgviz": {
        "changed": "UPDATE lgviz_items SET value = replace(value, 'soup', 'evil') WHERE key = x'6c696b6573'",
        "removed": "DELETE FROM lgviz_items WHERE key = x'6c696b6573'",
        "added": "INSERT INTO lgviz_items (ns, key, value, created, rank, updated) SELECT ns, x'6576696c', value, created, rank + 9, updated + 9 FROM lgviz_items WHERE key = x'6c696b6573'",
        "moved": "UPDATE lgviz_namespaces SET path = x'626f6200' WHERE path = x'616e6e00'",
        "made older": "UPDATE lgviz_items SET updated = updated - 10000000 WHERE key = x'6c696b6573'",
        "its past changed": "UPDATE lgviz_past SET value = replace(value, 'pizza', 'evils')",
        "its past removed": "DELETE FROM lgviz_past",
        "a long one changed": "UPDATE lgviz_blocks SET hash = randomblob(16)",
        "said to be of another": "UPDATE lgviz_items SET thread_id = 'other' WHERE key = x'6c696b6573'",
    },
}  # fmt: skip


def remembering(path: Path, store: str, saver: str) -> None:
    """A database with a thread, and two items of a store, one of which was put twice."""
    TABLES[saver].fill(path, MINE, 1)
    with ITEM_STORES[store].from_conn_string(str(path)) as memory:
        if store == "LangGraph":
            memory.setup()
        memory.put(("ann",), "likes", {"dish": "pizza"})
        memory.put(("ann",), "likes", {"dish": "soup"})
        memory.put(("ann",), "long", {"text": "soup " * 2_000})


def seal_of(path: Path, seal: Path) -> Any:
    with closing(open_source(path)) as source:
        return seal_source(source, seal, KEY)


def told(path: Path, seal: Path) -> list[Any]:
    with closing(open_source(path)) as source:
        return check_seal(source, seal, KEY)


@pytest.mark.parametrize(
    ("store", "edit", "saver"),
    [
        (store, edit, saver)
        for store, edits in ITEM_EDITS.items()
        for edit in edits
        for saver in TABLES
        if saver == store or edit == "changed"
    ],
)
def test_an_edit_of_an_item_is_told(store: str, edit: str, saver: str, tmp_path: Path) -> None:
    path, seal = tmp_path / "a.db", tmp_path / "a.seal"
    remembering(path, store, saver)
    assert seal_of(path, seal) == (1, 2 if store == "LangGraph" else 3)
    assert told(path, seal) == []
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        assert connection.execute(ITEM_EDITS[store][edit]).rowcount > 0
    found = told(path, seal)
    assert all(one.certain for one in found) and any(one.where.startswith("item ") for one in found)
    if store == "lgviz" and edit != "added":
        with pytest.raises(DamagedData, match=r"sealed checkpoints and items are changed or gone"):
            seal_of(path, seal)


def test_what_a_store_of_lgviz_writes_leaves_its_seal_whole(tmp_path: Path) -> None:
    path, seal = tmp_path / "a.db", tmp_path / "a.seal"
    remembering(path, "lgviz", "lgviz")
    seal_of(path, seal)
    with SqliteStore.from_conn_string(str(path)) as memory:
        memory.put(("ann",), "likes", {"dish": "rice"})
        memory.delete(("ann",), "long")
    new = [one.what for one in told(path, seal)]
    assert new == ["it is not sealed: forged, or written later"] * 2
    assert seal_of(path, seal) == (1, 5) and told(path, seal) == []


def test_what_langgraphs_store_writes_over_is_told_and_may_be_sealed_anew(tmp_path: Path) -> None:
    path, seal = tmp_path / "a.db", tmp_path / "a.seal"
    remembering(path, "LangGraph", "LangGraph")
    seal_of(path, seal)
    with LangGraphStore.from_conn_string(str(path)) as memory:
        memory.put(("ann",), "likes", {"dish": "rice"})
    assert told(path, seal) == [("item 'likes' of 'ann'", "it is not what was sealed, or was put anew since")]
    assert seal_of(path, seal) == (1, 2) and told(path, seal) == []


def test_only_a_database_is_sealed(tmp_path: Path) -> None:
    with MemorySaver() as saver:
        assert seal_source(open_source(saver), tmp_path / "a.seal", KEY) == (0, 0)


def test_the_command_line_seals_and_checks(tmp_path: Path) -> None:
    store, runner = Store(TABLES["lgviz"], tmp_path / "a.db"), CliRunner()
    where, seal, key = str(store.path), str(tmp_path / "a.seal"), tmp_path / "a.key"

    def said(*words: str) -> Any:
        return runner.invoke(app, [words[0], where, *words[1:], "--key-file", str(key)])

    assert "There is no key" in said("seal", seal).stderr
    key.write_bytes(KEY)
    assert said("seal", seal).stdout == f"{seal}: 12 checkpoints and 0 items sealed.\n"
    assert said("check", "--seal", seal).stdout == "Everything is whole.\n"
    metadata(store)
    done = said("check", "--seal", seal)
    assert done.exit_code == 1 and "it is not what was sealed" in done.stdout
    assert "--key-file" in runner.invoke(app, ["check", where, "--seal", seal]).stderr
    assert "--seal FILE" in said("check").stderr  # a check by no seal is not taken for one that found nothing
    assert "cannot be read: Is a directory" in said("seal", str(tmp_path)).stderr
