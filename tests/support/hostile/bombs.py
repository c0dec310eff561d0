"""Values and files that are small and want to become large."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import ormsgpack
import zstandard

from lgviz.persistence.blocks.dictionary import _DICTIONARY
from lgviz.sources.bundle_file import Manifest, pack

from .files import SAFE, Blob, Content, edited, langgraph_file, lgviz_file, packed
from .packed import exact, ext

DEEP = 200_000
_ZEROS = 1 << 30


def _nested_ext(code: int, levels: int) -> Blob:
    made: Any = b"\x01"
    for _ in range(levels):
        made = ormsgpack.packb(ormsgpack.Ext(code, made))
    return Blob("msgpack" if code < 16 else "lgviz", made)


def _map_of(count: int) -> bytes:
    return (
        b"\xdf"
        + count.to_bytes(4, "big")
        + b"".join(ormsgpack.packb(f"c{n}") + b"\x01" for n in range(count))
    )


def _prefixes() -> bytes:
    """Lists in lists, each of which says that all of the rest are its items."""
    size = 100_000
    return (b"\xdd" + size.to_bytes(4, "big")) * 500 + b"\x01" * size


DEEP_VALUES: dict[str, Blob] = {
    "lists in lists": Blob("msgpack", b"\x91" * DEEP + b"\x01"),
    "maps in maps": Blob("msgpack", b"\x81\xa1a" * DEEP + b"\x01"),
    "lists in lists, as deep as is read": Blob("msgpack", b"\x91" * 900 + b"\x01"),
    "maps in maps, as deep as is read": Blob("msgpack", b"\x81\xa1a" * 900 + b"\x01"),
    "snapshots in snapshots": _nested_ext(7, 2_000),
    "forms in forms": Blob("lgviz", _nested_ext(23, 1).data),
    "deep JSON": Blob("json", b"[" * DEEP + b"]" * DEEP),
    "deep objects of JSON": Blob("json", b'{"a":' * 50_000 + b"1" + b"}" * 50_000),
    "JSON as deep as is read": Blob("json", b'{"a":' * 900 + b"1" + b"}" * 900),
    "a pattern in a pattern": Blob("msgpack", ormsgpack.packb(ext(3, "re", "compile", ["(?:" * 300 + "a{1,999}" + "){1,999}" * 300, 0]))),
}  # fmt: skip

LARGE_VALUES: dict[str, Blob] = {
    "a number of JSON": Blob("json", b"1" * 1_000_000),
    "an exponent of JSON": Blob("json", b'{"channel_values": {"evil": 1e999999}}'),
    "a million keys": Blob("msgpack", _map_of(1_000_000)),
    "100,000 items": Blob("msgpack", b"\xdd\x00\x01\x86\xa0" + b"\x01" * 100_000),
    "100,000 empty lists": Blob("msgpack", b"\xdd\x00\x01\x86\xa0" + b"\x90" * 100_000),
    "a list that says 4 billion": Blob("msgpack", b"\xdd\xff\xff\xff\xff\x01"),
    "a map that says 4 billion": Blob("msgpack", b"\xdf\xff\xff\xff\xff\x01\x01"),
    "bytes that say 4 billion": Blob("msgpack", b"\xc6\xff\xff\xff\xffabc"),
    "a text that says 4 billion": Blob("msgpack", b"\xdb\xff\xff\xff\xffabc"),
    "an extension that says 4 billion": Blob("msgpack", b"\xc9\xff\xff\xff\xff\x05abc"),
    "lists that all say the rest": Blob("msgpack", _prefixes()),
    "10 MB of one text": Blob("msgpack", b"\xdb" + (10 << 20).to_bytes(4, "big") + b"x" * (10 << 20)),
    "10 MB of bytes": Blob("bytes", b"\x00" * (10 << 20)),
    "a huge count of a deque": exact(16, ["deque", [1], 1 << 62]),
    "a number of 8 million bits, in JSON's place": exact(21, b"\x7f" + b"\x01" * 1_000_000),
    "1,000 messages": Blob(*SAFE.dumps_typed([{"role": "user", "content": str(n)} for n in range(1_000)])),
}  # fmt: skip


def _zeros(room: int, *, says: bool) -> bytes:
    """Zeros of zstd: some hundred KB that become as many bytes as asked."""
    made = zstandard.ZstdCompressor(level=1).compressobj(size=room if says else -1)
    out, block = b"", b"\x00" * (1 << 24)
    for _ in range(room >> 24):
        out += made.compress(block)
    return out + made.flush()


def _bundle(path: Path, room: int, says: int) -> None:
    made = pack(Manifest("1", 1, 0, 0, says, "2026-01-02T00:00:00+00:00", "1"), b"")
    head, _, line = made.split(b"\n", 3)[:3]

    body = line + b"\n" + _zeros(room, says=True)
    path.write_bytes(head + b"\n" + hashlib.sha256(body).hexdigest().encode() + b"\n" + body)


def _packed_block(path: Path) -> None:
    lgviz_file(path, Content(Blob(*SAFE.dumps_typed({"evil": "x" * 10_000}))))
    parameters = zstandard.ZstdCompressionParameters.from_level(
        1, format=zstandard.FORMAT_ZSTD1_MAGICLESS, write_content_size=True
    )
    made = zstandard.ZstdCompressor(dict_data=_DICTIONARY, compression_params=parameters).compress(
        b"\x02" + b"\x00" * (1 << 30)
    )
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE lgviz_blocks SET data = ?, form = 2", (made,))
        connection.execute("UPDATE lgviz_writes SET data = ?", (b"\xc0" + made,))


def _packed_rows(path: Path) -> None:
    _packed_block(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        (made,) = connection.execute("SELECT data FROM lgviz_writes").fetchone()
        connection.execute("UPDATE lgviz_checkpoints SET body = ?", (made,))


def _channels(path: Path) -> None:
    held = Content()
    held.checkpoint = {"channel_values": Blob("msgpack", _map_of(2_000)), "channel_versions": {}}
    edited(path)
    blob = packed(
        {
            "v": 4,
            "id": "x",
            "ts": "",
            "channel_values": held.checkpoint["channel_values"],
            "channel_versions": {},
            "versions_seen": {},
        }
    )
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE checkpoints SET checkpoint = ?", (blob,))


def _many_writes(path: Path) -> None:
    langgraph_file(path, Content())
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT * FROM writes LIMIT 1").fetchall()
        *place, task, path_, _, channel, tag, data = rows[0]
        connection.executemany(
            "INSERT OR IGNORE INTO writes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            ((*place, f"{task}{n // 100}", path_, n, channel, tag, data) for n in range(2, 20_000)),
        )
        connection.commit()


def _deep_metadata(path: Path) -> None:
    edited(path, ("UPDATE checkpoints SET metadata = ?", (b'{"a":' * DEEP + b"1" + b"}" * DEEP,)))


def _wide_metadata(path: Path) -> None:
    noted = json.dumps({"step": 1, **{f"k{n}": "v" * 10 for n in range(100_000)}}).encode()
    edited(path, ("UPDATE checkpoints SET metadata = ?", (noted,)))


def _deep_namespace(path: Path) -> None:
    edited(
        path,
        (
            "UPDATE checkpoints SET checkpoint_ns = ? WHERE parent_checkpoint_id IS NOT NULL",
            ("|".join(f"n{n}:t{n}" for n in range(5_000)),),
        ),
    )


def _deep_items(path: Path) -> None:
    edited(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for name, value in (
            ("deep", "[" * DEEP + "]" * DEEP),
            ("flat", '{"a":' * 900 + "1" + "}" * 900),
            ("number", "1" * 100_000),
        ):
            connection.execute(
                "INSERT INTO store (prefix, key, value) VALUES (?, ?, ?)",
                (".".join("abc") + "." * 3_000, name, value),
            )


FILES: dict[str, Callable[[Path], None]] = {
    "a bundle of 1 GB": lambda path: _bundle(path, _ZEROS, 4 << 30),
    "a bundle that says less": lambda path: _bundle(path, 1 << 28, 1000),
    "blocks of 1 GB": _packed_block,
    "rows of 1 GB": _packed_rows,
    "2,000 channels": _channels,
    "20,000 writes": _many_writes,
    "deep metadata": _deep_metadata,
    "wide metadata": _wide_metadata,
    "a deep namespace": _deep_namespace,
    "deep items": _deep_items,
}
