"""What an update meets in each state channel of a graph."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

from langgraph.channels import DeltaChannel
from langgraph.channels.base import BaseChannel
from langgraph.channels.binop import BinaryOperatorAggregate

from lgviz.analysis.shown import ShownByFields

__all__ = ["ChannelInfo", "channels_of"]


@dataclass(frozen=True, slots=True, repr=False)
class ChannelInfo(ShownByFields):
    """What an update meets in one state channel.

    Attributes:
        name: the channel.
        reducer: the name of its reducer (``"add_messages"``, ``"operator.add"``); None: the last value wins.
        messages: whether it holds messages.
        settable: whether :class:`Set` can replace its value.
    """

    name: str
    reducer: str | None
    messages: bool
    settable: bool


def channels_of(graph: Any) -> dict[str, ChannelInfo]:
    """The state channels of a graph that an update may write, by name, in the order they were declared."""
    builder = getattr(graph, "builder", None)
    declared = builder.channels if builder is not None else graph.channels
    return {
        name: _info(name, graph.channels[name])
        for name in declared
        if isinstance(graph.channels.get(name), BaseChannel)
        and not (builder is None and name.startswith("__pregel"))
    }


def _info(name: str, channel: BaseChannel[Any, Any, Any]) -> ChannelInfo:
    reducer = getattr(channel, "operator", None) or getattr(channel, "reducer", None)
    while isinstance(reducer, functools.partial):
        reducer = reducer.func
    if reducer is None:
        plain = type(channel).__name__ in ("LastValue", "AnyValue", "EphemeralValue", "UntrackedValue",
                                           "LastValueAfterFinish")  # fmt: skip
        return ChannelInfo(name, None if plain else type(channel).__name__, False, plain)
    module = getattr(reducer, "__module__", "") or ""
    label = getattr(reducer, "__name__", type(reducer).__name__)
    if module in ("_operator", "operator"):
        label = f"operator.{label}"
    overwrites = isinstance(channel, (BinaryOperatorAggregate, DeltaChannel))
    return ChannelInfo(name, label.removeprefix("_"), module == "langgraph.graph.message", overwrites)
