"""Files whose structure is damaged, or made to deceive: rows, relations, pages, schemas."""

from __future__ import annotations

import os
import random
import sqlite3
import struct
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import ormsgpack

from .files import SAFE, Blob, Content, edited, ids, langgraph_file, lgviz_file
from .packed import ext

Make = Callable[[Path], None]
A, B, C, D = ids()


def sql(*statements: Any) -> Make:
    return lambda path: edited(path, *statements)


def own(*statements: Any) -> Make:
    return lambda path: edited(path, *statements, base=lgviz_file)


def rebuilt(schema: str) -> Make:
    """Whose table of checkpoints is another, filled from the healthy one, which is left as ``old``."""
    return sql(
        "ALTER TABLE checkpoints RENAME TO old", *filter(None, (part.strip() for part in schema.split(";\n")))
    )


def _page(number: int, data: bytes, base: Callable[[Path, Content], None] = langgraph_file) -> Make:
    def make(path: Path) -> None:
        base(path, Content(Blob(*SAFE.dumps_typed("x" * 30_000))))
        with path.open("r+b") as file:
            size = struct.unpack(">H", file.read(18)[16:])[0]
            file.seek(size * (number % (path.stat().st_size // size)))
            file.write(data[:size])

    return make


def _cut(part: float, base: Callable[[Path, Content], None] = langgraph_file) -> Make:
    def make(path: Path) -> None:
        base(path, Content(Blob(*SAFE.dumps_typed("x" * 30_000))))
        os.truncate(path, int(path.stat().st_size * part))

    return make


def _flipped(seed: int, base: Callable[[Path, Content], None]) -> Make:
    def make(path: Path) -> None:
        base(path, Content(Blob(*SAFE.dumps_typed({"messages": [{"role": "user", "content": "x" * 500}]}))))
        data, chance = bytearray(path.read_bytes()), random.Random(seed)
        for _ in range(200):
            data[chance.randrange(100, len(data))] ^= 1 << chance.randrange(8)
        path.write_bytes(data)

    return make


def _written(data: bytes) -> Make:
    def make(path: Path) -> None:
        path.write_bytes(data)

    return make


def _beside(suffix: str, data: bytes) -> Make:
    def make(path: Path) -> None:
        langgraph_file(path, Content())
        path.with_name(path.name + suffix).write_bytes(data)

    return make


def _link(target: str) -> Make:
    return lambda path: path.symlink_to(target)


def _sparse(path: Path) -> None:
    langgraph_file(path, Content())
    os.truncate(path, 1 << 40)


def _schema(text: str) -> Make:
    """Whose schema says what SQLite would not have let anyone say."""

    def make(path: Path) -> None:
        langgraph_file(path, Content())
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA writable_schema = ON")
            connection.execute("UPDATE sqlite_master SET sql = ? WHERE name = 'checkpoints'", (text,))

    return make


_COLUMNS = "thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata"
_ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)"
GONE = {"x": 1, "name": "n"}


def _bundle(change: Callable[[bytes], bytes]) -> Make:
    def make(path: Path) -> None:
        import lgviz

        source = path.with_name(path.name + ".source")
        langgraph_file(source, Content())
        lgviz.save_bundle(source, None, path)
        source.unlink()
        path.write_bytes(change(path.read_bytes()))

    return make


RELATIONS: dict[str, Make] = {
    "its own parent": sql(f"UPDATE checkpoints SET parent_checkpoint_id = checkpoint_id WHERE checkpoint_id = '{B}'"),
    "all their own parents": sql("UPDATE checkpoints SET parent_checkpoint_id = checkpoint_id"),
    "a cycle of two": sql(f"UPDATE checkpoints SET parent_checkpoint_id = '{C}' WHERE checkpoint_id = '{B}'"),
    "a cycle of all": sql(f"UPDATE checkpoints SET parent_checkpoint_id = '{D}' WHERE checkpoint_id = '{A}'"),
    "a missing parent": sql(f"DELETE FROM checkpoints WHERE checkpoint_id = '{B}'"),
    "no first one": sql(f"DELETE FROM checkpoints WHERE checkpoint_id = '{A}'"),
    "a parent in another namespace": sql(f"UPDATE checkpoints SET checkpoint_ns = 'node:task' WHERE checkpoint_id = '{B}'"),
    "only a subgraph's": sql("UPDATE checkpoints SET checkpoint_ns = 'node:task'"),
    "ids that are none": sql("UPDATE checkpoints SET checkpoint_id = 'x' || rowid, parent_checkpoint_id = NULL"),
    "an id that is empty": sql(f"UPDATE checkpoints SET checkpoint_id = '' WHERE checkpoint_id = '{D}'"),
    "ids of a megabyte": sql("UPDATE checkpoints SET checkpoint_id = checkpoint_id || hex(zeroblob(500000))"),
    "ids of the year 5000": sql("UPDATE checkpoints SET checkpoint_id = 'ffffffff-ffff-6fff-bfff-' || substr(checkpoint_id, 25)"),
    "ids twice": rebuilt(f"CREATE TABLE checkpoints ({_COLUMNS});\nINSERT INTO checkpoints SELECT * FROM old;\nINSERT INTO checkpoints SELECT * FROM old"),
    "a thread without an id": sql("UPDATE checkpoints SET thread_id = ''"),
    "writes without checkpoints": sql("UPDATE writes SET checkpoint_id = 'nowhere', idx = rowid"),
    "checkpoints without writes": sql("DELETE FROM writes"),
    "writes of every kind": sql("UPDATE writes SET idx = (1 << 62) + rowid, task_path = '~~~,,,', channel = '__interrupt__', type = 'x'"),
    "parents of lgviz in a circle": own("UPDATE lgviz_checkpoints SET parent = id"),
    "lineage in a circle": own("INSERT INTO lgviz_lineage SELECT id, id, '', 'x', 99, 99, '1', 0 FROM lgviz_threads"),
    "blocks in a circle": own("UPDATE lgviz_blocks SET form = 1, data = (SELECT data FROM lgviz_blocks LIMIT 1)"),
    "no blocks": own("DELETE FROM lgviz_blocks"),
    "no threads": own("DELETE FROM lgviz_threads"),
    "bodies of nothing": own("UPDATE lgviz_checkpoints SET body = x'', metadata = x'', changed = ''"),
    "rows of other types": own("UPDATE lgviz_checkpoints SET body = 'text', metadata = 5, ordinal = 'x', at = 'y', changed = 7"),
    "ordinals that lie": own("UPDATE lgviz_checkpoints SET ordinal = -5, at = 1e308"),
    "times that are none": own("UPDATE lgviz_checkpoints SET at = 9e999, key = key"),
    "a newer schema": own("INSERT INTO lgviz_migrations VALUES ('2099-01-lgvizxss', 0)"),
}  # fmt: skip

ROWS: dict[str, Make] = {
    **{f"a checkpoint that is {name}": sql(("UPDATE checkpoints SET checkpoint = ?", (value,))) for name, value in (
        ("NULL", None), ("empty", b""), ("a text", "text"), ("a number", 7), ("a fraction", 1.5), ("zeros", b"\x00" * 100),
        ("no map", b"\x93\x01\x02\x03"), ("a map of numbers", b"\x81\x01\x02"))},
    **{f"metadata that is {name}": sql(("UPDATE checkpoints SET metadata = ?", (value,))) for name, value in (
        ("NULL", None), ("a list", b"[1]"), ("UTF-16", '{"step": 1}'.encode("utf-16")), ("not a number", b'{"step": NaN, "source": Infinity}'),
        ("of other types", b'{"step": "x", "source": 5, "parents": [], "writes": 7, "run_id": {}}'),
        ("of huge numbers", b'{"step": 1e400, "x": ' + b"9" * 5000 + b"}"), ("step huge", b'{"step": 99999999999999999999999}'))},
    **{f"cut after {part:.0%} of a checkpoint": sql(
        f"UPDATE checkpoints SET checkpoint = substr(checkpoint, 1, CAST(length(checkpoint) * {part} AS INTEGER))"
    ) for part in (0.1, 0.5, 0.9, 0.99)},
    "bytes behind a checkpoint": sql("UPDATE checkpoints SET checkpoint = checkpoint || x'c1c1c1'"),
    "a type that is no text": sql("UPDATE checkpoints SET type = x'ff'", "UPDATE writes SET type = 7"),
    "texts that are no UTF-8": sql("UPDATE checkpoints SET thread_id = CAST(x'c3ff41' AS TEXT)", "UPDATE writes SET channel = CAST(x'ff' AS TEXT)"),
    "names that are bytes": sql("UPDATE checkpoints SET thread_id = x'ff00', checkpoint_ns = x'', checkpoint_id = CAST(checkpoint_id AS BLOB)"),
    "names that are numbers": sql("UPDATE writes SET channel = 5, task_id = 1.5, task_path = 7, thread_id = '1'"),
    "no name at all": sql("UPDATE writes SET channel = '', task_path = '', task_id = ''"),
    "items that are no JSON": sql("INSERT INTO store (prefix, key, value) VALUES ('a.b', 'k', '{broken'), ('', '', ''), ('c', 'x', x'ff'), ('d', 'y', 7)"),
}  # fmt: skip

CLASSES: dict[str, Make] = {
    "a class of a dead notebook": lambda path: langgraph_file(path, Content(Blob("msgpack", ormsgpack.packb(ext(5, "__main__", "State", GONE, "x"))))),
    "a class that is gone": lambda path: langgraph_file(path, Content(Blob("msgpack", ormsgpack.packb(ext(2, "langgraph.types", "Gone", GONE))))),
    "a member that is gone": lambda path: langgraph_file(path, Content(Blob("msgpack", ormsgpack.packb(ext(0, "langgraph.types", "Command", "X"))))),
    "an interrupt of 2024": lambda path: langgraph_file(path, Content(Blob("msgpack", ormsgpack.packb(
        ext(2, "langgraph.types", "Interrupt", {"value": 1, "resumable": True, "ns": ["a"], "when": "during", "lgvizxss": 1}))))),
}  # fmt: skip

PAGES: dict[str, Make] = {
    "an empty file": _written(b""),
    "a file of zeros": _written(b"\x00" * 8192),
    "a header alone": _written(b"SQLite format 3\x00" + b"\x00" * 84),
    "a text": _written(b"lgvizxss is no database\n" * 100),
    "a bundle's first line": _written(b"lgviz bundle 1\n"),
    "a bundle of a later format": _written(b"lgviz bundle 999\x1b[2J\n\n{}\n"),
    **{f"page {n} of zeros": _page(n, b"\x00" * 65536) for n in (1, 2, 5)},
    **{f"page {n} of noise": _page(n, random.Random(n).randbytes(65536)) for n in (1, 3, 6)},
    "a page of lgviz's of noise": _page(4, random.Random(4).randbytes(65536), lgviz_file),
    **{f"cut to {part:.0%}": _cut(part) for part in (0.3, 0.7, 0.95)},
    "lgviz's, cut": _cut(0.6, lgviz_file),
    **{f"200 bits, {n}": _flipped(n, langgraph_file) for n in range(4)},
    **{f"200 bits of lgviz's, {n}": _flipped(n, lgviz_file) for n in range(4)},
    "a log of noise": _beside("-wal", random.Random(1).randbytes(40_000)),
    "a journal of noise": _beside("-journal", b"\xd9\xd5\x05\xf9 \xa1c\xd7" + random.Random(2).randbytes(4_000)),
    "a terabyte of nothing": _sparse,
    "a folder": lambda path: path.mkdir(),
    "a pipe": lambda path: os.mkfifo(path),
    "a link to itself": _link("a link to itself.langgraph"),
    "a link to a device": _link("/dev/zero"),
}  # fmt: skip

SCHEMAS: dict[str, Make] = {
    "a view without end": rebuilt(f"CREATE VIEW checkpoints AS {_ENDLESS} SELECT '1' AS thread_id, '' AS checkpoint_ns, '' || x AS checkpoint_id, NULL AS parent_checkpoint_id, 'msgpack' AS type, x'80' AS checkpoint, '{{}}' AS metadata, x AS rowid FROM n"),
    "a view that never comes to a row": rebuilt(f"CREATE VIEW checkpoints AS {_ENDLESS} SELECT old.* FROM n, old WHERE x < 0"),
    "a view of huge values": rebuilt("CREATE VIEW checkpoints AS SELECT thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, zeroblob(900000000) AS checkpoint, metadata, rowid FROM old"),
    "columns that are computed": rebuilt("CREATE TABLE checkpoints (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint AS (zeroblob(900000000)), metadata);\nINSERT INTO checkpoints (thread_id, checkpoint_ns, checkpoint_id, type, metadata) SELECT thread_id, checkpoint_ns, checkpoint_id, 'bytes', metadata FROM old"),
    "a virtual table": rebuilt(f"CREATE VIRTUAL TABLE checkpoints USING fts5({_COLUMNS});\nINSERT INTO checkpoints SELECT * FROM old"),
    "writes that are a view without end": sql("DROP TABLE writes", f"CREATE VIEW writes AS {_ENDLESS} SELECT '1' AS thread_id, '' AS checkpoint_ns, '{A}' AS checkpoint_id, 't' AS task_id, '' AS task_path, x AS idx, 'c' AS channel, 'null' AS type, x'' AS value, x AS rowid FROM n"),
    "lgviz's view without end": own("DROP VIEW lgviz_uses", f"CREATE VIEW lgviz_uses AS {_ENDLESS} SELECT x AS owner, x AS block FROM n"),
    "lgviz's threads, a view without end": own("ALTER TABLE lgviz_threads RENAME TO old", f"CREATE VIEW lgviz_threads AS {_ENDLESS} SELECT x AS id, '' || x AS thread_id, 1 AS made, 0 AS epoch FROM n"),
    "items that are a view without end": sql("DROP TABLE IF EXISTS store_vectors", "DROP TABLE store", f"CREATE VIEW store AS {_ENDLESS} SELECT 'a' AS prefix, '' || x AS key, '{{}}' AS value, '' AS created_at, '' AS updated_at, NULL AS expires_at, NULL AS ttl_minutes FROM n"),
    "triggers": sql("CREATE TRIGGER t1 AFTER INSERT ON checkpoints BEGIN DELETE FROM writes; END", "CREATE TRIGGER t2 AFTER DELETE ON checkpoints BEGIN SELECT load_extension('lgvizxss'); END"),
    "a column of a function": _schema(f"CREATE TABLE checkpoints ({_COLUMNS}, x AS (load_extension('lgvizxss')))"),
    "a default of a function": _schema("CREATE TABLE checkpoints (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata, x DEFAULT (load_extension('lgvizxss')))"),
    "a schema that is no SQL": _schema("CREATE TABLE lgvizxss ("),
    "a schema of another table": _schema("CREATE TABLE other (x)"),
    "an order nobody knows": _schema("CREATE TABLE checkpoints (thread_id TEXT COLLATE lgvizxss, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata)"),
    "columns that are missing": rebuilt("CREATE TABLE checkpoints (thread_id, checkpoint_id);\nINSERT INTO checkpoints SELECT thread_id, checkpoint_id FROM old"),
    "columns in another order, and more": rebuilt("CREATE TABLE checkpoints (metadata, checkpoint, type, lgvizxss, parent_checkpoint_id, checkpoint_id, checkpoint_ns, thread_id);\nINSERT INTO checkpoints SELECT metadata, checkpoint, type, 1, parent_checkpoint_id, checkpoint_id, checkpoint_ns, thread_id FROM old"),
    "no number of rows": rebuilt(f"CREATE TABLE checkpoints ({_COLUMNS}, PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id)) WITHOUT ROWID;\nINSERT INTO checkpoints SELECT * FROM old"),
    "no table of writes": sql("DROP TABLE writes"),
    "tables without rows": sql("DELETE FROM checkpoints", "DELETE FROM writes"),
}  # fmt: skip

BUNDLES: dict[str, Make] = {
    "a bundle, one bit": _bundle(lambda data: data[:-100] + bytes([data[-100] ^ 1]) + data[-99:]),
    "a bundle, cut": _bundle(lambda data: data[:-200]),
    "a bundle whose manifest lies": _bundle(lambda data: data.replace(b'"thread_id": "1"', b'"thread_id": "\\u001b[2J<lgvizxss>"')),
    "a bundle without a hash": _bundle(lambda data: data.split(b"\n", 2)[0] + b"\n\n" + data.split(b"\n", 2)[2]),
}  # fmt: skip
