"""Compares what lgviz shows of a thread with what LangGraph answered about it when it wrote it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lgviz


def differences(
    database: str | Path, thread: str, states: list[Any], ran: dict[str, list[str]]
) -> Iterator[tuple[str, Any, Any]]:
    """(what, lgviz's, LangGraph's) where the two are not the same."""
    history, by_id = lgviz.history(database, thread), {state["id"]: state for state in states}
    if {c.id for c in history} != by_id.keys():
        yield "checkpoints", [c.id for c in history], [*by_id]
        return
    for c in history:
        state = by_id[c.id]
        if c.source == "loop" and c.parent:  # of a thread's first runs the stream tells, of the rest the plan
            made_by = ran.get(c.id, by_id[c.parent.id]["next"])
            yield from unlike("nodes", in_any_order(c.nodes), in_any_order(made_by))
        tasks = [[task.name, bool(task.error), [i.value for i in task.interrupts]] for task in c.tasks]
        yield from unlike("next", in_any_order(c.next), in_any_order(state["next"]))
        if state["tasks"] is not None:  # since August 2024
            yield from unlike("tasks", in_any_order(tasks), in_any_order(state["tasks"]))
        # None is an entrypoint's that returned nothing yet; until one did, the rows do not tell that it is one.
        ours = json.loads(json.dumps({} if c.values is None else c.values, default=repr))
        theirs = {} if state["values"] is None else state["values"]
        if isinstance(theirs, dict):  # what an empty channel starts with is in the graph, in no row
            theirs = {name: value for name, value in theirs.items() if value or name in ours}
        yield from unlike("values", ours, theirs)


def unlike(what: str, ours: Any, theirs: Any) -> Iterator[tuple[str, Any, Any]]:
    if ours != theirs:
        yield what, ours, theirs


def in_any_order(items: Any) -> Counter[str]:
    """The graph's order of nodes is in no row."""
    return Counter(json.dumps(item, default=repr, sort_keys=True) for item in items)
