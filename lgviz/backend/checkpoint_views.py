"""One checkpoint as protocol messages: head, state, diff, writes, tasks, raw."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from langgraph.types import PregelTask

from lgviz import session
from lgviz.analysis.checkpoint import Checkpoint, record_of, state_of
from lgviz.analysis.diff import diff_states
from lgviz.analysis.summary import summary_of
from lgviz.analysis.tree import Flag
from lgviz.analysis.usage import Prices, known_messages, step_usage, usage_of
from lgviz.analysis.values import clean
from lgviz.backend.diff_views import diff_view
from lgviz.backend.question_views import asked_beside, interrupts_of
from lgviz.backend.raw import raw_text
from lgviz.backend.value_views import Budget, usage_view, value_node
from lgviz.errors import LgvizError
from lgviz.persistence import StoredError
from lgviz.protocol import (
    ChannelView,
    CheckpointView,
    DiffView,
    RawView,
    TaskView,
    TaskWrites,
    ValueNode,
)
from lgviz.sources import LayeredSource
from lgviz.sources.base import Source
from lgviz.sources.places import SERVED, by_channel, calls, is_internal
from lgviz.sources.remote import RemoteAssistant

__all__ = [
    "channel_value",
    "checkpoint_view",
    "checkpoints_diff",
    "internal_of",
    "raw_view",
    "reducers_of",
    "state_of",
    "tasks_view",
    "writes_view",
]

_RAW = 60_000
_RAW_HEAD = 20_000
"""Characters of a checkpoint's raw text."""


def real_state_of(checkpoint: Checkpoint) -> dict[str, Any]:
    """:func:`~lgviz.analysis.checkpoint.state_of` without masks: what acts go on with, never shown."""
    return checkpoint.history.reader.real_state(checkpoint.row)  # type: ignore[no-any-return]


def graph_at(checkpoint: Checkpoint, source: Source) -> Any:
    """The graph that acts at a checkpoint: the sandbox's at one that it holds."""
    layers = source.real
    upper = layers.upper if isinstance(layers, LayeredSource) else None
    if upper is not None and Flag.SANDBOX in checkpoint.flags:
        return upper.graph
    return source.graph_of(checkpoint.config["configurable"]["thread_id"])


def channels_at(graph: Any, checkpoint: Checkpoint) -> dict[str, session.ChannelInfo]:
    """The state channels of the graph or subgraph of a checkpoint; none where it is not known."""
    if isinstance(graph, RemoteAssistant):
        return session.remote_channels(state_of(checkpoint))
    try:
        return session.channels_of(session.target_of(graph).graph_in(checkpoint.namespace))
    except LgvizError:
        return {}


def reducers_of(channels: Mapping[str, session.ChannelInfo]) -> dict[str, str | None]:
    """By channel its reducer, where that is told."""
    return {name: info.reducer for name, info in channels.items() if info.reducer != session.UNTOLD}


def _reducers(checkpoint: Checkpoint, source: Source) -> dict[str, str | None]:
    """By channel the graph's reducer; else the rule by which its value was rebuilt, or the doubt about it."""
    return reducers_of(channels_at(source.graph, checkpoint)) | checkpoint.rebuilt | dict(checkpoint.doubts)


def internal_of(checkpoint: Checkpoint, state: Mapping[str, Any]) -> dict[str, Any]:
    """The stored channels that are no part of the state."""
    return {name: value for name, value in record_of(checkpoint).values.items() if name not in state}


def channel_value(checkpoint: Checkpoint, channel: str) -> Any:
    """The value of one channel, internal or not; None where it has none."""
    state = state_of(checkpoint)
    return state[channel] if channel in state else internal_of(checkpoint, state).get(channel)


