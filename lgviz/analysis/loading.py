"""A state that its graph cannot load: who refuses what, and how it is read and repaired all the same.

To tell a state, and before it updates one, LangGraph prepares the nodes that wait there. It raises where a
channel refuses what is stored (a node became deferred since), and where a node's pydantic model or dataclass
refuses its input, though neither reading nor updating needs that input.
"""

from __future__ import annotations

import copy
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from langgraph.channels.base import BaseChannel
from langgraph.channels.topic import Topic
from langgraph.pregel import Pregel
from pydantic import ValidationError

from lgviz.errors import described
from lgviz.sources.places import is_internal

__all__ = [
    "Refusal",
    "cannot_load",
    "channel_of",
    "in_filling",
    "refused_channels",
    "remedy_of",
    "said_by",
    "tolerant",
]

_LONGEST = 400


@dataclass(frozen=True, slots=True)
class Refusal:
    """What keeps a graph from loading a state.

    Attributes:
        kind: ``"node"``: a node refuses its input; ``"channel"``: a channel refuses the stored value.
        name: the node or channel.
        error: what it raised.
    """

    kind: str
    name: str
    error: Exception

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels whose values are refused, where the error tells."""
        if self.kind == "channel":
            return (self.name,)
        if isinstance(self.error, ValidationError):
            found = (str(one["loc"][0]) for one in self.error.errors(include_url=False) if one["loc"])
            return tuple(dict.fromkeys(found))
        return ()

    def __str__(self) -> str:
        what = "the state" if self.kind == "node" else "what is stored"
        return f"{self.kind} {self.name!r} refuses {what}: {said_by(self.error)}"


class _Tried:
    """A function of a node that keeps its error to itself and hands on what it was given."""

    def __init__(self, function: Callable[[Any], Any], node: str, refused: list[Refusal]) -> None:
        self._function = function
        self._node = node
        self._refused = refused

    def __call__(self, value: Any) -> Any:
        try:
            return self._function(value)
        except Exception as error:
            self._refused.append(Refusal("node", self._node, error))
            return value


def tolerant(graph: Any) -> tuple[Any, list[Refusal]]:
    """A graph to read and update states with, and a list that fills with what its nodes would have refused.

    It is the given graph itself where no node looks at its input before it runs. It is never to run.
    """
    refused: list[Refusal] = []
    return _tolerant(graph, refused), refused


def _tolerant(graph: Any, refused: list[Refusal]) -> Any:
    if not isinstance(graph, Pregel):
        return graph
    nodes = {name: _lenient(name, node, refused) for name, node in graph.nodes.items()}
    if all(nodes[name] is node for name, node in graph.nodes.items()):
        return graph
    copied = copy.copy(graph)
    copied.nodes = nodes
    return copied


def _lenient(name: str, node: Any, refused: list[Refusal]) -> Any:
    subgraphs = [_tolerant(subgraph, refused) for subgraph in node.subgraphs]
    same = all(one is other for one, other in zip(subgraphs, node.subgraphs, strict=True))
    if node.mapper is None and node.cache_policy is None and same:
        return node
    made = copy.copy(node)
    vars(made).pop("input_cache_key", None)  # made of the mapper
    made.subgraphs = subgraphs
    made.cache_policy = None
    if node.mapper is not None:
        made.mapper = _Tried(node.mapper, name, refused)
    return made


def refused_channels(graph: Any, values: Mapping[str, Any]) -> list[Refusal]:
    """The channels of a graph that cannot take their stored values."""
    found = []
    for name, channel in graph.channels.items():
        if name not in values or not isinstance(channel, BaseChannel):
            continue
        try:
            held = channel.from_checkpoint(values[name])
            if held.is_available():
                held.get()
            if isinstance(held, Topic) and not isinstance(held.values, list):
                raise TypeError(f"a Topic holds a list, and this is a {type(held.values).__name__}")
        except Exception as error:
            found.append(Refusal("channel", name, error))
    return found


def channel_of(error: BaseException) -> str | None:
    """The channel that raised an error, in taking a value in or in giving it out."""
    for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__))):
        channel = frame.f_locals.get("self")
        if isinstance(channel, BaseChannel):
            return channel.key or None
    return None


def in_filling(error: Exception, graph: Any, checkpoint: Mapping[str, Any]) -> list[Refusal]:
    """The channels that kept LangGraph from filling a graph's channels with a checkpoint: those that cannot
    take their stored values, else the one whose reducer raised over ancestors' writes."""
    if refused := refused_channels(graph, checkpoint["channel_values"]):
        return refused
    filling = any(
        frame.f_code.co_name in ("channels_from_checkpoint", "achannels_from_checkpoint")
        for frame, _ in traceback.walk_tb(error.__traceback__)
    )
    name = channel_of(error) if filling else None
    if name is None or name not in checkpoint["channel_versions"]:
        return []
    return [Refusal("channel", name, error)]


def said_by(error: BaseException) -> str:
    """An error in one line; of a pydantic model each field with what is wrong with it."""
    if isinstance(error, ValidationError):
        told = [
            f"{'.'.join(map(str, one['loc'])) or error.title}: {one['msg']}"
            for one in error.errors(include_url=False)
        ]
        text = "; ".join(told)
    else:
        text = described(error)
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def cannot_load(refusals: Iterable[Refusal], error: BaseException | None = None) -> str:
    """Why a graph cannot load a state: what refuses it, else LangGraph's own error."""
    told = "; ".join(dict.fromkeys(map(str, refusals)))
    if not told and error is not None:
        channel = channel_of(error)
        told = (f"channel {channel!r} raised " if channel else "") + said_by(error)
    return f"can't be loaded by this graph: {told}"


def remedy_of(refusals: Iterable[Refusal]) -> str:
    """What to do about it."""
    names = dict.fromkeys(name for refusal in refusals for name in refusal.channels)
    state = [name for name in names if not is_internal(name)]
    if state:
        return (
            f"Fork here with another value of {', '.join(map(repr, state))} (lgviz.Set passes its reducer)."
        )
    if names:  # an edge's own channel
        return "Fork here as the node that leads there, which writes the channel anew."
    return "Fork here with values that it takes."
