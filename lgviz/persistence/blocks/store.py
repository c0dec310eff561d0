"""Blocks in the database: fetching them, storing new ones, giving back those that nothing needs."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from lgviz._cache import BoundedCache
from lgviz.errors import DamagedData, PersistenceError
from lgviz.persistence.database.dialect import Dialect
from lgviz.persistence.database.migrations import Role, set_up_tables
from lgviz.persistence.database.statements import (
    GLANCE,
    READ,
    WRITE,
    Batch,
    Conflict,
    Locking,
    Many,
    Operation,
    Query,
    as_bytes,
)

from .codec import CONTAINER, BlockCodec
from .memo import StoredIds
from .merkle import Block, MerkleCodec, Part, Serializer, blocks_of
from .room import overfull

R = TypeVar("R")

CACHE = 32 << 20
"""Bytes of blocks that are kept in memory."""
_BATCH = 512
"""How many values one statement asks for."""
_EAGER = 256
"""How many blocks are asked for before a transaction begins."""
_SPARE = 200
"""How many ids more to take for later, where ids need no lock to be taken."""


class BlockGone(Exception):
    """A block is missing: it is damage, or was removed after what refers to it had been read."""


class StoragePlan(NamedTuple):
    """How some blocks are stored for an owner."""

    owner: int
    mark: bytes | None
    learned: dict[bytes, int]
    """Ids of blocks, by hash, that are stored and recorded as needed once this is committed."""
    fresh: list[Block]
    steps: list[Query | Many]


class _Found(NamedTuple):
    """What of some trees is stored: ids by hash; those that have an owner already; and what is missing."""

    ids: dict[bytes, int]
    owned: set[int]
    missing: dict[bytes, Block]


class BlockStore:
    """The blocks of one database: operations on the tables ``lgviz_blocks`` and ``lgviz_shares``.

    Args:
        dialect: the database's way to say it.
        serde: any LangGraph serializer. Where it encrypts, blocks are encrypted and hashed with a secret key
            that lies encrypted in the database.

    Attributes:
        merkle: makes parts of values and back.
        codec: makes bytes of parts and back.
        ids: what is known to be stored.
        cache: blocks that were read, by id. They never change, and no id is used twice.
        joined: whether the present operation joined a transaction of the caller's, which may yet be undone
            with all its ids.
    """

    def __init__(self, dialect: Dialect, serde: Serializer) -> None:
        cipher = None
        if isinstance(serde, EncryptedSerializer):
            cipher, serde = serde.cipher, serde.serde
        self.dialect = dialect
        # A serializer of unknown making may write a value differently each time, or see more than its
        # elements in a list: its values stay whole.
        self.merkle = MerkleCodec(serde, cut=isinstance(serde, JsonPlusSerializer))
        self.codec = BlockCodec(cipher)
        self.ids = StoredIds()
        self.cache = BoundedCache[int, Block](CACHE, lambda block: 100 + len(block.part or b""))
        self.joined = False
        self._spare: deque[int] = deque()
        self._last = 0

    # -- tables

    def set_up(self, role: Role, *, beside: bool = False) -> Operation[None]:
        """Make or migrate a role's tables, and learn the key that blocks are hashed with.

        Args:
            role: whose tables.
            beside: make them although LangGraph's own tables are there (to migrate from them).

        Raises:
            ForeignTables: only LangGraph's own tables are there.
            NewerSchema: a newer lgviz made the tables.
            PersistenceError: the database is encrypted with another key.
        """
        self.dialect, writing = yield from set_up_tables(self.dialect, role, beside=beside)
        if self.codec.cipher is not None:
            self.merkle.key = yield from self._key(writing)

    def _key(self, writing: bool) -> Operation[bytes]:
        find = Query("SELECT value FROM lgviz_meta WHERE name = 'block_key'")
        rows = yield find
        if not rows:
            if not writing:
                yield WRITE
            yield Query(
                "INSERT INTO lgviz_meta (name, value) VALUES ('block_key', ?) ON CONFLICT (name) DO NOTHING",
                [self.codec.seal(secrets.token_bytes(32))],
            )
            rows = yield find
        try:
            return self.codec.unseal(as_bytes(rows[0][0]))
        except Exception as error:
            raise PersistenceError(
                "The database is encrypted with another key.", "Give the key that it was made with."
            ) from error

    # -- reading

    def optimistic_read(self, read: Callable[[bool], Operation[R]]) -> Operation[R]:
        """What ``read`` gives without a transaction, which would cost round trips; and where a removal came
        between its statements, what it gives within one.

        Args:
            read: told whether to raise :class:`BlockGone` where something is missing.
        """
        self.joined = bool((yield GLANCE))
        try:
            return (yield from read(True))
        except BlockGone:
            yield READ
            return (yield from read(False))

    def fetch(
        self,
        parts: Iterable[Part],
        known: Mapping[int, Block] | None = None,
        *,
        containers: bool = False,
        whole: bool = False,
    ) -> Operation[dict[int, Block]]:
        """All blocks below some parts, by id. A damaged block has no ``part``, a missing one is left out.

        Args:
            parts: the roots.
            known: blocks already fetched; they are taken from here, with all that is below them.
            containers: leave leaves empty, where only the shape matters.
            whole: refuse where one is missing.

        Raises:
            BlockGone: one is missing, and ``whole`` is asked for.
        """
        cached = self.cache.peek
        have = known.get if known else cached
        found: dict[int, Block] = {}
        roots, unpacked = list(parts), 0
        todo = {block.id for part in roots for block in blocks_of(part)}
        columns = "id, hash, form, " + (
            f"CASE WHEN form % 2 = {CONTAINER} THEN data END" if containers else "data"
        )
        while todo:
            opened: list[Part] = []
            absent = []
            for id in todo:
                block = have(id) or cached(id)
                if block is None:
                    absent.append(id)
                else:
                    found[id] = block
                    if type(block.part) is list:
                        opened.append(block.part)
            for ids in batches(sorted(absent)):
                where, params = self.dialect.among("id", ids)
                rows = yield Query(f"SELECT {columns} FROM lgviz_blocks WHERE {where}", params)
                if whole and len(rows) < len(ids):
                    raise BlockGone
                for id, hash, form, data in rows:
                    block = found[id] = Block(id, as_bytes(hash))
                    block.part = b"" if data is None else self._open(block, form, as_bytes(data))
                    unpacked += len(block.part or b"")
                    if self.codec.room is not None and unpacked > self.codec.room:
                        block.part = None
                    if type(block.part) is list:
                        opened.append(block.part)
                    if not containers and not self.joined and block.part is not None:
                        self.cache.put(id, block)
            todo = {block.id for part in opened for block in blocks_of(part)} - found.keys()
        if self.codec.room is not None:
            for id in overfull(roots, found, self.codec.room):
                found[id] = Block(id, found[id].hash)
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
            where, params = self.dialect.among("id", [block.id for block in entries])
            rows = yield Query(f"SELECT id, hash, form, data FROM lgviz_blocks WHERE {where}", params)
            chunks = {
                id: self._open(Block(id, as_bytes(hash)), form, as_bytes(data))
                for id, hash, form, data in rows
            }
            opened = [chunks.get(block.id) for block in entries]
            if not all(isinstance(chunk, list) for chunk in opened):
                raise DamagedData("A part of a checkpoint's table of channels is missing or damaged.")
            entries = [entry for chunk in opened for entry in (chunk or ())[2:]]
            level -= 1
        return entries

    def live(self, rows: Iterable[bytes]) -> Operation[set[int] | None]:
        """The blocks that some rows need; None where damage hides what they need."""
        try:
            parts = [self.codec.open_row(as_bytes(row)) for row in rows]
        except Exception:  # whatever damaged bytes make of a decoder
            return None
        blocks = yield from self.fetch(parts, containers=True)
        return set(blocks) if complete(parts, blocks) else None

    def _open(self, block: Block, form: int, data: bytes) -> bytes | list[Any] | None:
        try:
            part = self.codec.open(form, data)
        except Exception:  # whatever damaged bytes make of a decoder: the rest stays readable
            return None
        if isinstance(part, bytes) and self.merkle.digest(part) != block.hash:
            return None
        return part

    # -- storing

    def store(self, owner: int, parts: Iterable[Part]) -> Operation[None]:
        """Give every block below some parts its id, storing those that are new.

        Raises:
            Conflict: another transaction stored one of them meanwhile.
        """
        parts = list(parts)
        asked = self.unknown(parts)
        newest, hash = self.ids.newest
        ((mark, there),), found = yield Batch([Query(f"SELECT {self.marks}", [newest]), self.ask(asked)])
        if there != hash:
            self.forget(mark)
        yield Batch((yield from self.plan(owner, mark, parts, asked, found)).steps)

    def unknown(self, parts: Iterable[Part]) -> list[bytes]:
        """The hashes of blocks below some parts that are not known to be stored: what :meth:`ask` is for.

        Top down, for a block that is stored has all that is below it; at most a few hundred.
        """
        found: dict[bytes, None] = {}
        known = self.ids.ids
        level = [block for part in parts for block in blocks_of(part) if not block.id]
        while level and len(found) < _EAGER:
            new = [block for block in level if block.hash not in known and block.hash not in found]
            found.update((block.hash, None) for block in new[: _EAGER - len(found)])
            level = [child for block in new for child in _children(block)]
        return list(found)

    @property
    def marks(self) -> str:
        """Two columns: the dialect's ``mark``, and the hash of the block of an id, the newest known."""
        return f"{self.dialect.mark}, (SELECT hash FROM lgviz_blocks WHERE id = ?)"

    def ask(self, hashes: Sequence[bytes]) -> Query:
        """Which of some blocks are stored, and whose they are."""
        where, params = self.dialect.among("hash", hashes)
        return Query(f"SELECT hash, id, owner FROM lgviz_blocks WHERE {where}", params)

    def plan(
        self,
        owner: int,
        mark: bytes | None,
        parts: Iterable[Part],
        asked: list[bytes],
        found: Iterable[Any],
        *,
        sources: Sequence[int] = (),
    ) -> Operation[StoragePlan]:
        """Give every block below some parts its id; the statements that store those that are new.

        Args:
            owner: who needs them.
            mark: the value of the dialect's ``mark``, read in this transaction.
            parts: the roots.
            asked: hashes of blocks that were asked for in this transaction.
            found: the rows that answered.
            sources: other owners, whose blocks stay as long as this one needs them.
        """
        roots = [block for part in parts for block in blocks_of(part) if not block.id]
        if mark != self.ids.mark:
            self.forget(mark)
        if not roots:  # all is short, or stored
            return StoragePlan(owner, mark, {}, [], [])
        needed = self.ids.needs(owner)
        stored, owned, missing = yield from self._look_up({owner, *sources}, roots, asked, list(found))
        # Children first, then by hash: the same order for all, so that two writers never wait crosswise.
        heights: dict[bytes, int] = {}
        new = sorted(missing.values(), key=lambda block: (_height(block, missing, heights), block.hash))
        given = (yield from self._new_ids(len(new))) if new else ()
        fresh = {block.hash: id for block, id in zip(new, given, strict=True)}
        _assign(roots, stored | fresh, missing)
        steps: list[Query | Many] = []
        if new:
            values = [(block.id, block.hash, owner, *self._closed(block)) for block in new]
            insert = "INSERT INTO lgviz_blocks (id, hash, owner, form, data) VALUES (?, ?, ?, ?, ?)"
            steps.append(Many(insert, values))
        foreign = set(stored.values()) - owned - needed
        if foreign:
            steps += yield from self._adopting(owner, foreign, sources)
        learned = {hash: id for hash, id in stored.items() if id not in needed} | fresh
        return StoragePlan(owner, mark, learned, new, steps)

    def stored(self, plan: StoragePlan) -> None:
        """Learn from a plan that was carried out and committed."""
        for block in plan.fresh:
            # Without what is below them, which would stay in memory as long.
            self.cache.put(block.id, Block(block.id, block.hash, _bare(block.part)))
        if plan.fresh:
            newest = plan.fresh[-1]
            self.ids.learn(plan.mark, plan.owner, plan.learned, (newest.id, newest.hash))

    def forget(self, mark: bytes | None) -> None:
        """Drop what is known and what is remembered by id: after a crash or a restored backup an id may be
        given again."""
        self.ids.forget(mark)
        self.cache.clear()
        self._spare.clear()

    def _look_up(
        self, owners: Collection[int], roots: list[Block], asked: list[bytes], rows: list[Any]
    ) -> Operation[_Found]:
        """Which blocks at and below some roots are stored: level by level, down to those that are."""
        known = self.ids.ids
        ids: dict[bytes, int] = {}
        stored: dict[bytes, int] = {}
        missing: dict[bytes, Block] = {}
        owned: set[int] = set()
        looked = set(asked)
        level = roots
        while level:
            todo = {block.hash for block in level if block.hash not in known} - looked
            looked |= todo
            for hashes in batches(sorted(todo)):
                rows += yield self.ask(hashes)
            ids.update((as_bytes(hash), id) for hash, id, _ in rows)
            owned.update(id for _, id, its in rows if its in owners)
            rows, below = [], list[Block]()
            for block in level:
                id = ids.get(block.hash) or known.get(block.hash)
                if id:
                    stored[block.hash] = id
                elif block.hash not in missing:
                    missing[block.hash] = block
                    below += [child for child in _children(block) if not child.id]
            level = below
        return _Found(stored, owned, missing)

    def _new_ids(self, count: int) -> Operation[list[int]]:
        if self.dialect.last_block:
            rows = yield Query(self.dialect.last_block)
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

    def _closed(self, block: Block) -> tuple[int, bytes]:
        assert block.part is not None
        return self.codec.close(block.part)

    def _adopting(
        self, owner: int, ids: Collection[int], sources: Sequence[int]
    ) -> Operation[list[Query | Many]]:
        """What records that an owner needs some stored blocks and all that is below them."""
        where, params = self.dialect.among("block", list(ids))
        whose, owners = self.dialect.among("owner", [owner, *sources])
        rows = yield Query(f"SELECT block FROM lgviz_uses WHERE {whose} AND {where}", [*owners, *params])
        others = set(ids).difference(block for (block,) in rows)
        below = yield from self.fetch([Block(id) for id in others], containers=True)
        if self.dialect.locking is Locking.ROWS:
            yield from self._refuse_unseen(sorted(others | below.keys()))
        return [
            Many(
                """INSERT INTO lgviz_shares (owner, block) SELECT ?, id FROM lgviz_blocks
                   WHERE id = ? AND owner <> ? ON CONFLICT DO NOTHING""",
                [(owner, id, owner) for id in sorted(below)],
            )
        ]

    def _refuse_unseen(self, ids: Sequence[int]) -> Operation[None]:
        """Begin again where a transaction that sees one moment was overtaken: another thread of this process
        learned of blocks that were stored after it."""
        for some in batches(ids):
            where, params = self.dialect.among("id", some)
            seen = yield Query(f"SELECT count(*) FROM lgviz_blocks WHERE {where}", params)
            if seen[0][0] < len(some):
                self.forget(self.ids.mark)
                raise Conflict

    # -- giving back

    def new_mark(self) -> Query:
        """Changes the mark of removals: all processes forget what they know, before they next write."""
        return Query(
            """INSERT INTO lgviz_meta (name, value) VALUES ('removed', ?)
               ON CONFLICT (name) DO UPDATE SET value = excluded.value""",
            [secrets.token_bytes(8)],
        )

    def release(self, owner: int, live: Iterable[int]) -> Operation[None]:
        """Keep only ``live`` of the blocks of an owner; a block that nobody needs is removed.

        Only in a transaction that began with ``REMOVE``.
        """
        used = yield Query("SELECT block FROM lgviz_uses WHERE owner = ?", [owner])
        dead = sorted({block for (block,) in used}.difference(live))
        if not dead:
            return
        yield self.new_mark()
        yield Many("DELETE FROM lgviz_shares WHERE owner = ? AND block = ?", [(owner, id) for id in dead])
        yield Many(
            """DELETE FROM lgviz_blocks WHERE id = ? AND owner IN (0, ?)
               AND NOT EXISTS (SELECT 1 FROM lgviz_shares WHERE block = lgviz_blocks.id)""",
            [(id, owner) for id in dead],
        )
        yield Many(
            "UPDATE lgviz_blocks SET owner = 0 WHERE id = ? AND owner = ?", [(id, owner) for id in dead]
        )


