"""Going on at a head in place, so that only what has not finished runs.

Asked for a checkpoint by its id, LangGraph runs all of its step again; asked for none it takes the latest of
the thread and gives finished tasks back what they wrote. So a head, whichever of the thread's, is lent to it
as the latest.
"""

from __future__ import annotations

from collections.abc import Collection

from lgviz.analysis.history import History
from lgviz.analysis.tree import Tree
from lgviz.errors import ActRefused, listed
from lgviz.sources.places import calls

from .effects import Act
from .plan import root_of
from .run_result import CheckpointFinder
from .target import Position, find

__all__ = ["as_latest", "goes_on", "went_on_besides"]


def goes_on(position: Position, finder: CheckpointFinder) -> Act[Position | None]:
    """The root of a checkpoint as the latest of its thread, to go on in place; None where it has children."""
    root = yield from root_of(position)
    history = finder.history(position.thread_id)
    if _children(history.tree, _places(position, root)):
        return None
    return (yield from _lent(position, root, history))


def as_latest(position: Position, done: set[str], finder: CheckpointFinder) -> Act[Position]:
    """:func:`goes_on` for whoever means just that.

    Args:
        position: the checkpoint.
        done: ids of the tasks of its root that have finished.
        finder: reads the thread.

    Raises:
        ActRefused: it has children, or the subgraph that it lies in has come to its end.
    """
    root = yield from root_of(position)
    history = finder.history(position.thread_id)
    if children := _children(history.tree, _places(position, root)):
        (parent, child), *_ = children
        raise ActRefused(
            f"{parent} went on already: {child} follows from it.",
            f"Resume where {child} leads to, or run from {parent} for a new branch.",
        )
    if position.namespace and calls(position.namespace)[0].task_id in done:
        label = history[position.id].label
        raise ActRefused(
            f"The call of {calls(position.namespace)[0].node!r} that {label} belongs to has finished.",
            "Resume the checkpoint that it started from.",
        )
    return (yield from _lent(position, root, history))


def went_on_besides(root: Position, made: Collection[str], finder: CheckpointFinder) -> str | None:
    """What somebody made of a checkpoint, which had no children, while a run went on there in place; None
    where nobody did.

    Args:
        root: the checkpoint.
        made: ids of the checkpoints that the run made.
        finder: reads the thread.
    """
    at = finder.history(root.thread_id)[root.id]
    others = [child.label for child in at.children if child.id not in made]
    if not others:
        return None
    return f"Somebody else went on at {at.label} at the same time: {listed(others)} follows from it too."


def _places(position: Position, root: Position) -> dict[str, str]:
    """By namespace, from the root's down, the checkpoints to go on at."""
    parents = dict(position.saved.metadata.get("parents", {})) if position.namespace else {}
    return {**parents, "": root.id, position.namespace: position.id}


def _children(tree: Tree, places: dict[str, str]) -> list[tuple[str, str]]:
    """The labels of those that have a child, with the newest child's."""
    rows = [tree.row_of(id_, namespace) for namespace, id_ in places.items()]
    return [
        (tree.labels[row], tree.labels[tree.rows[row].children[-1].index])
        for row in rows
        if row >= 0 and tree.rows[row].children
    ]


def _lent(position: Position, root: Position, history: History) -> Act[Position]:
    latest: dict[str, str | None] = {**_memories(history.tree, root), **_places(position, root)}
    target = root.target.with_proxy(latest={(root.thread_id, ns): id_ for ns, id_ in latest.items()})
    return (yield from find(target, root.config, None))


def _memories(tree: Tree, root: Position) -> dict[str, str | None]:
    """By namespace, where subgraphs with a history of their own (``checkpointer=True``) stand on a branch:
    all branches share these namespaces. None: nowhere yet."""
    shared = {ns for ns in set(tree.namespaces) if ns and not any(call.task_id for call in calls(ns))}
    if not shared:
        return {}
    branch, above = set(), tree.rows[tree.row_of(root.id, "")]
    while above is not None:
        branch.add(above.index)
        above = above.parent  # type: ignore[assignment]
    found: dict[str, str | None] = dict.fromkeys(shared)
    for row, namespace in enumerate(tree.namespaces):
        if namespace in shared and tree.root_of(row) in branch:
            found[namespace] = tree.ids[row]
    return found