def checkpoint_view(
    checkpoint: Checkpoint,
    source: Source,
    prices: Prices | None = None,
    node: Callable[..., ValueNode] = value_node,
) -> CheckpointView:
    """Head line and State tab; ``node`` makes a node of a value, given its share of the budget."""
    state = state_of(checkpoint)
    parent = checkpoint.parent
    reducers = _reducers(checkpoint, source)
    changed = set(checkpoint.changed)
    budget = Budget()
    named = [*state.items(), *internal_of(checkpoint, state).items()]
    channels: list[ChannelView] = [
        {
            "name": clean(name),
            "internal": name not in state or is_internal(name),
            "changed": name in changed,
            "reducer": reducers.get(name),
            "value": node(value, budget=share),
        }
        for (name, value), share in zip(named, budget.shares(len(named)), strict=True)
    ]
    return {
        "id": checkpoint.id,
        "label": checkpoint.label,
        "namespace": checkpoint.namespace,
        "step": checkpoint.step,
        "source": checkpoint.source,
        "created_at": checkpoint.created_at,
        "duration": _duration(checkpoint),
        "usage": usage_view(step_usage(checkpoint), prices),
        "nodes": list(checkpoint.nodes),
        "as_node": checkpoint.as_node,
        "note": checkpoint.note,
        "next": list(checkpoint.next),
        "unfinished": _unfinished(checkpoint),
        "changed": list(checkpoint.changed),
        "summary": summary_of(diff_states(state_of(parent) if parent else {}, state)),
        "parent": parent.id if parent else None,
        "collapsed": checkpoint.collapsed,
        "interrupts": [
            *(view for task in checkpoint.tasks for view in interrupts_of(checkpoint, task)),
            *asked_beside(checkpoint),
        ],
        "error": checkpoint.error,
        "channels": channels,
        "warnings": _warnings(checkpoint, source),
    }


def checkpoints_diff(
    before: Checkpoint | None, after: Checkpoint, source: Source, *, internal: bool = False
) -> DiffView:
    """The difference of two checkpoints; ``before`` None stands for nothing at all."""
    old, new = _all_of(before), _all_of(after)
    reducers = _reducers(after, source)
    if before is not None:
        reducers = {**reducers, **before.doubts, **after.doubts}
    who = _who(after) if before is not None and before == after.parent else {}
    return diff_view(
        diff_states(old, new, internal=internal),
        before.label if before else None,
        after.label,
        reducers=reducers,
        who=who,
        states=(old, new),
    )


def writes_view(checkpoint: Checkpoint, prices: Prices | None = None) -> list[TaskWrites]:
    """What the tasks that made it wrote, and what finished tasks of its next step wrote already."""
    written = [(node, one, False) for node, many in checkpoint.writes.items() for one in many]
    pending = [(task.name, task.result, True) for task in checkpoint.tasks if _finished(task)]
    groups = [*written, *pending]
    budget = Budget()
    return [
        {
            "node": node,
            "task_id": None,
            "derived": bool(getattr(checkpoint.writes, "derived", False)) and not waits,
            "pending": waits,
            "usage": usage_view(
                usage_of([dict(pairs)], known_messages(checkpoint if waits else checkpoint.parent)), prices
            ),
            "writes": [
                {"channel": clean(str(channel)), "value": value_node(value, budget=part)}
                for (channel, value), part in zip(pairs, share.shares(len(pairs)), strict=True)
            ],
        }
        for (node, one, waits), share in zip(groups, budget.shares(len(groups)), strict=True)
        for pairs in [_pairs(one)]
    ]


def tasks_view(
    checkpoint: Checkpoint,
    source: Source,
    tracebacks: Mapping[str, str] | None = None,
    prices: Prices | None = None,
) -> list[TaskView]:
    """The tasks of its next step. ``tracebacks``: by node, of runs made here, where the saver keeps none."""
    stored = checkpoint.errors
    served = {id_ for child in checkpoint.children for id_ in child.metadata.get(SERVED) or ()}
    started = {calls(inner.namespace)[-1].task_id: inner.label for inner in reversed(checkpoint.inner)}
    return [
        {
            "id": task.id,
            "name": task.name,
            "status": _status(task),
            "triggers": _triggers(checkpoint, source, task.name),
            "interrupts": interrupts_of(checkpoint, task),
            "error": None if (error := _error(task)) is None else clean(error)[:4_000],
            "traceback": _traceback(task, stored, tracebacks or {}),
            "usage": usage_view(usage_of([by_channel(task.result)], known_messages(checkpoint)), prices)
            if _finished(task)
            else None,
            "subgraph": started.get(task.id),
            "served": task.id in served,
        }
        for task in checkpoint.tasks
    ]


