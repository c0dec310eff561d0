"""What a run streams, as events: which task started, what it says, what it came to."""

from __future__ import annotations

import logging
from typing import Any

from lgviz.analysis.messages import is_message, message_id, piece_of
from lgviz.errors import said
from lgviz.sources.places import calls

from .run_result import RunEvent

__all__ = ["MODES", "AtWork"]

logger = logging.getLogger(__name__)
MODES = ["tasks", "messages", "custom"]
"""What a run streams that somebody listens to."""


class AtWork:
    """The tasks at work, and the events that LangGraph's stream tells of them.

    Attributes:
        nodes: task id to node.
    """

    def __init__(self) -> None:
        self.nodes: dict[str, str] = {}
        self._namespaces: dict[str, str] = {}

    def heard(self, namespace: str, mode: str, item: Any) -> RunEvent | None:
        """The event that a streamed item is; None where there is nothing to tell."""
        if mode == "tasks":
            return self._task(namespace, item)
        try:
            return self._said(item) if mode == "messages" else self._custom(namespace, item)
        except Exception:  # whatever a model or a node sends: the run goes on without it being shown
            logger.debug("A streamed item cannot be shown.", exc_info=True)
            return None

    def _task(self, namespace: str, task: Any) -> RunEvent:
        task_id, node = task["id"], task["name"]
        if "input" in task:
            self.nodes[task_id] = node
            self._namespaces[task_id] = namespace
            return RunEvent("started", namespace, node, task_id)
        self.nodes.pop(task_id, None)
        self._namespaces.pop(task_id, None)
        raised = task.get("error")
        error = None if raised is None else said(raised) if isinstance(raised, BaseException) else str(raised)
        return RunEvent("finished", namespace, node, task_id, error=error)

    def _said(self, item: Any) -> RunEvent | None:
        message, metadata = item
        task_id = self._task_of(str(metadata["langgraph_checkpoint_ns"]))
        text = piece_of(message) if is_message(message) else ""
        if not text or task_id is None:
            return None
        where, node = self._namespaces[task_id], self.nodes[task_id]
        return RunEvent("message", where, node, task_id, message_id=str(message_id(message)), text=text)

    def _custom(self, namespace: str, value: Any) -> RunEvent:
        """LangGraph tells the graph that a custom event comes from, not the task."""
        here = [task_id for task_id, where in self._namespaces.items() if where == namespace]
        task_id = here[0] if len(here) == 1 else None if here else self._task_of(namespace)
        node = None if task_id is None else self.nodes[task_id]
        return RunEvent("custom", namespace, node, task_id, value=value)

    def _task_of(self, namespace: str) -> str | None:
        """The innermost task at work whose call a namespace lies in."""
        ids = [step.task_id for step in calls(namespace)]
        return next((task_id for task_id in reversed(ids) if task_id in self.nodes), None)
