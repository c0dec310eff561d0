"""What really comes of what a question of ``lgviz.learn`` asks: LangGraph itself, on a copy of the saver."""

from __future__ import annotations

import copy
from collections import Counter
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import StateUpdate

import lgviz
from lgviz.learn import LearnQuestion
from lgviz.session import configurable_of


def copy_of(saver: InMemorySaver) -> InMemorySaver:
    """A saver with the same checkpoints, that may be written to."""
    made = InMemorySaver()
    for name in ("storage", "writes", "blobs"):
        getattr(made, name).update(copy.deepcopy(getattr(saver, name)))
    return made


class Reality:
    """Does what a question asks about, and says what came of it.

    Args:
        graph: the graph that the question was made from; it is left alone.
        question: the question.
    """

    def __init__(self, graph: Any, question: LearnQuestion) -> None:
        self.about = question.about
        self.kind = question.kind
        self.graph = copy.copy(graph)
        self.graph.checkpointer = copy_of(graph.checkpointer)
        self.thread: Any = {"configurable": {"thread_id": self.about["thread_id"]}}
        self.at = lgviz.history(graph, self.about["thread_id"])[self.about["checkpoint"]]
        self.config = self.at.config
        self.config["configurable"] |= {
            name: value for name, value in configurable_of(self.at.metadata).items() if name == "user_id"
        }

    def answer(self) -> Any:
        """The answer that reality gives."""
        return getattr(self, self.kind)()

    def _updated(self) -> Any:
        if self.about["goto"]:
            raise AssertionError("no question here goes by Command")
        return self.graph.update_state(self.config, self.about["values"], self.about["as_node"])

    def next(self) -> Any:
        return self.graph.get_state(self._updated() if "values" in self.about else self.config).next

    def value(self) -> Any:
        if "values" in self.about:
            after = self.graph.get_state(self._updated())
        else:  # what was written then is written: today's code, or memory, may be another
            writes = next(child for child in self.at.children if child.source == "loop").writes.items()
            updates = [StateUpdate(one, node) for node, tasks in writes for one in tasks]
            after = self.graph.get_state(self.graph.bulk_update_state(self.config, [updates]))
        return after.values.get(self.about["channel"])

    def runs(self) -> Any:
        events = self.graph.stream(None, self.config, stream_mode="debug", durability="sync")
        return Counter(event["payload"]["name"] for event in events if event["type"] == "task")

    def latest(self) -> Any:
        if "values" in self.about:
            made = self._updated()["configurable"]["checkpoint_id"]
            found = self.graph.get_state(self.thread).config["configurable"]["checkpoint_id"]
            return "the new one" if found == made else found
        found = self.graph.get_state(self.thread).config["configurable"]["checkpoint_id"]
        return lgviz.history(self.graph, self.about["thread_id"])[found].label
