"""What tells whether a node was asked the same: a hash of its input in which ids do not count.

The ids of messages and tool calls are made up anew by each run. In a fingerprint each is replaced by the
number of its first appearance, so that two inputs that differ in their ids alone have one fingerprint, and
the two lists of ids, read side by side, say which id of one is which of the other:

>>> from langchain_core.messages import AIMessage, RemoveMessage
>>> one = fingerprint({"messages": [AIMessage("hi", id="a"), RemoveMessage(id="a")]})
>>> other = fingerprint({"messages": [AIMessage("hi", id="b"), RemoveMessage(id="b")]})
>>> one == other, one.ids, other.ids
(True, ('a',), ('b',))
>>> one == fingerprint({"messages": [AIMessage("hi", id="a"), RemoveMessage(id="c")]})
False

An id is what a message, a tool call or a provider's content block declares as its own, and what a tool's
result answers. Elsewhere a string that equals one is taken for it too; a string that equals none counts as it
is, whatever the key that it stands under:

>>> fingerprint({"tool_call_id": "a"}) == fingerprint({"tool_call_id": "b"})
False

Of two values with one fingerprint, an id in the one may be in the place of another that was there before, so
that it was not made up anew, but chosen: :class:`MadeUpIds` tells.
"""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import struct
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from langchain_core.messages import BaseMessage
from langgraph.graph.message import REMOVE_ALL_MESSAGES
from langgraph.types import Send
from pydantic import BaseModel

from lgviz.errors import NotKept
from lgviz.persistence import ExactSerializer, Placeholder
from lgviz.sources.base import Undecodable

__all__ = [
    "Fingerprint", "Fingerprints", "Inexact", "MadeUpIds", "fingerprint", "messages_in", "with_ids",
]  # fmt: skip

_SERIALIZER = ExactSerializer()
_CALLS = frozenset(
    ("tool_call", "invalid_tool_call", "tool_use", "function_call", "server_tool_use", "mcp_call", "function")
)
"""The ``type`` of a mapping that has an id of its own under ``id`` or ``call_id``, if it names a function."""
_UNTYPED = frozenset(("name", "args", "id"))
_RESULTS = frozenset(("tool_result", "server_tool_result", "mcp_tool_result", "function_call_output"))
"""The ``type`` of a mapping that answers a call; a message as a dict has a ``role`` instead."""
_MOST_KNOWN = 10_000
"""Messages that are known again; a source that gives each state in objects of its own would fill memory."""
_OWN = ("id", "call_id")
_REFERENCES = ("tool_call_id", "tool_use_id", "call_id")


class Inexact(Exception):
    """A value that cannot be hashed exactly; the text says where and why."""


@dataclasses.dataclass(frozen=True, slots=True)
class Fingerprint:
    """A value without its ids, and its ids.

    Attributes:
        digest: 16 bytes; equal for values that differ in their ids alone.
        ids: in order of their first appearance. They do not count where fingerprints are compared.
    """

    digest: bytes
    ids: tuple[str, ...] = dataclasses.field(default=(), compare=False)


def fingerprint(value: Any) -> Fingerprint:
    """The fingerprint of one value.

    Raises:
        Inexact: a part of it cannot be hashed exactly.
    """
    return Fingerprints().of(value)


class MadeUpIds:
    """Which id of a run that is done again is which recorded one; one that is known stays what it is.

    >>> from langchain_core.messages import AIMessage
    >>> ids = MadeUpIds()
    >>> recorded = fingerprint([AIMessage("x", id="a"), AIMessage("x", id="b")])
    >>> ids.learn(recorded, recorded)
    >>> ids.learn(recorded, fingerprint([AIMessage("x", id="c"), AIMessage("x", id="d")]))
    >>> picked = fingerprint([AIMessage("x", id="a")])
    >>> [ids.fit(picked, fingerprint([AIMessage("x", id=each)])) for each in "abcde"]
    [True, False, True, False, True]
    """

    def __init__(self) -> None:
        self._meant: dict[str, str] = {}

    def learn(self, recorded: Fingerprint, present: Fingerprint) -> None:
        """What each id in the present one of two values that fit means."""
        self._meant |= zip(present.ids, recorded.ids, strict=True)

    def fit(self, recorded: Fingerprint, present: Fingerprint) -> bool:
        """Whether two values of one fingerprint have the same ids, but for those that are not known."""
        pairs = zip(present.ids, recorded.ids, strict=True)
        return all(self._meant.get(new, old) == old for new, old in pairs)


