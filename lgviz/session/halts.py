"""Where a run stops by itself: after so many super-steps, before and after nodes, where a predicate holds.

LangGraph's ``interrupt_before`` and ``interrupt_after`` know the nodes of the root graph and ignore others
silently. Inside a subgraph a run is stopped by a drain, asked for as soon as the checkpoint is stored that
the node comes next at, or that it made.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from langchain_core.runnables import RunnableConfig
from langgraph.constants import START
from langgraph.runtime import RunControl

from lgviz.analysis.called import names_called_by
from lgviz.errors import InvalidValue, NodeRefused, described, listed
from lgviz.reuse.recorded import is_graph
from lgviz.sources.places import enclosing, innermost, node_path, place_of, within

from .at_server import at_server
from .run_result import CheckpointFinder

__all__ = ["Halts", "StepCount", "StopPoints", "When", "check_breakpoints", "names_in", "nodes_of"]

When = Literal["before", "after"]


@at_server
def check_breakpoints(graph: Any, before: Iterable[str], after: Iterable[str]) -> None:
    """Refuse names that no node has.

    Raises:
        NodeRefused: neither the graph nor a subgraph has such a node.
    """
    StopPoints.of(before, graph, "stop before")
    StopPoints.of(after, graph, "stop after")


@at_server
def nodes_of(graph: Any) -> set[str]:
    """The names of all nodes that a run may stop at, those of subgraphs too, alone and by their path."""
    found = _places_of(graph)
    return {
        f"{path}|{node}" if full and path else node
        for full in (0, 1)
        for path in found
        for node in found[path]
    }


def _places_of(graph: Any) -> dict[str, list[str]]:
    """By path (``""`` for the root graph, ``"outer|inner"`` below it) the nodes that a run may stop at."""
    graphs = {"": graph, **dict(graph.get_subgraphs(recurse=True))}
    return {path: [name for name in one.nodes if name != START] for path, one in graphs.items()}


def _tasks_of(graph: Any) -> dict[str, list[str]]:
    """By path of each node the names of the tasks (``@task``) that its code may call."""
    graphs = {"": graph, **dict(graph.get_subgraphs(recurse=True))}
    return {
        within(path, name): names_called_by([node.bound])
        for path, one in graphs.items()
        for name, node in one.nodes.items()
        if not is_graph(node)
    }


@dataclass(frozen=True, slots=True)
class StopPoints:
    """Where to stop, by path of the graph that has the nodes.

    Attributes:
        root: names of the root graph's nodes, as LangGraph takes them.
        inner: path and name of nodes in subgraphs.
        tasks: path of a node, and name of a task (``@task``) that it calls: no run stops there, but it may be
            live, or have effects.
    """

    root: tuple[str, ...] = ()
    inner: frozenset[tuple[str, str]] = frozenset()
    tasks: frozenset[tuple[str, str]] = frozenset()

    def has(self, path: str, node: str) -> bool:
        """Whether there is one at a node of the graph of a path."""
        return (path, node) in self.inner if path else node in self.root

    def has_path(self, path: str) -> bool:
        """:meth:`has`, of a node or a task by its own path."""
        return self.has(*innermost(path)) or innermost(path) in self.tasks

    def reaching(self, graph: Any) -> StopPoints:
        """These, all nodes of the graphs that are among them, and each function that calls a graph with one
        of them: what runs in a function is not told apart."""
        graphs = {"": graph, **dict(graph.get_subgraphs(recurse=True))}
        inner = self.inner | {
            (path, node)
            for path, names in _places_of(graph).items()
            for node in names
            if any(map(self.has_path, _prefixes(path)))
        }
        callers = {
            (around, node)
            for path, _ in inner
            for around, node in map(innermost, _prefixes(path))
            if not is_graph(graphs[around].nodes[node])
        }
        root = {*self.root, *(node for around, node in callers if not around)}
        return StopPoints(tuple(sorted(root)), inner | {each for each in callers if each[0]}, self.tasks)

    @property
    def names(self) -> set[str]:
        """The names of their nodes."""
        return {*self.root, *(node for _, node in self.inner)}

    @classmethod
    def of(cls, names: str | Iterable[str], graph: Any, what: str, *, with_tasks: bool = False) -> StopPoints:
        """The breakpoints that names mean: a node wherever the graph has one of that name, or one alone by
        its path, as in ``"research|judge"``; the root graph's alone as ``"|judge"``.

        Args:
            names: of the nodes; ``"*"`` for all of the root graph.
            graph: the root graph.
            what: what the nodes are named for, as in ``"stop before"``.
            with_tasks: whether tasks may be named too, alone or as ``"node|task"``.

        Raises:
            NodeRefused: neither the graph nor a subgraph has such a node: the run would go past it.
        """
        given = names_in(names)
        if not given:
            return cls()
        places = _places_of(graph)
        callers = _tasks_of(graph) if with_tasks else {}
        found: set[tuple[str, str]] = set()
        tasks: set[tuple[str, str]] = set()
        for name in given:
            if name == "*":
                found |= {("", node) for node in places[""]}
                continue
            meant, called = _named(places, name), _named(callers, name)
            if not meant and not called:
                every = dict.fromkeys(each for held in (*places.values(), *callers.values()) for each in held)
                kind = "node or task" if any(callers.values()) else "node"
                raise NodeRefused(
                    f"The graph has no {kind} {name!r} to {what}.", f"Choose {listed(every, last='or')}."
                )
            found |= meant
            tasks |= called
        root = tuple(node for p, node in sorted(found) if not p)
        return cls(root, frozenset(p for p in found if p[0]), frozenset(tasks))


def _named(places: Mapping[str, Iterable[str]], name: str) -> set[tuple[str, str]]:
    """Where a name is, alone or with its path."""
    path = enclosing(name)
    own = name.removeprefix(f"{path}|")
    return {(p, own) for p, names in places.items() if own in names and (p == path or own == name)}


def names_in(given: Any) -> list[str]:
    """Names that were given as one, or as several; a number is the name that it is written as.

    Raises:
        InvalidValue: it is none of these.
    """
    if isinstance(given, str | int):
        return [str(given)]
    try:
        return [str(each) for each in given]
    except TypeError:
        raise InvalidValue(f"{given!r} is no name.", "Give a name, or a list of names.") from None


def _prefixes(path: str) -> Iterator[str]:
    """A path and those around it; none of the root's."""
    while path:
        yield path
        path = enclosing(path)


