"""What damage hides, and finding it: verifying nodes, and what refers to them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from lgviz.persistence.database.statements import Operation, Query

from .nodes import Nodes
from .tree import Node, Part, canonical, nodes_of


class Problem(NamedTuple):
    """Something damaged: where, and what."""

    where: str
    what: str


@dataclass(slots=True)
class Found:
    """What a check knows of the nodes (their names, what is directly below them), and what is wrong."""

    names: dict[int, bytes]
    below: dict[int, list[int]] = field(default_factory=dict)
    bad: set[int] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    _culprits: dict[int, int] = field(default_factory=dict)

    def look(self, where: str, nodes: Iterable[Node], used: set[int], told: set[int]) -> None:
        """Whether nodes that are referred to are there, whole, and recorded as needed; each told once."""
        for node in nodes:
            culprit = self._culprit(node.id)
            if culprit and culprit not in told:
                fault = "damaged" if culprit in self.names else "missing"
                self.problems.append(Problem(where, f"it needs node {culprit}, which is {fault}"))
                told.add(culprit)
            elif not culprit and node.id not in used:
                self.problems.append(Problem(where, f"node {node.id} is not recorded as needed"))

    def closed(self, who: str, used: Iterable[int]) -> None:
        """Whether with each node that somebody needs all below it are recorded as needed."""
        used = set(used)
        self.problems += [
            Problem(f"node {child}", f"{who} needs it, but that is not recorded")
            for id in sorted(used)
            for child in self.below.get(id, ())
            if child not in used
        ]

    def _culprit(self, id: int) -> int:
        """The node, this one or one below it, that is damaged or missing; 0: all are whole."""
        if id not in self._culprits:
            whole = id in self.names and id not in self.bad
            below = (self._culprit(child) for child in self.below.get(id, ()))
            self._culprits[id] = next((found for found in below if found), 0) if whole else id
        return self._culprits[id]


class Checking(Nodes):
    """The part of the engine that looks for damage."""

    def live(self, rows: Iterable[bytes]) -> Operation[set[int] | None]:
        """The nodes that some rows need; None where damage hides what they need."""
        try:
            parts = [self.vault.open_row(bytes(row)) for row in rows]
        except Exception:  # whatever damaged bytes make of a decoder
            return None
        nodes = yield from self.fetch(parts, containers=True)
        return set(nodes) if complete(parts, nodes) else None

    def check_nodes(self) -> Operation[Found]:
        """Verify every node."""
        found = Found({id: bytes(hash) for id, hash in (yield Query("SELECT id, hash FROM lgviz_nodes"))})
        last = 0
        while True:
            rows = yield Query(
                "SELECT id, form, data FROM lgviz_nodes WHERE id > ? ORDER BY id LIMIT 500", [last]
            )
            if not rows:
                break
            last = rows[-1][0]
            for id, form, data in rows:
                fault = self._fault(found, id, form, bytes(data))
                if fault:
                    found.bad.add(id)
                    found.problems.append(Problem(f"node {id}", fault))
        strays = yield Query(
            """SELECT DISTINCT node FROM lgviz_uses WHERE node NOT IN (SELECT id FROM lgviz_nodes)
               ORDER BY node"""
        )
        found.problems += [Problem(f"node {node}", "it is needed and missing") for (node,) in strays]
        return found

    def _fault(self, found: Found, id: int, form: int, data: bytes) -> str:
        try:
            part = self.vault.open(form, data)
        except Exception as error:
            return f"it cannot be read: {type(error).__name__}: {error}"
        if isinstance(part, list):
            found.below[id] = [child.id for child in nodes_of(part)]
        for child in nodes_of(part):
            if child.id not in found.names:
                return f"it refers to node {child.id}, which is missing"
            child.hash = found.names[child.id]
        return (
            "" if self.trees.name(canonical(part)) == found.names[id] else "its bytes do not match its name"
        )


def complete(parts: Sequence[Part], nodes: dict[int, Node]) -> bool:
    """Whether all nodes below some parts could be read."""
    containers = (node.part for node in nodes.values() if isinstance(node.part, list))
    below = (node.id for part in (*parts, *containers) for node in nodes_of(part))
    return all(node.part is not None for node in nodes.values()) and all(id in nodes for id in below)
