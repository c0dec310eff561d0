"""Forks of a graph with a delta channel and a plain one of the same reducer beside it: the two must always agree.

Imports LangGraph alone, and lgviz only where one of its savers is asked for: this file is also run by environments of
other versions. ``python delta_forks.py KIND SEEDS`` prints one line for each thread whose channels disagree.
"""

from __future__ import annotations

import random
import sqlite3
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Annotated, Any
from uuid import UUID, uuid5

from langgraph.channels import DeltaChannel
from langgraph.checkpoint.base.id import uuid6
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Overwrite, StateUpdate
from typing_extensions import TypedDict

CONFIG: Any = {"configurable": {"thread_id": "1"}}
OPERATIONS = ("invoke", "none", "update", "update", "inferred", "end", "input", "copy", "bulk", "overwrite")


def appended(old: list[str] | None, writes: Sequence[list[str]]) -> list[str]:
    return [*(old or []), *(item for write in writes for item in write)]


def plainly(old: list[str] | None, write: list[str]) -> list[str]:
    return [*(old or []), *write]


def both(text: str) -> dict[str, list[str]]:
    return {"log": [text], "plain": [text]}


def build(saver: Any, frequency: int = 1000, tag: Callable[[], int] | None = None) -> Any:
    """Two parallel nodes between two others; each says its name and a number that is new each time."""
    state = TypedDict(  # noqa: UP013  # a class could not see the arguments
        "state",
        {
            "log": Annotated[list, DeltaChannel(appended, snapshot_frequency=frequency)],
            "plain": Annotated[list, plainly],
        },
    )
    tag = tag or iter(range(10**9)).__next__
    builder: StateGraph[Any, Any, Any, Any] = StateGraph(state)
    for name in "abc":
        builder.add_node(name, lambda _, name=name: both(f"{name}{tag()}"))

    def fails_at_times(_: Any) -> Any:
        if (number := tag()) % 3 == 0:
            raise ValueError(number)
        return both(f"f{number}")

    builder.add_node("f", fails_at_times)
    builder.add_edge(START, "a")
    builder.add_edge("a", "b")
    builder.add_edge("a", "c")
    builder.add_edge(["b", "c"], "f")
    builder.add_edge("f", END)
    return builder.compile(checkpointer=saver)


def wrong(graph: Any, ordered: bool = True) -> list[tuple[int, Any, Any]]:
    """The checkpoints, by number, at which the two channels disagree, and what each holds.

    Not ``ordered``, the order of what "b" and "c" wrote in one step counts for nothing.
    """
    found = []
    for number, state in enumerate(reversed(list(graph.get_state_history(CONFIG)))):
        values = graph.get_state(state.config).values
        log, plain = values.get("log", []), values.get("plain", [])
        if log != plain and (ordered or _straight(log) != _straight(plain)):
            found.append((number, log, plain))
    return found


def _straight(items: list[str]) -> list[str]:
    """With "b" before "c" wherever one follows the other."""
    items = list(items)
    for place, (one, two) in enumerate(pairwise(items)):
        if one[0] == "c" and two[0] == "b":
            items[place : place + 2] = two, one
    return items


def drive(
    saver: Any, seed: int, operations: Sequence[str] = OPERATIONS, *, exits: bool = True
) -> tuple[Any, list[str]]:
    """A thread of some runs and forks drawn at random: the graph, and what was done."""
    rng, numbers = random.Random(seed), iter(range(1, 10**9))
    graph = build(saver, rng.choice([1000, 1000, 3]), numbers.__next__)
    done: list[str] = []
    for _ in range(rng.randint(2, 6)):
        history = list(graph.get_state_history(CONFIG))
        at = rng.choice(history).config if history and rng.random() < 0.7 else CONFIG
        kind = rng.choice(operations) if history else "invoke"
        durability, node, other = (
            rng.choice(["sync", "sync", "exit" if exits else "sync", "async"]),
            rng.choice("abcf"),
            rng.choice("bcf"),
        )
        text = both(f"u{next(numbers)}")
        done.append(kind)
        try:
            act(graph, kind, at, text, node, other, durability)
        except Exception as error:  # a node that fails, an update that LangGraph refuses
            done[-1] += f" ({type(error).__name__})"
    return graph, done


def act(graph: Any, kind: str, at: Any, text: Any, node: str, other: str, durability: Any) -> None:
    """One run or fork."""
    if kind == "invoke":
        graph.invoke(text, at, durability=durability)
    elif kind == "none":
        graph.invoke(None, at, durability=durability)
    elif kind == "update":
        graph.update_state(at, text, as_node=node)
    elif kind == "inferred":
        graph.update_state(at, text)
    elif kind == "end":
        graph.update_state(at, None, as_node=END)
    elif kind == "input":
        graph.update_state(at, text, as_node="__input__")
    elif kind == "copy":
        graph.update_state(at, None, as_node="__copy__")
    elif kind == "overwrite":
        graph.update_state(at, {name: Overwrite(value) for name, value in text.items()}, as_node=node)
    else:
        graph.bulk_update_state(
            at,
            [
                [StateUpdate(text, "b"), StateUpdate(both("second"), other)],
                [StateUpdate(both("third"), node)],
            ],
        )


# -- the forks that people make, by name: each leaves a thread whose checkpoints `wrong` looks at


