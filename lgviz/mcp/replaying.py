"""The tool that does stored threads again with the graph: ``replay``. No node of it runs."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Annotated

from pydantic import Field

from lgviz.export.sizes import counted
from lgviz.replaying.work import ThreadWork

from .desk import ToolDesk
from .parts import quoted
from .shapes import ReplayAnswer, ReplayRow
from .tools import ToolAnswer, tool

__all__ = ["replay"]

_SECONDS = 20.0
_LONGEST = 2_000
"""Checkpoints of a thread; a longer one would keep other questions waiting."""
_REASON = 400


@tool("graph", gives=ReplayAnswer)
def replay(
    desk: ToolDesk,
    thread: Annotated[str | None, Field(description="Only this thread; else all.")] = None,
    offset: Annotated[int, Field(ge=0)] = 0,
    limit: Annotated[int, Field(ge=1, le=50)] = 20,
) -> ToolAnswer:
    """Check whether stored threads still come out as recorded with the server's graph. No node runs.

    Every task is answered with what it wrote then, so no model or tool is called; today's edges, schemas and
    reducers are tried. Verdicts: same; parted (where, and why); failed; unknown (a node would have to run, or
    history does not tell). New code inside a node is not looked at: `lgviz replay --live NODE` runs it.
    """
    work = ThreadWork.of(desk.backend.thread.live_graph(), desk.source, thread)
    page = list(work.threads)[offset : offset + limit]
    rows = list(_rows(desk, replace(work, runs=False), page))
    counts = Counter(row["verdict"] for row in rows)
    told = f": {', '.join(f'{count} {verdict}' for verdict, count in counts.items())}" if rows else ""
    done = offset + len(rows)
    stopped = f"stopped after {_SECONDS:g} s; " if len(rows) < len(page) else ""
    left = len(work.threads) - done
    more = f"{stopped}{left:,} more: offset={done}" if left > 0 else ""
    lines = [
        f"{quoted(row['thread'], 200)} {row['verdict']}, {row['served']} served"
        + (f", at {row['at']}" if row["at"] else "")
        + (f": {quoted(row['reason'])}" if row["reason"] else "")
        for row in rows
    ]
    return ToolAnswer(
        f"{counted(len(rows), 'thread')} replayed, no node ran{told}.", lines, {"threads": rows}, more
    )


def _rows(desk: ToolDesk, work: ThreadWork, page: Sequence[str]) -> Iterator[ReplayRow]:
    """What came of each thread, as long as there is time."""
    until = time.monotonic() + _SECONDS
    for thread_id in page:
        name = thread_id[:300]
        if (count := work.threads[thread_id]) > _LONGEST:
            reason = f"it has {count:,} checkpoints; `lgviz replay` has no limit"
            yield {"thread": name, "verdict": "unknown", "at": None, "reason": reason, "served": 0}
        else:
            found = work.replayed(thread_id)
            yield {
                "thread": name, "verdict": found.verdict, "at": found.parted_at,
                "reason": desk.shown(found.reason or "")[:_REASON], "served": found.served.total(),
            }  # fmt: skip
        if desk.stopped.is_set() or time.monotonic() > until:
            return
