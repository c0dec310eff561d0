"""What a history holds as plain data, for ``lgviz --json`` and whoever else reads JSON: keys that stay."""

from __future__ import annotations

import datetime
import math
from typing import Any

from lgviz.analysis.blame import Origin
from lgviz.analysis.checkpoint import Checkpoint
from lgviz.analysis.compare import Change
from lgviz.analysis.comparison import Comparison
from lgviz.analysis.edits import json_of
from lgviz.analysis.history import History
from lgviz.analysis.search import Hit
from lgviz.analysis.side_by_side import SideBySide
from lgviz.analysis.why import Trigger, Why
from lgviz.sources.base import ThreadInfo

__all__ = [
    "change_data",
    "checkpoint_data",
    "comparison_data",
    "hit_data",
    "moment",
    "origin_data",
    "plain",
    "row_data",
    "runs_data",
    "thread_data",
    "why_data",
]


def plain(value: Any) -> Any:
    """A value as JSON can hold it; ``{"__kept__": …, "is": "…"}`` stands for what it cannot."""
    return json_of(value)[0]


def moment(seconds: float | None) -> str | None:
    """A time as ISO 8601 in UTC; None where it is not known."""
    if seconds is None or math.isnan(seconds):
        return None
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat(timespec="milliseconds")


def thread_data(thread: ThreadInfo) -> dict[str, Any]:
    """A thread of a source."""
    return {
        "thread_id": thread.thread_id,
        "checkpoints": thread.count,
        "updated_at": moment(thread.updated_at),
    }


def row_data(checkpoint: Checkpoint) -> dict[str, Any]:
    """What the tree shows of a checkpoint; no value is read."""
    parent = checkpoint.parent or checkpoint.outer
    return {
        "label": checkpoint.label,
        "id": checkpoint.id,
        "namespace": checkpoint.namespace,
        "parent": None if parent is None else parent.label,
        "step": checkpoint.step,
        "source": checkpoint.source,
        "nodes": list(checkpoint.nodes),
        "changed": list(checkpoint.changed),
        "marks": [str(flag.name).lower() for flag in checkpoint.flags],
        "note": checkpoint.note,
        "created_at": moment(checkpoint.time),
    }


def checkpoint_data(checkpoint: Checkpoint) -> dict[str, Any]:
    """A checkpoint with its state."""
    return {
        **row_data(checkpoint),
        "next": list(checkpoint.next),
        "values": plain(checkpoint.values),
        "interrupts": [
            {"id": asked.id, "value": plain(asked.value), "waiting": asked in checkpoint.waiting}
            for asked in checkpoint.interrupts
        ],
        "error": checkpoint.error,
        "rebuilt": dict(checkpoint.rebuilt),
        "doubts": dict(checkpoint.doubts),
    }


def change_data(change: Change) -> dict[str, Any]:
    """One change of a diff."""
    return {
        "channel": change.channel,
        "path": [plain(step) for step in change.path],
        "kind": change.kind,
        "before": plain(change.before),
        "after": plain(change.after),
        "note": change.note,
    }


def comparison_data(compared: Comparison) -> dict[str, Any]:
    """Two runs compared."""
    parted = compared.divergence
    return {
        "ancestor": None if compared.ancestor is None else compared.ancestor.label,
        "divergence": None
        if parted is None
        else {
            "left": None if parted.left is None else parted.left.label,
            "right": None if parted.right is None else parted.right.label,
            "node": parted.node,
            "channel": parted.channel,
            "path": [plain(step) for step in parted.path],
            "text": parted.text,
        },
        "said": compared.said,
        "steps": compared.frame().to_dict("records"),
        "changes": [change_data(change) for change in compared.diff],
    }


def runs_data(runs: SideBySide) -> dict[str, Any]:
    """Many runs side by side."""
    steps = [
        {
            "nodes": list(nodes),
            "labels": [None if step is None else step.label for step in visit],
            "groups": list(groups),
        }
        for nodes, visit, groups in zip(runs.nodes, runs.steps, runs.groups, strict=True)
    ]
    outcomes = runs.outcomes().astype(object)
    return {"runs": outcomes.where(outcomes.notna(), None).to_dict("records"), "steps": steps}


def origin_data(origin: Origin) -> dict[str, Any]:
    """Who set a part of a state."""
    return {
        "path": [plain(step) for step in origin.path],
        "value": plain(origin.value),
        "set_by": None if origin.set_by is None else origin.set_by.label,
        "node": origin.node,
        "first": None if origin.first is None else origin.first.label,
        "writers": [{"node": writer.node, "task_id": writer.task_id or None} for writer in origin.writers],
        "note": origin.note,
    }


def why_data(why: Why) -> dict[str, Any]:
    """Why the tasks that made a checkpoint ran, and what waits there."""
    return {
        "label": why.checkpoint.label,
        "note": why.note,
        "tasks": [
            {
                "node": cause.node,
                "task_id": cause.task_id,
                "via": cause.via,
                "sent": cause.sent,
                "triggers": list(map(_trigger_data, cause.triggers)),
                "text": cause.text,
            }
            for cause in why.tasks
        ],
        "waiting": [
            {
                "node": each.node,
                "kind": each.kind,
                "missing": list(each.missing),
                "triggers": list(map(_trigger_data, each.triggers)),
                "text": each.text,
            }
            for each in why.waiting
        ],
    }


def _trigger_data(trigger: Trigger) -> dict[str, Any]:
    return {
        "channel": trigger.channel,
        "version": plain(trigger.version),
        "checkpoint": None if trigger.checkpoint is None else trigger.checkpoint.label,
        "node": trigger.node,
        "via": trigger.via,
        "router": trigger.router,
    }


def hit_data(history: History, hit: Hit) -> dict[str, Any]:
    """A place where a text was found."""
    return {
        "thread_id": history.shown_id,
        "label": history.tree.labels[hit.row],
        "id": hit.id,
        "where": hit.where,
        "channel": hit.channel,
        "before": hit.before,
        "match": hit.match,
        "after": hit.after,
    }
