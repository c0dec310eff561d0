"""``predict`` and ``questions``: a question of one kind, and as many as a thread has."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from itertools import islice, zip_longest
from typing import Any

from langchain_core.runnables import RunnableConfig

from lgviz.analysis.checkpoint import Checkpoint
from lgviz.analysis.history import History, open_history
from lgviz.errors import InvalidValue, LgvizError, listed

from .kinds import KINDS
from .question import LearnQuestion
from .subject import Subject

__all__ = ["predict", "questions"]


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
    lines = [_of_kind(kind, history, chance, seed, config, context) for kind in wanted]
    rounds = (question for each in zip_longest(*lines) for question in each if question is not None)
    return list(islice(rounds, count))


def _of_kind(
    kind: str, history: History, chance: random.Random, seed: int, config: RunnableConfig | None, context: Any
) -> Iterator[LearnQuestion]:
    asked: set[str] = set()
    for at, values, as_node in _candidates(kind, history, chance):
        subject = Subject(history, at, values, as_node, None, None, None, config, context, seed)
        try:
            question = _made(kind, subject)
        except LgvizError:
            continue
        if question.id not in asked:
            asked.add(question.id)
            yield question


def _candidates(
    kind: str, history: History, chance: random.Random
) -> list[tuple[Checkpoint, Any, str | None]]:
    """What to ask about: each checkpoint as it is, and with updates that nodes of the thread made before."""
    found: list[tuple[Checkpoint, Any, str | None]] = []
    places = [history.latest] if KINDS[kind].on_thread else list(history)
    found += [(at, ..., None) for at in places]
    if KINDS[kind].on_updates and history.source.graph is not None:
        written = [
            (node, one)
            for each in history
            if not each.writes.derived
            for node, tasks in each.writes.items()
            for one in tasks
            if node in history.source.graph.nodes and one
        ]
        found += [(at, one, node) for at in history for node, one in written]
    chance.shuffle(found)
    return found
