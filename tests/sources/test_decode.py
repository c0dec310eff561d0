"""Values from a file: what is safe is decoded, the rest becomes a placeholder, and nothing of the file is run."""

from __future__ import annotations

import datetime
import decimal
import enum
import pickle
import sqlite3
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.types import Interrupt, Send
from pydantic import BaseModel

from lgviz.analysis.history import History, open_history
from lgviz.sources import Undecodable, open_source
from lgviz.sources.base import Bookkeeping, Source
from lgviz.sources.decode import Decoder, FileDecoder

RAN: list[str] = []


class Model(BaseModel):
    name: str = "x"

    def model_post_init(self, context: Any) -> None:
        RAN.append("model")


@dataclass
class Point:
    x: int = 0

    def __post_init__(self) -> None:
        RAN.append("point")


class Colour(enum.Enum):
    RED = "red"


class Evil:
    def __reduce__(self) -> Any:
        return (RAN.append, ("pickle",))


HERE = Model.__module__
SAFE: dict[str, Any] = {
    "none": None,
    "text": "<img src=x onerror=alert(1)>",
    "bytes": b"\x00\xff",
    "keys": {1: "a", (2, 3): "b"},
    "time": datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC),
    "date": datetime.date(2026, 1, 2),
    "uuid": uuid.UUID(int=7),
    "decimal": decimal.Decimal("1.20"),
    "set": {1, 2},
    "path": Path("/tmp/x"),
    "messages": [HumanMessage("hi", id="1"), AIMessage("yo", id="2")],
    "send": Send("node", {"x": 1}),
    "interrupt": Interrupt(value="sure?", id="a" * 32),
}


@pytest.mark.parametrize("name", SAFE)
def test_safe_types_come_back_as_langgraph_reads_them(name: str) -> None:
    type_, blob = JsonPlusSerializer().dumps_typed(SAFE[name])
    found = FileDecoder().value(type_, blob)
    assert found == JsonPlusSerializer(allowed_msgpack_modules=None).loads_typed((type_, blob))
    assert found == SAFE[name] or name == "keys"
    assert type(found) is type(SAFE[name])


def test_arrays() -> None:
    array = numpy.arange(6, dtype="int32").reshape(2, 3)
    found = FileDecoder().value(*JsonPlusSerializer().dumps_typed({"a": array}))
    assert numpy.array_equal(found["a"], array) and found["a"].dtype == array.dtype


@pytest.mark.parametrize("value", [Model(), Point(3), Colour.RED])
def test_a_class_of_the_files_choosing_is_not_touched_unless_trusted(value: Any) -> None:
    typed = JsonPlusSerializer().dumps_typed([1, value, HumanMessage("kept", id="1")])
    RAN.clear()
    one, placeholder, message = FileDecoder().value(*typed)
    assert (one, message.content) == (1, "kept")
    assert isinstance(placeholder, Undecodable) and RAN == []
    assert placeholder.type == f"{HERE}.{type(value).__name__}" and placeholder.size > 0
    assert "trust=" in placeholder.reason
    assert FileDecoder([HERE]).value(*typed)[1] == value


def test_a_class_hidden_inside_a_safe_one_is_not_touched_either() -> None:
    typed = JsonPlusSerializer().dumps_typed(Send("node", {"secret": Point()}))
    RAN.clear()
    found = FileDecoder().value(*typed)
    assert RAN == []
    assert found.node == "node" and isinstance(found.arg["secret"], Undecodable)


def test_a_module_that_the_file_names_is_not_imported() -> None:
    assert "antigravity" not in sys.modules
    import ormsgpack

    blob = ormsgpack.packb(ormsgpack.Ext(0, ormsgpack.packb(("antigravity", "fly", 1))))
    assert isinstance(FileDecoder().value("msgpack", blob), Undecodable)
    assert "antigravity" not in sys.modules


def test_a_class_that_is_gone() -> None:
    import ormsgpack

    blob = ormsgpack.packb(ormsgpack.Ext(2, ormsgpack.packb((HERE, "Gone", {"x": 1}))))
    found = FileDecoder([HERE]).value("msgpack", blob)
    assert isinstance(found, Undecodable) and "Gone" in found.reason


