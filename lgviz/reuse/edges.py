"""Where a node leads on to by today's edges, for tasks whose stored writes lead where edges led then.

LangGraph stores with what a task wrote also where its edges led: ``branch:to:act``. An edge is no part of a
node: the answer of a node is as good as it was when the edge behind it is another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from langgraph.graph import END

from lgviz.analysis.called import names_in
from lgviz.sources.places import BRANCH_TO, JOIN

__all__ = ["Edges", "edges_of"]


@dataclass(frozen=True, slots=True)
class Edges:
    """What leads on from one node.

    Attributes:
        always: what every task of it writes for its edges, channel and value.
        maybe: those that a router may choose; None: any, for a router or a ``Command`` may lead anywhere.
    """

    always: tuple[tuple[str, Any], ...]
    maybe: frozenset[str] | None

    def applied(self, writes: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
        """The writes of a task, leading on as today's edges do."""
        written = {channel for channel, _ in writes}
        kept = [write for write in writes if self._holds(write[0])]
        new = [write for write in self.always if write[0] not in written]
        return writes if len(kept) == len(writes) and not new else kept + new

    def _holds(self, channel: str) -> bool:
        if self.maybe is None or not channel.startswith((BRANCH_TO, JOIN)):
            return True
        return channel in self.maybe or any(channel == name for name, _ in self.always)


def edges_of(graph: Any) -> Mapping[str, Edges]:
    """By node of a ``StateGraph``, what leads on from it; nothing of other graphs."""
    builder = getattr(graph, "builder", None)
    if builder is None:
        return {}
    return {name: _of(builder, name, spec) for name, spec in builder.nodes.items()}


def _of(builder: Any, name: str, spec: Any) -> Edges:
    always: list[tuple[str, Any]] = [
        (f"{BRANCH_TO}{end}", None) for start, end in sorted(builder.edges) if start == name and end != END
    ]
    always += [
        (f"{JOIN}{'+'.join(starts)}:{end}", name)
        for starts, end in sorted(builder.waiting_edges)
        if name in starts and end != END
    ]
    routers = builder.branches.get(name, {}).values()
    if _commands(spec.runnable) or any(router.ends is None for router in routers):
        return Edges(tuple(always), None)
    ends = {end for router in routers for end in router.ends.values()}
    return Edges(tuple(always), frozenset(f"{BRANCH_TO}{end}" for end in ends))


def _commands(runnable: Any) -> bool:
    """Whether a node may return a ``Command``, which leads anywhere: its code names it, or is not seen."""
    code = getattr(getattr(runnable, "func", None) or getattr(runnable, "afunc", None), "__code__", None)
    return code is None or "Command" in names_in(code) or "Command" in code.co_freevars
