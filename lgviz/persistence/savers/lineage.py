"""Threads that continue the path of another thread: what they see of it, by one row of lineage.

Such a thread, an *heir*, has no rows of the checkpoints on its path: they stay rows of the thread that it
left, its *source*, or of that one's source. What an heir sees of them is fixed in the moment it is made: the
row of lineage names the checkpoint where it left, and the newest keys there were. To keep it so,

* a row of a task's writes that an heir sees is not deleted where its thread stores the task's writes anew:
  its thread becomes the negative number, where only heirs look;
* a thread whose rows change in any other way gets a new number and rows of its own (``Removal.settle``), and
  those that heirs see stay, with a number that no thread id leads to;
* an heir may refer to blocks that are recorded as needed by a source of it: ``Removal.collect`` keeps them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from langchain_core.runnables import RunnableConfig

from lgviz._cache import BoundedCache
from lgviz.errors import CheckpointNotFound, ThreadExists
from lgviz.persistence.blocks.records import Records
from lgviz.persistence.blocks.store import batches
from lgviz.persistence.database.statements import READ, REMOVE, Operation, Query, Rows, as_bytes

from .address import Address, address
from .anchors import anchor_of

Place = tuple[str, str]
"""A namespace and the id of a checkpoint in it."""

_LONGEST = 10_000
"""Threads of which each continues the next; a damaged lineage may have no end."""
_LINK = "l.thread, l.source, l.ns, l.id, l.checkpoints, l.writes"
_CHAIN = f"""WITH RECURSIVE chain AS (
      SELECT {_LINK}, 0 AS depth FROM lgviz_lineage l WHERE l.thread = {{}}
      UNION ALL
      SELECT {_LINK}, c.depth + 1 FROM lgviz_lineage l JOIN chain c ON l.thread = c.source
      WHERE c.depth < {_LONGEST})
    SELECT thread, source, ns, id, checkpoints, writes FROM chain ORDER BY depth"""
_BY_NAME = "(SELECT id FROM lgviz_threads WHERE thread_id = ?)"
_PATH = """SELECT key, ns, id, parent, ordinal, CASE WHEN ns <> '' THEN metadata END
    FROM lgviz_checkpoints WHERE thread = ? AND key <= ? ORDER BY key"""
_CACHED = 200_000
"""How many checkpoints of paths are remembered."""


class Link(NamedTuple):
    """A row of lineage: a thread continues the path of ``source`` to one checkpoint.

    Attributes:
        thread, source: numbers of threads.
        ns, id: the checkpoint where it left.
        checkpoints, writes: the newest keys there were by then.
    """

    thread: int
    source: int
    ns: str
    id: str
    checkpoints: int
    writes: int


Chain = Sequence[Link]
"""An heir's link, that of its source, and so on."""


class PathEntry(NamedTuple):
    """A checkpoint on the path of an heir."""

    key: int
    parent: str | None
    anchor: Place | None
    ordinal: int


Path = Mapping[Place, PathEntry]


class InheritedWrites(NamedTuple):
    """A row of a task's writes under a checkpoint on the path of an heir."""

    key: int
    ns: str
    checkpoint_id: str
    task_id: str
    task_path: str
    at: float
    data: bytes


class ThreadLink(NamedTuple):
    """Where one thread left another.

    Attributes:
        thread_id: the thread at the other end.
        namespace, checkpoint_id: the checkpoint where the one left the other.
        at: when, in seconds since 1970.
    """

    thread_id: str
    namespace: str
    checkpoint_id: str
    at: float


class ThreadLineage(NamedTuple):
    """Where a thread came from, None where it began by itself, and which threads left it."""

    origin: ThreadLink | None = None
    forks: Sequence[ThreadLink] = ()
    threads: Sequence[str] = ()
    """The threads that its path was written in, the nearest first."""


