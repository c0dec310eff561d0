"""What is new in a thread, where nothing that is stored tells the order in which it was stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from lgviz.sources.base import CheckpointRow, ThreadIndex, WriteRow

__all__ = ["BEGINNING", "CountedIndex", "CountedToken", "Look"]


class CountedToken(NamedTuple):
    """Where an index ended.

    Attributes:
        last: the greatest id of a checkpoint.
        known: the checkpoints, by namespace and id.
        counts: how many writes lie under a checkpoint, by its id.
        writes: changes with the writes.
        stamp: there is none.
    """

    last: str
    known: frozenset[tuple[str, str]]
    counts: Mapping[str, int]
    writes: Any
    stamp: None = None


BEGINNING = CountedToken("", frozenset(), {}, None)
"""The token before the first checkpoint."""


class Look(NamedTuple):
    """What a look at a thread finds.

    Attributes:
        rows: the checkpoints after an id, by their ids.
        total: how many there are in all, counted before the rows were read or at the same moment.
        writes: changes with the writes: their number, and what tells of those that are written over.
    """

    rows: Sequence[CheckpointRow]
    total: int
    writes: Any


@dataclass(frozen=True)
class CountedIndex:
    """Reads what is new by the ids, which rise with time, and makes sure by counting that it is all. Where
    between two looks one checkpoint was deleted and another one with an earlier id committed, the counts are
    equal: both are only seen by who reads the thread anew.

    Attributes:
        look: looks at a thread after an id, ``""``: at all of it.
        write_rows: the writes under some checkpoints, by their ids, and those that may have been written over
            (questions, answers and errors); None: all.
        write_counts: how many writes lie under each checkpoint of a thread.
    """

    look: Callable[[str, str], Look]
    write_rows: Callable[[str, Collection[str] | None], list[WriteRow]]
    write_counts: Callable[[str], Mapping[str, int]]

    def read(self, thread_id: str, since: CountedToken = BEGINNING) -> ThreadIndex:
        """The rows after a token; only ``reset`` where checkpoints were deleted."""
        # Where the number is another, an earlier id was stored later, or checkpoints are gone.
        for after in dict.fromkeys((since.last, "")):
            rows, total, state = self.look(thread_id, after)
            known = since.known | {(row.namespace, row.id) for row in rows}
            if total == len(known):
                break
        else:
            return ThreadIndex(reset=True)
        if state == since.writes and known == since.known:
            return ThreadIndex(token=since)
        writes, counts = self._new_writes(thread_id, since)
        last = max([since.last, *(row.id for row in rows)])
        return ThreadIndex(list(rows), writes, CountedToken(last, known, counts, state))

    def _new_writes(self, thread_id: str, since: CountedToken) -> tuple[list[WriteRow], Mapping[str, int]]:
        if since is BEGINNING:
            rows = self.write_rows(thread_id, None)
            return rows, Counter(row.checkpoint_id for row in rows)
        counts = self.write_counts(thread_id)
        changed = [id_ for id_, count in counts.items() if since.counts.get(id_) != count]
        return self.write_rows(thread_id, changed), counts
