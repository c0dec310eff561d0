"""Rules of edges: routers that name what is nowhere, and nodes that nothing leads to."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal, get_args, get_origin

from langgraph.graph import END, START

from lgviz.analysis.called import function_of, names_in

from .code import FunctionCode, code_of, is_own
from .findings import Finding
from .returns import Choices, choices_of, command_targets
from .subject import CheckedGraph, CheckSubject, NodeFunction

__all__ = ["Router", "routers_of", "unknown_targets", "unreachable_nodes"]


@dataclass(frozen=True, slots=True)
class Router:
    """A conditional edge.

    Attributes:
        node: where it starts.
        name: the function's.
        ends: its map, as LangGraph follows it; empty where whatever it returns is a node's name.
        code: its source, None where that cannot be read.
        choices: what it returns, by its source; None likewise.
        annotated: the members of the ``Literal`` that it says to return.
    """

    node: str
    name: str
    ends: dict[Any, str]
    code: FunctionCode | None
    choices: Choices | None
    annotated: tuple[Any, ...]

    @property
    def targets(self) -> frozenset[str] | None:
        """The nodes that it may lead to; None where nothing tells."""
        sent = frozenset(self.choices.sent) if self.choices else frozenset()
        if self.ends:
            return frozenset(self.ends.values()) | sent
        if self.annotated:
            return frozenset(map(str, self.annotated)) | sent
        if self.choices is not None and self.choices.complete:
            return frozenset(self.choices.named) | sent
        return None


def routers_of(checked: CheckedGraph) -> Iterator[Router]:
    """The conditional edges of a graph."""
    if checked.builder is None:
        return
    for node, branches in checked.builder.branches.items():
        for name, branch in branches.items():
            function = function_of(branch.path)
            code = code_of(function) if is_own(function) else None
            choices = None if code is None else choices_of(code)
            yield Router(node, name, branch.ends or {}, code, choices, _literals(function))


def _literals(function: Any) -> tuple[Any, ...]:
    """What the ``Literal`` in a function's return annotation names, also in a list or a union."""
    try:
        waiting = [typing.get_type_hints(function).get("return")]
    except Exception:  # a name that is nowhere
        return ()
    found: list[Any] = []
    for hint in waiting:  # grows
        if get_origin(hint) is Literal:
            found += get_args(hint)
        else:
            waiting += get_args(hint)
    return tuple(found)


def unknown_targets(subject: CheckSubject) -> Iterator[Finding]:
    """What a router returns and its map lacks, and a node that ``Command`` goes to and that is none."""
    for checked in subject.graphs:
        nodes = {*checked.graph.nodes, END} - {START}
        for router in routers_of(checked):
            yield from _unmapped(checked, router, nodes)
        for one in checked.functions if checked.builder is not None else ():
            for name, line in (command_targets(one.code).named if one.code else {}).items():
                if name not in nodes:
                    yield Finding(
                        "unknown-goto",
                        "error",
                        f"Node {one.node!r} goes to {name!r}, which is no node: LangGraph ignores it, and "
                        "the branch ends there without an error.",
                        f"goto={_likely(name, nodes)!r}",
                        **{**one.place, "line": line},
                    )


def _unmapped(checked: CheckedGraph, router: Router, nodes: set[str]) -> Iterator[Finding]:
    named = router.choices.named if router.choices else {}
    first = router.code.function.__code__.co_firstlineno if router.code else None
    said = {**dict.fromkeys(router.annotated, first), **named}
    sent = set(router.choices.sent) - nodes if router.choices else set()
    known = set(router.ends) or nodes
    for value in [value for value in said if value not in known] + sorted(sent):
        mapped = bool(router.ends) and value not in sent
        comes = "it raises KeyError" if mapped else "LangGraph ignores it, and the branch ends there"
        path = checked.path_of(router.node)
        yield Finding(
            "router-outside-map",
            "error",
            f"The router {router.name!r} behind node {path!r} may return {value!r}, which "
            f"{'its map lacks' if mapped else 'is no node'}: {comes}.",
            _mended(router, value) if mapped and value in nodes else f"return {_likely(str(value), nodes)!r}",
            node=path,
            file=router.code.file if router.code else None,
            line=said.get(value, first),
        )


def _mended(router: Router, value: Any) -> str:
    """The line that says the map, with a value more."""
    if router.ends == {name: name for name in router.annotated}:
        return f"def {router.name}(state) -> Literal[{', '.join(map(repr, [*router.ends, value]))}]:"
    ends = {**router.ends, value: value}
    return f"builder.add_conditional_edges({router.node!r}, {router.name}, {ends})"


def _likely(name: str, nodes: set[str]) -> str:
    """The node whose name is most like a name."""
    return max(sorted(nodes), key=lambda node: SequenceMatcher(None, name, node).ratio())


def unreachable_nodes(subject: CheckSubject) -> Iterator[Finding]:
    """A node that no edge, router or ``Command`` leads to."""
    if any(_may_go_outside(one) for one in subject.functions):
        return
    for checked in subject.graphs:
        reached = None if checked.builder is None else _reached(checked)
        if reached is None:
            continue
        for name in checked.builder.nodes.keys() - reached:
            yield Finding(
                "unreachable-node",
                "warning",
                f"Nothing leads to node {checked.path_of(name)!r}: it never runs.",
                f"builder.add_edge(START, {name!r})  # or from the node before it",
                **checked.place_of(name),
            )


def _may_go_outside(one: NodeFunction) -> bool:
    return one.code is not None and command_targets(one.code).outside


def _reached(checked: CheckedGraph) -> set[str] | None:
    """The nodes that can run; None where one of them may lead anywhere."""
    builder = checked.builder
    routers = list(routers_of(checked))
    waiting = [START, *(name for name, spec in builder.nodes.items() if spec.is_error_handler)]
    reached = set(waiting)
    while waiting:
        name = waiting.pop()
        targets = {end for start, end in builder.edges if start == name}
        targets |= {end for starts, end in builder.waiting_edges if reached >= set(starts)}
        for router in routers:
            if router.node == name:
                if router.targets is None:
                    return None
                targets |= router.targets
        if name != START and not (ends := set(builder.nodes[name].ends or ())):
            gotos = _gotos(checked, name)
            if gotos is None:
                return None
            targets |= gotos
        elif name != START:
            targets |= ends
        new = targets & builder.nodes.keys() - reached
        reached |= new
        waiting += new
    return reached


def _gotos(checked: CheckedGraph, name: str) -> set[str] | None:
    """Where a node goes by ``Command``; None where its code does not tell."""
    function = function_of(checked.graph.nodes[name].bound)
    own = {one.function: one for one in checked.functions_of(name)}
    found: set[str] = set()
    waiting: list[Any] = [function, *own] if function is not None else [*own]
    seen: set[Any] = set()
    for each in waiting:  # grows by the functions that it calls
        if each in seen:
            continue
        seen.add(each)
        names = names_in(each.__code__)
        code = own[each].code if each in own else None
        gotos = command_targets(code) if code is not None else None
        if not gotos.complete if gotos else "Command" in names:
            return None
        found |= set(gotos.named) if gotos else set()
        waiting += [value for key in names if is_own(value := each.__globals__.get(key))]
    return found
