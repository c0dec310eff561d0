"""Script time by frame, from a trace of Chromium."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Page

__all__ = ["script_ms", "traced"]

MARK = "lgviz-frame"
SCRIPT = {
    "EvaluateScript",
    "EventDispatch",
    "FireAnimationFrame",
    "FunctionCall",
    "RunMicrotasks",
    "TimerFire",
}
CATEGORIES = ["devtools.timeline", "blink.user_timing", "v8.execute", "disabled-by-default-devtools.timeline"]


@contextmanager
def traced(page: Page) -> Iterator[list[dict[str, Any]]]:
    """Trace a page; the list holds the events afterwards."""
    events: list[dict[str, Any]] = []
    session = page.context.browser.new_browser_cdp_session()
    session.on("Tracing.dataCollected", lambda part: events.extend(part["value"]))
    session.send(
        "Tracing.start", {"transferMode": "ReportEvents", "traceConfig": {"includedCategories": CATEGORIES}}
    )
    yield events
    done: list[Any] = []
    session.on("Tracing.tracingComplete", lambda event: done.append(event))
    session.send("Tracing.end")
    while not done:
        page.evaluate("() => new Promise(requestAnimationFrame)")  # lets the events arrive
    session.detach()


def script_ms(events: list[dict[str, Any]]) -> tuple[list[float], list[float]]:
    """For each frame between two marks: milliseconds of CPU that script took, and of the clock.

    Script includes what it makes the browser do at once (style and layout that it asks for). The clock also
    counts what other programs did meanwhile.
    """
    marks = [event for event in events if event["name"] == MARK and event["ph"] in "IRn"]
    thread = (marks[0]["pid"], marks[0]["tid"])
    starts = sorted(mark["ts"] for mark in marks)
    cpu, clock = [0.0] * len(starts), [0.0] * len(starts)
    ours = (event for event in events if (event["pid"], event["tid"]) == thread and event["ph"] == "X")
    covered = 0.0
    for event in sorted((e for e in ours if e["name"] in SCRIPT), key=lambda e: e["ts"]):
        if event["ts"] < covered:
            continue  # within the one before
        covered = event["ts"] + event["dur"]
        # A frame's own callback starts just before its mark: what ends after a mark belongs to its frame.
        frame = bisect_right(starts, covered) - 1
        if frame >= 0:
            cpu[frame] += event.get("tdur", event["dur"]) / 1000
            clock[frame] += event["dur"] / 1000
    return cpu, clock
