"""Operations on nodes: fetching trees, and opening the rows that lead to them."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

from lgviz.errors import DamagedData
from lgviz.persistence.database.schema import Dialect
from lgviz.persistence.database.statements import Operation, Query

from .damage import legible
from .records import Channel, Write, read_body, read_channels, read_metadata, read_writes
from .settled import Gone, Settling
from .tree import Node, Part, Trees, nodes_of
from .vault import CONTAINER, Vault

CACHE = 32 << 20
"""Bytes of nodes that a saver keeps in memory."""
_BATCH = 512


def batches(values: Iterable[Any]) -> Iterable[list[Any]]:
    """Values by the hundreds: as many as one statement asks for."""
    ordered = list(values)
    return (ordered[start : start + _BATCH] for start in range(0, len(ordered), _BATCH))


class Nodes(Settling):
    """The part of the engine that reads the table ``lgviz_nodes``."""

    def __init__(self, dialect: Dialect, trees: Trees, vault: Vault) -> None:
        self.dialect = dialect
        self.trees = trees
        self.vault = vault
        self._cache: dict[int, Node] = {}
        self._cached = 0
        self._cache_lock = threading.Lock()

    def _remember(self, nodes: Iterable[Node]) -> None:
        """Nodes never change, and no id is used twice: what was read once need not be read again."""
        with self._cache_lock:
            for node in nodes:
                self._cache[node.id] = node
                self._cached += 100 + len(node.part or b"")
            while self._cached > CACHE:
                oldest = self._cache.pop(next(iter(self._cache)))
                self._cached -= 100 + len(oldest.part or b"")

    def fetch(
        self,
        parts: Iterable[Part],
        known: dict[int, Node] | None = None,
        *,
        containers: bool = False,
        whole: bool = False,
    ) -> Operation[dict[int, Node]]:
        """All nodes below some parts, by id. A damaged node has no ``part``, a missing one is left out.

        Args:
            parts: the roots.
            known: nodes already fetched; they are taken from here, with all that is below them.
            containers: leave leaves empty, where only the shape matters.
            whole: refuse where one is missing.

        Raises:
            Gone: one is missing, and ``whole`` is asked for.
        """
        known = known or self._cache
        found: dict[int, Node] = {}
        todo = {node.id for part in parts for node in nodes_of(part)}
        columns = "id, hash, form, " + (
            f"CASE WHEN form % 2 = {CONTAINER} THEN data END" if containers else "data"
        )
        while todo:
            opened: list[Part] = []
            absent = []
            for id in todo:
                node = known.get(id) or self._cache.get(id)
                if node is None:
                    absent.append(id)
                else:
                    found[id] = node
                    if type(node.part) is list:
                        opened.append(node.part)
            for ids in batches(sorted(absent)):
                where, params = self.dialect.among("id", ids)
                rows = yield Query(f"SELECT {columns} FROM lgviz_nodes WHERE {where}", params)
                if whole and len(rows) < len(ids):
                    raise Gone
                fetched = [Node(id, bytes(hash)) for id, hash, _, _ in rows]
                for node, (_, _, form, data) in zip(fetched, rows, strict=True):
                    found[node.id] = node
                    node.part = b"" if data is None else self._open(node, form, bytes(data))
                    if type(node.part) is list:
                        opened.append(node.part)
                if not containers and not self.joined:
                    self._remember(node for node in fetched if node.part is not None)
            todo = {node.id for part in opened for node in nodes_of(part)} - found.keys()
        return found

    def unfold(self, table: Part) -> Operation[list[Any]]:
        """The entries of one container of a row through its chunks, without opening what they refer to.

        Raises:
            DamagedData: a chunk is missing or damaged.
        """
        if not isinstance(table, list):
            raise DamagedData("A checkpoint's table of channels is damaged.")
        level, entries = table[1], table[2:]
        while level:
            where, params = self.dialect.among("id", [node.id for node in entries])
            rows = yield Query(f"SELECT id, hash, form, data FROM lgviz_nodes WHERE {where}", params)
            chunks = {
                id: self._open(Node(id, bytes(hash)), form, bytes(data)) for id, hash, form, data in rows
            }
            opened = [chunks.get(node.id) for node in entries]
            if not all(isinstance(chunk, list) for chunk in opened):
                raise DamagedData("A part of a checkpoint's table of channels is missing or damaged.")
            entries = [entry for chunk in opened for entry in (chunk or ())[2:]]
            level -= 1
        return entries

    def open_channels(self, body: bytes) -> Operation[dict[str, Channel]]:
        """The channels of a checkpoint, from its row.

        Raises:
            DamagedData: they cannot be read.
        """
        with legible("The checkpoint's row"):
            return read_channels((yield from self.unfold(read_body(self.vault.open_row(body))[1])))

    def open_writes(self, data: bytes) -> list[Write]:
        """The writes of a task, from its row.

        Raises:
            DamagedData: they cannot be read.
        """
        with legible("A task's row of writes"):
            return read_writes(self.vault.open_row(data))

    def open_metadata(self, data: bytes) -> dict[str, Any] | None:
        """A checkpoint's metadata; None where it cannot be read."""
        try:
            return read_metadata(data, self.trees.serde)
        except Exception:
            return None

    def _open(self, node: Node, form: int, data: bytes) -> bytes | list[Any] | None:
        try:
            part = self.vault.open(form, data)
        except Exception:  # whatever damaged bytes make of a decoder: the rest stays readable
            return None
        if isinstance(part, bytes) and self.trees.name(part) != node.hash:
            return None
        return part