@pytest.mark.parametrize(
    ("type_", "blob"),
    [
        ("pickle", pickle.dumps(Evil())),
        ("msgpack+aes", b"secret"),
        ("msgpack", b"\x93\x01"),
        ("msgpack", b"\xc7\x05\x63abcde"),
        ("json", b"{"),
        (None, b"x"),
        ("msgpack", None),
    ],
)
def test_what_cannot_be_decoded_says_why(type_: str | None, blob: bytes | None) -> None:
    RAN.clear()
    found = FileDecoder().value(type_, blob)
    assert isinstance(found, Undecodable) and found.reason
    assert found.size == len(blob or b"") or type_ == "msgpack"
    assert RAN == []


def checkpoint(**values: Any) -> dict[str, Any]:
    versions = dict.fromkeys(values, "1")
    return {**empty_checkpoint(), "channel_values": values, "channel_versions": versions, "ts": "2026-01-02"}


@pytest.mark.parametrize("type_", ["msgpack", "json"])
def test_bookkeeping_is_read_without_the_values(type_: str) -> None:
    serde = JsonPlusSerializer()
    import json

    whole = checkpoint(a=1, b=["x"])
    blob = serde.dumps_typed(whole)[1] if type_ == "msgpack" else json.dumps(whole).encode()
    split = FileDecoder().split(type_, blob)
    assert not isinstance(split, Undecodable)
    head, values = split
    kept = Bookkeeping.of(head, values)
    assert kept.ts == "2026-01-02" and kept.channel_versions == {"a": "1", "b": "1"}
    assert kept.channels == ("a", "b")
    assert {name: FileDecoder().value(*values[name]) for name in values} == {"a": 1, "b": ["x"]}


def test_names_that_are_no_texts_are_nonsense() -> None:
    head = {"ts": 5, "channel_versions": {7: 1, "a": 2}, "versions_seen": {None: {}, "n": {8: 1, "a": 2}}}
    kept = Bookkeeping.of({**head, "updated_channels": ["a", 9]}, ["a", 6])
    assert (kept.ts, kept.channels, kept.updated_channels) == (None, ("a",), ("a",))
    assert (kept.channel_versions, kept.versions_seen) == ({"a": 2}, {"n": {"a": 2}})


def test_pickled_and_encrypted_checkpoints() -> None:
    key = b"0123456789abcdef"
    RAN.clear()
    assert isinstance(FileDecoder().split("pickle", pickle.dumps(Evil())), Undecodable)
    assert RAN == []
    pytest.importorskip("Crypto")
    serde = EncryptedSerializer.from_pycryptodome_aes(key=key)
    typed = serde.dumps_typed(checkpoint(a=1))
    assert isinstance(FileDecoder().split(*typed), Undecodable)
    opened = Decoder(serde).split(*typed)
    assert not isinstance(opened, Undecodable) and Decoder(serde).value(*opened[1]["a"]) == 1


@pytest.fixture
def damaged(tmp_path: Path) -> tuple[Source, Source]:
    """A file, and a live saver on it, of which one value in three is broken; read strictly and with the serde."""
    connection = sqlite3.connect(tmp_path / "a.db", check_same_thread=False)
    saver = SqliteSaver(connection)
    saver.setup()
    good, bad = JsonPlusSerializer().dumps_typed({"x": 1}), b"\xc7\x03\x02\x93\x01\x02"
    whole = JsonPlusSerializer().dumps_typed(checkpoint(a=1, c="after"))[1]
    assert not isinstance(FileDecoder().split("msgpack", whole), Undecodable)
    blob = whole.replace(b"\x82\xa1a\x01\xa1c\xa5after", b"\x83\xa1a\x01\xa1b" + bad + b"\xa1c\xa5after", 1)
    assert blob != whole
    id_ = "1f1e4d93-ee55-6000-8000-000000000000"
    metadata = [b'{"source": "loop", "step": 1}', b"{broken"]
    for number, meta in enumerate(metadata):
        connection.execute(
            "INSERT INTO checkpoints VALUES ('1', '', ?, NULL, 'msgpack', ?, ?)",
            (f"{id_[:-1]}{number}", blob, meta),
        )
    for idx, (channel, type_, value) in enumerate(
        [("a", *good), ("b", "msgpack", b"\x93"), ("c", "who", b"?")]
    ):
        connection.execute(
            "INSERT INTO writes VALUES ('1', '', ?, 't', '~__pregel_pull, n', ?, ?, ?, ?)",
            (id_, idx, channel, type_, value),
        )
    connection.commit()
    return open_source(tmp_path / "a.db"), open_source(saver)


