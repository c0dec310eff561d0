"""``start``: a new thread, or the next turn of one that has finished."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

from langchain_core.runnables import RunnableConfig

from lgviz.sources.places import thread_of
from lgviz.sources.redact import Redactor

from .at_server import at_server
from .run import RunHandle, run_in_thread
from .run_result import Run, RunEvent
from .run_steps import Names, RunSpec, RunSteps, Until
from .target import aperform, target_of

__all__ = ["astart", "start", "start_thread"]


@at_server
def start(
    graph: Any,
    input: Any,  # noqa: A002
    thread_id: str | None = None,
    config: RunnableConfig | None = None,
    context: Any = None,
    *,
    until: Until = None,
    before: Names = (),
    after: Names = (),
    record_models: bool | None = None,
    on_event: Callable[[RunEvent], None] | None = None,
) -> Run:
    """Give a graph an input, in a new thread or as the next turn of a finished one, and wait for the end.

    What a node raises ends the run as ``"failed"``; it is kept in ``Run.error``, never raised.

    >>> import lgviz
    >>> from lgviz.demos import two_nodes
    >>> from lgviz.persistence import MemorySaver
    >>> graph = two_nodes.build(MemorySaver())
    >>> run = lgviz.start(graph, {"foo": "", "bar": []}, thread_id="1")
    >>> run.status, run.values, run.checkpoint
    ('done', {'foo': 'b', 'bar': ['a', 'b']}, <Checkpoint c3 node_b, step 2>)
    >>> lgviz.start(graph, {"foo": "again"}, thread_id="1").values
    {'foo': 'b', 'bar': ['a', 'b', 'a', 'b']}

    Args:
        graph: a compiled graph with a checkpointer.
        input: as ``invoke`` takes it.
        thread_id: the thread; None: that of ``config``, else a new one with an id of its own
            (``run.checkpoint.config`` names it).
        config: as ``invoke`` takes it.
        context: the run's context.
        until: a node (stop before it runs) or a predicate on a ``Checkpoint`` (stop after the step that
            made it).
        before, after: names of nodes to stop before and after.
        record_models: see :func:`lgviz.run`.
        on_event: told what happens, from the thread that runs it.

    Raises:
        ActRefused: the thread has not finished: it is resumed by :func:`lgviz.run`.
        InvalidValue: the graph takes in nothing of the input.
        ReadOnly, NoCheckpointer: the graph cannot run.
    """
    more = {"until": until, "before": before, "after": after, "record_models": record_models}
    spec = _spec(input, thread_id, config, context, **more)
    return run_in_thread(graph, RunSteps(spec, on_event))


@at_server
async def astart(
    graph: Any,
    input: Any,  # noqa: A002
    thread_id: str | None = None,
    config: RunnableConfig | None = None,
    context: Any = None,
    *,
    until: Until = None,
    before: Names = (),
    after: Names = (),
    record_models: bool | None = None,
    on_event: Callable[[RunEvent], None] | None = None,
) -> Run:
    """:func:`start`, awaited on the caller's loop."""
    more = {"until": until, "before": before, "after": after, "record_models": record_models}
    spec = _spec(input, thread_id, config, context, **more)
    return await aperform(target_of(graph), RunSteps(spec, on_event).act)


@at_server
def start_thread(
    graph: Any,
    input: Any,  # noqa: A002
    thread_id: str,
    *,
    fresh: bool = False,
    config: RunnableConfig | None = None,
    context: Any = None,
    before: Names = (),
    after: Names = (),
    record_models: bool | None = None,
    on_event: Callable[[RunEvent], None] | None = None,
    redactor: Redactor | None = None,
    loop: asyncio.AbstractEventLoop | None = None,
) -> RunHandle:
    """:func:`start` in a thread of its own; comes back at once.

    Args:
        graph, input, thread_id, config, context, before, after, record_models, on_event: see :func:`start`.
        fresh: refuse a thread that has checkpoints (:meth:`RunHandle.result` raises ``ThreadExists``).
        redactor: an answer of a model in which it masks something is not recorded.
        loop: where an asynchronous graph runs; None: where its saver lives, else a new one.
    """
    more: Any = {"before": before, "after": after, "fresh": fresh}
    more |= {"record_models": record_models, "redactor": redactor}
    spec = _spec(input, thread_id, config, context, **more)
    return RunHandle.of(graph, RunSteps(spec, on_event), loop)


def _spec(
    given: Any, thread_id: str | None, config: RunnableConfig | None, context: Any, **more: Any
) -> RunSpec:
    named = thread_id if thread_id is not None else thread_of(config)
    thread = str(uuid.uuid4()) if named is None else str(named)
    return RunSpec(None, given, thread_id=thread, config=config, context=context, begins=True, **more)
