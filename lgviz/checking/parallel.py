"""Rule of parallel nodes: a key without a reducer that two of one super-step write.

Which nodes run in one step is found by walking all steps that the edges allow, routers choosing in each way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, islice, product
from typing import Any

from langgraph.channels import LastValue
from langgraph.graph import START
from langgraph.pregel import Pregel

from lgviz.analysis.types import bare, hints_of
from lgviz.errors import listed

from .findings import Finding
from .returns import KeysWritten, keys_written
from .subject import CheckedGraph, CheckSubject
from .ways import Router, routers_of

__all__ = ["parallel_writes"]

_MOST_STEPS = 2_000
_MOST_CHOICES = 256
"""A graph with more ways is looked at as far as that."""
_NOTHING = KeysWritten(frozenset(), frozenset())


def parallel_writes(subject: CheckSubject) -> Iterator[Finding]:
    """A key without a reducer that nodes of one super-step write, for certain or perhaps."""
    for checked in subject.graphs:
        if checked.builder is None:
            continue
        plain = {name for name, each in checked.graph.channels.items() if isinstance(each, LastValue)}
        written = {name: _written_by(checked, name) for name in checked.builder.nodes}
        found: dict[str, Finding] = {}
        for step, certain in _steps(checked):
            for one, other in combinations(sorted(step), 2):
                for key in sorted((_all(written[one]) & _all(written[other])) & plain):
                    surely = certain and key in written[one].always & written[other].always
                    if key not in found or (surely and found[key].severity == "warning"):
                        writers = [name for name in sorted(step) if key in _all(written[name])]
                        found[key] = _finding(checked, key, writers, surely)
        for name, key in _sent_together(checked, written):
            if key in plain and key not in found:
                found[key] = _finding_of_sent(checked, key, name)
        yield from found.values()


def _all(written: KeysWritten) -> frozenset[str]:
    return written.always | written.sometimes


def _written_by(checked: CheckedGraph, name: str) -> KeysWritten:
    """A subgraph writes all keys that it has a value of, and that the graph around it has too."""
    bound: Any = checked.graph.nodes[name].bound
    if isinstance(bound, Pregel):
        given = bound.output_channels
        return KeysWritten(frozenset(), frozenset([given] if isinstance(given, str) else given))
    found = [keys_written(one.code) for one in checked.functions_of(name) if one.code and one.called]
    return found[0] if found else _NOTHING


def _finding(checked: CheckedGraph, key: str, writers: list[str], surely: bool) -> Finding:
    names = listed(checked.path_of(name) for name in writers)
    may, raises = ("", "raises") if surely else ("may ", "then raises")
    return Finding(
        "parallel-write",
        "error" if surely else "warning",
        f"{names} {may}run in one step and write {key!r}, which has no reducer: LangGraph {raises} "
        "InvalidUpdateError.",
        _with_reducer(checked, key),
        **{**checked.place_of(writers[0]), "node": ", ".join(map(checked.path_of, writers)), "channel": key},
    )


def _finding_of_sent(checked: CheckedGraph, key: str, name: str) -> Finding:
    return Finding(
        "parallel-write",
        "warning",
        f"Node {checked.path_of(name)!r} writes {key!r}, which has no reducer: where Send makes two tasks of "
        "it in one step, LangGraph raises InvalidUpdateError.",
        _with_reducer(checked, key),
        **{**checked.place_of(name), "channel": key},
    )


def _with_reducer(checked: CheckedGraph, key: str) -> str:
    """The line of the state with a reducer that fits its type."""
    hint = next((found[key] for cls in checked.builder.schemas if key in (found := hints_of(cls))), Any)
    written = hint.__name__ if type(hint) is type else str(hint).replace("typing.", "")
    origin = getattr(bare(hint), "__origin__", bare(hint))
    known = {list: "operator.add", dict: "operator.or_", set: "operator.or_", int: "operator.add"}
    reducer = known.get(origin, "reduce") if isinstance(origin, type) else "reduce"
    said = "  # def reduce(old, new): ..." if reducer == "reduce" else ""
    return f"{key}: Annotated[{written}, {reducer}]{said}"


def _sent_together(checked: CheckedGraph, written: dict[str, KeysWritten]) -> Iterator[tuple[str, str]]:
    """Nodes that a router sends to several times, each with the keys that it writes."""
    for router in routers_of(checked):
        for name, many in (router.choices.sent if router.choices else {}).items():
            if many and name in written:
                yield from ((name, key) for key in sorted(_all(written[name])))


# ---------------------------------------------------------------- the steps that edges allow


@dataclass(frozen=True, slots=True)
class _Moment:
    """What runs in a step, and what is under way.

    Attributes:
        running: the nodes of the step.
        arrived: for each join the nodes it waits for that have run.
        put_off: the deferred nodes whose turn comes when nothing else runs.
    """

    running: frozenset[str]
    arrived: frozenset[tuple[int, str]] = frozenset()
    put_off: frozenset[str] = frozenset()


def _steps(checked: CheckedGraph) -> Iterator[tuple[frozenset[str], bool]]:
    """The sets of nodes that can run in one super-step, and whether a router alone can bring each about."""
    edges = _Edges(checked)
    waiting = deque([(_Moment(frozenset([START])), True)])
    seen: dict[_Moment, bool] = {}
    while waiting and len(seen) < _MOST_STEPS:
        moment, certain = waiting.popleft()
        if seen.get(moment, False) or seen.get(moment) == certain:
            continue
        seen[moment] = certain
        yield moment.running, certain
        for targets, sure in edges.onward(moment.running):
            if (after := edges.after(moment, targets)) is not None:
                waiting.append((after, certain and sure))


class _Edges:
    """Where the nodes of a graph lead."""

    def __init__(self, checked: CheckedGraph) -> None:
        builder = checked.builder
        self._nodes = builder.nodes
        self._edges = builder.edges
        self._joins = sorted((sorted(starts), end) for starts, end in builder.waiting_edges)
        self._routers = list(routers_of(checked))

    def onward(self, running: frozenset[str]) -> Iterator[tuple[frozenset[str], bool]]:
        """The sets of nodes that those of a step may lead to; and whether that needs no two of them to choose
        together, nor one to choose several."""
        fixed = frozenset(end for start, end in self._edges if start in running)
        choosing = [ways for name in sorted(running) for ways in self._ways(name)]
        for chosen in islice(product(*choosing), _MOST_CHOICES):
            sure = len([ways for ways in choosing if len(ways) > 1]) <= 1 and all(one for _, one in chosen)
            yield fixed.union(*(targets for targets, _ in chosen)), sure

    def _ways(self, name: str) -> Iterator[list[tuple[frozenset[str], bool]]]:
        """Of each router of a node, and of its ``Command``, what it may choose."""
        for router in self._routers:
            if router.node == name and router.targets:
                yield _chosen(router, router.targets)
        ends = getattr(self._nodes.get(name), "ends", None)
        if ends:
            yield [(frozenset([end]), True) for end in ends]

    def after(self, moment: _Moment, targets: frozenset[str]) -> _Moment | None:
        """The step after one; None after the last."""
        arrived = set(moment.arrived)
        onward = set(targets)
        for number, (starts, end) in enumerate(self._joins):
            arrived |= {(number, name) for name in moment.running if name in starts}
            if all((number, name) in arrived for name in starts):
                onward.add(end)
                arrived -= {(number, name) for name in starts}
        onward &= self._nodes.keys()
        put_off = {name for name in onward if self._nodes[name].defer} | moment.put_off
        running = onward - put_off
        if not running:
            running, put_off = put_off, set()
        return _Moment(frozenset(running), frozenset(arrived), frozenset(put_off)) if running else None


def _chosen(router: Router, targets: frozenset[str]) -> list[tuple[frozenset[str], bool]]:
    """Each target alone; all together too where the router returns a list."""
    alone = [(frozenset([target]), True) for target in sorted(targets)]
    several = router.choices is not None and router.choices.several
    return [*alone, (targets, False)] if several and len(targets) > 1 else alone
