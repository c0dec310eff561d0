"""What the rules look at: a graph with its subgraphs, the functions of its nodes, and a config."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import FunctionType, ModuleType
from typing import Any

from langchain_core.runnables import ensure_config
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.pregel import Pregel

from lgviz.analysis.called import function_of

from .code import FunctionCode, code_of, is_own

__all__ = ["CheckSubject", "CheckedGraph", "NodeFunction"]


@dataclass(frozen=True, slots=True)
class NodeFunction:
    """A function that a node runs, or that a tool of it does.

    Attributes:
        node: the node, by its path.
        name: the node in its own graph.
        function: what runs.
        code: its source; None where it cannot be read.
        called: what LangGraph calls, which may be a ``partial`` of it; None of a tool.
        filled: the parameters that LangGraph fills, each with the default that it takes.
    """

    node: str
    name: str
    function: FunctionType
    code: FunctionCode | None
    called: Callable[..., Any] | None = None
    filled: Mapping[str, Any] = field(default_factory=dict)

    @property
    def place(self) -> dict[str, Any]:
        """What a finding says of where it is."""
        code = self.function.__code__
        return {"node": self.node, "file": code.co_filename, "line": code.co_firstlineno}


@dataclass(frozen=True)
class CheckedGraph:
    """A graph, or a subgraph, with the functions of its nodes.

    Attributes:
        graph: the compiled graph.
        path: the nodes that lead to it, as LangGraph writes them; empty for the graph itself.
        functions: what its nodes run, libraries' left out.
    """

    graph: Pregel[Any, Any, Any, Any]
    path: str
    functions: list[NodeFunction] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "functions", list(self._functions()))

    @property
    def builder(self) -> Any:
        """The ``StateGraph`` that it was compiled from; None of another kind of graph."""
        return getattr(self.graph, "builder", None)

    def path_of(self, name: str) -> str:
        """A node of it by its path."""
        return f"{self.path}|{name}" if self.path else name

    def functions_of(self, name: str) -> list[NodeFunction]:
        """What a node runs."""
        return [one for one in self.functions if one.name == name]

    def place_of(self, name: str) -> dict[str, Any]:
        """What a finding says of a node."""
        return next((one.place for one in self.functions_of(name)), {"node": self.path_of(name)})

    def _functions(self) -> Iterator[NodeFunction]:
        for name, node in self.graph.nodes.items():
            bound: Any = node.bound
            path = self.path_of(name)
            for tool in getattr(bound, "tools_by_name", {}).values():
                function = getattr(tool, "func", None) or getattr(tool, "coroutine", None)
                if is_own(function):
                    yield NodeFunction(path, name, function, code_of(function))
            function = None if isinstance(bound, Pregel) else function_of(bound)
            if is_own(function):
                filled = {key: default for key, (_, default) in getattr(bound, "func_accepts", {}).items()}
                called = getattr(bound, "func", None) or getattr(bound, "afunc", None)
                yield NodeFunction(path, name, function, code_of(function), called, filled)


class CheckSubject:
    """A graph that is checked.

    Args:
        graph: the compiled graph.
        config: as the graph is run with it; None where that is not known.
    """

    def __init__(self, graph: Pregel[Any, Any, Any, Any], config: Mapping[str, Any] | None) -> None:
        self.graph = graph
        self.config = config
        found: Any = graph.get_subgraphs(recurse=True)
        inner = [CheckedGraph(one, path) for path, one in found]
        self.graphs = [CheckedGraph(graph, ""), *inner]

    @property
    def functions(self) -> list[NodeFunction]:
        """What all nodes run."""
        return [function for one in self.graphs for function in one.functions]

    @property
    def saver(self) -> BaseCheckpointSaver[Any] | None:
        """The graph's checkpointer, if it has one of its own."""
        saver = self.graph.checkpointer
        return saver if isinstance(saver, BaseCheckpointSaver) else None

    @property
    def configurable(self) -> Mapping[str, Any]:
        """What the config and the graph's own say under ``configurable``."""
        given: Any = self.config or {}
        # LangGraph takes a key that it does not know for one of these.
        return {**ensure_config(self.graph.config)["configurable"], **ensure_config(given)["configurable"]}

    @property
    def thread_id(self) -> str | None:
        """The thread that the config names."""
        found = self.configurable.get("thread_id")
        return None if found is None else str(found)

    @property
    def modules(self) -> list[ModuleType]:
        """The modules that the nodes' functions come from."""
        names = dict.fromkeys(one.function.__module__ for one in self.functions)
        found = [sys.modules.get(name) for name in names]
        return [module for module in found if module is not None and getattr(module, "__file__", None)]
