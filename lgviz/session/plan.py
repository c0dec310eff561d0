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
from langgraph.checkpoint.base import CheckpointTuple
from langgraph.checkpoint.base.id import uuid6
from langgraph.types import StateSnapshot

from lgviz.errors import ActRefused, CheckpointNotFound

from .live import Live, Spot, find
from .loops import Steps, call
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


def plan_of(spot: Spot, snapshot: StateSnapshot) -> Steps[Plan]:
    """The plan of a run from ``spot``. Writes nothing, runs nothing."""
    warnings = []
    done = [s.node for s in siblings(spot, snapshot)]
    if 0 < len(done) < len(snapshot.tasks):
        warnings.append(f"{', '.join(done)} finished here before and will run again.")
    if not spot.namespace:
        return Plan(snapshot.next, (), warnings)
    if (why := _stuck(spot)) is not None:
        warnings.append(f"The whole subgraph {spot.namespace.split(':')[0]!r} runs again, for {why}.")
    then = [part.split(":")[0] for part in spot.namespace.split("|")]
    yield from root_of(spot)
    return Plan(snapshot.next, tuple(reversed(then)), warnings)


def root_of(spot: Spot) -> Steps[Spot]:
    """The root checkpoint from which the call of a subgraph started.

    Raises:
        CheckpointNotFound: it was deleted.
    """
    if not spot.namespace:
        return spot
    root = spot.saved.metadata.get("parents", {}).get("")
    if root is None:
        raise CheckpointNotFound(
            f"Checkpoint {spot.id} does not name the root checkpoint that its subgraph was called from.",
            "Run from a checkpoint of the root namespace.",
        )
    at = {"configurable": {"thread_id": spot.thread_id, "checkpoint_id": root}}
    return (yield from find(spot.live, at, None))


def replanted(spot: Spot) -> Steps[RunnableConfig]:
    """A config from which LangGraph runs exactly what ``spot``'s ``next`` says.

    At the root that is its own config. Inside a subgraph, copies of the checkpoints from the root down to
    ``spot`` are stored first (``source="fork"``), as children of the originals.
    """
    if not spot.namespace:
        return spot.config
    parents: Mapping[str, str] = spot.saved.metadata.get("parents", {})
    names = {"thread_id": spot.thread_id, "checkpoint_ns": "", "checkpoint_id": parents.get("", "")}
    if _stuck(spot) is not None:
        return {"configurable": {**names, "checkpoint_map": {**parents, spot.namespace: spot.id}}}
    root = yield from root_of(spot)
    old, new = root, (yield from _copied(spot.live, root.saved, "", root.id, {}))
    planted = {"": new["checkpoint_id"]}
    parts = spot.namespace.split("|")
    for depth in range(1, len(parts) + 1):
        below = "|".join(parts[:depth])
        last = depth == len(parts)
        child = spot if last else (yield from _at(spot, below, parents[below]))
        namespace = yield from _namespace(spot.live, old, new, parts[depth - 1])
        old, new = child, (yield from _copied(spot.live, child.saved, namespace, None, planted))
        planted[namespace] = new["checkpoint_id"]
    names["checkpoint_id"] = planted[""]
    return {"configurable": {**names, "checkpoint_map": planted}}


def _stuck(spot: Spot) -> str | None:
    """Why :func:`replanted` cannot help here; None where it can."""
    parts = spot.namespace.split("|")
    if not all(":" in part for part in parts):
        # a subgraph with a history of its own (checkpointer=True): its namespace does not depend on task ids
        return None if not any(":" in part for part in parts) else "it was called more than once by one task"
    graphs = [spot.live.at("|".join(parts[:depth])) for depth in range(1, len(parts) + 1)]
    channels = [channel for graph in graphs for channel in graph.channels.values()]
    if any(type(channel).__name__ == "DeltaChannel" for channel in channels):
        return "it keeps a DeltaChannel, which cannot be copied alone"
    return None


def _at(spot: Spot, namespace: str, checkpoint_id: str) -> Steps[Spot]:
    names = {"thread_id": spot.thread_id, "checkpoint_ns": namespace, "checkpoint_id": checkpoint_id}
    return (yield from find(spot.live, {"configurable": names}, None))


def _namespace(live: Live, old: Spot, new: dict[str, str], part: str) -> Steps[str]:
    """The namespace that a subgraph's call gets under the copy: the task in the same place has another id."""
    node, task_id = part.split(":", 1)
    before: StateSnapshot = yield from call(live.graph, "get_state", old.config)
    after: StateSnapshot = yield from call(live.graph, "get_state", {"configurable": new})
    place = next((i for i, task in enumerate(before.tasks) if task.id == task_id), None)
    if place is None or place >= len(after.tasks) or after.tasks[place].name != node:
        raise ActRefused(
            f"The graph has changed: checkpoint {old.id} no longer starts the call of {node!r}.",
            "Run from a checkpoint of the root namespace.",
        )
    above = new["checkpoint_ns"]
    return f"{above}|{node}:{after.tasks[place].id}" if above else f"{node}:{after.tasks[place].id}"


def _copied(
    live: Live, saved: CheckpointTuple, namespace: str, parent: str | None, parents: Mapping[str, str]
) -> Steps[dict[str, str]]:
    """Store a copy of a checkpoint as LangGraph's own replay does; returns the names of the copy."""
    step = saved.metadata.get("step", -1) + 1
    checkpoint = {
        **saved.checkpoint,
        "id": str(uuid6(clock_seq=step)),
        "ts": datetime.now(UTC).isoformat(),
    }
    names = {"thread_id": saved.config["configurable"]["thread_id"], "checkpoint_ns": namespace}
    counters = {k: v for k, v in saved.metadata.items() if k == "counters_since_delta_snapshot"}
    moved = namespace != saved.config["configurable"].get("checkpoint_ns", "")
    yield from call(
        live.saver,
        "put",
        {"configurable": {**names, "checkpoint_id": parent} if parent else names},
        checkpoint,
        {"source": "fork", "step": step, "parents": dict(parents), **counters},
        saved.checkpoint["channel_versions"] if moved else {},
    )
    return {**names, "checkpoint_id": checkpoint["id"]}
