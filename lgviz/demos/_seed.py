"""What every demo's ``seed`` needs: run to the end of a step, and find a checkpoint by what comes next."""

from __future__ import annotations

from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import StateSnapshot

from lgviz import session

Graph = CompiledStateGraph[Any, Any, Any, Any]


def config_of(thread_id: str) -> RunnableConfig:
    """The config of a thread's newest checkpoint."""
    return {"configurable": {"thread_id": thread_id}}


def ran(graph: Graph, graph_input: Any, config: RunnableConfig) -> None:
    """Run to the end or the next interrupt, every checkpoint stored before the next step starts."""
    graph.invoke(graph_input, config, durability="sync")


def forked(
    graph: Graph, config: RunnableConfig, values: dict[str, Any], as_node: str, note: str
) -> RunnableConfig:
    """Fork as the debugger does, with a note that says why. Returns the new checkpoint's config."""
    return session.forked(graph, config, session.Edit(values, as_node, note=note))


def state_before(graph: Graph, thread_id: str, *nodes: str) -> StateSnapshot:
    """The oldest checkpoint whose ``next`` is exactly these nodes."""
    history = list(graph.get_state_history(config_of(thread_id)))
    found: StateSnapshot = next(s for s in reversed(history) if s.next == nodes)
    return found
