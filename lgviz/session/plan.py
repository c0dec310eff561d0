"""What "run from here" runs, and how a checkpoint inside a subgraph is made to run exactly that.

LangGraph starts a replay by a ``fork`` copy of the root checkpoint. The copy has a new id, so its tasks have
new ids too, and the subgraph of such a task finds its namespace empty and runs from its start
(langgraph#8458). :func:`replanted` makes the copies itself, the root's and one in each namespace down to the
checkpoint meant, and names all of them in ``checkpoint_map``, so that LangGraph continues exactly there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base.id import uuid6
from langgraph.types import StateSnapshot

from lgviz.errors import ActRefused, CheckpointNotFound

from .effects import Act, call
from .target import Position, find
from .update import siblings

__all__ = ["Plan", "plan_of", "replanted", "root_of"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run from a checkpoint will do.

    Attributes:
        next: the nodes that run first, exactly the checkpoint's ``next``.
        then: the nodes of the parent graphs that run after, outermost last, for one inside a subgraph.
        warnings: what else happens, to be read before anything runs.
    """

    next: tuple[str, ...]
    then: tuple[str, ...]
    warnings: list[str]


def plan_of(position: Position, snapshot: StateSnapshot) -> Act[Plan]:
    """The plan of a run from ``position``. Writes nothing, runs nothing."""
    warnings = []
    done = [s.node for s in siblings(position, snapshot)]
    if 0 < len(done) < len(snapshot.tasks):
        warnings.append(f"{', '.join(done)} finished here before and will run again.")
    if not position.namespace:
        return Plan(snapshot.next, (), warnings)
    if (why := _stuck(position)) is not None:
        warnings.append(f"The whole subgraph {position.namespace.split(':')[0]!r} runs again, for {why}.")
    then = [part.split(":")[0] for part in position.namespace.split("|")]
    yield from root_of(position)
    return Plan(snapshot.next, tuple(reversed(then)), warnings)


def root_of(position: Position) -> Act[Position]:
    """The root checkpoint from which the call of a subgraph started.

    Raises:
        CheckpointNotFound: it was deleted.
    """
    if not position.namespace:
        return position
    root = position.saved.metadata.get("parents", {}).get("")
    if root is None:
        raise CheckpointNotFound(
            f"Checkpoint {position.id} does not name the root checkpoint that its subgraph was called from.",
            "Run from a checkpoint of the root namespace.",
        )
    at = {"configurable": {"thread_id": position.thread_id, "checkpoint_id": root}}
    return (yield from find(position.target, at, None))


def replanted(position: Position) -> Act[RunnableConfig]:
    """A config from which LangGraph runs exactly what ``position``'s ``next`` says.

    At the root that is its own config. Inside a subgraph, copies of the checkpoints from the root down to
    ``position`` are stored first (``source="fork"``), as children of the originals.
    """
    if not position.namespace:
        return position.config
    parents: Mapping[str, str] = position.saved.metadata.get("parents", {})
    root = yield from root_of(position)
    names = {"thread_id": position.thread_id, "checkpoint_ns": "", "checkpoint_id": root.id}
    if _stuck(position) is not None:
        return {"configurable": {**names, "checkpoint_map": {**parents, position.namespace: position.id}}}
    old, new = root, (yield from _copied(root, "", {}))
    planted = {"": new["checkpoint_id"]}
    for namespace in [*sorted(filter(None, parents), key=_depth), position.namespace]:
        child = (
            position
            if namespace == position.namespace
            else (yield from _at(position, namespace, parents[namespace]))
        )
        moved = yield from _moved(old, new, namespace)
        old, new = child, (yield from _copied(child, moved, planted))
        planted[moved] = new["checkpoint_id"]
    return {"configurable": {**names, "checkpoint_id": planted[""], "checkpoint_map": planted}}


def _stuck(position: Position) -> str | None:
    """Why :func:`replanted` cannot help here; None where it can."""
    parts = position.namespace.split("|")
    if any(part.isdigit() for part in parts):
        return "one task called several subgraphs"
    graphs = [position.target.graph_in("|".join(parts[:depth])) for depth in range(1, len(parts) + 1)]
    channels = [channel for graph in graphs for channel in graph.channels.values()]
    if any(type(channel).__name__ == "DeltaChannel" for channel in channels):
        return "it keeps a DeltaChannel, which cannot be copied alone"
    return None


def _depth(namespace: str) -> int:
    return namespace.count("|")


def _at(position: Position, namespace: str, checkpoint_id: str) -> Act[Position]:
    names = {"thread_id": position.thread_id, "checkpoint_ns": namespace, "checkpoint_id": checkpoint_id}
    return (yield from find(position.target, {"configurable": names}, None))


def _moved(old: Position, new: dict[str, str], namespace: str) -> Act[str]:
    """The namespace that a subgraph's call gets under the copy of the checkpoint it started from.

    The task in the same place has another id there. A subgraph with a history of its own
    (``checkpointer=True``) has no task ids in its namespace, and keeps it.
    """
    node, _, task_id = namespace.rsplit("|", 1)[-1].partition(":")
    if not task_id:
        return namespace
    before: StateSnapshot = yield from call(old.target.graph, "get_state", old.config)
    after: StateSnapshot = yield from call(old.target.graph, "get_state", {"configurable": new})
    place = next((i for i, task in enumerate(before.tasks) if task.id == task_id), None)
    if place is None or place >= len(after.tasks) or after.tasks[place].name != node:
        raise ActRefused(
            f"The graph has changed: checkpoint {old.id} no longer starts the call of {node!r}.",
            "Run from a checkpoint of the root namespace.",
        )
    above = new["checkpoint_ns"]
    return f"{above}|{node}:{after.tasks[place].id}" if above else f"{node}:{after.tasks[place].id}"


def _copied(position: Position, namespace: str, parents: Mapping[str, str]) -> Act[dict[str, str]]:
    """Store a copy of a checkpoint, as LangGraph's own replay does; returns the names of the copy.

    In its own namespace it is a child of the original; in another it is the first.
    """
    saved = position.saved
    step = saved.metadata.get("step", -1) + 1
    copy_id = str(uuid6(clock_seq=step))
    checkpoint = {**saved.checkpoint, "id": copy_id, "ts": datetime.now(UTC).isoformat()}
    names = {"thread_id": position.thread_id, "checkpoint_ns": namespace}
    counters = {k: v for k, v in saved.metadata.items() if k == "counters_since_delta_snapshot"}
    stays = namespace == position.namespace
    yield from call(
        position.target.saver,
        "put",
        {"configurable": {**names, "checkpoint_id": position.id} if stays else names},
        checkpoint,
        {"source": "fork", "step": step, "parents": dict(parents), **counters},
        {} if stays else saved.checkpoint["channel_versions"],
    )
    return {**names, "checkpoint_id": copy_id}
