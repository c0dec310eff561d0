"""The tool that tells what a sweep would cost: ``sweep_cost``. No node of the graph runs."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from lgviz.analysis.checkpoint import Checkpoint
from lgviz.errors import InvalidValue
from lgviz.export.sizes import counted
from lgviz.sweeping import Sweep, SweepRow
from lgviz.sweeping import sweep as planned

from .acting import AsNode, Goto, Where, as_object
from .desk import ToolDesk
from .parts import quoted
from .reading import Thread, looked_at, some_names
from .shapes import SweepCostAnswer
from .tools import ToolAnswer, tool

__all__ = ["sweep_cost"]

_CASES = 20
_NAME = 100
_REASON = 400


@tool("graph", gives=SweepCostAnswer)
def sweep_cost(
    desk: ToolDesk,
    at: Where,
    cases: Annotated[
        dict[str, dict[str, Any] | None],
        BeforeValidator(as_object),
        Field(description="By the name of a case its update, by channel; null changes nothing."),
    ],
    as_node: AsNode = None,
    goto: Goto = None,
    runs: Annotated[int, Field(ge=1, le=1000, description="How often each case would be run.")] = 1,
    thread: Thread = None,
) -> ToolAnswer:
    """Tell what it would cost to go on from a checkpoint in several ways: which tasks history answers, and
    which nodes would run first.

    Runs the graph's reducers and routers, and no node: who wants it done says `lgviz sweep`.
    """
    if len(cases) > _CASES:
        raise InvalidValue(
            f"There are {len(cases)} cases.", f"Give {_CASES} at most, and ask again for more."
        )
    checkpoint = desk.checkpoint(thread, at)
    graph = desk.backend.thread.live_graph()
    thread_id = checkpoint.history.thread_id
    found = planned(graph, checkpoint.id, cases, as_node, goto=goto, dry=True, thread_id=thread_id)
    rows = [_row(desk, one) for one in found]
    tokens = None if found.tokens is None else found.tokens * runs
    data = {"thread": thread_id, "at": checkpoint.label, "runs": runs, "tokens": tokens, "cases": rows}
    return ToolAnswer(
        _head(checkpoint, found, runs, tokens), list(map(_line, rows)), data, "", looked_at(checkpoint)
    )


def _head(checkpoint: Checkpoint, found: Sweep, runs: int, tokens: int | None) -> str:
    used = "" if tokens is None else f", about {tokens:,} tokens"
    size = f"{counted(len(found), 'case')}, {counted(len(found) * runs, 'run')}"
    return f"Nothing was run. A sweep from {checkpoint.label}: {size}{used}."


def _row(desk: ToolDesk, row: SweepRow) -> dict[str, Any]:
    return {
        "case": str(row.case)[:_NAME],
        "served": row.served.total(),
        "runs": some_names(sorted(row.ran)),
        "refused": row.error and desk.shown(row.error)[:_REASON],
    }


def _line(row: dict[str, Any]) -> str:
    if row["refused"]:
        return f"{quoted(row['case'], _NAME)} is refused: {quoted(row['refused'], _REASON)}"
    first = f"then {', '.join(row['runs'])} would run first" if row["runs"] else "none would run"
    return f"{quoted(row['case'], _NAME)} history answers {counted(row['served'], 'task')}, {first}"