def forked_by_invoke(saver: Any) -> Any:
    graph = build(saver, tag=_safe())
    graph.invoke(both("1"), CONFIG)
    base = graph.get_state(CONFIG).config
    graph.invoke(both("2"), CONFIG)
    graph.invoke(both("3"), base)
    return graph


def forked_by_update(saver: Any) -> Any:
    graph = build(saver, tag=_safe())
    graph.invoke(both("1"), CONFIG)
    base = graph.get_state(CONFIG).config
    graph.invoke(both("2"), CONFIG)
    graph.update_state(base, both("edit"), as_node="f")
    return graph


def forked_where_a_node_waited(saver: Any) -> Any:
    """As the node that ran there, in the branch that is left: LangGraph takes the id of its task."""
    graph = build(saver, tag=_safe())
    graph.invoke(both("1"), CONFIG)
    history = list(graph.get_state_history(CONFIG))
    waited = next(state for state in history if state.next == ("a",))
    graph.update_state(waited.config, both("edit"), as_node="a")
    graph.invoke(None, CONFIG)
    return graph


def updated_twice(saver: Any) -> Any:
    graph = build(saver, tag=_safe())
    graph.invoke(both("1"), CONFIG)
    base = graph.get_state(CONFIG).config
    graph.update_state(base, both("x"), as_node="f")
    graph.update_state(base, both("y"), as_node="f")
    return graph


def forked_from_a_fork(saver: Any) -> Any:
    graph = forked_by_update(saver)
    fork = graph.get_state(CONFIG).config
    graph.invoke(both("4"), CONFIG)
    graph.update_state(fork, both("again"), as_node="f")
    graph.update_state(CONFIG, both("on"), as_node="f")
    return graph


def updated_beside_a_failure(saver: Any) -> Any:
    """An update of a step of which one task failed and the other is done."""
    state = TypedDict(  # noqa: UP013  # a class could not see the arguments
        "state",
        {
            "log": Annotated[list, DeltaChannel(appended, snapshot_frequency=1000)],
            "plain": Annotated[list, plainly],
        },
    )
    builder: StateGraph[Any, Any, Any, Any] = StateGraph(state)

    def fails(_: Any) -> Any:
        raise ValueError("no")

    builder.add_node("good", lambda _: both("good"))
    builder.add_node("bad", fails)
    builder.add_edge(START, "good")
    builder.add_edge(START, "bad")
    graph = builder.compile(checkpointer=saver)
    with suppress(ValueError):
        graph.invoke(both("1"), CONFIG, durability="sync")
    graph.update_state(CONFIG, both("edit"), as_node="bad")
    return graph


FORKS: dict[str, Callable[[Any], Any]] = {
    made.__name__: made
    for made in (
        forked_by_invoke,
        forked_by_update,
        forked_where_a_node_waited,
        updated_twice,
        forked_from_a_fork,
        updated_beside_a_failure,
    )
}


def _safe() -> Callable[[], int]:
    """Numbers at which no node fails."""
    return (number for number in range(1, 10**9) if number % 3).__next__


def update_as_of_old(saver: Any, at: Any, text: str, task_id: str | None = None) -> Any:
    """What ``update_state`` of LangGraph before 1.2.13 put into a saver: the writes under the checkpoint that is
    updated, with the id of the task that waits as that node, else with one made of the checkpoint's, and without a
    path; then a checkpoint that stores no value of the delta channel.
    """
    saved = saver.get_tuple(at)
    id_ = saved.checkpoint["id"]
    writes = list(both(text).items())
    saver.put_writes(saved.config, writes, task_id or str(uuid5(UUID(id_), "__interrupt__")))
    versions = dict(saved.checkpoint["channel_versions"])
    new = {name: saver.get_next_version(versions.get(name), None) for name in ("log", "plain")}
    values = {name: value for name, value in saved.checkpoint["channel_values"].items() if name != "log"}
    step = saved.metadata["step"] + 1
    made = {
        **saved.checkpoint,
        "id": str(uuid6(clock_seq=step)),
        "channel_values": values | {"plain": [*values.get("plain", []), text]},
        "channel_versions": versions | new,
    }
    metadata = {
        "source": "update",
        "step": step,
        "parents": {},
        "counters_since_delta_snapshot": {"log": (1, step)},
    }
    return saver.put(saved.config, made, metadata, new)


def new_saver(kind: str) -> Any:
    """A fresh saver, LangGraph's or lgviz's."""
    if kind == "langgraph memory":
        return InMemorySaver()
    if kind == "langgraph sqlite":
        from langgraph.checkpoint.sqlite import SqliteSaver as LangGraphSqlite

        return LangGraphSqlite(sqlite3.connect(":memory:", check_same_thread=False))
    from lgviz.persistence import MemorySaver, SqliteSaver

    return MemorySaver() if kind == "lgviz memory" else SqliteSaver.from_conn_string(":memory:")


def report(
    kind: str,
    seeds: int,
    operations: Sequence[str] = OPERATIONS,
    *,
    exits: bool = True,
    ordered: bool = True,
) -> list[str]:
    """What is wrong, of the named forks and of threads drawn at random."""
    lines = [f"{name}: {bad}" for name, made in FORKS.items() if (bad := wrong(made(new_saver(kind))))]
    for seed in range(seeds):
        graph, done = drive(new_saver(kind), seed, operations, exits=exits)
        if bad := wrong(graph, ordered):
            lines.append(f"{seed} {done}: {bad}")
    return lines


if __name__ == "__main__":
    print("\n".join(report(sys.argv[1], int(sys.argv[2]))))
