"""``check``: whether all that a store holds is whole."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import ormsgpack

from lgviz.errors import described
from lgviz.persistence.blocks.integrity import BlockReport, Problem, check_blocks
from lgviz.persistence.blocks.merkle import Block, blocks_of
from lgviz.persistence.blocks.store import BlockStore, batches
from lgviz.persistence.database.statements import READ, Operation, Query, Rows, as_bytes

from .namespaces import read_key, read_path
from .timestamps import as_datetime
from .values import PLAIN
from .vectors.index import GENERATION

_ITEMS = 500
"""How many items are looked at in one step."""


class VersionForm(NamedTuple):
    """A version of an item: the item's number and place as it is stored, when it was written (microseconds
    since 1970), and bytes that differ wherever any of it does."""

    item: int
    path: bytes
    key: bytes
    at: int
    form: bytes


class StoreIntegrity:
    """Looks for damage in blocks, versions and vectors.

    Args:
        blocks: those that long values lie in.
    """

    def __init__(self, blocks: BlockStore) -> None:
        self.blocks = blocks

    def check(self) -> Operation[list[Problem]]:
        """Verify every block, version and vector. Damage is named, and what is whole stays readable."""
        yield READ
        report = yield from check_blocks(self.blocks)
        last = 0
        while True:
            items = yield Query(
                f"""SELECT l.id, n.path, l.key FROM lgviz_items l LEFT JOIN lgviz_namespaces n ON n.id = l.ns
                    WHERE l.id > ? ORDER BY l.id LIMIT {_ITEMS}""",
                [last],
            )
            if not items:
                break
            last = items[-1][0]
            yield from self._check_items(items, report)
        lost = yield Query(
            """SELECT DISTINCT item FROM lgviz_past WHERE item NOT IN (SELECT id FROM lgviz_items)
               ORDER BY item"""
        )
        report.problems += [Problem(f"item {item}", "it has versions and is missing") for (item,) in lost]
        return report.problems + (yield from self._check_vectors())

    def stored_forms(self, after: int) -> Operation[list[VersionForm]]:
        """Versions as they are stored, of some items after one; none where it was the last."""
        yield READ
        items = yield Query(f"SELECT id FROM lgviz_items WHERE id > ? ORDER BY id LIMIT {_ITEMS}", [after])
        where, params = self.blocks.dialect.among("v.item", [id for (id,) in items])
        rows = yield Query(
            f"""SELECT v.item, n.path, l.key, v.at, v.value, v.created, v.thread_id, v.checkpoint_ns,
                v.checkpoint_id, v.node, v.task_id FROM lgviz_versions v JOIN lgviz_items l ON l.id = v.item
                JOIN lgviz_namespaces n ON n.id = l.ns WHERE {where} ORDER BY v.item, v.at""",
            params,
        )
        parts = [self._part(value) for _, _, _, _, value, *_ in rows]
        hashes: dict[int, Any] = {}
        for some in batches(sorted({block.id for part in parts for block in blocks_of(part)})):
            where, params = self.blocks.dialect.among("id", some)
            hashes.update((yield Query(f"SELECT id, hash FROM lgviz_blocks WHERE {where}", params)))

        def hashed(block: Block) -> bytes:
            """A block by its hash, which :meth:`check` compares with what is below it."""
            return as_bytes(hashes.get(block.id, b"missing"))

        return [
            VersionForm(
                item, as_bytes(path), as_bytes(key), at, ormsgpack.packb([part, *rest], default=hashed)
            )
            for (item, path, key, at, _, *rest), part in zip(rows, parts, strict=True)
        ]

    def _part(self, value: Any) -> Any:
        """A row's value, with the blocks that it refers to; its bytes where they are plain, or damaged."""
        if value is None or (value := as_bytes(value))[:1] == PLAIN:
            return value
        try:
            return self.blocks.codec.open_row(value)
        except Exception:  # whatever damaged bytes make of a decoder
            return value

    def _check_items(self, items: Rows, report: BlockReport) -> Operation[None]:
        where, params = self.blocks.dialect.among("item", [id for id, *_ in items])
        versions = yield Query(
            f"""SELECT item, at, value FROM lgviz_versions WHERE {where} AND value IS NOT NULL
                ORDER BY item, at""",
            params,
        )
        where, params = self.blocks.dialect.among("owner", [-id for id, *_ in items])
        used: dict[int, set[int]] = {}
        for owner, block in (yield Query(f"SELECT owner, block FROM lgviz_uses WHERE {where}", params)):
            used.setdefault(-owner, set()).add(block)
        names = {id: _name(report, id, path, key) for id, path, key in items}
        for id, recorded in used.items():
            report.closed(names[id], recorded)
        told: dict[int, set[int]] = {}
        for id, at, value in versions:
            where = f"{names[id]}, version of {as_datetime(at).isoformat()}"
            try:
                needed = self._needed(as_bytes(value))
            except Exception as error:  # whatever damaged bytes make of a decoder
                fault = f"its row cannot be read: {described(error)}"
                report.problems.append(Problem(where, fault))
            else:
                report.look(where, needed, used.get(id, set()), told.setdefault(id, set()))

    def _needed(self, value: bytes) -> list[Block]:
        """The blocks that a row refers to."""
        if value[:1] != PLAIN:
            return blocks_of(self.blocks.codec.open_row(value))
        if type(ormsgpack.unpackb(value[1:])) is not dict:
            raise ValueError("it is no dict")
        return []

    def _check_vectors(self) -> Operation[list[Problem]]:
        generation = yield GENERATION
        if not generation:
            return []
        faults: list[tuple[str, str, Sequence[Any]]] = [
            ("its item is missing", "item NOT IN (SELECT id FROM lgviz_items WHERE value IS NOT NULL)", [])
        ]
        if self.blocks.dialect.name == "sqlite":  # PostgreSQL has a type for vectors
            size = 4 * json.loads(as_bytes(generation[0][0]))["dims"]
            faults.append(("its bytes are no vectors", "length(data) = 0 OR length(data) % ? <> 0", [size]))
        problems: list[Problem] = []
        for fault, where, params in faults:
            rows = yield Query(
                f"""SELECT DISTINCT item FROM lgviz_vectors WHERE data IS NOT NULL AND ({where})
                    ORDER BY item""",
                params,
            )
            problems += [Problem(f"vector of item {item}", fault) for (item,) in rows]
        return problems


def _name(report: BlockReport, id: int, path: bytes | None, key: bytes) -> str:
    if path is None:
        report.problems.append(Problem(f"item {id}", "its namespace is missing"))
        return f"item {id}"
    try:
        return f"item {read_key(key)!r} of {read_path(path)!r}"
    except UnicodeDecodeError:
        report.problems.append(Problem(f"item {id}", "its name is no text"))
        return f"item {id}"