class Fingerprints:
    """Makes fingerprints, and hashes an object that comes again only once.

    An object is known again by its identity, which is right only as long as nothing changes it:
    :meth:`forget` must be called after code ran that may have.

    Attributes:
        hidden: stands for values that are not shown: a text that holds it cannot be hashed exactly.
    """

    def __init__(self, hidden: str = "") -> None:
        self._known: dict[int, tuple[Any, Fingerprint]] = {}
        self.hidden = hidden

    def forget(self) -> None:
        """Objects may have changed."""
        self._known.clear()

    def of(self, value: Any) -> Fingerprint:
        """The fingerprint of a value.

        Raises:
            Inexact: a part of it cannot be hashed exactly.
        """
        walk = _Walk(self)
        try:
            walk.value(value)
        except RecursionError:
            raise Inexact("it is nested too deeply, or contains itself") from None
        return walk.fingerprint()

    def message(self, message: BaseMessage) -> Fingerprint:
        """The fingerprint of one message by itself."""
        known = self._known.get(id(message))
        if known is not None:
            return known[1]
        walk = _Walk(self)
        walk.fields(message, _fields_of_model(message))
        made = walk.fingerprint()
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[id(message)] = (message, made)  # it is held, so that its identity is no other's
        return made


class _Walk:
    """One pass over a value: bytes to be hashed, and between them the strings that may be ids."""

    def __init__(self, made: Fingerprints) -> None:
        self._made = made
        self._tokens: list[bytes | str] = []
        self._ids: dict[str, int] = {}

    def fingerprint(self) -> Fingerprint:
        digest = hashlib.blake2b(digest_size=16)
        for token in self._tokens:
            if isinstance(token, bytes):
                digest.update(token)
            elif (number := self._ids.get(token)) is not None:
                digest.update(b"#%d;" % number)
            else:
                data = token.encode("utf-8", "surrogatepass")
                digest.update(b"s%d;" % len(data) + data)
        return Fingerprint(digest.digest(), tuple(self._ids))

    def value(self, value: Any) -> None:
        kind, add = type(value), self._tokens.append
        if kind is str:
            if self._made.hidden and self._made.hidden in value:
                raise Inexact("redact= hides it")
            add(value)
        elif value is None or kind is bool:
            add(b"N" if value is None else b"T" if value else b"F")
        elif kind is int:
            add(b"i%d;" % value)
        elif kind is float:
            add(b"f" + struct.pack(">d", value))
        elif kind is bytes:
            add(b"b%d;" % len(value) + value)
        elif kind is list or kind is tuple:
            add((b"[%d;" if kind is list else b"(%d;") % len(value))
            for each in value:
                self.value(each)
        elif kind is dict:
            self._mapping(value)
        elif kind is set or kind is frozenset:
            parts = sorted(self._apart(each) for each in value)
            add((b"{%d;" if kind is set else b"<%d;") % len(parts) + b"".join(parts))
        elif isinstance(value, BaseMessage):
            part = self._made.message(value)
            add(b"m" + part.digest)
            for each in part.ids:
                self._declare(each)
                add(each)
        elif isinstance(value, (Undecodable, Placeholder)):
            raise Inexact(f"a stored {value.type} cannot be decoded: {value.reason}")
        elif isinstance(value, Send):
            self.fields(value, {"node": value.node, "arg": value.arg})
        elif isinstance(value, BaseModel):
            self.fields(value, _fields_of_model(value))
        elif dataclasses.is_dataclass(value):
            self.fields(value, {f.name: getattr(value, f.name, None) for f in dataclasses.fields(value)})
        else:
            self._leaf(value)

    def fields(self, value: Any, fields: Mapping[str, Any]) -> None:
        """An object by its class and fields."""
        kind = type(value)
        name = f"{kind.__module__}.{kind.__qualname__}".encode()
        self._tokens.append(b"o%d;" % len(name) + name)
        if isinstance(value, BaseMessage):
            self._declare(fields.get("id"), fields.get("tool_call_id"))
            response = fields.get("response_metadata")
            self._declare(response.get("id") if isinstance(response, dict) else None)
        self._entries(dict(sorted(fields.items())))  # an object's fields have no order

    def _mapping(self, value: dict[Any, Any]) -> None:
        kind = value.get("type")
        if isinstance(kind, str) and kind in _CALLS and ("name" in value or "function" in value):
            self._declare(*(value.get(name) for name in _OWN))
        elif value.keys() == _UNTYPED:
            self._declare(value["id"])
        elif (isinstance(kind, str) and kind in _RESULTS) or value.get("role") == "tool":
            self._declare(*(value.get(name) for name in _REFERENCES))
        self._entries(value)

    def _entries(self, value: Mapping[Any, Any]) -> None:
        self._tokens.append(b":%d;" % len(value))
        for name, each in value.items():
            self.value(name)
            self.value(each)

    def _declare(self, *found: Any) -> None:
        for each in found:
            if isinstance(each, str) and each and each != REMOVE_ALL_MESSAGES:
                self._ids.setdefault(each, len(self._ids))

    def _apart(self, value: Any) -> bytes:
        """Of an element of a set, which has no place: by itself."""
        return self._made.of(value).digest

    def _leaf(self, value: Any) -> None:
        try:
            tag, data = _SERIALIZER.dumps_typed(value)
        except NotKept as error:
            raise Inexact(error.cause.rstrip(".")) from error
        self._tokens.append(b"x%d;%d;" % (len(tag), len(data)) + tag.encode() + data)


