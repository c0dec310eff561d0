"""Who writes: the thread, checkpoint, node and task of the graph that is running."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

from langchain_core.runnables.config import var_child_runnable_config

_TASK, _SAVER = "__pregel_task_id", "__pregel_checkpointer"


class Writer(NamedTuple):
    """Who wrote a version; all None where no graph was running.

    Attributes:
        thread_id, checkpoint_ns, checkpoint_id: the checkpoint that the step started from; None where the
            graph has no checkpointer.
        node: the node, or the task of the functional API.
        task_id: LangGraph's id of the task.
    """

    thread_id: str | None = None
    checkpoint_ns: str | None = None
    checkpoint_id: str | None = None
    node: str | None = None
    task_id: str | None = None


NOBODY = Writer()
_override: ContextVar[Writer | None] = ContextVar("lgviz_writer", default=None)


@contextmanager
def writing_as(writer: Writer) -> Iterator[None]:
    """Versions that are written inside of it are this writer's, whatever runs."""
    token = _override.set(writer)
    try:
        yield
    finally:
        _override.reset(token)


def writer() -> Writer:
    """Who writes now, as the running graph's config says."""
    override = _override.get()
    if override is not None:
        return override
    config = var_child_runnable_config.get()
    return NOBODY if config is None else _of_config(config)


def _of_config(config: Mapping[str, Any]) -> Writer:
    place = config.get("configurable") or {}
    task_id = place.get(_TASK)
    if task_id is None:
        return NOBODY
    node = (config.get("metadata") or {}).get("langgraph_node")
    if not place.get(_SAVER):
        return Writer(node=node, task_id=task_id)
    thread_id = place.get("thread_id")
    started: Mapping[str, str] = place.get("checkpoint_map") or {}
    own, _, _ = (place.get("checkpoint_ns") or "").rpartition("|")
    checkpoint_id = started.get(own)
    # A task of the functional API has no checkpoints of its own: it is given its entrypoint's.
    namespaces = [ns for ns, id in started.items() if id == checkpoint_id]
    return Writer(
        None if thread_id is None else str(thread_id),
        min(namespaces, key=len, default=None),
        checkpoint_id,
        node,
        task_id,
    )
