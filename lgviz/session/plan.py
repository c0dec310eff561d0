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
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base.id import uuid6
from langgraph.types import StateSnapshot

from lgviz.analysis.shown import ShownByFields
from lgviz.errors import ActRefused, CheckpointNotFound
from lgviz.sources.places import (
    CONTROL_CHANNELS,
    NULL_TASK_ID,
    Address,
    calls,
    config_of,
    depth,
    enclosing,
    is_numbered,
    within,
)

from .effects import Act, call
from .loaded import snapshot_of
from .target import Position, find
from .update import siblings
from .values import delta_channels

__all__ = ["Plan", "begun_anew", "plan_of", "refreshed", "replanted", "root_of"]


@dataclass(frozen=True, slots=True, repr=False)
class Plan(ShownByFields):
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
        warnings.append(f"The whole subgraph {calls(position.namespace)[0].node!r} runs again, for {why}.")
    then = [call.node for call in calls(position.namespace)]
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
    return (yield from _at(position, "", root))


def replanted(position: Position) -> Act[RunnableConfig]:
    """A config from which LangGraph runs exactly what ``position``'s ``next`` says.

    At the root that is its own config. Inside a subgraph, copies of the checkpoints from the root down to
    ``position`` are stored first (``source="fork"``), as children of the originals.
    """
    if not position.namespace:
        return position.config
    parents: Mapping[str, str] = position.saved.metadata.get("parents", {})
    root = yield from root_of(position)
    if _stuck(position) is not None:
        return _mapped(root, {**parents, position.namespace: position.id})
    old, new = root, (yield from _copied(root, "", {}))
    planted = {"": str(new.checkpoint_id)}
    for namespace in [*sorted(filter(None, parents), key=depth), position.namespace]:
        child = (
            position
            if namespace == position.namespace
            else (yield from _at(position, namespace, parents[namespace]))
        )
        moved = yield from _moved(old, new, namespace)
        old, new = child, (yield from _copied(child, moved, planted))
        planted[moved] = str(new.checkpoint_id)
    return _mapped(root, planted, planted[""])


def refreshed(root: Position, snapshot: StateSnapshot, anew: Mapping[int, list[Any]]) -> Act[Position] | None:
    """A copy of a root checkpoint on which only what has not finished runs.

    What finished tasks wrote, and what the others were told, is stored for their tasks at the copy.

    Args:
        root: the checkpoint.
        snapshot: its state.
        anew: the tasks that are to run again, by position, with what they are told at once.

    Returns:
        None where a copy cannot be made: a ``DeltaChannel`` is read from the writes of ancestors.
    """
    if delta_channels(root.graph):
        return None
    return _refreshed(root, snapshot, anew)


def _refreshed(root: Position, snapshot: StateSnapshot, anew: Mapping[int, list[Any]]) -> Act[Position]:
    copied = yield from _copied(root, "", {})
    fresh = yield from find(root.target, copied.config(), None)
    after = yield from snapshot_of(fresh)
    stored: dict[str, list[tuple[str, Any]]] = {}
    for task_id, channel, value in root.saved.pending_writes or ():
        stored.setdefault(task_id, []).append((channel, value))
    given = [(c, v) for c, v in stored.get(NULL_TASK_ID, ()) if c != "__resume__"]
    if given:  # of a Command: they count as the checkpoint's own
        yield from call(root.target.saver, "put_writes", fresh.config, given, NULL_TASK_ID)
    for place, (old, new) in enumerate(zip(snapshot.tasks, after.tasks, strict=False)):
        writes = stored.get(old.id, [])
        output = [(c, v) for c, v in writes if c not in CONTROL_CHANNELS]
        if place in anew:
            output = [("__resume__", anew[place])] if anew[place] else []
        elif not output:
            output = [(c, v) for c, v in writes if c == "__resume__"]
        if output and old.name == new.name:
            path = _path_text(new.path)
            yield from call(root.target.saver, "put_writes", fresh.config, output, new.id, path)
    target = root.target.with_proxy(latest={(fresh.thread_id, ""): fresh.id})
    return (yield from find(target, fresh.config, None))


def begun_anew(inner: Position, root: Position) -> Act[None]:
    """Let a subgraph with a history of its own (``checkpointer=True``) forget the answers at its newest
    checkpoint: it goes on from there, whichever copy of the root's runs."""
    if not any(step.task_id for step in calls(inner.namespace)):
        yield from _copied(inner, inner.namespace, {"": root.id})


def _path_text(path: Any) -> str:
    """A task's path as LangGraph stores it."""
    if isinstance(path, (tuple, list)):
        return f"~{', '.join(map(_path_text, path))}"
    return f"{path:010d}" if isinstance(path, int) else str(path)


def _mapped(root: Position, planted: Mapping[str, str], root_id: str | None = None) -> RunnableConfig:
    """A config of a root checkpoint that names the one to go on from in each namespace."""
    config = config_of(root.thread_id, "", root_id or root.id)
    config["configurable"]["checkpoint_map"] = planted
    return config


def _stuck(position: Position) -> str | None:
    """Why :func:`replanted` cannot help here; None where it can."""
    if is_numbered(position.namespace):
        return "one task called several subgraphs"
    around = [position.namespace]
    while outer := enclosing(around[0]):
        around.insert(0, outer)
    graphs = [position.target.graph_in(namespace) for namespace in around]
    if any(map(delta_channels, graphs)):
        return "it keeps a DeltaChannel, which cannot be copied alone"
    return None


def _at(position: Position, namespace: str, checkpoint_id: str) -> Act[Position]:
    return (yield from find(position.target, config_of(position.thread_id, namespace, checkpoint_id), None))


def _moved(old: Position, new: Address, namespace: str) -> Act[str]:
    """The namespace that a subgraph's call gets under the copy of the checkpoint it started from.

    The task in the same place has another id there. A subgraph with a history of its own
    (``checkpointer=True``) has no task ids in its namespace, and keeps it.
    """
    node, task_id = calls(namespace)[-1]
    if not task_id:
        return namespace
    before = yield from snapshot_of(old)
    after = yield from snapshot_of((yield from find(old.target, new.config(), None)))
    place = next((i for i, task in enumerate(before.tasks) if task.id == task_id), None)
    if place is None or place >= len(after.tasks) or after.tasks[place].name != node:
        raise ActRefused(
            f"The graph has changed: checkpoint {old.id} no longer starts the call of {node!r}.",
            "Run from a checkpoint of the root namespace.",
        )
    return within(new.ns or "", f"{node}:{after.tasks[place].id}")


def _copied(position: Position, namespace: str, parents: Mapping[str, str]) -> Act[Address]:
    """Store a copy of a checkpoint, as LangGraph's own replay does; returns the address of the copy.

    In its own namespace it is a child of the original; in another it is the first.
    """
    saved = position.saved
    step = saved.metadata.get("step", -1) + 1
    copy_id = str(uuid6(clock_seq=step))
    checkpoint = {**saved.checkpoint, "id": copy_id, "ts": datetime.now(UTC).isoformat()}
    counters = {k: v for k, v in saved.metadata.items() if k == "counters_since_delta_snapshot"}
    stays = namespace == position.namespace
    yield from call(
        position.target.saver,
        "put",
        config_of(position.thread_id, namespace, position.id if stays else None),
        checkpoint,
        {"source": "fork", "step": step, "parents": dict(parents), **counters},
        {} if stays else saved.checkpoint["channel_versions"],
    )
    return Address(position.thread_id, namespace, copy_id)
