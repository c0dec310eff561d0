"""Random graphs of LangGraph, as plain data, and a driver that records what LangGraph says as it runs them.

``graph_specs()`` draws a :class:`GraphSpec`, ``build(spec, checkpointer)`` compiles it, and
``drive(graph, thread_id)`` runs it to the end (answering interrupts, going on after breakpoints and crashes)
and returns a :class:`Recording` of ``stream_mode="debug"``: per checkpoint the nodes that made it and what
they wrote.
"""

from __future__ import annotations

import operator
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Annotated, Any, TypedDict

from hypothesis import strategies as st
from langgraph.config import get_config
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Interrupt, RetryPolicy, Send, interrupt

PUSH = "__pregel_push"
LEAF_KINDS = ("plain", "silent", "flaky", "ask", "ask_twice", "crash")


class Crash(RuntimeError):
    """Raised by a node of kind ``crash`` the first time it runs. Equal by its words: some savers give back the
    error itself and not its text."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Crash) and other.args == self.args

    def __hash__(self) -> int:
        return hash(self.args)


class Flaky(RuntimeError):
    """Raised by a node of kind ``flaky`` on a task's first try; its retry policy runs it again."""


def keep_last(old: str, new: str) -> str:
    return new


def merge(old: dict[str, int], new: dict[str, int]) -> dict[str, int]:
    return {**old, **new}


class State(TypedDict, total=False):
    log: Annotated[list[str], operator.add]
    count: Annotated[int, operator.add]
    note: Annotated[str, keep_last]
    rounds: Annotated[dict[str, int], merge]
    single: str


@dataclass(frozen=True)
class Stage:
    """A part of a graph. All exits of a stage lead to all entries of the next.

    ``kind``: ``nodes`` (side by side; ``join`` waits for all of them), ``command`` (one node that routes by
    ``Command``), ``loop`` (one node that runs ``times`` times), ``send`` (a dispatcher that sends ``width``
    tasks to a worker, ``times`` rounds), ``subgraph`` (``inner``; ``stateful``: ``checkpointer=True``).
    """

    kind: str
    names: tuple[str, ...]
    kinds: tuple[str, ...] = ()
    join: bool = False
    times: int = 1
    width: int = 1
    inner: tuple[Stage, ...] = ()
    stateful: bool = False


@dataclass(frozen=True)
class GraphSpec:
    """A whole graph; ``breakpoints`` are nodes with ``interrupt_before``."""

    stages: tuple[Stage, ...]
    breakpoints: tuple[str, ...] = ()

    @property
    def nodes(self) -> tuple[str, ...]:
        return tuple(name for stage in self.stages for name in stage.names)


# ---------------------------------------------------------------- drawing


@st.composite
def stages(
    draw: st.DrawFn, names: Iterator[str], leaf_kinds: Sequence[str], most: int, depth: int
) -> tuple[Stage, ...]:
    result = []
    kinds = ["nodes", "nodes", "command", "loop", "send", *(["subgraph"] if depth else [])]
    for _ in range(draw(st.integers(1, most))):
        kind = draw(st.sampled_from(kinds))
        if kind == "nodes":
            width = draw(st.integers(1, 3))
            result.append(
                Stage(
                    kind,
                    tuple(next(names) for _ in range(width)),
                    tuple(draw(st.sampled_from(leaf_kinds)) for _ in range(width)),
                    join=draw(st.booleans()),
                )
            )
        elif kind == "send":
            result.append(
                Stage(
                    kind,
                    (next(names), next(names)),
                    ("plain", draw(st.sampled_from(leaf_kinds))),
                    times=draw(st.integers(1, 2)),
                    width=draw(st.integers(0, 3)),
                )
            )
        elif kind == "subgraph":
            inner = draw(stages(names, leaf_kinds, 2, depth - 1))
            result.append(Stage(kind, (next(names),), inner=inner, stateful=draw(st.booleans())))
        else:
            result.append(Stage(kind, (next(names),), ("plain",), times=draw(st.integers(1, 3))))
    return tuple(result)


