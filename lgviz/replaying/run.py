"""``replay``: today's code on yesterday's threads, answered from what is stored."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver
from tqdm.auto import tqdm

from lgviz.analysis.history import History
from lgviz.analysis.loading import said_by
from lgviz.errors import ActRefused, LgvizError, ThreadNotFound, listed
from lgviz.session.halts import StopPoints
from lgviz.session.target import aperform, perform, target_of
from lgviz.sources import open_source
from lgviz.sources.base import Source
from lgviz.sources.redact import Redactor

from .results import BranchReplay, Replay, ThreadReplay
from .thread import ThreadActs

__all__ = ["Names", "ThreadWork", "areplay", "replay"]

Names = str | Iterable[str]


def replay(
    graph: Any,
    source: Any,
    threads: Names | None = None,
    live: Names = (),
    effects: Names = (),
    executor: Executor | None = None,
) -> Replay:
    """Do threads again with today's code, and call no model, no tool and no node whose input did not change.

    Each input, update, fork and answer of a thread is done again into memory, in the order of its creation.
    A task whose node was asked the same before is answered with what it wrote then; any other runs. Nothing
    is written to the source. Interrupted from the keyboard, it gives what it has.

    >>> import lgviz
    >>> from langgraph.checkpoint.memory import InMemorySaver
    >>> from lgviz.demos import chat
    >>> graph = chat.build(InMemorySaver())
    >>> _ = graph.invoke({"messages": "hi"}, {"configurable": {"thread_id": "1"}})
    >>> lgviz.replay(graph, graph)
    Replay of 1 thread: 1 same; 1 task served, 0 ran
      1  same
    >>> lgviz.replay(graph, graph, live="model")["1"].ran
    Counter({'model': 1})

    Args:
        graph: a compiled graph; its own saver, store and cache are not written to.
        source: where the threads are: whatever :func:`lgviz.open_source` takes.
        threads: which ones, by id; None: all.
        live: names of nodes whose code has changed: they always run (``"research|judge"`` for one inside a
            subgraph).
        effects: names of nodes that must not run: where one would, its thread fails and says what differed.
        executor: a ``ThreadPoolExecutor`` to replay several threads at once.

    Returns:
        A :class:`~lgviz.replaying.results.Replay`: by thread id a verdict with its reason.

    Raises:
        SourceError: the source cannot be read.
        ThreadNotFound: it has no such thread.
        NodeRefused: ``live`` or ``effects`` names no node.
        ActRefused: the graph is none that can run, or the executor is none of threads.
    """
    work = ThreadWork.of(graph, source, threads, live, effects)
    found: dict[str, ThreadReplay] = {}
    stopped = False
    try:
        for thread in work.through(executor):
            found[thread.thread_id] = thread
    except KeyboardInterrupt:
        stopped = True
    return Replay({name: found[name] for name in work.threads if name in found}, stopped=stopped)


async def areplay(
    graph: Any, source: Any, threads: Names | None = None, live: Names = (), effects: Names = ()
) -> Replay:
    """:func:`replay`, awaited on the caller's loop."""
    work = ThreadWork.of(graph, source, threads, live, effects)
    found = {}
    for thread_id in tqdm(work.threads, unit="thread", disable=None, leave=False):
        with work.source.sharing():
            found[thread_id] = await work.areplayed(thread_id)
    return Replay(found)


@dataclass(frozen=True)
class ThreadWork:
    """What is to be replayed."""

    graph: Any
    source: Source
    threads: list[str]
    live: StopPoints
    effects: StopPoints
    redactor: Redactor | None = None
    runs: bool = True
    """Whether nodes may run at all."""
    strict: bool = False
    channels: frozenset[str] | None = None
    """As :class:`~lgviz.replaying.thread.ThreadActs` takes them."""

    @classmethod
    def of(
        cls, graph: Any, source: Any, threads: Names | None, live: Names = (), effects: Names = ()
    ) -> ThreadWork:
        here = copy.copy(graph)
        if hasattr(graph, "checkpointer"):
            here.checkpointer = InMemorySaver()
        target_of(here)  # or it refuses
        given = open_source(source)
        opened = copy.copy(given.real)
        opened.graph = graph  # states are told as today's graph tells them
        known = [thread.thread_id for thread in opened.threads()]
        asked = [threads] if isinstance(threads, str) else threads
        wanted = known if asked is None else list(dict.fromkeys(map(str, asked)))
        if missing := sorted(set(wanted).difference(known)):
            raise ThreadNotFound(
                f"There is no thread {listed(missing, most=5)}.", f"There are {listed(known, most=5)}."
            )
        is_live = StopPoints.of(live, here, "be live")
        has_effects = StopPoints.of(effects, here, "have effects")
        return cls(here, opened, wanted, is_live, has_effects, given.redactor)

    def through(self, executor: Executor | None) -> Iterator[ThreadReplay]:
        """Each thread, as it is done."""
        if executor is not None and not isinstance(executor, ThreadPoolExecutor):
            raise ActRefused(
                f"A replay cannot go through a {type(executor).__name__} yet.", "Use a ThreadPoolExecutor."
            )
        with tqdm(total=len(self.threads), unit="thread", disable=None, leave=False) as bar:
            if executor is None:
                for thread_id in self.threads:
                    with self.source.sharing():
                        yield self.replayed(thread_id)
                    bar.update()
                return
            waiting = [executor.submit(self.replayed, thread_id) for thread_id in self.threads]
            try:
                for done in as_completed(waiting):
                    yield done.result()
                    bar.update()
            finally:
                for future in waiting:
                    future.cancel()

    def replayed(self, thread_id: str) -> ThreadReplay:
        """One thread; what keeps it from being replayed is its verdict."""
        try:
            acts = self._acts(thread_id)
            return perform(target_of(self.graph), lambda _here: acts.act())
        except Exception as error:
            return _unknown(thread_id, error)

    async def areplayed(self, thread_id: str) -> ThreadReplay:
        """:meth:`replayed`, awaited."""
        try:
            acts = self._acts(thread_id)
            return await aperform(target_of(self.graph), lambda _here: acts.act())
        except Exception as error:
            return _unknown(thread_id, error)

    def _acts(self, thread_id: str) -> ThreadActs:
        history = History(self.source, thread_id)
        named = (self.live.has_path, self.effects.has_path)
        how: dict[str, Any] = {"runs": self.runs, "strict": self.strict, "channels": self.channels}
        return ThreadActs(self.graph, history, *named, self.redactor, **how)


def _unknown(thread_id: str, error: Exception) -> ThreadReplay:
    said = error.cause if isinstance(error, LgvizError) else f"replaying it raised {said_by(error)}"
    branch = BranchReplay("", "unknown", reason=str(said))
    return ThreadReplay(thread_id, "unknown", Counter(), Counter(), reason=branch.reason, branches=(branch,))
