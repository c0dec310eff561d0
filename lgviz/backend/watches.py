"""Expressions that a person types to see their value at every checkpoint."""

from __future__ import annotations

import math
import numbers
import time
from typing import Any

from lgviz.analysis.values import clean, line
from lgviz.backend.dispatch import RequestCall, handler
from lgviz.backend.open_thread import OpenThread
from lgviz.errors import described
from lgviz.protocol import EvaluateParams, EvaluateView, WatchedValue
from lgviz.session.conditions import expression_over

__all__ = ["WatchRequests"]

_ROWS = 10_000
_TEXT = 60
_PAUSE = 0.2
"""Seconds between two messages of what was found."""


class WatchRequests:
    """The request that evaluates an expression. It runs code: only a face that is the kernel of who types it
    has it answered (:meth:`lgviz.backend.Backend.answer_by`).

    Args:
        thread: the open thread.
    """

    def __init__(self, thread: OpenThread) -> None:
        self._thread = thread

    @handler("read")
    def evaluate(self, call: RequestCall, params: EvaluateParams) -> EvaluateView:
        history = self._thread.current()
        function = expression_over(history, params["text"])
        namespaces = history.tree.namespaces
        rows = [row for row in range(params["start"], len(namespaces)) if not namespaces[row]]
        found: EvaluateView = {
            "values": [],
            "end": len(namespaces),
            "left_out": max(0, len(rows) - _ROWS),
            "raised": None,
        }
        told = time.monotonic()
        for row in reversed(rows[-_ROWS:]):  # the newest are in view
            call.check()
            checkpoint = history.checkpoint_at(row)
            try:
                value = function(checkpoint)
                if value is not None:
                    found["values"].append(_watched(row, value))
            except Exception as error:  # of whoever typed it, or of how a value shows itself
                found["raised"] = {"id": checkpoint.id, "said": clean(described(error))[:200]}
            if time.monotonic() - told > _PAUSE:
                told = time.monotonic()
                call.progress(found)
                found = {**found, "values": []}
        return found


def _watched(row: int, value: Any) -> WatchedValue:
    number = float(value) if isinstance(value, numbers.Real) else math.nan
    return {"row": row, "text": line(value, _TEXT), "number": number if math.isfinite(number) else None}
