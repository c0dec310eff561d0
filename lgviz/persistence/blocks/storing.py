"""Operations on nodes: storing new ones, giving back those that nothing needs."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from lgviz.persistence.database.schema import Dialect
from lgviz.persistence.database.statements import Batch, Many, Operation, Query

from .known import Known
from .nodes import Nodes, batches
from .tree import Node, Part, Trees, nodes_of
from .vault import Vault

_EAGER = 256
_SPARE = 200
"""How many ids more to take for later, where ids need no lock to be taken."""


class Plan(NamedTuple):
    """How some nodes are stored for an owner."""

    owner: int
    mark: bytes | None
    learned: dict[bytes, int]
    """Ids of nodes, by name, that are stored and recorded as needed once this is committed."""
    fresh: list[Node]
    steps: list[Query | Many]


class Storing(Nodes):
    """The part of the engine that writes the tables ``lgviz_nodes`` and ``lgviz_shares``."""

    def __init__(self, dialect: Dialect, trees: Trees, vault: Vault) -> None:
        super().__init__(dialect, trees, vault)
        self.known = Known()
        self._spare: deque[int] = deque()
        self._last = 0

    def unknown(self, parts: Iterable[Part]) -> list[bytes]:
        """The names of nodes below some parts that are not known to be stored: what :meth:`ask` is for.

        Top down, for a node that is stored has all that is below it; at most a few hundred.
        """
        found: dict[bytes, None] = {}
        known = self.known.ids
        level = [node for part in parts for node in nodes_of(part) if not node.id]
        while level and len(found) < _EAGER:
            new = [node for node in level if node.hash not in known and node.hash not in found]
            found.update((node.hash, None) for node in new[: _EAGER - len(found)])
            level = [child for node in new for child in _children(node)]
        return list(found)

    @property
    def marks(self) -> str:
        """Two columns: the dialect's ``mark``, and the name of the node of an id, the newest known."""
        return f"{self.dialect.mark}, (SELECT hash FROM lgviz_nodes WHERE id = ?)"

    def ask(self, hashes: list[bytes]) -> Query:
        """Which of some nodes are stored, and whose they are."""
        where, params = self.dialect.among("hash", hashes)
        return Query(f"SELECT hash, id, owner FROM lgviz_nodes WHERE {where}", params)

    def store(self, owner: int, parts: Iterable[Part]) -> Operation[None]:
        """Give every node below some parts its id, storing those that are new.

        Raises:
            Conflict: another transaction stored one of them meanwhile.
        """
        parts = list(parts)
        asked = self.unknown(parts)
        newest, hash = self.known.newest
        ((mark, there),), found = yield Batch([Query(f"SELECT {self.marks}", [newest]), self.ask(asked)])
        if there != hash:
            self._forget(mark)
        yield Batch((yield from self.plan(owner, mark, parts, asked, found)).steps)

    def plan(
        self, owner: int, mark: bytes | None, parts: Iterable[Part], asked: list[bytes], found: Iterable[Any]
    ) -> Operation[Plan]:
        """Give every node below some parts its id; the statements that store those that are new.

        Args:
            owner: who needs them.
            mark: the value of the dialect's ``mark``, read in this transaction.
            parts: the roots.
            asked: names of nodes that were asked for in this transaction.
            found: the rows that answered.
        """
        roots = [node for part in parts for node in nodes_of(part) if not node.id]
        if mark != self.known.mark:
            self._forget(mark)
        known, needed = self.known.ids, self.known.needs(owner)
        ids: dict[bytes, int] = {}
        reached: dict[bytes, int] = {}
        missing: dict[bytes, Node] = {}
        owned: set[int] = set()
        looked, rows = set(asked), list(found)
        level = roots
        while level:
            todo = {node.hash for node in level if node.hash not in known} - looked
            looked |= todo
            for hashes in batches(sorted(todo)):
                rows += yield self.ask(hashes)
            ids.update((bytes(hash), id) for hash, id, _ in rows)
            owned.update(id for _, id, its in rows if its == owner)
            rows, below = [], list[Node]()
            for node in level:
                id = ids.get(node.hash) or known.get(node.hash)
                if id:
                    reached[node.hash] = id
                elif node.hash not in missing:
                    missing[node.hash] = node
                    below += [child for child in _children(node) if not child.id]
            level = below
        # Children first, then by name: the same order for all, so that two writers never wait crosswise.
        heights: dict[bytes, int] = {}
        new = sorted(missing.values(), key=lambda node: (_height(node, missing, heights), node.hash))
        given = (yield from self._new_ids(len(new))) if new else ()
        fresh = {node.hash: id for node, id in zip(new, given, strict=True)}
        _assign(roots, reached | fresh, missing)
        steps: list[Query | Many] = []
        if new:
            values = [(node.id, node.hash, owner, *self._closed(node)) for node in new]
            insert = "INSERT INTO lgviz_nodes (id, hash, owner, form, data) VALUES (?, ?, ?, ?, ?)"
            steps.append(Many(insert, values))
        foreign = set(reached.values()) - owned - needed
        if foreign:
            steps += yield from self._adopting(owner, foreign)
        learned = {hash: id for hash, id in reached.items() if id not in needed} | fresh
        return Plan(owner, mark, learned, new, steps)

    def stored(self, plan: Plan) -> None:
        """Learn from a plan that was carried out and committed."""
        # Without what is below them, which would stay in memory as long.
        self._remember(Node(node.id, node.hash, _bare(node.part)) for node in plan.fresh)
        if plan.fresh:
            newest = plan.fresh[-1]
            self.known.learn(plan.mark, plan.owner, plan.learned, (newest.id, newest.hash))

    def _forget(self, mark: bytes | None) -> None:
        """Drop what is known and what is remembered by id: after a crash or a restored backup an id may be
        given again."""
        self.known.forget(mark)
        with self._cache_lock:
            self._cache, self._cached = {}, 0
        self._spare.clear()

    def _new_ids(self, count: int) -> Operation[list[int]]:
        if self.dialect.last_node:
            rows = yield Query(self.dialect.last_node)
            # Ids that were read in a transaction which was undone are in the cache: they are not given again.
            first = max(self._last, rows[0][0] if rows else 0) + 1
            self._last = first + count - 1
            return list(range(first, first + count))
        ids: list[int] = []
        while len(ids) < count:
            try:
                ids.append(self._spare.popleft())
            except IndexError:
                rows = yield Query(self.dialect.new_ids, [count - len(ids) + _SPARE])
                self._spare.extend(sorted(id for (id,) in rows))
        return sorted(ids)

    def _closed(self, node: Node) -> tuple[int, bytes]:
        assert node.part is not None
        return self.vault.close(node.part)

    def _adopting(self, owner: int, nodes: Collection[int]) -> Operation[list[Query | Many]]:
        """What records that an owner needs some stored nodes and all that is below them."""
        where, params = self.dialect.among("node", list(nodes))
        rows = yield Query(f"SELECT node FROM lgviz_uses WHERE owner = ? AND {where}", [owner, *params])
        others = set(nodes).difference(node for (node,) in rows)
        below = yield from self.fetch([Node(id) for id in others], containers=True)
        return [
            Many(
                """INSERT INTO lgviz_shares (owner, node) SELECT ?, id FROM lgviz_nodes
                   WHERE id = ? AND owner <> ? ON CONFLICT DO NOTHING""",
                [(owner, id, owner) for id in sorted(below)],
            )
        ]

    def release(self, owner: int, live: Iterable[int]) -> Operation[None]:
        """Keep only ``live`` of the nodes of an owner; a node that nobody needs is removed.

        Only in a transaction that began with ``REMOVE``.
        """
        used = yield Query("SELECT node FROM lgviz_uses WHERE owner = ?", [owner])
        dead = sorted({node for (node,) in used}.difference(live))
        if not dead:
            return
        yield Query(
            """INSERT INTO lgviz_meta (name, value) VALUES ('removed', ?)
               ON CONFLICT (name) DO UPDATE SET value = excluded.value""",
            [secrets.token_bytes(8)],
        )
        yield Many("DELETE FROM lgviz_shares WHERE owner = ? AND node = ?", [(owner, node) for node in dead])
        yield Many(
            """DELETE FROM lgviz_nodes WHERE id = ? AND owner IN (0, ?)
               AND NOT EXISTS (SELECT 1 FROM lgviz_shares WHERE node = lgviz_nodes.id)""",
            [(node, owner) for node in dead],
        )
        yield Many(
            "UPDATE lgviz_nodes SET owner = 0 WHERE id = ? AND owner = ?", [(node, owner) for node in dead]
        )


def _bare(part: Any) -> Any:
    """A part whose nodes are references alone."""
    if type(part) is list:
        return [_bare(entry) for entry in part]
    return Node(part.id, part.hash) if type(part) is Node else part


def _children(node: Node) -> Iterable[Node]:
    return nodes_of(node.part) if isinstance(node.part, list) else ()


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
