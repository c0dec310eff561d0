"""Many ways tried: one after the other, in threads, in other processes, or on a loop."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Hashable, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any
from uuid import uuid4

from langgraph.checkpoint.memory import InMemorySaver

from lgviz.replaying.executors import each_done, works_elsewhere
from lgviz.replaying.shipping import packed
from lgviz.session.reused import lending
from lgviz.session.target import target_of
from lgviz.sources import open_source
from lgviz.transfer.migration import places_of
from lgviz.transfer.threads import Put, ThreadCopy

from .forks import Manner, Way
from .outcomes import Item, Outcome, Score

__all__ = ["Trials"]


@dataclass(frozen=True)
class Trials:
    """Ways to be tried from checkpoints of one thread.

    Attributes:
        graph: its saver holds the thread, and is not written to.
        thread_id: the thread.
        ways: what is tried, by a name.
        manner: how they run.
        score: how good the state at the end is; None: it is not scored.
    """

    graph: Any
    thread_id: str
    ways: Mapping[Hashable, Way]
    manner: Manner
    score: Score | None = None
    _lent: list[Manner] = field(default_factory=list, repr=False)
    """Manners that no run uses now, with the history that runs before have read."""

    def tried(self, item: Item) -> Outcome:
        """What an item names; what it raises is its outcome."""
        try:
            with self._lending() as manner:
                return Outcome.of(*self.ways[item[0]].tried(self.graph, manner), self.score)
        except Exception as error:
            return Outcome.refused(error)

    async def atried(self, item: Item) -> Outcome:
        """:meth:`tried`, awaited."""
        try:
            with self._lending() as manner:
                return Outcome.of(*await self.ways[item[0]].atried(self.graph, manner), self.score)
        except Exception as error:
            return Outcome.refused(error)

    def through(self, executor: Executor | None, items: Iterable[Item]) -> Iterator[tuple[Item, Outcome]]:
        """Each item with the outcome of trying it, as it is done.

        Raises:
            ActRefused: they cannot be sent to other processes.
            KeyboardInterrupt: a run was stopped from the keyboard.
        """
        away = works_elsewhere(executor)
        there: Any = _TrialsElsewhere.of(self) if away else self
        for item, found in each_done(executor, there.tried, items, "run"):
            outcome = pickle.loads(found) if away and isinstance(found, bytes) else found  # noqa: S301 - of our worker
            if isinstance(outcome, Exception):
                outcome = Outcome.refused(outcome)
            if outcome.status == "stopped":  # nothing else ends a run so
                raise KeyboardInterrupt
            yield item, outcome

    @contextmanager
    def _lending(self) -> Iterator[Manner]:
        """The manner, with history that one run at a time looks through."""
        try:
            lent = self._lent.pop()
        except IndexError:
            reuse = lending(self.manner.reuse, target_of(self.graph), self.thread_id)
            lent = replace(self.manner, reuse=reuse or False)
        try:
            yield lent
        finally:
            self._lent.append(lent)

    def over(self, thread: Iterable[Put]) -> Trials:
        """These over a thread in memory."""
        graph, saver = copy.copy(self.graph), InMemorySaver()
        for name, args in thread:
            getattr(saver, name)(*args)
        graph.checkpointer = saver
        return replace(self, graph=graph, _lent=[])


@dataclass(frozen=True, slots=True)
class _TrialsElsewhere:
    """Trials in other processes, each over a copy of the thread in its memory."""

    packed: bytes

    @classmethod
    def of(cls, trials: Trials) -> _TrialsElsewhere:
        source = open_source(trials.graph).real
        thread = ThreadCopy(source, places_of(source, trials.thread_id), trials.thread_id, InMemorySaver())
        return cls(packed((uuid4().hex, trials, [put for puts in thread.puts() for put in puts])))

    def tried(self, item: Item) -> bytes:
        """What an item names, to be sent back; :func:`pickle.loads` opens it."""
        import cloudpickle

        found: bytes = cloudpickle.dumps(_unpacked(self.packed).tried(item).travelling())
        return found


@lru_cache(maxsize=1)
def _unpacked(packed: bytes) -> Trials:
    """The trials, which a worker makes ready once."""
    _, trials, thread = pickle.loads(packed)  # noqa: S301 - packed by the sweep that asks
    made: Trials = trials.over(thread)
    return made
