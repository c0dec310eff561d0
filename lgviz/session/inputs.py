"""What a graph takes in: its fields, which of them is a chat, and what it would refuse of an input."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from langchain_core.messages import BaseMessage, convert_to_messages
from langgraph.channels.base import BaseChannel
from pydantic import BaseModel, ValidationError

from lgviz.analysis.channels import ChannelInfo, channels_of
from lgviz.analysis.edits import PartRefusal, made_of
from lgviz.analysis.shown import ShownByFields
from lgviz.analysis.types import Hint, adapter_of, bare, hints_of, members
from lgviz.errors import described, said
from lgviz.sources.places import ROOT_CHANNEL

from .at_server import at_server

__all__ = ["GraphInput", "input_of", "of_messages"]


@dataclass(frozen=True, slots=True, repr=False)
class GraphInput(ShownByFields):
    """What a graph takes in.

    Attributes:
        graph: the graph.
        hint: the annotation of the whole input.
        fields: by name the annotation of each channel that takes a part of it; None where the input is one
            value, as the argument of a function is.
        chat: the field that takes the messages of a chat, ``""`` where the whole input is such a list; None
            where there is no chat.
    """

    graph: Any
    hint: Hint
    fields: Mapping[str, Hint] | None
    chat: str | None

    @property
    def model(self) -> type | None:
        """The class of a state that LangGraph makes an object of, so that its fields can be missing."""
        known = self.fields is not None and isinstance(self.hint, type)
        return self.hint if known and (_is_model(self.hint) or dataclasses.is_dataclass(self.hint)) else None

    def json_schema(self) -> dict[str, Any] | bool:
        """The JSON schema of the input, messages aside, which are given in several forms."""
        if self.fields is None:
            return True if self.chat == "" else _schema_of(self.hint)
        whole = _schema_of(self.hint)
        known = whole.get("properties", {}) if isinstance(whole, dict) else {}
        needed = whole.get("required", []) if isinstance(whole, dict) and self.model is not None else []
        defs = dict(whole.get("$defs", {})) if isinstance(whole, dict) else {}
        properties: dict[str, Any] = {}
        for name, hint in self.fields.items():
            schema = True if self.is_chat(name) else known.get(name, _schema_of(hint))
            if isinstance(schema, dict) and "$defs" in schema:
                defs |= schema["$defs"]
                schema = {key: part for key, part in schema.items() if key != "$defs"}
            properties[name] = schema
        needed = [name for name in needed if name in properties]
        made = {"type": "object", "properties": properties, "required": needed}
        return {**made, "additionalProperties": False, "$defs": defs}

    def is_chat(self, name: str) -> bool:
        """Whether a field takes messages."""
        info = channels_of(self.graph).get(name)
        return (info is not None and info.messages) or of_messages((self.fields or {}).get(name))

    def made(self, typed: Any) -> tuple[Any, list[PartRefusal]]:
        """The input of plain data, by its annotations, and what of it is refused."""
        if self.fields is None:
            return self._messages("", typed) if self.chat == "" else made_of(typed, self.hint)
        values, refused = {}, []
        for name, part in typed.items():
            hint = self.fields.get(name, Any)
            values[name], wrong = self._messages(name, part) if self.is_chat(name) else made_of(part, hint)
            refused += [PartRefusal((name, *one.keys), one.text) for one in wrong]
        return values, refused

    def refusals(self, values: Any, state: Mapping[str, Any]) -> list[PartRefusal]:
        """What the graph's own code would refuse of an input on a state: reducers, and the state's model.

        Reducers are tried on copies. Nothing is written.
        """
        if self.fields is None or not isinstance(values, Mapping):
            return []
        refused = [
            PartRefusal((name,), said)
            for name, value in values.items()
            if (said := _tried(self.graph.channels.get(name), value, state, name)) is not None
        ]
        return refused or list(self._by_model(values, state))

    def _by_model(self, values: Mapping[str, Any], state: Mapping[str, Any]) -> Iterator[PartRefusal]:
        model: Any = self.model
        if model is None or not _is_model(model):
            return
        chats = {name for name in self.fields or {} if self.is_chat(name)}
        whole = {name: value for name, value in {**state, **values}.items() if name not in chats}
        try:
            model.model_validate(whole)
        except ValidationError as error:
            for one in error.errors(include_url=False, include_input=False):
                place = one["loc"][:1]
                if not place or (place[0] not in chats and (place[0] in values or place[0] not in state)):
                    yield PartRefusal(place, f"{one['msg']}.")
        except Exception as error:  # a validator is somebody's code
            yield PartRefusal((), described(error))

    def _messages(self, name: str, typed: Any) -> tuple[Any, list[PartRefusal]]:
        """Messages as they are where the reducer makes them of anything, else as objects."""
        info: ChannelInfo | None = channels_of(self.graph).get(name)
        try:
            made = convert_to_messages(typed if isinstance(typed, list) else [typed])
        except Exception as error:  # whatever a message class says of its fields
            return typed, [PartRefusal((), f"This is no list of messages: {said(error)}")]
        return typed if info is not None and info.messages else made, []


@at_server
def input_of(graph: Any) -> GraphInput:
    """What a compiled graph takes in.

    >>> from lgviz.demos import two_nodes
    >>> input_of(two_nodes.build()).chat, list(input_of(two_nodes.build()).fields)
    (None, ['foo', 'bar'])
    """
    known = channels_of(graph)
    builder, given = getattr(graph, "builder", None), graph.input_channels
    fields: dict[str, Hint] | None = None
    hint: Hint = Any
    if isinstance(given, str):
        hint = _resolved(graph, given)
        if builder is not None and list(known) != [ROOT_CHANNEL]:
            said = hints_of(hint)
            fields = {
                name: said.get(name, Any) for name in builder.schemas[builder.input_schema] if name in known
            }
    else:
        fields = {name: graph.channels[name].UpdateType for name in given}
    whole = GraphInput(graph, hint, fields, None)
    if fields is None:
        return dataclasses.replace(whole, chat="" if of_messages(hint) else None)
    return dataclasses.replace(whole, chat=next(filter(whole.is_chat, fields), None))


def _resolved(graph: Any, channel: str) -> Hint:
    """The annotation of the channel that takes the input. Where it is only a text, as with ``from __future__
    import annotations``, the function that it belongs to knows what it names."""
    hint = graph.channels[channel].UpdateType
    if not isinstance(hint, str):
        return hint
    try:
        (name,) = graph.trigger_to_nodes[channel]
        bound: Any = graph.nodes[name].bound
        function = bound.func or bound.afunc
        argument = next(iter(inspect.signature(function).parameters))
        return typing.get_type_hints(function, include_extras=True).get(argument, Any)
    except Exception:  # another kind of graph, or a name that is nowhere any more
        return Any


def _tried(channel: Any, value: Any, state: Mapping[str, Any], name: str) -> str | None:
    """What a channel's reducer says against a value; None where it takes it, or cannot be tried."""
    if not isinstance(channel, BaseChannel):
        return None
    try:
        there = channel.from_checkpoint(copy.copy(state[name])) if name in state else channel.copy()
    except Exception:  # nothing is known of this value then
        return None
    try:
        there.update([value])
        if there.is_available():
            there.get()
    except Exception as error:  # a reducer is somebody's code
        return f"{described(error)}."
    return None


def _schema_of(hint: Hint) -> Any:
    if hint is Any or hint is None:
        return True
    try:
        schema = adapter_of(hint).json_schema()
    except Exception:  # a type that pydantic has no JSON schema for
        return True
    ref = schema.get("$ref", "")
    if ref.startswith("#/$defs/"):
        return {**schema["$defs"][ref.removeprefix("#/$defs/")], "$defs": schema["$defs"]}
    return schema


def _is_model(hint: Hint) -> bool:
    return isinstance(hint, type) and issubclass(hint, BaseModel)


def of_messages(hint: Hint) -> bool:
    """Whether an annotation says a list of LangChain's messages."""
    for member in members(hint):
        items = get_args(bare(member))
        if items and _names_messages(items[0]):
            return True
    return False


def _names_messages(hint: Hint) -> bool:
    return any(isinstance(cls := bare(one), type) and issubclass(cls, BaseMessage) for one in members(hint))
