"""Which nodes a server leaves untold: those that wait for several, where its API decodes no sets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from langgraph.constants import END

from lgviz.sources.places import MARK

from .states import RemoteState

__all__ = ["Joins"]

_Ended = Mapping[str, frozenset[str]]
"""By a node that waits for several, those of them that have ended since it ran last."""


class Joins:
    """Follows the steps of a thread, in its root namespace, along the edges that are drawn.

    A node to which an edge leads is told as the next task; where it is not, the edge is one of several that
    it waits for. It ran if all of them had ended and a step was made.

    >>> joins = Joins({"a": [("c", False)], "b": [("c", False)]})
    >>> place = {"checkpoint_id": "1"}
    >>> start = RemoteState({"checkpoint": place, "tasks": [{"id": "x", "name": n} for n in "ab"]}, "")
    >>> steps = [
    ...     RemoteState({"checkpoint": {"checkpoint_id": id_}, "parent_checkpoint": {"checkpoint_id": above},
    ...                  "metadata": {"source": "loop"}}, "")
    ...     for id_, above in ("21", "32")
    ... ]
    >>> joins.follow([start, *steps])
    >>> [joins.untold(id_) for id_ in "123"]
    [[], ['c'], []]

    Args:
        edges: by node where its edges lead to, and whether on a condition.
    """

    def __init__(self, edges: Mapping[str, Iterable[tuple[str, bool]]]) -> None:
        awaited: dict[str, set[str]] = {}
        for node, leads in edges.items():
            for target, conditional in leads:
                if not conditional and target != END:
                    awaited.setdefault(target, set()).add(node)
        self._awaited = {node: frozenset(nodes) for node, nodes in awaited.items() if len(nodes) > 1}
        self._ran: dict[str, frozenset[str]] = {}
        """By checkpoint the nodes that made it."""
        self._told: dict[str, frozenset[str]] = {}
        self._ended: dict[str, _Ended] = {}
        self._untold: dict[str, list[str]] = {}

    def follow(self, states: Iterable[RemoteState]) -> None:
        """Take in states in order of creation; what was known of one is put right."""
        for state in states if self._awaited else ():
            above = state.parent_id or ""
            ran = frozenset(filter(None, [state.metadata.get(MARK + "as_node")]))
            if state.metadata.get("source") == "loop":
                nobody = frozenset[str]()
                made, told = self._ran.get(above, nobody), self._told.get(above, nobody)
                ended = self._ended.get(above, {})
                self._untold[above] = [
                    node
                    for node, awaited in self._awaited.items()
                    if ended.get(node) == awaited and awaited & made and node not in told
                ]
                ran = frozenset([*told, *self._untold[above]])
            before = self._ended.get(above, {})
            self._ended[state.id] = {
                node: (before.get(node, frozenset()) if node not in ran else frozenset()) | (awaited & ran)
                for node, awaited in self._awaited.items()
            }
            self._ran[state.id], self._told[state.id] = ran, frozenset(state.names())

    def untold(self, checkpoint_id: str) -> list[str]:
        """The nodes that ran from a checkpoint, and which its tasks do not tell."""
        return self._untold.get(checkpoint_id, [])
