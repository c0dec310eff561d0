"""The tokens that a step's models used, read from the messages that its tasks wrote."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import BaseMessage
from langgraph.types import Overwrite

from lgviz.analysis.messages import is_message, message_id

from .checkpoint import Checkpoint, state_of

__all__ = ["Prices", "Usage", "known_messages", "message_ids", "step_usage", "usage_of"]

Prices = Mapping[str, tuple[float, float]]
"""By the name of a model, what a million tokens cost: read and written."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What models used.

    >>> from langchain_core.messages import AIMessage
    >>> told = {"input_tokens": 1500, "output_tokens": 340, "total_tokens": 1840}
    >>> message = AIMessage("Hello", usage_metadata=told, response_metadata={"model_name": "gpt-x"})
    >>> used = usage_of([{"messages": [message]}])
    >>> used.total, used.models
    (1840, ('gpt-x',))
    >>> used.cost({"gpt-x": (2.0, 8.0)})
    0.00572

    Attributes:
        input, output, total: tokens.
        by_model: the tokens read and written by each model; under ``""`` those whose message names none.
    """

    input: int
    output: int
    total: int
    by_model: Mapping[str, tuple[int, int]]

    @property
    def models(self) -> tuple[str, ...]:
        """The models that are named, in the order of their messages."""
        return tuple(filter(None, self.by_model))

    def cost(self, prices: Prices) -> float | None:
        """What it cost at these prices; None where the price of a model in it is not given."""
        if any(model not in prices for model in self.by_model):
            return None
        costs = (
            read * prices[model][0] + written * prices[model][1]
            for model, (read, written) in self.by_model.items()
        )
        return sum(costs) / 1_000_000


def usage_of(written: Iterable[Mapping[str, Any]], known: Iterable[str] = ()) -> Usage | None:
    """What the models used whose messages tasks wrote, each message counted once; None where none tells.

    Args:
        written: what each task wrote, by channel. A message that is gone from the state since counts.
        known: ids of messages of the state before, gone through where a message tells what it used: a task
            that writes a chat again did not buy it again.
    """
    messages = (m for one in written for value in one.values() for m in _messages(value))
    telling = [(message_id(m) or id(m), told) for m in messages if (told := _told(m)) is not None]
    seen: set[Any] = set(known) if telling else set()
    total = 0
    by_model: dict[str, tuple[int, int]] = {}
    for key, (model, read, wrote, both) in telling:
        if key in seen:
            continue
        seen.add(key)
        before = by_model.get(model, (0, 0))
        by_model[model] = (before[0] + read, before[1] + wrote)
        total += both
    if not by_model:
        return None
    read = sum(one for one, _ in by_model.values())
    return Usage(read, sum(one for _, one in by_model.values()), total, by_model)


def step_usage(checkpoint: Checkpoint) -> Usage | None:
    """What the tasks used that made a checkpoint; None where none tells. What an input, an update or a copy
    brings was bought elsewhere."""
    if checkpoint.source != "loop":
        return None
    written = [one for node, many in checkpoint.writes.items() if node != "__start__" for one in many]
    return usage_of(written, known_messages(checkpoint.parent))


def known_messages(checkpoint: Checkpoint | None) -> Iterator[str]:
    """The ids of a checkpoint's messages; its state is read when they are asked for."""
    if checkpoint is not None:
        yield from message_ids(state_of(checkpoint))


def message_ids(state: Mapping[str, Any]) -> set[str]:
    """The ids of the messages of a state."""
    ids = (message_id(message) for value in state.values() for message in _messages(value))
    return {one for one in ids if one is not None}


def _messages(value: Any) -> Iterator[Any]:
    """The messages of a channel's value or write: one, or a list of them."""
    if isinstance(value, Overwrite):
        value = value.value
    if type(value) is dict and list(value) == ["$writes"]:
        for one in value["$writes"]:
            yield from _messages(one)
    elif isinstance(value, (list, tuple)):
        yield from (one for one in value if is_message(one))
    elif is_message(value):
        yield value


def _told(message: Any) -> tuple[str, int, int, int] | None:
    """Of a message the model, and the tokens read, written and in all."""
    fields = vars(message) if isinstance(message, BaseMessage) else message
    usage = fields.get("usage_metadata")
    if not isinstance(usage, Mapping):
        return None
    read, wrote = _count(usage.get("input_tokens")), _count(usage.get("output_tokens"))
    both = _count(usage.get("total_tokens")) or read + wrote
    answered = fields.get("response_metadata")
    answered = answered if isinstance(answered, Mapping) else {}
    names = (answered.get(key) for key in ("model_name", "model"))  # OpenAI's word; Anthropic's and Ollama's
    return next((name for name in names if isinstance(name, str)), ""), read, wrote, both


def _count(value: Any) -> int:
    return value if type(value) is int and value > 0 else 0