def test_one_bad_value_never_hides_the_rest(damaged: tuple[Source, Source]) -> None:
    for source in damaged:
        first, second = source.index("1").checkpoints
        assert first.metadata["step"] == 1 and second.metadata == {}
        for row in (first, second):
            values = source.channels("1", "", row.id)
            assert values["a"] == 1 and values["c"] == "after"
        a, b, c = source.writes("1", "", first.id)
        assert a.value == {"x": 1}
        assert isinstance(b.value, Undecodable) and isinstance(c.value, Undecodable)
        assert source.bookkeeping("1", "", [first.id])[first.id].channels == ("a", "b", "c")
    assert isinstance(damaged[0].channels("1", "", first.id)["b"], Undecodable)


NONSENSE: list[tuple[str, Any]] = [
    ("v", "x"),
    ("ts", 5),
    ("channel_values", 5),
    ("channel_versions", ["a"]),
    ("versions_seen", [1]),
    ("versions_seen", {"node": 5}),
    ("updated_channels", 5),
]


@pytest.mark.parametrize(("key", "nonsense"), NONSENSE)
def test_bookkeeping_of_other_types_is_read_as_none(tmp_path: Path, key: str, nonsense: Any) -> None:
    blob = JsonPlusSerializer().dumps_typed({**checkpoint(a=1), key: nonsense})[1]
    read = history_of(tmp_path / "a.db", blob, b'{"source": "loop", "step": 1}')
    assert [c.label for c in read] == ["c0", "c1"]
    for c in read:
        assert c.values is not None and c.next is not None and c.tasks is not None and c.writes is not None
        assert c.nodes is not None and str(c.created_at)


@pytest.mark.parametrize("metadata", [b"{broken", b"\xff\xfe{", b"[1]", b"[" * 100_000, 7, None])
def test_broken_metadata_never_hides_the_checkpoint(tmp_path: Path, metadata: Any) -> None:
    blob = JsonPlusSerializer().dumps_typed(checkpoint(a=1))[1]
    read = history_of(tmp_path / "a.db", blob, metadata)
    assert [c.label for c in read] == ["c0", "c1"]
    assert read[1].metadata == {} and read[1].step is None and read.latest.values == {"a": 1}


def test_damaged_text_is_replaced(tmp_path: Path) -> None:
    blob = JsonPlusSerializer().dumps_typed(checkpoint(a=1))[1]
    history_of(tmp_path / "a.db", blob, b"{}")
    connection = sqlite3.connect(tmp_path / "a.db")
    connection.execute("UPDATE writes SET channel = CAST(x'61ff' AS TEXT)")
    connection.execute("UPDATE checkpoints SET parent_checkpoint_id = CAST(x'ff' AS TEXT)")
    connection.commit()
    connection.close()
    read = open_history(tmp_path / "a.db")
    assert len(read) == 2 and read.latest.values == {"a": 1}
    assert [w.channel for w in read.source.writes("1", "", read[0].id)] == ["a\ufffd"]


def history_of(path: Path, blob: bytes, metadata: Any) -> History:
    """A file with two checkpoints of this blob and metadata, and one write."""
    connection = sqlite3.connect(path)
    saver = SqliteSaver(connection)
    saver.setup()
    ids = [f"1f1e4d93-ee55-6000-8000-00000000000{n}" for n in range(2)]
    for id_, parent in zip(ids, [None, ids[0]], strict=True):
        row = ("1", "", id_, parent, "msgpack", blob, metadata)
        connection.execute("INSERT INTO checkpoints VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    write = ("1", "", ids[0], "t", "~__pregel_pull, n", 0, "a", "null", b"")
    connection.execute("INSERT INTO writes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", write)
    connection.commit()
    connection.close()
    return open_history(path)