def batches(values: Iterable[Any]) -> Iterable[list[Any]]:
    """Values by the hundreds: as many as one statement asks for."""
    ordered = list(values)
    return (ordered[start : start + _BATCH] for start in range(0, len(ordered), _BATCH))


def complete(parts: Sequence[Part], blocks: Mapping[int, Block]) -> bool:
    """Whether all blocks below some parts could be read."""
    containers = (block.part for block in blocks.values() if isinstance(block.part, list))
    below = (block.id for part in (*parts, *containers) for block in blocks_of(part))
    return all(block.part is not None for block in blocks.values()) and all(id in blocks for id in below)


def _bare(part: Any) -> Any:
    """A part whose blocks are references alone."""
    if type(part) is list:
        return [_bare(entry) for entry in part]
    return Block(part.id, part.hash) if type(part) is Block else part


def _children(block: Block) -> Iterable[Block]:
    return blocks_of(block.part) if isinstance(block.part, list) else ()


def _height(block: Block, missing: dict[bytes, Block], known: dict[bytes, int]) -> int:
    """How many levels of missing blocks are below a missing block."""
    if block.hash not in known:
        below = (_height(child, missing, known) for child in _children(block) if child.hash in missing)
        known[block.hash] = 1 + max(below, default=0)
    return known[block.hash]


def _assign(blocks: list[Block], ids: dict[bytes, int], missing: dict[bytes, Block]) -> None:
    """Write ids into every object that stands for a block, down to where stored subtrees begin."""
    todo = list(blocks)
    while todo:
        block = todo.pop()
        if not block.id:
            block.id = ids[block.hash]
            if block.hash in missing:
                todo.extend(_children(block))
