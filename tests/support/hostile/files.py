"""Makes files of checkpoints whose parts are chosen byte by byte, in LangGraph's tables and in lgviz's."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import ormsgpack
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver as LangGraphSqlite
from langgraph.store.sqlite import SqliteStore as LangGraphStore

from lgviz.persistence import ExactSerializer, SqliteSaver, SqliteStore

SAFE = JsonPlusSerializer()


@dataclass(frozen=True)
class Blob:
    """A value as it is to lie in a file: a serializer's tag and bytes."""

    tag: str | None
    data: Any


@dataclass
class Content:
    """What a file holds: one thread of four checkpoints, the third of which is the one meant.

    Attributes:
        value: of the channel ``evil`` and of a write to it.
        thread, namespace, node, channel: names.
        metadata: beside what a run notes.
        checkpoint: beside what LangGraph keeps of a checkpoint.
        items: of the store, by namespace and key.
    """

    value: Blob = field(default_factory=lambda: Blob(*SAFE.dumps_typed("text")))
    thread: str = "1"
    node: str = "node"
    channel: str = "evil"
    metadata: dict[str, Any] = field(default_factory=dict)
    checkpoint: dict[str, Any] = field(default_factory=dict)
    items: dict[tuple[tuple[str, ...], str], Any] = field(default_factory=dict)


def ids(count: int = 4) -> list[str]:
    """Ids as LangGraph gives them, one after the other."""
    return [f"1f1e4d9{n:x}-ee55-6000-8000-{n:012x}" for n in range(1, count + 1)]


def _map(pairs: Iterable[tuple[bytes, bytes]]) -> bytes:
    pairs = list(pairs)
    assert len(pairs) < 1 << 16
    return b"\xde" + len(pairs).to_bytes(2, "big") + b"".join(part for pair in pairs for part in pair)


def packed(value: Any) -> bytes:
    """A value as msgpack; a :class:`Blob` of msgpack as it is."""
    if isinstance(value, Blob):
        return value.data if value.tag == "msgpack" and isinstance(value.data, bytes) else packed("elsewhere")
    if isinstance(value, dict):
        return _map((packed(key), packed(one)) for key, one in value.items())
    return ormsgpack.packb(value, option=ormsgpack.OPT_NON_STR_KEYS)


@contextmanager
def _kept(path: Path) -> Iterator[sqlite3.Connection]:
    """A database in memory, written to a file at the end: nothing waits for a disk."""
    with closing(sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)) as connection:
        yield connection
        path.write_bytes(connection.serialize())


def _checkpoints(held: Content) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Id, checkpoint and metadata of each."""
    found = []
    for step, id_ in enumerate(ids(), -1):
        values: dict[str, Any] = {"text": f"step {step}", "log": ["a", {"n": step}]}
        values[held.channel] = held.value if step == 1 else None
        versions = dict.fromkeys(values, f"{step + 2:032}.0{step + 1}")
        seen = {"__input__": {}, held.node: {"text": versions["text"]}}
        made: dict[str, Any] = {
            **empty_checkpoint(), "v": 4, "id": id_, "ts": f"2026-01-02T03:04:0{step + 1}+00:00", "channel_values": values,
            "channel_versions": versions, "versions_seen": seen, "updated_channels": list(values), **held.checkpoint,
        }  # fmt: skip
        metadata = {"source": "loop" if step >= 0 else "input", "step": step, "parents": {}, **held.metadata}
        found.append((id_, made, metadata))
    return found


def langgraph_file(path: Path, held: Content) -> None:
    """As ``SqliteSaver`` and ``SqliteStore`` of LangGraph keep it."""
    with _kept(path) as connection:
        LangGraphSqlite(connection).setup()
        parent = None
        for id_, made, metadata in _checkpoints(held):
            tag, blob = "msgpack", packed(made)
            if made["channel_values"][held.channel] is held.value and held.value.tag not in (
                "msgpack",
                "lgviz",
            ):
                tag, blob = held.value.tag, held.value.data  # the checkpoint itself is of that kind
            row = (held.thread, "", id_, parent, tag, blob, json.dumps(metadata).encode())
            connection.execute("INSERT INTO checkpoints VALUES (?, ?, ?, ?, ?, ?, ?)", row)
            path_ = f"~__pregel_pull, {held.node}"
            writes: list[tuple[str, Blob]] = [
                (held.channel, held.value),
                ("text", Blob(*SAFE.dumps_typed("new"))),
            ]
            for index, (channel, one) in enumerate(writes):
                write = (held.thread, "", id_, "task", path_, index, channel, one.tag, one.data)
                connection.execute("INSERT INTO writes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", write)
            parent = id_
        connection.commit()
        store = LangGraphStore(connection)
        store.setup()
        for (namespace, key), value in held.items.items():
            store.put(namespace, key, value, index=False)


class Raw(ExactSerializer):
    """Writes a :class:`Blob` as it is."""

    def dumps_typed(self, obj: Any) -> tuple[str, Any]:
        return (obj.tag or "json", bytes(obj.data)) if isinstance(obj, Blob) else super().dumps_typed(obj)


def lgviz_file(path: Path, held: Content) -> None:
    """As lgviz's savers and stores keep it, which take no NUL in an id."""
    held = replace(held, thread=held.thread.replace("\0", ""), node=held.node.replace("\0", ""))
    with _kept(path) as connection:
        saver, parent = SqliteSaver(connection, serde=Raw()), None
        for id_, made, metadata in _checkpoints(held):
            place = {
                "thread_id": held.thread,
                "checkpoint_ns": "",
                **({"checkpoint_id": parent} if parent else {}),
            }
            put = saver.put({"configurable": place}, made, metadata, made["channel_versions"])
            saver.put_writes(
                put, [(held.channel, held.value), ("text", "new")], "task", f"~__pregel_pull, {held.node}"
            )
            parent = id_
        store = SqliteStore(connection)
        for (namespace, key), value in held.items.items():
            store.put(namespace, key, value)


def edited(
    path: Path,
    *statements: str | tuple[str, tuple[Any, ...]],
    base: Callable[[Path, Content], None] = langgraph_file,
) -> None:
    """A healthy file, then changed by SQL behind its saver's back."""
    base(path, Content())
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        for one in statements:
            connection.execute(*([one] if isinstance(one, str) else one))
