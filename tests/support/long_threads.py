"""Histories to measure on: a chat made by real runs, and long threads written into LangGraph's own tables."""

from __future__ import annotations

import random
import sqlite3
import uuid
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, TypedDict

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph, add_messages

SYLLABLES = [
    "ba",
    "ce",
    "di",
    "fo",
    "gu",
    "la",
    "me",
    "ni",
    "po",
    "ru",
    "sa",
    "te",
    "vi",
    "wo",
    "za",
    "an",
    "er",
    "in",
    "or",
    "un",
    "st",
    "tr",
    "th",
    "ing",
    "ed",
    "ly",
]
FORK_EVERY, FORK_BACK = 400, 40
"""A long thread goes back 40 checkpoints after each 400."""


def words(rng: random.Random, size: int) -> str:
    """Random words, as long as English ones are."""
    made: list[str] = []
    length = 0
    while length < size:
        made.append("".join(rng.choices(SYLLABLES, k=rng.choice((1, 2, 2, 3)))))
        length += len(made[-1]) + 1
    return " ".join(made)[:size]


def connect(file: Path) -> SqliteSaver:
    saver = SqliteSaver(sqlite3.connect(file, check_same_thread=False))
    saver.setup()
    return saver


# ---------------------------------------------------------------- a chat


class Chat(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]


def chat_graph(saver: BaseCheckpointSaver[Any]) -> Any:
    rng = random.Random(2)
    builder = StateGraph(Chat)
    builder.add_node("model", lambda _: {"messages": [AIMessage(words(rng, 500))]})
    builder.add_edge(START, "model")
    builder.add_edge("model", END)
    return builder.compile(checkpointer=saver)


def seed_chat(graph: Any, thread_id: str, turns: int) -> None:
    """Three checkpoints a turn; each turn adds two messages of 500 bytes."""
    rng = random.Random(1)
    config = {"configurable": {"thread_id": thread_id}}
    for _ in range(turns):
        graph.invoke({"messages": [HumanMessage(words(rng, 500))]}, config, durability="sync")


# ---------------------------------------------------------------- a long thread


class Loop(TypedDict):
    count: int
    note: str


def loop_graph(saver: SqliteSaver) -> Any:
    """``plan`` and ``act`` in turn; what the long threads are histories of."""
    builder = StateGraph(Loop)
    builder.add_node("plan", lambda state: {"count": state["count"] + 1})
    builder.add_node("act", lambda state: {"note": f"note {state['count']}"})
    builder.add_edge(START, "plan")
    builder.add_edge("plan", "act")
    builder.add_conditional_edges("act", lambda _: "plan", ["plan", END])
    return builder.compile(checkpointer=saver)


def seed_loop(saver: SqliteSaver, thread_id: str, count: int) -> None:
    """A thread of ``count`` checkpoints, written as LangGraph 1.2 writes them, with a fork now and then."""
    serde = JsonPlusSerializer()
    ids: list[str] = []
    at: list[_At] = []
    clock = 0x1F1E4F1C9C2F4F5 - 100_000 * count
    for number in range(count):
        clock += 100_000  # 10 ms
        ids.append(_uuid6(clock, number))
        forked = number % FORK_EVERY == FORK_EVERY - 1
        parent = number - FORK_BACK if forked else number - 1
        before = at[parent] if number else None
        now = _start() if before is None else before.forked() if forked else before.after()
        at.append(now)
        checkpoint = {
            "v": 4,
            "ts": "2026-11-20T14:50:54.844427+00:00",
            "id": ids[number],
            "channel_values": now.values,
            "channel_versions": now.versions,
            "versions_seen": now.seen,
            "updated_channels": now.updated,
        }
        metadata = f'{{"source": "{now.source}", "step": {now.step}, "parents": {{}}}}'.encode()
        above = ids[parent] if number else None
        row = (thread_id, ids[number], above, *serde.dumps_typed(checkpoint), metadata)
        saver.conn.execute("INSERT INTO checkpoints VALUES (?, '', ?, ?, ?, ?, ?)", row)
        if number == count - 1:
            break  # the next step has not run yet
        node, writes = now.step_writes()
        task = str(uuid.UUID(int=number + 1))
        for idx, (channel, value) in enumerate(writes):
            written = (thread_id, ids[number], task, f"~__pregel_pull, {node}", idx, channel)
            saver.conn.execute(
                "INSERT INTO writes VALUES (?, '', ?, ?, ?, ?, ?, ?, ?)",
                (*written, *serde.dumps_typed(value)),
            )
    saver.conn.commit()


@dataclass(frozen=True)
class _At:
    """One checkpoint of the loop: what LangGraph stores of it."""

    source: str
    step: int
    values: dict[str, Any]
    versions: dict[str, str]
    seen: dict[str, dict[str, str]]
    updated: list[str] | None

    def step_writes(self) -> tuple[str, list[tuple[str, Any]]]:
        """The node that runs next and what it writes."""
        if "__start__" in self.values:
            return "__start__", [("count", 0), ("note", ""), ("branch:to:plan", None)]
        if "branch:to:plan" in self.values:
            return "plan", [("count", self.values["count"] + 1), ("branch:to:act", None)]
        return "act", [("note", f"note {self.values['count']}"), ("branch:to:plan", None)]

    def after(self) -> _At:
        """The checkpoint that the next step makes."""
        node, writes = self.step_writes()
        trigger = "__start__" if node == "__start__" else f"branch:to:{node}"
        version = f"{self.step + 3:032}.0.5"
        values = {name: value for name, value in self.values.items() if name != trigger} | dict(writes)
        return _At(
            "loop",
            self.step + 1,
            values,
            {**self.versions, trigger: version, **{name: version for name, _ in writes}},
            {**self.seen, node: {trigger: self.versions[trigger]}},
            sorted(name for name, _ in writes),
        )

    def forked(self) -> _At:
        return replace(self, source="fork", step=self.step + 1, updated=None)


def _start() -> _At:
    values = {"__start__": {"count": 0, "note": ""}}
    return _At("input", -1, values, {"__start__": f"{1:032}.0.5"}, {"__input__": {}}, ["__start__"])


def _uuid6(clock: int, sequence: int) -> str:
    """Ordered by its clock, in steps of 100 ns."""
    text = f"{clock >> 12:012x}6{clock & 0xFFF:03x}{0x8000 | sequence & 0x3FFF:04x}{0xA1B2C3D4E5F6:012x}"
    return str(uuid.UUID(text))