def _fields_of_model(value: BaseModel) -> dict[str, Any]:
    """All that a pydantic object holds."""
    extra, private = value.__pydantic_extra__, getattr(value, "__pydantic_private__", None)
    return {**value.__dict__, **(extra or {}), **(private or {})}


def with_ids(value: Any, ids: Mapping[str, str]) -> Any:
    """A value with some ids replaced; parts without any stay the same objects.

    >>> from langchain_core.messages import ToolMessage
    >>> with_ids({"messages": [ToolMessage("ok", tool_call_id="a")]}, {"a": "b"})["messages"][0].tool_call_id
    'b'

    Args:
        value: any value.
        ids: what each becomes.
    """
    if not ids:
        return value
    return _changed(value, lambda text: ids.get(text, text))


def _changed(value: Any, change: Callable[[str], str]) -> Any:
    kind = type(value)
    if kind is str:
        return change(value)
    if kind is list or kind is tuple or kind is set or kind is frozenset:
        made = [_changed(each, change) for each in value]
        same = all(one is other for one, other in zip(made, value, strict=True))
        return value if same else kind(made)
    if kind is dict:
        entries = {_changed(name, change): _changed(each, change) for name, each in value.items()}
        same = all(
            one is other and a is b
            for (a, one), (b, other) in zip(entries.items(), value.items(), strict=False)
        )
        return value if same and len(entries) == len(value) else entries
    if isinstance(value, Send):
        arg = _changed(value.arg, change)
        return value if arg is value.arg else Send(value.node, arg)
    if isinstance(value, BaseModel):
        fields = {name: _changed(each, change) for name, each in _fields_of_model(value).items()}
        new = {name: each for name, each in fields.items() if each is not getattr(value, name, None)}
        return value.model_copy(update=new) if new else value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _changed_dataclass(value, change)
    return value


def _changed_dataclass(value: Any, change: Callable[[str], str]) -> Any:
    new = {}
    for field in dataclasses.fields(value):
        before = getattr(value, field.name, None)
        if (after := _changed(before, change)) is not before:
            new[field.name] = after
    if not new:
        return value
    made = copy.copy(value)
    for name, each in new.items():
        object.__setattr__(made, name, each)
    return made


def messages_in(value: Any) -> Iterable[BaseMessage]:
    """The messages in a value, also within lists, dicts, objects and ``Send``s, in order."""
    if isinstance(value, BaseMessage):
        yield value
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from messages_in(each)
    elif type(value) is dict:
        for each in value.values():
            yield from messages_in(each)
    elif isinstance(value, Send):
        yield from messages_in(value.arg)
    elif isinstance(value, BaseModel):
        for each in _fields_of_model(value).values():
            yield from messages_in(each)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from messages_in(getattr(value, field.name, None))
