"""``predict`` and ``questions``: a question of one kind, and as many as a thread has."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice, zip_longest
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.constants import START
from langgraph.pregel import Pregel

from lgviz.analysis.checkpoint import Checkpoint
from lgviz.analysis.history import History, open_history
from lgviz.analysis.writes import unfolded
from lgviz.errors import InvalidValue, LgvizError, NoQuestion, listed

from .kinds import KINDS, Way
from .question import LearnQuestion
from .subject import Subject

__all__ = ["predict", "questions"]

_MOST = 100
"""Checkpoints of a thread that questions are made from."""


def predict(
    graph: Any,
    kind: str,
    at: Any = None,
    *,
    thread_id: str | None = None,
    values: Any = ...,
    as_node: str | None = None,
    goto: str | None = None,
    channel: str | None = None,
    node: str | None = None,
    config: RunnableConfig | None = None,
    context: Any = None,
    seed: int = 0,
) -> LearnQuestion:
    """A question about a thread, its key computed from what is stored. No node runs, nothing is written.

    >>> from langgraph.checkpoint.memory import InMemorySaver
    >>> from lgviz import learn
    >>> from lgviz.demos import two_nodes
    >>> two_nodes.seed(graph := two_nodes.build(InMemorySaver()))
    >>> q = learn.predict(graph, "value", "c2", thread_id="1", values={"bar": ["x"]}, as_node="node_a")
    >>> q
    At c2, `bar` is ["a"]. There the state is updated with {bar: ["x"]} as `node_a`. What is `bar` afterwards?
      (a) ["a"]
      (b) ["x"]
      (c) ["a", ["x"]]
      (d) ["x", "a"]
      (e) ["a", "x"]
    Answer by `q.answer(...)`: a letter, or the answer itself.
    >>> q.answer(["a", "x"]).right
    True

    Args:
        graph: a compiled graph with a checkpointer, or a :class:`~lgviz.History`.
        kind: what it is about, a key of :data:`lgviz.learn.KINDS`.
        at: a checkpoint, its label or id; None: the latest.
        thread_id: the thread of a label or id.
        values, as_node, goto: ask about this update there, as :func:`lgviz.preview` takes it.
        channel: about which channel; None: one that tells most.
        node: about which node.
        config, context: of the update and of runs.
        seed: decides the order of the choices.

    Raises:
        NoQuestion: the thread has no such question there.
        InvalidValue: there is no such kind.
        LgvizError: there is no such checkpoint; or the update cannot be made, as :func:`lgviz.preview` says.
    """
    if kind not in KINDS:
        raise InvalidValue(f"There is no kind of question {kind!r}.", f"There are {listed(KINDS)}.")
    history = _history(graph, at, thread_id, config, context)
    checkpoint = history.latest if at is None else history[at]
    if checkpoint.namespace:
        raise NoQuestion(
            f"{checkpoint.label} is in a subgraph.", "Ask about a checkpoint of the root namespace."
        )
    subject = Subject(history, checkpoint, values, as_node, goto, channel, node, config, context, seed)
    return _made(kind, subject)


def _made(kind: str, subject: Subject) -> LearnQuestion:
    subject.kind = kind
    return KINDS[kind].ask(subject)


def _history(
    graph: Any, at: Any, thread_id: str | None, config: RunnableConfig | None, context: Any
) -> History:
    if isinstance(graph, History):
        return graph
    if isinstance(at, Checkpoint) and thread_id is None:
        thread_id = at.history.thread_id
    return open_history(graph, thread_id, config, context)


def questions(
    graph: Any,
    thread_id: str | None = None,
    count: int = 10,
    kinds: Iterable[str] | None = None,
    seed: int = 0,
    *,
    config: RunnableConfig | None = None,
    context: Any = None,
) -> list[LearnQuestion]:
    """Questions about a thread, no two alike; what cannot be asked of it is not asked.

    Args:
        graph, config, context: as :func:`predict` takes them.
        thread_id: the thread; None: the newest.
        count: how many at most.
        kinds: of which kinds; None: of all.
        seed: another one asks others, in another order.

    Returns:
        The questions, kinds in turn.

    Raises:
        InvalidValue: there is no such kind.
        LgvizError: there is no such thread.
    """
    wanted = list(KINDS if kinds is None else kinds)
    if unknown := [kind for kind in wanted if kind not in KINDS]:
        raise InvalidValue(f"There is no kind of question {unknown[0]!r}.", f"There are {listed(KINDS)}.")
    history = _history(graph, None, thread_id, config, context)
    chance = random.Random(seed)  # noqa: S311
    found = Found.of(history, chance)
    blank = Subject(history, history.latest, config=config, context=context, seed=seed)
    lines = [_of_kind(kind, found, blank) for kind in wanted]
    rounds = (question for each in zip_longest(*lines) for question in each if question is not None)
    return list(islice(rounds, count))


def _of_kind(kind: str, found: Found, blank: Subject) -> Iterator[LearnQuestion]:
    """The questions of one kind, its ways in turn."""
    asked: set[str] = set()
    ways = zip_longest(*(found.of_way(way) for way in KINDS[kind].ways))
    for about in (one for each in ways for one in each if one is not None):
        try:
            question = _made(kind, replace(blank, **about))
        except LgvizError:
            continue
        if question.id not in asked:
            asked.add(question.id)
            yield question


@dataclass
class Found:
    """What there is to ask about in a thread.

    Attributes:
        at: checkpoints, in a chance order; of a long thread some.
        written: what nodes of the graph wrote there, with the node: updates that make sense.
        nodes: the graph's nodes.
        chance: decides the order.
    """

    at: list[Checkpoint]
    written: list[tuple[str, dict[str, Any]]]
    nodes: list[str]
    chance: random.Random

    @classmethod
    def of(cls, history: History, chance: random.Random) -> Found:
        """Look through a thread."""
        at = chance.sample(list(history), min(_MOST, len(history)))
        graph = history.source.graph
        nodes = list(graph.nodes) if isinstance(graph, Pregel) else []
        written = [
            (node, one)
            for each in at
            if not each.writes.derived
            for node, tasks in each.writes.items()
            for one in tasks
            if node in nodes and one and all(len(unfolded(value)) == 1 for value in one.values())
        ]
        return cls(at, written, [node for node in nodes if node != START], chance)

    def of_way(self, way: Way) -> Iterator[dict[str, Any]]:
        """The fields of a :class:`Subject` for each question that may be asked this way."""
        if way == "thread":
            yield {}
        elif way == "checkpoint":
            yield from ({"at": at} for at in self.at)
        elif way == "channel":
            yield from ({"at": at, "channel": name} for at in self.at for name in _stepped(at))
        elif way == "to":
            yield from ({"at": at, "node": node} for at, node in self._pairs(self.nodes))
        else:
            for at, (node, values) in self._pairs(self.written):
                channel = self.chance.choice(list(values))
                yield {"at": at, "values": dict(values), "as_node": node, "channel": channel}

    def _pairs(self, others: list[Any]) -> list[tuple[Checkpoint, Any]]:
        pairs = [(at, other) for at in self.at for other in others]
        self.chance.shuffle(pairs)
        return pairs


def _stepped(at: Checkpoint) -> list[str]:
    """The channels that the steps from a checkpoint wrote."""
    return list(dict.fromkeys(name for child in at.children for name in child.changed))