@st.composite
def graph_specs(
    draw: st.DrawFn,
    *,
    asks: bool = True,
    crashes: bool = True,
    subgraphs: bool = True,
    breakpoints: bool = True,
    max_stages: int = 3,
) -> GraphSpec:
    """Graphs of up to ``max_stages`` stages; names are drawn in an order that is not that of the alphabet."""
    letters = draw(st.permutations("abcdefghijklmnop"))
    names = (f"{letter}{number or ''}" for number in count() for letter in letters)
    kinds = [
        kind
        for kind in LEAF_KINDS
        if (asks or not kind.startswith("ask")) and (crashes or kind not in ("crash",))
    ]
    spec = GraphSpec(draw(stages(names, kinds, max_stages, 2 if subgraphs else 0)))
    if breakpoints and draw(st.booleans()):
        spec = GraphSpec(spec.stages, (draw(st.sampled_from(spec.nodes)),))
    return spec


# ---------------------------------------------------------------- building


def node(name: str, kind: str) -> Callable[[dict[str, Any]], dict[str, Any] | None]:
    calls = count()
    tried: set[str] = set()

    def run(state: dict[str, Any]) -> dict[str, Any] | None:
        if kind == "silent":
            return None
        if kind == "crash" and next(calls) == 0:
            time.sleep(0.01)  # its siblings come to their end first: LangGraph drops what comes after
            raise Crash(name)
        if kind == "flaky" and (task := get_config()["configurable"]["__pregel_task_id"]) not in tried:
            tried.add(task)
            raise Flaky(name)
        questions = {"ask": 1, "ask_twice": 2}.get(kind, 0)
        answers = [interrupt({"node": name, "question": number}) for number in range(questions)]
        return {"log": [name, *map(str, answers)], "count": 1, "note": name}

    return run


