"""What lgviz tells of a thread, held against what LangGraph's ``get_state`` says of each of its checkpoints.

``deviations(graph, "1", graph, saver, path)`` opens the thread from each of these and lists where ``values``,
``next``, ``tasks``, ``interrupts`` or ``waiting`` are others; an empty list is what a test asks for.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from langgraph.types import StateSnapshot

from lgviz.analysis.checkpoint import Checkpoint
from lgviz.analysis.history import open_history


def deviations(graph: Any, thread_id: str, *read_from: Any, values: bool = True) -> list[str]:
    """Where a thread is told otherwise than LangGraph tells it.

    Args:
        graph: the graph that wrote it.
        thread_id: the thread.
        read_from: what to open it from: a graph, a saver, a path.
        values: whether the states must be equal too.
    """
    found = []
    for what in read_from:
        history = open_history(what, thread_id)
        how = type(what).__name__
        for checkpoint in history:
            state = graph.get_state(checkpoint.config)
            told, right = checkpoint.values, state.values
            if what is not graph and isinstance(told, dict):  # a reducer's empty start is not stored
                right = {name: value for name, value in right.items() if value or name in told}
            if values and told != right:
                found.append(f"{how} {checkpoint.label} values {told} != {right}")
            ordered = what is graph or len(set(state.next)) < len(state.next) or len(state.next) < 2
            for name, told, right in _facts(checkpoint, state, ordered=ordered):
                if told != right:
                    found.append(f"{how} {checkpoint.label} {name} {told} != {right}")
    return found


def _facts(checkpoint: Checkpoint, state: StateSnapshot, *, ordered: bool) -> Any:
    order: Any = list if ordered else Counter
    yield "next", order(checkpoint.next), order(state.next)
    yield "tasks", order(map(_task, checkpoint.tasks)), order(map(_task, state.tasks))
    yield "interrupts", order(map(_asked, checkpoint.interrupts)), order(map(_asked, state.interrupts))
    if checkpoint.children:
        return
    finished = {task.id for task in state.tasks if task.result is not None}
    waiting = [i for task in state.tasks if task.id not in finished for i in task.interrupts]
    yield "waiting", order(map(_asked, checkpoint.waiting)), order(map(_asked, waiting))
    if state.next and not waiting and not any(task.error for task in state.tasks):
        yield "status", checkpoint.history.status, "paused"


def _task(task: Any) -> tuple[Any, ...]:
    error = None if task.error is None else str(task.error)
    return task.name, task.path, repr(task.result), error, tuple(map(_asked, task.interrupts))


def _asked(interrupt: Any) -> tuple[str, str]:
    return interrupt.id, repr(interrupt.value)
