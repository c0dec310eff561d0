"""Operations on nodes: fetching trees, storing new ones, giving back those that nothing needs."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from typing import Any

from lgviz.errors import DamagedData

from .damage import legible
from .records import Channel, Write, read_body, read_channels, read_metadata, read_writes
from .schema import Dialect
from .statements import Conflict, Many, Operation, Query
from .tree import Node, Part, Trees, nodes_of
from .vault import CONTAINER, Vault

CACHE = 32 << 20
"""Bytes of nodes that a saver keeps in memory."""
_BATCH = 512
_EAGER = 256


class Gone(Exception):
    """A node is missing: it is damage, or was removed after what refers to it had been read."""


def _batches(values: Iterable[Any]) -> Iterable[list[Any]]:
    ordered = list(values)
    return (ordered[start : start + _BATCH] for start in range(0, len(ordered), _BATCH))


class Nodes:
    """The part of the engine that knows the tables ``lgviz_nodes`` and ``lgviz_uses``."""

    def __init__(self, dialect: Dialect, trees: Trees, vault: Vault) -> None:
        self.dialect = dialect
        self.trees = trees
        self.vault = vault
        self._cache: dict[int, Node] = {}
        self._cached = 0
        self._cache_lock = threading.Lock()
        self._spare: deque[int] = deque()

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
            for ids in _batches(sorted(absent)):
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
                if not containers:
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

    def store(self, thread: int, parts: Iterable[Part]) -> Operation[None]:
        """Give every node below some parts its id, storing those that are new.

        Top down: a node that exists has all that is below it, so its subtree is not looked at. Where there
        are few containers all are looked up at once, which saves a round trip for each level.

        Raises:
            Conflict: another transaction stored one of them meanwhile.
        """
        roots = [node for part in parts for node in nodes_of(part) if not node.id]
        ids: dict[bytes, int] = {}
        adopted: list[int] = []
        missing: dict[bytes, Node] = {}
        frontier = {node.hash: node for node in [*roots, *_chunks(roots)]}
        while frontier:
            for hashes in _batches(sorted(frontier)):
                where, params = self.dialect.among("n.hash", hashes)
                rows = yield Query(
                    # Not a join: a planner without statistics would read all of lgviz_uses for it.
                    "SELECT n.hash, n.id, (SELECT u.node FROM lgviz_uses u WHERE u.thread = ?"
                    f" AND u.node = n.id) FROM lgviz_nodes n WHERE {where}",
                    [thread, *params],
                )
                ids.update((bytes(hash), id) for hash, id, _ in rows)
                adopted += [id for _, id, used in rows if used is None]
            missing.update((hash, node) for hash, node in frontier.items() if hash not in ids)
            frontier = {
                child.hash: child
                for hash, node in frontier.items()
                if hash not in ids
                for child in _children(node)
                if not child.id and child.hash not in ids and child.hash not in missing
            }
        if missing:
            # Children first, then by name: the same order for all, so that two writers never wait crosswise.
            heights: dict[bytes, int] = {}
            new = sorted(missing.values(), key=lambda node: (_height(node, missing, heights), node.hash))
            fresh = yield from self._new_ids(len(new))
            ids.update((node.hash, id) for node, id in zip(new, fresh, strict=True))
            _assign(roots, ids, missing)
            rows = [(ids[node.hash], node.hash, *self._closed(node)) for node in new]
            done = yield Many(
                "INSERT INTO lgviz_nodes (id, hash, form, data) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                rows,
            )
            if done[0][0] != len(rows):
                raise Conflict
            yield Many(
                "INSERT INTO lgviz_uses (thread, node) VALUES (?, ?)", [(thread, row[0]) for row in rows]
            )
        else:
            _assign(roots, ids, missing)
        if adopted:
            yield from self.adopt(thread, adopted)

    def _new_ids(self, count: int) -> Operation[list[int]]:
        ids: list[int] = []
        while len(ids) < count:
            try:
                ids.append(self._spare.popleft())
            except IndexError:
                rows = yield Query(self.dialect.new_ids, [count - len(ids) + self.dialect.spare_ids])
                fresh = sorted(id for (id,) in rows)
                needed = count - len(ids)
                ids += fresh[:needed]
                self._spare.extend(fresh[needed:])
        return ids

    def _closed(self, node: Node) -> tuple[int, bytes]:
        assert node.part is not None
        return self.vault.close(node.part)

    def adopt(self, thread: int, nodes: Iterable[int]) -> Operation[None]:
        """Record that a thread needs some stored nodes and all that is below them."""
        below = yield from self.fetch([Node(id) for id in nodes], containers=True)
        yield Many(
            "INSERT INTO lgviz_uses (thread, node) VALUES (?, ?) ON CONFLICT DO NOTHING",
            [(thread, id) for id in sorted(below)],
        )

    def release(self, thread: int, live: Iterable[int]) -> Operation[None]:
        """Keep only ``live`` of the nodes of a thread; a node that no thread needs is removed."""
        used = yield Query("SELECT node FROM lgviz_uses WHERE thread = ?", [thread])
        dead = sorted({node for (node,) in used}.difference(live))
        if not dead:
            return
        yield Many("DELETE FROM lgviz_uses WHERE thread = ? AND node = ?", [(thread, node) for node in dead])
        yield Many(
            """DELETE FROM lgviz_nodes WHERE id = ?
               AND NOT EXISTS (SELECT 1 FROM lgviz_uses WHERE node = lgviz_nodes.id)""",
            [(node,) for node in dead],
        )


def _children(node: Node) -> Iterable[Node]:
    return nodes_of(node.part) if isinstance(node.part, list) else ()


def _chunks(roots: list[Node]) -> list[Node]:
    """All chunks of some containers, found without looking at their leaves; none where they are many."""
    found: list[Node] = []
    for node in roots:
        if isinstance(node.part, list) and node.part[1] > 0:
            found += node.part[2:]
    for node in found:
        if isinstance(node.part, list) and node.part[1] > 0:
            found += node.part[2:]
        if len(found) > _EAGER:
            return []
    return found


def _height(node: Node, missing: dict[bytes, Node], known: dict[bytes, int]) -> int:
    """How many levels of missing nodes are below a missing node."""
    if node.hash not in known:
        below = (_height(child, missing, known) for child in _children(node) if child.hash in missing)
        known[node.hash] = 1 + max(below, default=0)
    return known[node.hash]


def _assign(nodes: list[Node], ids: dict[bytes, int], missing: dict[bytes, Node]) -> None:
    """Write ids into every object that stands for a node, down to where stored subtrees begin."""
    todo = list(nodes)
    while todo:
        node = todo.pop()
        if not node.id:
            node.id = ids[node.hash]
            if node.hash in missing:
                todo.extend(_children(node))
