"""Why nodes ran, and what others wait for, as protocol messages."""

from __future__ import annotations

from collections.abc import Sequence

from lgviz.analysis.begun import Begun
from lgviz.analysis.causes import Cause, Trigger
from lgviz.analysis.values import clean
from lgviz.analysis.why import Waiting, Why
from lgviz.protocol import BegunView, CauseView, TriggerView, WaitingView, WhyView

__all__ = ["why_view"]

_MOST = 200
"""Tasks of one step, and triggers of one task, that a view is given."""


def why_view(why: Why) -> WhyView:
    """Why the tasks that made a checkpoint ran."""
    parent = why.checkpoint.parent
    return {
        "made": why.made,
        "parent": None if parent is None else parent.id,
        "as_node": why.checkpoint.as_node,
        "causes": [_cause(cause) for cause in why.tasks[:_MOST]],
        "waiting": [_waiting(each) for each in why.waiting[:_MOST]],
        "more": max(0, len(why.tasks) - _MOST) + max(0, len(why.waiting) - _MOST),
    }


def _cause(cause: Cause) -> CauseView:
    return {
        "node": clean(cause.node),
        "via": cause.via,
        "triggers": _triggers(cause.triggers),
        "sent": cause.sent,
        "begun": None if cause.begun is None else _begun(cause.begun),
        "deferred": cause.deferred,
        "failed_before": cause.failed_before,
    }


def _waiting(waiting: Waiting) -> WaitingView:
    return {
        "node": clean(waiting.node),
        "kind": waiting.kind,
        "missing": list(waiting.missing),
        "triggers": _triggers(waiting.triggers),
        "cause": None if waiting.cause is None else _cause(waiting.cause),
        "error": None if waiting.error is None else clean(waiting.error),
    }


def _triggers(triggers: Sequence[Trigger]) -> list[TriggerView]:
    return [
        {
            "channel": clean(one.channel),
            "checkpoint": None if one.checkpoint is None else one.checkpoint.id,
            "node": one.node,
            "via": one.via,
            "router": one.router,
            "choices": list(one.choices),
        }
        for one in triggers[:_MOST]
    ]


def _begun(begun: Begun) -> BegunView:
    return {"times": begun.times, "at_least": begun.at_least, "lines": begun.lines}
