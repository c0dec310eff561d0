"""The read model of what an act made."""

from __future__ import annotations

from typing import Any

from langchain_core.runnables import RunnableConfig

__all__ = ["checkpoint_at", "checkpoints_at"]


def checkpoint_at(graph: Any, config: RunnableConfig) -> Any:
    """The ``Checkpoint`` of a config."""
    return checkpoints_at(graph, [config])[0]


def checkpoints_at(graph: Any, configs: list[RunnableConfig]) -> list[Any]:
    """The ``Checkpoint`` of each config, all of one thread."""
    from lgviz.analysis.history import open_history  # reads through the graph's own saver

    if not configs:
        return []
    history = open_history(graph, thread_id=configs[0]["configurable"]["thread_id"])
    return [history[config["configurable"]["checkpoint_id"]] for config in configs]