def counted(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def run(state: dict[str, Any]) -> dict[str, Any]:
        return {"log": [name], "single": name, "rounds": {name: state.get("rounds", {}).get(name, 0) + 1}}

    return run


def build(spec: GraphSpec, checkpointer: Any = None, **compile_arguments: Any) -> Any:
    """The compiled graph of ``spec``."""
    return _build(
        spec.stages, checkpointer, interrupt_before=list(spec.breakpoints) or None, **compile_arguments
    )


def _build(parts: Sequence[Stage], checkpointer: Any, **compile_arguments: Any) -> Any:
    builder = StateGraph(State)
    entries = [_entries(stage) for stage in parts] + [[END]]
    for entry in entries[0]:
        builder.add_edge(START, entry)
    for stage, after in reversed(list(zip(parts, entries[1:], strict=True))):  # a join needs its target first
        _add_stage(builder, stage, after)
    return builder.compile(checkpointer=checkpointer, **compile_arguments)


def _entries(stage: Stage) -> list[str]:
    return list(stage.names) if stage.kind == "nodes" else [stage.names[0]]


def _add_stage(builder: Any, stage: Stage, after: list[str]) -> None:
    first = stage.names[0]
    if stage.kind == "nodes":
        for name, kind in zip(stage.names, stage.kinds, strict=True):
            retry = (
                RetryPolicy(initial_interval=0.0, jitter=False, retry_on=Flaky) if kind == "flaky" else None
            )
            builder.add_node(name, node(name, kind), retry_policy=retry)
        for target in after:
            if stage.join and len(stage.names) > 1 and target != END:
                builder.add_edge(list(stage.names), target)
            else:
                for name in stage.names:
                    builder.add_edge(name, target)
    elif stage.kind == "command":
        update = node(first, "plain")

        def route(state: State) -> Command[Any]:
            return Command(update=update(dict(state)), goto=after)

        builder.add_node(first, route, destinations=tuple(after))
    elif stage.kind == "loop":
        builder.add_node(first, counted(first))

        def again(state: State) -> list[str]:
            return [first] if state.get("rounds", {}).get(first, 0) < stage.times else after

        builder.add_conditional_edges(first, again, [first, *after])
    elif stage.kind == "send":
        worker = stage.names[1]
        kind = stage.kinds[1]
        retry = RetryPolicy(initial_interval=0.0, jitter=False, retry_on=Flaky) if kind == "flaky" else None
        builder.add_node(first, counted(first))
        builder.add_node(worker, node(worker, kind), retry_policy=retry)
        builder.add_edge(worker, first)

        def dispatch(state: State) -> list[Any]:
            if stage.width and state.get("rounds", {}).get(first, 0) <= stage.times:
                return [Send(worker, {"log": [], "note": str(n)}) for n in range(stage.width)]
            return list(after)

        builder.add_conditional_edges(first, dispatch, [worker, *after])
    else:
        builder.add_node(first, _build(stage.inner, True if stage.stateful else None))
        for target in after:
            builder.add_edge(first, target)


# ---------------------------------------------------------------- running


@dataclass
class Made:
    """What made a checkpoint, as LangGraph reported it: nodes in order, and each task's result by node (None:
    the task finished while another one's crash ended the stream, so its result was never told)."""

    sent: list[str] = field(default_factory=list)
    pulled: list[str] = field(default_factory=list)
    writes: dict[str, list[dict[str, Any] | None]] = field(default_factory=dict)

    @property
    def nodes(self) -> list[str]:
        return [*self.sent, *self.pulled]


@dataclass
class Recording:
    """``made`` by (namespace, checkpoint id); checkpoints that no task made are not in it."""

    made: dict[tuple[str, str], Made] = field(default_factory=dict)
    order: list[tuple[str, str]] = field(default_factory=list)
    stops: list[str] = field(default_factory=list)
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By task: a run that goes on does not tell again what was finished before."""
    triggers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By task, what LangGraph says that triggers its node."""


def drive(
    graph: Any,
    thread_id: str,
    payload: Any = None,
    *,
    checkpoint_id: str | None = None,
    answer: Callable[[Interrupt], Any] = lambda question: f"yes-{question.value['node']}",
    recording: Recording | None = None,
) -> Recording:
    """Runs ``graph`` until nothing is left; ``payload`` None runs on (from ``checkpoint_id``, if given)."""
    recording = recording or Recording()
    config: Any = {"configurable": {"thread_id": thread_id}}
    start: Any = {"configurable": {"thread_id": thread_id}}
    if checkpoint_id:
        start["configurable"]["checkpoint_id"] = checkpoint_id
    for _ in range(60):
        try:
            _record(
                graph.stream(payload, start, stream_mode="debug", subgraphs=True, durability="sync"),
                recording,
            )
        except Crash:
            recording.stops.append("crash")
            payload, start = None, config
            continue
        start = config
        state = graph.get_state(config)
        if state.interrupts:
            recording.stops.append("interrupt")
            payload = Command(resume={question.id: answer(question) for question in state.interrupts})
        elif state.next:
            recording.stops.append("breakpoint")
            payload = None
        else:
            return recording
    raise AssertionError("the graph did not come to an end")


def _record(events: Any, recording: Recording) -> None:
    running: dict[tuple[str, ...], dict[str, tuple[str, bool]]] = {}
    results = recording.results
    for namespace, event in events:
        payload = event["payload"]
        tasks = running.setdefault(namespace, {})
        if event["type"] == "task":
            tasks[payload["id"]] = (payload["name"], PUSH in payload["triggers"])
            recording.triggers[payload["id"]] = tuple(payload["triggers"])
        elif event["type"] == "task_result":
            results[payload["id"]] = payload["result"]
        elif event["type"] == "checkpoint":
            where = payload["config"]["configurable"]
            key = (where.get("checkpoint_ns", ""), where["checkpoint_id"])
            if key not in recording.order:
                recording.order.append(key)
            if tasks and payload["metadata"]["source"] == "loop":
                pushed = [(task, name) for task, (name, push) in tasks.items() if push]
                pulled = sorted(
                    ((task, name) for task, (name, push) in tasks.items() if not push), key=lambda t: t[1]
                )
                made = recording.made[key] = Made()
                made.sent.extend(name for _, name in pushed)
                made.pulled.extend(name for _, name in pulled)
                for task, name in [*pushed, *pulled]:
                    made.writes.setdefault(name, []).append(results.get(task))
            tasks.clear()
