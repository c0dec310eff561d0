"""Graphs whose models stream what was written for them, and wait where a test wants to look."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Annotated, Any, TypedDict

from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, AnyMessage
from langchain_core.outputs import ChatGenerationChunk
from langgraph.config import get_stream_writer
from langgraph.graph import END, START, StateGraph, add_messages
from langgraph.types import Send


class Talk(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add_messages]
    word: str


class Gate:
    """Opened by a test; whoever waits at it has come there."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self._opened = threading.Event()

    def wait(self) -> None:
        self.reached.set()
        assert self._opened.wait(60)

    def open(self) -> None:
        self._opened.set()


class Halting(GenericFakeChatModel):
    """Streams its answer word by word, and waits at the gate before the last.

    Attributes:
        gate: where it waits; None: nowhere.
    """

    gate: Any = None

    def _stream(self, *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        pieces = list(super()._stream(*args, **kwargs))
        for place, piece in enumerate(pieces):
            if place == len(pieces) - 1 and self.gate is not None:
                self.gate.wait()
            if (manager := kwargs.get("run_manager")) is not None:
                manager.on_llm_new_token(piece.text, chunk=piece)
            yield piece


def saying(text: str, gate: Gate | None = None) -> Any:
    """A model that says this, whatever it is asked."""
    return Halting(messages=iter([AIMessage(text)] * 50), gate=gate)


def fanned(saver: Any, words: dict[str, Any]) -> Any:
    """``start`` sends one ``worker`` a word, each with a model of its own; ``count`` writes custom events."""

    def start(state: Talk) -> dict[str, Any]:
        return {}

    def worker(state: Talk) -> dict[str, Any]:
        return {"messages": [words[state["word"]].invoke("go on")]}

    def count(state: Talk) -> dict[str, Any]:
        for done in range(1, 9):
            get_stream_writer()({"done": done})
        return {}

    builder = StateGraph(Talk)
    for node in (start, worker, count):
        builder.add_node(node.__name__, node)
    builder.add_edge(START, "start")
    builder.add_conditional_edges("start", lambda _: [Send("worker", {"word": w}) for w in words], ["worker"])
    builder.add_edge("worker", "count")
    builder.add_edge("count", END)
    return builder.compile(checkpointer=saver)