def _traceback(task: PregelTask, stored: Mapping[str, StoredError], of_runs: Mapping[str, str]) -> str | None:
    if _error(task) is None:
        return None
    kept = stored[task.id].traceback if task.id in stored else ""
    return clean(kept) or of_runs.get(task.name)


def raw_view(checkpoint: Checkpoint, *, values: bool = True) -> RawView:
    """What is stored, as text; without its values, where who asks has them."""
    stored = record_of(checkpoint)
    versions = stored.bookkeeping
    body: dict[str, Any] = {"id": checkpoint.id}
    if values:
        body["channel_values"] = stored.values
    if versions is not None:
        body |= {
            "v": versions.v,
            "ts": versions.ts,
            "channel_versions": versions.channel_versions,
            "versions_seen": versions.versions_seen,
            "updated_channels": versions.updated_channels,
        }
    return {
        "config": raw_text(checkpoint.config),
        "metadata": raw_text(checkpoint.metadata),
        "checkpoint": raw_text(body, _RAW if values else _RAW_HEAD),
    }


def _all_of(checkpoint: Checkpoint | None) -> dict[str, Any]:
    """Its channels, the internal ones too."""
    state = state_of(checkpoint) if checkpoint else {}
    return state | internal_of(checkpoint, state) if checkpoint else state


def _who(checkpoint: Checkpoint) -> dict[str, str]:
    setters: dict[str, list[str]] = {}
    for node, many in checkpoint.writes.items():
        for channel in {str(c) for one in many for c, _ in _pairs(one)}:
            setters.setdefault(channel, []).append(node)
    return {channel: f"{' ∥ '.join(nodes)} · {checkpoint.label}" for channel, nodes in setters.items()}


def _pairs(written: Any) -> list[tuple[Any, Any]]:
    return list(by_channel(written).items())


def _finished(task: Any) -> bool:
    return getattr(task, "result", None) is not None


def _unfinished(checkpoint: Checkpoint) -> list[str]:
    if Flag.PENDING not in checkpoint.flags:
        return list(checkpoint.next)
    return [task.name for task in checkpoint.tasks if not _finished(task)]


def _error(task: PregelTask) -> str | None:
    """What it raised; None also where it was cancelled, for then it did not fail."""
    return None if task.error is None or StoredError.of(task.error).stopped else str(task.error)


def _status(task: PregelTask) -> Any:
    if _error(task) is not None:
        return "failed"
    if _finished(task):
        return "done"
    return "interrupted" if task.interrupts else "pending"


def _duration(checkpoint: Checkpoint) -> float | None:
    parent = checkpoint.parent
    if parent is None or Flag.WAITED in checkpoint.flags:
        return None
    took = (checkpoint.time - parent.time) * 1000
    return took if took >= 0 else None


def _triggers(checkpoint: Checkpoint, source: Source, node: str) -> list[str]:
    """The channels with something new for a node, which is why it runs."""
    versions = record_of(checkpoint).bookkeeping
    try:
        listens = session.target_of(source.graph).graph_in(checkpoint.namespace).nodes[node].triggers
    except (LgvizError, KeyError):
        return []
    if versions is None:
        return []
    seen = versions.versions_seen.get(node, {})
    return [
        c for c in listens if c in versions.channel_versions and versions.channel_versions[c] != seen.get(c)
    ]


def _warnings(checkpoint: Checkpoint, source: Source) -> list[str]:
    """What keeps the graph from loading it, and what "run from here" would do besides; the latter only where
    something can differ, for it asks LangGraph again."""
    if checkpoint.unloadable is not None:
        return [f"This state {checkpoint.unloadable}. Shown is what is stored."]
    partial = checkpoint.flags & (Flag.ERROR | Flag.PENDING | Flag.INTERRUPT)
    if (
        source.graph is None
        or source.read_only
        or not (checkpoint.namespace or partial)
        or not checkpoint.next
    ):
        return []
    try:
        return session.run_plan(graph_at(checkpoint, source), checkpoint).warnings
    except LgvizError as error:
        return [str(error)]
