"""What of a compiled graph leads from one node to another: an edge, a router's choice, a ``Command``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from .called import function_of, names_in

__all__ = ["Route", "Routes"]

RouteKind = Literal["edge", "branch", "goto", "unknown"]


@dataclass(frozen=True, slots=True)
class Route:
    """How one node leads to another.

    Attributes:
        kind: ``"edge"``, ``"branch"`` (a conditional edge), ``"goto"`` (a ``Command``), or ``"unknown"``.
        router: the name of the function that chose, of a branch where one function alone can have.
        choices: what that function may choose among, where the graph tells; ``"__end__"`` is END.
    """

    kind: RouteKind
    router: str | None = None
    choices: tuple[str, ...] = ()


class Routes:
    """The ways between the nodes of one graph, by its builder; of no graph nothing is known.

    >>> from lgviz.demos import agent
    >>> routes = Routes(agent.build())
    >>> routes.of("tools", "agent")
    Route(kind='edge', router=None, choices=())

    Args:
        graph: a compiled graph; None where there is none.
    """

    def __init__(self, graph: Any) -> None:
        self._graph = graph
        self._builder = getattr(graph, "builder", None)

    @property
    def known(self) -> bool:
        """Whether there is a graph whose edges are known."""
        return self._builder is not None

    def node(self, name: str) -> Any:
        """A node of the graph; None where the graph does not know it."""
        return getattr(self._graph, "nodes", {}).get(name)

    def triggers(self, node: str) -> tuple[str, ...] | None:
        """The channels that trigger a node; None where the graph does not know it."""
        known = self.node(node)
        return None if known is None else tuple(sorted(known.triggers))

    def is_deferred(self, node: str) -> bool:
        """Whether a node waits until all others have ended (``defer=True``)."""
        return bool(getattr(self._spec(node), "defer", False))

    def is_open(self, channel: str, value: Any) -> bool | None:
        """Whether a channel that holds a value triggers its nodes; None where the graph does not tell."""
        kind = getattr(self._graph, "channels", {}).get(channel)
        if kind is None:
            return None
        try:
            return bool(kind.from_checkpoint(value).is_available())
        except Exception:  # a value that is no longer one of this channel's
            return None

    def awaited(self, channel: str) -> frozenset[str]:
        """The nodes that a join waits for, also where the graph does not know it: then by its name."""
        names = getattr(getattr(self._graph, "channels", {}).get(channel), "names", None)
        if isinstance(names, (set, frozenset)):
            return frozenset(names)
        return frozenset(channel.removeprefix("join:").rpartition(":")[0].split("+"))

    def of(self, writer: str, target: str) -> Route:
        """How a node that wrote to the channel of another led there."""
        if self._builder is None or any(
            name != "__start__" and self._spec(name) is None for name in (writer, target)
        ):
            return Route("unknown")
        if (writer, target) in self._builder.edges:
            return Route("edge")
        branches = self._branches(writer)
        fitting = [name for name, each in branches.items() if each.ends is None or target in _ends(each)]
        by_command = self._may_command(writer, target)
        if not fitting:
            return Route("goto")
        kind: RouteKind = "unknown" if by_command else "branch"
        if len(fitting) > 1:
            return Route(kind)
        return Route(kind, fitting[0], tuple(dict.fromkeys(_ends(branches[fitting[0]]))))

    def sender(self, writer: str) -> Route:
        """How a node sent by ``Send``."""
        branches = self._branches(writer)
        if self._builder is None or (branches and self._may_command(writer, None)):
            return Route("unknown")
        if not branches:
            return Route("goto")
        return Route("branch", next(iter(branches)) if len(branches) == 1 else None)

    def _spec(self, node: str) -> Any:
        return getattr(self._builder, "nodes", {}).get(node)

    def _branches(self, node: str) -> dict[str, Any]:
        return dict(self._builder.branches.get(node, {})) if self._builder is not None else {}

    def _may_command(self, node: str, target: str | None) -> bool:
        """Whether a node may go somewhere by a ``Command``: it says so, or its code names one."""
        ends = getattr(self._spec(node), "ends", None) or ()
        if ends and (target is None or target in ends):
            return True
        function = function_of(getattr(self.node(node), "bound", None))
        return node != "__start__" and (function is None or "Command" in names_in(function.__code__))


def _ends(branch: Any) -> Iterable[str]:
    return (branch.ends or {}).values()
