"""What really comes of what a question of ``lgviz.learn`` asks: LangGraph itself, on a copy of the saver."""

from __future__ import annotations

import copy
from collections import Counter
from contextlib import suppress
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command, StateUpdate

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
        else:
            then = next(child for child in self.at.children if child.source == "loop")
            self.graph.invoke(None, self.config, interrupt_after="*", durability="sync")
            now = lgviz.history(self.graph, self.about["thread_id"]).latest
            after = self.graph.get_state(now.config)
            if repr(now.writes) != repr(
                then.writes
            ):  # today's code, or memory, is another: an update as then
                by_node = sorted(then.writes.items(), key=lambda item: (len(item[1]) > 1, item[0]))
                updates = [StateUpdate(one, node) for node, tasks in by_node for one in tasks]
                after = self.graph.get_state(self.graph.bulk_update_state(self.config, [updates]))
        return after.values.get(self.about["channel"])

    def runs(self) -> Any:
        events = self.graph.stream(None, self.config, stream_mode="debug", durability="sync")
        return Counter(event["payload"]["name"] for event in events if event["type"] == "task")

    def again(self) -> Any:
        begun: list[str] = []
        told = [w.value for w in self.at.stored.writes if w.channel == "__resume__"]
        answers = next(
            value for value in told if isinstance(value, list)
        )  # a task's; a run's is the bare one
        for given, config in [(None, self.config), *((Command(resume=one), self.thread) for one in answers)]:
            tasks = self.graph.stream(given, config, stream_mode="tasks", durability="sync")
            begun += [
                task["id"] for task in tasks if "triggers" in task and task["name"] == self.about["node"]
            ]
        return begun.count(begun[0])  # a later call of the node is another task

    def as_node(self) -> Any:
        """The first of all nodes that lead there."""
        for name in ["__start__", *self.graph.nodes, "__end__"]:
            saver = copy_of(self.graph.checkpointer)
            graph = copy.copy(self.graph)
            graph.checkpointer = saver
            with suppress(Exception):  # an update that LangGraph refuses leads nowhere
                if graph.get_state(graph.update_state(self.config, None, name)).next == (self.about["node"],):
                    return name
        raise AssertionError("no node leads there")

    def trigger(self) -> Any:
        """LangGraph's own rule, on what is stored: a trigger holds a newer version than its node has seen."""
        node = self.about["node"]
        stored = self.graph.checkpointer.get_tuple(self.at.parent.config).checkpoint
        seen = stored["versions_seen"].get(node, {})
        new = stored["channel_versions"]
        newer = [t for t in self.graph.nodes[node].triggers if t in new and new[t] > seen.get(t, "")]
        held = stored["channel_values"]
        return [t for t in newer if not t.startswith("join:") or _complete(t, held.get(t))]

    def grows(self) -> Any:
        if "values" in self.about:
            self._updated()
            return len(list(self.graph.get_state_history(self.thread)))
        given = self.at.children[0].writes["__start__"][0]
        fresh = {"configurable": self.config["configurable"] | {"thread_id": "fresh"}}
        del fresh["configurable"]["checkpoint_id"]
        self.graph.invoke(given, fresh)
        return len(list(self.graph.get_state_history(fresh)))

    def where(self) -> Any:
        saver = self.graph.checkpointer
        kept = saver.storage[self.about["thread_id"]]
        known = {name: len(checkpoints) for name, checkpoints in kept.items()}
        self.graph.invoke(None, self.config, durability="sync")
        assert list(saver.storage) == [self.about["thread_id"]]
        grown = [name for name, checkpoints in kept.items() if len(checkpoints) > known.get(name, 0)]
        return next(name for name in grown if name.split(":")[0] == self.about["node"])

    def forgets(self) -> Any:
        self.graph.checkpointer = InMemorySaver()
        assert not self.graph.get_state(self.thread).config["configurable"].get("checkpoint_id")
        return "none"

    def latest(self) -> Any:
        if "values" in self.about:
            made = self._updated()["configurable"]["checkpoint_id"]
            found = self.graph.get_state(self.thread).config["configurable"]["checkpoint_id"]
            return "the new one" if found == made else found
        found = self.graph.get_state(self.thread).config["configurable"]["checkpoint_id"]
        return lgviz.history(self.graph, self.about["thread_id"])[found].label


def _complete(join: str, held: Any) -> bool:
    """Whether all that a join (``join:a+b:c``) waits for has come."""
    return set(held or ()) == set(join.split(":")[1].split("+"))
