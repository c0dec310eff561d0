"""``check_graph``: every rule asked, of a graph, of a builder, or of the name of one."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from langgraph.graph import StateGraph
from langgraph.pregel import Pregel

from lgviz.errors import NotASource, said
from lgviz.session.graph_names import load_graph

from .findings import Finding, Findings
from .imports import finding_of_import, memory_savers_in_servers, missing_packages, savers_not_entered
from .interrupts import effects_before_interrupts
from .parallel import parallel_writes
from .saving import no_checkpointer, no_thread, saver_not_open, stored_thread
from .stores import missing_store, unfilled_parameters
from .subject import CheckSubject
from .values import degraded_types
from .ways import unknown_targets, unreachable_nodes

__all__ = ["check_graph"]

_RULES: list[Callable[[CheckSubject], Iterator[Finding]]] = [
    saver_not_open,
    no_thread,
    stored_thread,
    missing_store,
    unfilled_parameters,
    unknown_targets,
    unreachable_nodes,
    parallel_writes,
    effects_before_interrupts,
    degraded_types,
]


def check_graph(graph: Any, config: Mapping[str, Any] | None = None) -> Findings:
    """What is wrong with a graph before it goes wrong. No node runs, and nothing is written.

    >>> from typing import TypedDict
    >>> from langgraph.graph import START, StateGraph
    >>> class State(TypedDict):
    ...     text: str
    >>> builder = StateGraph(State)
    >>> _ = builder.add_node("write", lambda state: {"text": "a"})
    >>> _ = builder.add_node("edit", lambda state: {"text": "b"})
    >>> _ = builder.add_edge(START, "write")
    >>> for found in check_graph(builder.compile()):
    ...     print(found.severity, found.code)
    warning no-checkpointer
    warning unreachable-node

    Args:
        graph: a compiled graph, a ``StateGraph``, or the name of either as ``"app:graph"`` or
            ``"src/app.py:graph"``; of a name the module is imported, and what goes wrong with that is found.
        config: as the graph is run with it; the thread that it names is read.

    Returns:
        What was found, the errors first; empty where nothing was. docs/CHECKS.md has every kind.

    Raises:
        NotASource: ``graph`` is none of these, or names nothing.
    """
    if isinstance(graph, str):
        return Findings(_of_name(graph, config))
    if isinstance(graph, StateGraph):
        return Findings(_of_builder(graph, config))
    if not isinstance(graph, Pregel):
        raise NotASource(
            f"A {type(graph).__name__} is no graph that can be checked.",
            'Give a compiled graph, a StateGraph, or a name as "app:graph".',
        )
    return Findings(_of_graph(graph, config))


def _of_graph(graph: Pregel[Any, Any, Any, Any], config: Mapping[str, Any] | None) -> Iterator[Finding]:
    subject = CheckSubject(graph, config)
    yield from no_checkpointer(subject)
    yield from _compiled(subject)


def _compiled(subject: CheckSubject) -> Iterator[Finding]:
    for rule in _RULES:
        yield from rule(subject)
    files = [str(module.__file__) for module in subject.modules]
    yield from _of_files(files, subject)


def _of_files(files: list[str], subject: CheckSubject | None = None) -> Iterator[Finding]:
    yield from missing_packages(files)
    yield from savers_not_entered(files)
    yield from memory_savers_in_servers(subject, files)


def _of_builder(
    builder: StateGraph[Any, Any, Any, Any], config: Mapping[str, Any] | None
) -> Iterator[Finding]:
    fix = "graph = builder.compile(checkpointer=InMemorySaver())"
    try:
        graph = copy.copy(builder).compile()  # a copy: compiling marks the builder
    except ValueError as error:
        yield Finding("does-not-compile", "error", f"{said(error)}.", fix)
        return
    yield Finding("not-compiled", "error", "A StateGraph does not run: it must be compiled.", fix)
    yield from _compiled(CheckSubject(graph, config))


def _of_name(name: str, config: Mapping[str, Any] | None) -> Iterator[Finding]:
    try:
        graph = load_graph(name)
    except NotASource as error:
        if error.__cause__ is None:
            raise
        found = finding_of_import(error.__cause__)
        yield found
        others = _of_files([file] if (file := _file_of(name)) else [])
        yield from (each for each in others if (each.code, each.line) != (found.code, found.line))
        return
    yield from _of_graph(graph, config)


def _file_of(name: str) -> str | None:
    where = name.rpartition(":")[0]
    if where.endswith(".py"):
        return str(Path(where).resolve())
    try:
        spec = find_spec(where)
    except (ImportError, ValueError):
        return None
    return spec.origin if spec else None
