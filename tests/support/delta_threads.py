"""Threads of graphs with delta channels, drawn at random: parallel nodes, sends, forks, removals, overwrites,
a subgraph, and runs that store nothing before they end."""

from __future__ import annotations

import operator
import random
from collections.abc import Sequence
from typing import Annotated, Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, RemoveMessage
from langgraph.channels import DeltaChannel
from langgraph.graph import START, StateGraph
from langgraph.graph.message import REMOVE_ALL_MESSAGES, _messages_delta_reducer
from langgraph.types import Command, Overwrite, Send
from typing_extensions import TypedDict

__all__ = ["State", "agent", "appended", "drive", "merged_files", "united"]


def appended(old: list[Any], writes: Sequence[list[Any]]) -> list[Any]:
    """Adds the items of each write."""
    return [*old, *(item for write in writes for item in write)]


def merged_files(old: dict[str, Any] | None, writes: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Deep Agents' rule for files: a key is replaced, and removed where it is set to None."""
    files = dict(old or {})
    for write in writes:
        for path, file in write.items():
            if file is None:
                files.pop(path, None)
            else:
                files[path] = file
    return files


def united(old: set[Any], writes: Sequence[set[Any]]) -> set[Any]:
    """All that was ever in it."""
    return old.union(*writes)


def summed(old: int, writes: Sequence[int]) -> int:
    """A number to which is added: what was written does not tell."""
    return old + sum(writes)


class State(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], DeltaChannel(_messages_delta_reducer, snapshot_frequency=7)]
    log: Annotated[list[str], DeltaChannel(appended, snapshot_frequency=4)]
    files: Annotated[dict[str, Any], DeltaChannel(merged_files, snapshot_frequency=9)]
    tags: Annotated[set[str], DeltaChannel(united, snapshot_frequency=5)]
    count: Annotated[int, DeltaChannel(summed, snapshot_frequency=6)]
    plain: Annotated[str, operator.add]
    seed: int


class Said(TypedDict):
    messages: Annotated[list[AnyMessage], DeltaChannel(_messages_delta_reducer, snapshot_frequency=7)]


def _file(rng: random.Random) -> dict[str, Any]:
    return {"content": [f"line {rng.randrange(100)}"], "created_at": "then", "modified_at": "now"}


def _writes(rng: random.Random, name: str, state: Any) -> dict[str, Any]:
    """What a node returns: now this channel, now that, now an ``Overwrite``."""
    known = [message.id for message in state.get("messages") or []]
    made = f"{name}{rng.randrange(10**6)}"
    messages: list[Any] = [AIMessage(f"by {made}", id=made)]
    if known and rng.random() < 0.3:
        messages.append(RemoveMessage(id=rng.choice(known)))
    if known and rng.random() < 0.2:
        messages.append(AIMessage(f"again {made}", id=rng.choice(known)))
    if rng.random() < 0.05:
        messages.insert(0, RemoveMessage(id=REMOVE_ALL_MESSAGES))
    path = rng.choice(["/a", "/b", "/c"])
    drawn: dict[str, Any] = {
        "messages": messages,
        "log": [f"{made} ran"],
        "files": {path: None if path in (state.get("files") or {}) and rng.random() < 0.3 else _file(rng)},
        "tags": {rng.choice("abcdefgh")},
        "count": rng.randrange(1, 9),
        "plain": made,
    }
    return {channel: value for channel, value in drawn.items() if rng.random() < 0.6}


def agent(checkpointer: Any) -> Any:
    """``plan`` starts ``left`` and ``right``, and sends to ``work``; ``close`` ends, now and then with an
    ``Overwrite``. ``inner`` is a subgraph with the same state."""

    def node(name: str) -> Any:
        def act(state: State) -> dict[str, Any]:
            rng = random.Random(f"{name} {state.get('seed')} {len(state.get('log') or [])}")
            return _writes(rng, name, state)

        return act

    def plan(state: State) -> Command[Any]:
        rng = random.Random(f"plan {state.get('seed')} {len(state.get('messages') or [])}")
        sends = [Send("work", state) for _ in range(rng.randrange(3))]
        return Command(update=_writes(rng, "plan", state), goto=[*sends, "left", "right"])

    def close(state: State) -> dict[str, Any]:
        rng = random.Random(f"close {state.get('seed')} {len(state.get('log') or [])}")
        made: Any = _writes(rng, "close", state)
        if rng.random() < 0.2:
            made["log"] = Overwrite([f"begun anew {rng.randrange(100)}"])
        return made  # type: ignore[no-any-return]

    inner: Any = (
        StateGraph(State, output_schema=Said)
        .add_node("deep", node("deep"))
        .add_node("deeper", node("deeper"))
    )
    inner = inner.add_edge(START, "deep").add_edge("deep", "deeper").compile()
    builder: Any = StateGraph(State).add_node("plan", plan, destinations=("work", "left", "right"))
    for name in ("work", "left", "right"):
        builder.add_node(name, node(name)).add_edge(name, "inner")
    builder.add_node("inner", inner).add_node("close", close)
    builder.add_edge(START, "plan").add_edge("inner", "close")
    return builder.compile(checkpointer=checkpointer)


def drive(graph: Any, seed: int, thread_id: str = "1", acts: int = 5) -> None:
    """Runs, forks by an update, replays from an older checkpoint, and runs that store at their end alone."""
    rng = random.Random(seed)
    place: Any = {"configurable": {"thread_id": thread_id}}

    def given() -> dict[str, Any]:
        words = f"question {rng.randrange(1000)}"
        return {"messages": [HumanMessage(words, id=words)], "log": ["asked"], "seed": rng.randrange(10**6)}

    for number in range(acts):
        act = rng.choice(["run", "run", "exit", "fork", "update", "replay"]) if number else "run"
        if act in ("run", "exit"):
            graph.invoke(given(), place, durability="exit" if act == "exit" else "sync")
            continue
        history = list(graph.get_state_history(place))
        chosen = rng.choice(history) if act != "update" else history[0]
        if act == "replay":
            graph.invoke(None if chosen.next else given(), chosen.config)
            continue
        values = _writes(rng, act, chosen.values) | {"log": [f"{act} {number}"]}
        as_node = rng.choice(["plan", "left", "close"])
        made = graph.update_state(chosen.config, values, as_node=as_node)
        if rng.random() < 0.7 and graph.get_state(made).next:
            graph.invoke(None, made)
