"""The read model of what an act made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig

from lgviz.analysis.checkpoint import Checkpoint
from lgviz.analysis.history import History, open_history

__all__ = ["Reader"]


class Reader:
    """Finds the ``Checkpoint`` of a config; opens the history once and reads on in it."""

    def __init__(self, graph: Any) -> None:
        self._graph = graph
        self._history: History | None = None

    def at(self, config: RunnableConfig) -> Checkpoint:
        """The checkpoint that a config names."""
        return self.all([config])[0]

    def all(self, configs: Sequence[RunnableConfig]) -> list[Checkpoint]:
        """The checkpoints that configs of one thread name."""
        if not configs:
            return []
        if self._history is None:
            self._history = open_history(self._graph, thread_id=configs[0]["configurable"]["thread_id"])
        else:
            self._history.refresh()
        return [self._history[config["configurable"]["checkpoint_id"]] for config in configs]