class Lineages:
    """Reads what heirs see of their sources, and makes heirs.

    Args:
        records: opens the rows.
    """

    def __init__(self, records: Records) -> None:
        self.records = records
        self.blocks = records.blocks
        self._paths = BoundedCache[Link, Path](_CACHED, len)
        self._any: tuple[bytes | None, bool] | None = None

    # -- whether there are any

    @property
    def known_absent(self) -> bool:
        """Whether there were none when it was last looked for; :meth:`absent` tells whether that holds."""
        return self._any is not None and not self._any[1]

    def absent(self, mark: bytes | None) -> Operation[bool]:
        """Whether no thread continues the path of another. It is looked for once for each mark of removals,
        which the first row of lineage changes (and the removal of one, to tell it from a restored backup).

        Args:
            mark: read in this transaction.
        """
        if self._any is None or self._any[0] != mark:
            found = yield Query("SELECT EXISTS (SELECT 1 FROM lgviz_lineage)")
            self._any = mark, bool(found[0][0])
        return not self._any[1]

    # -- what an heir sees

    def chain(self, thread: int) -> Operation[Chain]:
        """The links of a thread and its sources; empty where it is no heir."""
        return [Link(*row) for row in (yield Query(_CHAIN.format("?"), [thread]))]

    def chain_of(self, thread_id: str) -> Operation[Chain]:
        """:meth:`chain` of a thread by its id."""
        return [Link(*row) for row in (yield Query(_CHAIN.format(_BY_NAME), [thread_id]))]

    def path(self, chain: Chain) -> Operation[Path]:
        """All checkpoints on the path of an heir, those of subgraphs that were called on it included."""
        seen: Path = {}
        for link in reversed(chain):
            found = self._paths.get(link)
            if found is None:
                rows = yield Query(_PATH, [link.source, link.checkpoints])
                found = path_to((link.ns, link.id), {**seen, **self._entries(rows)})
                if not self.blocks.joined:
                    self._paths.put(link, found)
            seen = found
        return seen

    def _entries(self, rows: Rows) -> dict[Place, PathEntry]:
        return {
            (ns, id): PathEntry(key, parent, self._anchor(ns, metadata), ordinal)
            for key, ns, id, parent, ordinal, metadata in rows
        }

    def _anchor(self, ns: str, metadata: Any) -> Place | None:
        return anchor_of(ns, self.records.open_metadata(as_bytes(metadata)) or {}) if ns else None

    def key_of(self, chain: Chain, place: Place) -> Operation[int | None]:
        """The key of a checkpoint on the path; None where it is not on it."""
        if not chain:
            return None
        where, params = self.blocks.dialect.among("thread", [link.source for link in chain])
        rows = yield Query(
            f"SELECT key, thread FROM lgviz_checkpoints WHERE {where} AND ns = ? AND id = ?",
            [*params, *place],
        )
        bounds = {link.source: link.checkpoints for link in chain}
        keys = [key for key, thread in rows if key <= bounds[thread]]
        if not keys:
            return None
        if place == (chain[0].ns, chain[0].id):  # which is on it: the path need not be read
            return int(keys[0])
        found = (yield from self.path(chain)).get(place)
        return None if found is None else found.key

    def latest(self, chain: Chain, ns: str) -> Operation[int | None]:
        """The key of the newest checkpoint of a namespace on the path."""
        if not chain:
            return None
        if ns == chain[0].ns:
            return (yield from self.key_of(chain, (ns, chain[0].id)))
        where, params = self.blocks.dialect.among("thread", [link.source for link in chain])
        sql = f"SELECT 1 FROM lgviz_checkpoints WHERE {where} AND ns = ? LIMIT 1"
        if not (yield Query(sql, [*params, ns])):  # as that of a call that just begins
            return None
        path = yield from self.path(chain)
        return max((entry.key for place, entry in path.items() if place[0] == ns), default=None)

    def body(self, chain: Chain, place: Place) -> Operation[bytes | None]:
        """The row of a checkpoint on the path; None where it is not on it."""
        key = yield from self.key_of(chain, place)
        rows = yield Query("SELECT body FROM lgviz_checkpoints WHERE key = ?", [key])
        return as_bytes(rows[0][0]) if rows else None

    def bodies(self, chain: Chain, ns: str, ids: Sequence[str]) -> Operation[Rows]:
        """Id and row of those of some checkpoints of a namespace that are on the path."""
        path = (yield from self.path(chain)) if chain else {}
        keys = [path[ns, id].key for id in ids if (ns, id) in path]
        where, params = self.blocks.dialect.among("key", keys)
        return (yield Query(f"SELECT id, body FROM lgviz_checkpoints WHERE {where}", params)) if keys else []

    def writes(self, chain: Chain, ns: str, ids: Iterable[str]) -> Operation[list[InheritedWrites]]:
        """The rows of writes under checkpoints of one namespace on the path, the heir's own included."""
        found: list[InheritedWrites] = []
        threads, params = self._threads_of_writes(chain)
        for some in batches(sorted(set(ids))):
            where, values = self.blocks.dialect.among("w.checkpoint_id", some)
            found += yield from self._writes(
                chain, f"{threads} AND w.ns = ? AND {where}", [*params, ns, *values]
            )
        return found

    def path_writes(self, chain: Chain) -> Operation[list[InheritedWrites]]:
        """The rows of writes under all of a path that the heir itself has not stored anew."""
        path = yield from self.path(chain)
        threads, params = self._threads_of_writes(chain)
        rows = yield from self._writes(chain, threads, params)
        own = chain[0].writes  # an heir's own are younger
        return [row for row in rows if row.key <= own and (row.ns, row.checkpoint_id) in path]

    def _threads_of_writes(self, chain: Chain) -> tuple[str, list[Any]]:
        sources = [link.source for link in chain]
        threads = [chain[0].thread, *sources, *(-source for source in sources)]
        return self.blocks.dialect.among("w.thread", threads)

    def _writes(self, chain: Chain, where: str, params: Sequence[Any]) -> Operation[list[InheritedWrites]]:
        """Of each task's rows the newest that the heir sees, oldest first."""
        bounds = {link.source: link.writes for link in chain}
        rows = yield Query(
            f"""SELECT w.thread, w.key, w.ns, w.checkpoint_id, w.task_id, w.task_path, w.at, w.data
                FROM lgviz_writes w WHERE {where} ORDER BY w.key""",
            params,
        )
        newest: dict[tuple[str, str, str], InheritedWrites] = {}
        for thread, key, ns, id, task_id, task_path, at, data in rows:
            if thread == chain[0].thread or key <= bounds[abs(thread)]:
                newest.pop((ns, id, task_id), None)
                newest[ns, id, task_id] = InheritedWrites(key, ns, id, task_id, task_path, at, as_bytes(data))
        return list(newest.values())

    def newest_child(self, chain: Chain, place: Place, key: int) -> Operation[str | None]:
        """The newest child of a checkpoint on the path, also one that the path does not go through.

        Args:
            chain: of the heir.
            place, key: the checkpoint.
        """
        own = [(chain[0].thread, 0, 1 << 62), *((link.source, key, link.checkpoints) for link in chain)]
        for thread, after, until in own:
            rows = yield Query(
                """SELECT id FROM lgviz_checkpoints WHERE thread = ? AND ns = ? AND key > ? AND key <= ?
                   AND parent = ? ORDER BY key DESC LIMIT 1""",
                [thread, place[0], after, until, place[1]],
            )
            if rows:
                return str(rows[0][0])
        return None

    def children(self, chain: Chain, place: Place) -> Operation[Rows]:
        """Id, metadata and body of the children of a checkpoint on the path, oldest first: the heir's own,
        and those that its source had by then."""
        found: list[tuple[Any, ...]] = []
        for thread, until in [
            *((link.source, link.checkpoints) for link in reversed(chain)), (chain[0].thread, 1 << 62),
        ]:  # fmt: skip
            found += yield Query(
                """SELECT id, metadata, body FROM lgviz_checkpoints
                   WHERE thread = ? AND ns = ? AND key <= ? AND parent = ? ORDER BY key""",
                [thread, place[0], until, place[1]],
            )
        return found

    def made_under(self, chain: Chain, anchor: Place) -> Operation[int]:
        """How many checkpoints the subgraphs have had on a path that were called from one of it."""
        path = yield from self.path(chain)
        return max((entry.ordinal for entry in path.values() if entry.anchor == anchor), default=0)

    # -- which threads are entangled

    def heirs(self, thread: int) -> Operation[list[int]]:
        """The numbers of the threads that left a thread, of those that left these, and so on."""
        rows = yield Query(
            """WITH RECURSIVE heirs AS (SELECT thread FROM lgviz_lineage WHERE source = ?
               UNION SELECT l.thread FROM lgviz_lineage l JOIN heirs h ON l.source = h.thread)
               SELECT thread FROM heirs ORDER BY thread""",
            [thread],
        )
        return [number for (number,) in rows]

    def entangled(self) -> Operation[set[int]]:
        """The numbers of all threads that are heirs or have heirs."""
        rows = yield Query("SELECT thread, source FROM lgviz_lineage")
        return {number for row in rows for number in row}

    def read(self, thread_id: str) -> Operation[ThreadLineage]:
        """Where a thread came from, and which threads left it."""
        yield READ
        origin = yield Query(
            f"SELECT source_id, ns, id, at FROM lgviz_lineage WHERE thread = {_BY_NAME}", [thread_id]
        )
        chain = yield from self.chain_of(thread_id)
        where, params = self.blocks.dialect.among("thread", [link.thread for link in chain])
        names = yield Query(f"SELECT thread, source_id FROM lgviz_lineage WHERE {where}", params)
        by_thread = {thread: str(name) for thread, name in names}
        forks = yield Query(
            """SELECT t.thread_id, l.ns, l.id, l.at FROM lgviz_lineage l JOIN lgviz_threads t
               ON t.id = l.thread WHERE l.source_id = ? ORDER BY l.thread""",
            [thread_id],
        )
        return ThreadLineage(
            ThreadLink(*origin[0]) if origin else None,
            tuple(ThreadLink(*row) for row in forks),
            tuple(by_thread[link.thread] for link in chain),
        )

    # -- making one

    def fork(self, config: RunnableConfig, new_thread_id: str) -> Operation[RunnableConfig]:
        """Let a new thread continue the path to a checkpoint.

        Raises:
            CheckpointNotFound: there is no such checkpoint.
            ThreadExists: the new thread has checkpoints already.
        """
        place = address(config)
        target = address({"configurable": {"thread_id": new_thread_id}}).thread_id
        # Alone: what the source stores meanwhile would be neither before nor after.
        self.blocks.joined = bool((yield REMOVE))
        rows = yield Query("SELECT id FROM lgviz_threads WHERE thread_id = ?", [place.thread_id])
        source = int(rows[0][0]) if rows else 0
        chain = yield from self.chain(source)
        here = yield from self._locate(source, chain, place)
        if here is None:
            named = f"checkpoint {place.checkpoint_id!r}" if place.checkpoint_id else "checkpoint"
            raise CheckpointNotFound(
                f"Thread {place.thread_id!r} has no {named}.",
                "It may have been deleted meanwhile: read the history again.",
            )
        yield from self.refuse_taken(target)
        made = yield from self._next_number(source, chain, here)
        if not (yield Query("SELECT 1 FROM lgviz_lineage LIMIT 1")):
            yield self.blocks.new_mark()  # see absent()
        rows = yield Query(
            """INSERT INTO lgviz_threads (thread_id, made) VALUES (?, ?) ON CONFLICT (thread_id)
               DO UPDATE SET made = excluded.made, epoch = lgviz_threads.epoch + 1 RETURNING id""",
            [target, made],
        )
        yield Query(
            """INSERT INTO lgviz_lineage (thread, source, ns, id, checkpoints, writes, source_id, at)
               VALUES (?, ?, ?, ?, (SELECT max(key) FROM lgviz_checkpoints),
               (SELECT coalesce(max(key), 0) FROM lgviz_writes), ?, ?)""",
            [rows[0][0], source, here[1], here[2], place.thread_id, time.time()],
        )
        return Address(target, here[1], here[2]).config()

    def refuse_taken(self, thread_id: str) -> Operation[None]:
        """Refuse a thread that has checkpoints.

        Raises:
            ThreadExists: it has.
        """
        taken = yield Query(
            """SELECT 1 FROM lgviz_threads t WHERE t.thread_id = ? AND (
               EXISTS (SELECT 1 FROM lgviz_checkpoints c WHERE c.thread = t.id) OR
               EXISTS (SELECT 1 FROM lgviz_lineage l WHERE l.thread = t.id))""",
            [thread_id],
        )
        if taken:
            raise ThreadExists(
                f"Thread {thread_id!r} has checkpoints already.",
                "Take a new thread id, or delete that thread first.",
            )

    def _locate(self, thread: int, chain: Chain, place: Address) -> Operation[tuple[Any, ...] | None]:
        """The row of a checkpoint that a thread sees, the newest where none is named."""
        ns = place.ns or ""
        columns = "SELECT key, ns, id, ordinal, metadata FROM lgviz_checkpoints WHERE"
        if place.checkpoint_id is None:
            rows = yield Query(f"{columns} thread = ? AND ns = ? ORDER BY key DESC LIMIT 1", [thread, ns])
            key = None if rows else (yield from self.latest(chain, ns))
        else:
            there = ns, place.checkpoint_id
            rows = yield Query(f"{columns} thread = ? AND ns = ? AND id = ?", [thread, *there])
            key = None if rows else (yield from self.key_of(chain, there))
        if key is not None:
            rows = yield Query(f"{columns} key = ?", [key])
        return tuple(rows[0]) if rows else None

    def _next_number(self, thread: int, chain: Chain, here: tuple[Any, ...]) -> Operation[int]:
        """The number of the root checkpoint that an heir makes next."""
        row: tuple[Any, ...] | None = here
        while row is not None and row[1]:
            anchor = self._anchor(row[1], row[4])
            row = anchor and (yield from self._locate(thread, chain, Address("", *anchor)))
        if row is not None:
            return int(row[3]) + 1
        where, params = self.blocks.dialect.among("thread", [thread, *(link.source for link in chain)])
        rows = yield Query(f"SELECT max(ordinal) FROM lgviz_checkpoints WHERE {where} AND ns = ''", params)
        return 0 if rows[0][0] is None else int(rows[0][0]) + 1


def path_to(place: Place, rows: Mapping[Place, PathEntry]) -> dict[Place, PathEntry]:
    """The checkpoints from the root to one, and those of subgraphs that were called on the way.

    Where the call of a subgraph is not known, its checkpoints come along.
    """
    kept: dict[Place, PathEntry] = {}

    def climb(ns: str, id: str | None) -> None:
        while id is not None and (ns, id) in rows and (ns, id) not in kept:
            entry = kept[ns, id] = rows[ns, id]
            id = entry.parent

    walked = set()
    above: Place | None = place
    while above is not None and above in rows and above[0] not in walked:
        walked.add(above[0])
        climb(*above)
        above = rows[above].anchor
    gone = above is not None and above not in rows  # of the callers nothing is known then
    for ns, id in sorted(rows, key=lambda each: len(each[0])):  # callers before what they called
        anchor = rows[ns, id].anchor
        if ns not in walked and (anchor in kept if anchor else not gone):
            climb(ns, id)
    return kept