@dataclass
class StepCount:
    """Counts super-steps down.

    Args:
        left: how many may still be made; None: any number.
        path: of the graph whose steps count; a step of a graph around it ends the last of them.
        hidden: whether the first step only takes the input in, and counts for nothing, as to LangGraph's
            ``interrupt_after="*"``.
    """

    left: int | None
    path: str = ""
    hidden: bool = False

    @classmethod
    def of(cls, steps: int | None) -> StepCount:
        """The count of ``steps`` of the root graph.

        Raises:
            InvalidValue: it is no number from 1.
        """
        if steps is not None and (not isinstance(steps, int) or isinstance(steps, bool) or steps < 1):
            raise InvalidValue(f"A run cannot make {steps!r} steps.", "Give a whole number from 1, or None.")
        return cls(steps)

    def made(self, path: str) -> bool:
        """Take in a step of a graph; whether it was the last."""
        if self.left is None or not (path == self.path or f"{self.path}|".startswith(f"{path}|") or not path):
            return False
        if self.hidden:
            self.hidden = False
            return False
        self.left -= 1
        return self.left <= 0


@dataclass
class Halts:
    """What stops one run by itself; told of each checkpoint as it is stored.

    Attributes:
        before, after: breakpoints.
        steps: super-steps left.
        until: a predicate on a checkpoint.
        stood: where it stopped inside a subgraph: before or after which nodes.
        warnings: what went wrong with the predicate.
    """

    control: RunControl
    before: StopPoints
    after: StopPoints
    steps: StepCount
    until: Any = None
    stood: dict[When, tuple[str, ...]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def put(self, finder: CheckpointFinder, config: RunnableConfig, source: str | None) -> None:
        """A checkpoint was stored."""
        namespace = place_of(config).ns or ""
        if source == "loop":
            if self.steps.made(node_path(namespace)):
                self.control.request_drain("steps")
            if not namespace and self.until is not None:
                self._until(finder, config)
        if namespace and source in ("loop", "input") and (self.before.inner or self.after.inner):
            self._inner(finder, config, node_path(namespace))

    def _until(self, finder: CheckpointFinder, config: RunnableConfig) -> None:
        checkpoint = finder.at(config)
        try:
            met = self.until(checkpoint)
        except Exception as error:
            met = True
            self.warnings.append(
                f"until= raised {described(error)} at {checkpoint.label}; the run stopped there."
            )
        if met:
            self.control.request_drain("until")

    def _inner(self, finder: CheckpointFinder, config: RunnableConfig, path: str) -> None:
        paths = {p for p, _ in self.before.inner | self.after.inner}
        if path not in paths:
            return
        checkpoint = finder.at(config)
        made = checkpoint.nodes if checkpoint.source == "loop" else ()
        self._stand("before", tuple(n for n in checkpoint.next if (path, n) in self.before.inner))
        self._stand("after", tuple(n for n in made if (path, n) in self.after.inner))

    def _stand(self, when: When, nodes: tuple[str, ...]) -> None:
        if nodes:
            self.stood[when] = nodes
            self.control.request_drain(when)
