"""Which channels are LangGraph's own bookkeeping."""

from __future__ import annotations

__all__ = ["CONTROL_CHANNELS", "NULL_TASK_ID", "TASKS_CHANNEL", "is_internal"]

_PREFIXES = ("__", "branch:", "join:", "start:")
_STATE = frozenset({"__root__", "__end__"})
"""The whole state of a graph whose state is no dict, and the result of a functional entrypoint."""

CONTROL_CHANNELS = frozenset({"__error__", "__error_source_node__", "__interrupt__", "__resume__"})
"""Writes to these say what happened to a task; any other write is its output."""

TASKS_CHANNEL = "__pregel_tasks"
"""Holds the ``Send``s of the step before."""

NULL_TASK_ID = "00000000-0000-0000-0000-000000000000"
"""The task id of writes that belong to a checkpoint and to no task."""


def is_internal(name: str) -> bool:
    """Whether a channel belongs to LangGraph itself and not to the state (``branch:to:agent``)."""
    return name.startswith(_PREFIXES) and name not in _STATE
