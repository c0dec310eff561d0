"""``replay``: today's code on yesterday's threads, answered from what is stored."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from concurrent.futures import Executor
from typing import Any

from lgviz._progress import Bar

from .executors import each_done, works_elsewhere
from .results import Replay
from .shipping import Shipped
from .verdicts import ThreadReplay
from .work import Names, ThreadWork

__all__ = ["areplay", "replay"]


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
        graph: a compiled graph, or its name (``"app:graph"``); its saver, store and cache are not written to.
        source: where the threads are: whatever :func:`lgviz.open_source` takes.
        threads: which ones, by id; None: all.
        live: names of nodes and tasks (``@task``) whose code has changed: they always run
            (``"research|judge"`` for a node inside a subgraph, or a task that a node calls).
        effects: names of those that must not run: where one would, its thread fails and says what differed.
        executor: to replay several threads at once: a ``ThreadPoolExecutor``, a ``ProcessPoolExecutor`` or
            Dask's ``client.get_executor()``. Other processes are sent the graph by cloudpickle (without its
            saver, store and cache) or load it by its name, and open ``source`` themselves: a path or URL.

    Returns:
        A :class:`~lgviz.replaying.results.Replay`: by thread id a verdict with its reason.

    Raises:
        SourceError: the source cannot be read.
        ThreadNotFound: it has no such thread.
        NodeRefused: ``live`` or ``effects`` names no node.
        NotASource: the graph's name leads to none.
        ActRefused: the graph is none that can run, or it or the source cannot be sent to other processes.
        NotInstalled: other processes are asked for without ``pip install 'lgviz[processes]'``.
    """
    work = ThreadWork.of(graph, source, threads, live, effects)
    found: dict[str, ThreadReplay] = {}
    stopped = False
    try:
        for thread in _through(work, executor):
            found[thread.thread_id] = thread
    except KeyboardInterrupt:
        stopped = True
    return Replay(
        {name: found[name] for name in work.threads if name in found}, stopped=stopped, shown=work.shown
    )


async def areplay(
    graph: Any, source: Any, threads: Names | None = None, live: Names = (), effects: Names = ()
) -> Replay:
    """:func:`replay`, awaited on the caller's loop."""
    work = ThreadWork.of(graph, source, threads, live, effects)
    found = {}
    for thread_id in Bar(work.threads, unit="thread", disable=None, leave=False):
        found[thread_id] = await work.areplayed(thread_id)
    return Replay(found, shown=work.shown)


def _through(work: ThreadWork, executor: Executor | None) -> Iterator[ThreadReplay]:
    """Each thread, as it is done."""
    away = works_elsewhere(executor)
    there: Any = Shipped.through(executor, work) if away else work  # type: ignore[arg-type]
    for thread_id, found in each_done(executor, there.replayed, work.threads, "thread"):
        done = _unpacked(found) if away else found
        yield work.unreplayed(thread_id, done) if isinstance(done, Exception) else done


def _unpacked(found: Any) -> Any:
    return found if isinstance(found, Exception) else pickle.loads(found)  # noqa: S301 - packed by our worker
