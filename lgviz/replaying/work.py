"""What is to be replayed, and a thread of it at a time."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver

from lgviz.analysis.history import History
from lgviz.analysis.loading import said_by
from lgviz.errors import LgvizError, ThreadNotFound, listed
from lgviz.session.graph_names import load_graph
from lgviz.session.halts import StopPoints, names_in
from lgviz.session.target import aperform, perform, target_of
from lgviz.sources import open_source
from lgviz.sources.base import Source
from lgviz.sources.redact import Redactor

from .thread import ThreadActs
from .verdicts import BranchReplay, ThreadReplay

__all__ = ["Names", "ThreadWork"]

Names = str | Iterable[str]


@dataclass(frozen=True)
class ThreadWork:
    """What is to be replayed."""

    graph: Any
    source: Source
    threads: Mapping[str, int]
    """By id, how many checkpoints a thread has."""
    live: StopPoints
    effects: StopPoints
    redactor: Redactor | None = None
    runs: bool = True
    """Whether nodes may run at all."""
    strict: bool = False
    channels: frozenset[str] | None = None
    """As :class:`~lgviz.replaying.thread.ThreadActs` takes them."""
    name: str | None = None
    """What the graph is loaded by, where a name was given."""

    @classmethod
    def of(
        cls, graph: Any, source: Any, threads: Names | None, live: Names = (), effects: Names = ()
    ) -> ThreadWork:
        name = graph if isinstance(graph, str) else None
        here = _in_memory(graph if name is None else load_graph(name))
        target_of(here)  # or it refuses
        given = open_source(source)
        opened = _told_by(here, given)
        known = {thread.thread_id: thread.count or 0 for thread in opened.threads()}
        wanted = known if threads is None else dict.fromkeys(names_in(threads))
        if missing := sorted(wanted.keys() - known.keys()):
            raise ThreadNotFound(
                f"There is no thread {listed(missing, most=5)}.", f"There are {listed(known, most=5)}."
            )
        is_live = StopPoints.of(live, here, "be live", with_tasks=True).reaching(here)
        has_effects = StopPoints.of(effects, here, "have effects", with_tasks=True).reaching(here)
        chosen = {name: known[name] for name in wanted}
        return cls(here, opened, chosen, is_live, has_effects, given.redactor, name=name)

    def travelling(self) -> ThreadWork:
        """What of it goes to another process as it is."""
        bare: dict[str, Any] = {"graph": None, "source": None, "threads": {}}
        return replace(self, **bare)

    def arrived(self, graph: Any, source: Source) -> ThreadWork:
        """What travelled, with the graph and the source of the process that it came to."""
        here = _in_memory(graph)
        return replace(self, graph=here, source=_told_by(here, source))

    def replayed(self, thread_id: str) -> ThreadReplay:
        """One thread; what keeps it from being replayed is its verdict."""
        source = copy.copy(self.source)  # what is shared while it is read is shared with no other thread
        try:
            with source.sharing():
                acts = self._acts(thread_id, source)
                return perform(target_of(self.graph), lambda _here: acts.act())
        except Exception as error:
            return self.unreplayed(thread_id, error)

    async def areplayed(self, thread_id: str) -> ThreadReplay:
        """:meth:`replayed`, awaited."""
        source = copy.copy(self.source)
        try:
            with source.sharing():
                acts = self._acts(thread_id, source)
                return await aperform(target_of(self.graph), lambda _here: acts.act())
        except Exception as error:
            return self.unreplayed(thread_id, error)

    def _acts(self, thread_id: str, source: Source) -> ThreadActs:
        history = History(source, thread_id)
        named = (self.live.has_path, self.effects.has_path)
        how: dict[str, Any] = {"runs": self.runs, "strict": self.strict, "channels": self.channels}
        return ThreadActs(self.graph, history, *named, self.redactor, **how)

    def unreplayed(self, thread_id: str, error: Exception) -> ThreadReplay:
        """The verdict on a thread that an error kept from being replayed."""
        said = str(error) if isinstance(error, LgvizError) else f"replaying it raised {said_by(error)}"
        reason = self.shown(said)
        branches = (BranchReplay("", "unknown", reason=reason),)
        return ThreadReplay(thread_id, "unknown", Counter(), Counter(), reason=reason, branches=branches)

    @property
    def shown(self) -> Callable[[str], str]:
        """Masks a text that belongs to no value, where the source masks."""
        return str if self.redactor is None else self.redactor.text


def _in_memory(graph: Any) -> Any:
    """A copy of a graph that keeps what it makes in memory; what is no graph as it is."""
    here = copy.copy(graph)
    if hasattr(graph, "checkpointer"):
        here.checkpointer = InMemorySaver()
    return here


def _told_by(graph: Any, source: Source) -> Source:
    """A source without masks, whose states are told as a graph tells them."""
    opened = copy.copy(source.real)
    opened.graph = graph
    return opened
