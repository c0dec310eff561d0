"""Values for an update: ``Set``, JSON from a form, and what each channel does with them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import BaseMessage, convert_to_messages
from langgraph.channels import DeltaChannel
from langgraph.graph import START
from langgraph.types import Overwrite

from lgviz.analysis.channels import ChannelInfo, channels_of
from lgviz.analysis.shown import ShownByFields
from lgviz.errors import InvalidValue, UnknownChannel, said
from lgviz.sources.places import ROOT_CHANNEL

__all__ = ["ChannelInfo", "Set", "channels_of", "delta_channels", "parse_json", "set_channels", "to_update"]


@dataclass(frozen=True, slots=True, repr=False)
class Set(ShownByFields):
    """Set a channel to ``value``, past its reducer.

    >>> import lgviz
    >>> from langgraph.checkpoint.memory import InMemorySaver
    >>> from lgviz.demos import two_nodes
    >>> graph = two_nodes.build(InMemorySaver())
    >>> two_nodes.seed(graph)
    >>> over = lgviz.Set(["only this"])
    >>> lgviz.preview(graph, "c2", {"bar": over}, as_node="node_a", thread_id="1").values["bar"]
    ['only this']

    Where the channel has no reducer this is the bare value; where it has one it is LangGraph's
    ``Overwrite``; messages given as dicts, tuples or text are made into messages first.
    """

    value: Any


def parse_json(text: str, channel: str) -> Any:
    """The value of a JSON text.

    Raises:
        InvalidValue: it is none; the message names line and column.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        reason = f"at line {error.lineno}, column {error.colno}: {error.msg}"
        raise InvalidValue(
            f"The value of {channel!r} is no valid JSON {reason}.", 'Text needs double quotes, as in "text".'
        ) from error
    except (ValueError, RecursionError) as error:  # a number too long, a nesting too deep
        raise InvalidValue(
            f"The value of {channel!r} is no JSON that can be read: {said(error)}.", "Give it in code."
        ) from error


def to_update(graph: Any, values: Any, as_node: str | None) -> Any:
    """Values as ``update_state`` takes them: channels checked, every :class:`Set` put in LangGraph's terms.

    Args:
        graph: the graph whose channels they are.
        values: a mapping of channels to values, None, or the bare state of a graph with one unnamed channel.
        as_node: ``"__start__"`` takes the graph's input, which may have fewer channels.

    Raises:
        UnknownChannel: a channel that the graph does not have.
        InvalidValue: a value that cannot be set in its channel.
    """
    known = channels_of(graph)
    if list(known) == [ROOT_CHANNEL]:
        bare = (
            values[ROOT_CHANNEL] if isinstance(values, Mapping) and list(values) == [ROOT_CHANNEL] else values
        )
        return _set(known[ROOT_CHANNEL], bare.value) if isinstance(bare, Set) else bare
    if isinstance(values, Set):
        raise InvalidValue("Set stands for the value of one channel.", "Put it there: {channel: Set(value)}.")
    builder = getattr(graph, "builder", None)
    if not isinstance(values, Mapping) or (builder is None and not _sets(values)):
        return values  # a graph that was not built of nodes takes what its node returns, whatever that is
    allowed = known
    if as_node == START and builder is not None:
        allowed = {name: known[name] for name in builder.schemas[builder.input_schema] if name in known}
    if unknown := [name for name in values if name not in allowed]:
        what = "The graph's input has" if allowed is not known else "The graph has"
        raise UnknownChannel(
            f"{what} no channel {', '.join(map(repr, unknown))}.", f"It has {', '.join(map(repr, allowed))}."
        )
    return {
        name: _set(allowed[name], value.value) if isinstance(value, Set) else value
        for name, value in values.items()
    }


def set_channels(values: Any) -> set[str]:
    """The channels that values set past their reducers."""
    given = values.items() if isinstance(values, Mapping) else ()
    return {str(name) for name, value in given if isinstance(value, (Set, Overwrite))}


def _sets(values: Mapping[Any, Any]) -> bool:
    return any(isinstance(value, Set) for value in values.values())


def _set(channel: ChannelInfo, value: Any) -> Any:
    if not channel.settable:
        raise InvalidValue(
            f"The value of {channel.name!r} cannot be set past its {channel.reducer}.",
            "Append to it instead.",
        )
    if channel.messages:
        value = _messages(channel.name, value)
    return value if channel.reducer is None else Overwrite(value)


def _messages(channel: str, value: Any) -> list[BaseMessage]:
    """What ``add_messages`` would make of a value, for ``Overwrite`` goes past it."""
    try:
        messages = convert_to_messages(value if isinstance(value, list) else [value])
    except Exception as error:  # whatever a message class says of its fields
        raise InvalidValue(
            f"The value of {channel!r} is no list of messages: {said(error)}",
            'Give messages, or dicts with "role" and "content".',
        ) from error
    return [m if m.id else m.model_copy(update={"id": str(uuid.uuid4())}) for m in messages]


def delta_channels(graph: Any) -> list[str]:
    """The channels of a graph, subgraphs aside, whose value LangGraph makes of the writes of ancestors."""
    return [name for name, channel in graph.channels.items() if isinstance(channel, DeltaChannel)]
