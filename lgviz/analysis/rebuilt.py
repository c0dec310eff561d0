"""Rebuilds the values of delta channels where no graph tells their reducer, from what the values are.

A :class:`Fold` takes in what is stored of a channel, oldest first. What it is made of tells the rule: chat
messages go by their id, the items of lists are appended, keys of dicts are set, sets are united. Where the
same writes may make two values (a number that may be added or replaced), none is chosen:

>>> Fold().step([["a"], ["b"]]).shown()
['a', 'b']
>>> Fold().step([{"/n.txt": {"content": "hello"}}, {"/n.txt": None}]).shown()
{}
>>> Fold.of(3).step([4]).shown()
<kept as writes; open it with the graph (a reducer may add or replace): 3, then [4]>
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from langchain_core.messages import BaseMessage, RemoveMessage, convert_to_messages
from langgraph.checkpoint.serde.types import _DeltaSnapshot
from langgraph.graph.message import REMOVE_ALL_MESSAGES
from langgraph.types import Overwrite

from lgviz._visible import visible
from lgviz.analysis.shown import ShownByFields
from lgviz.errors import described
from lgviz.sources.base import Undecodable
from lgviz.sources.redact import transparent

from .messages import is_message

__all__ = ["Fold", "KeptAsWrites", "overwritten", "unwrapped"]

_KEPT = "kept as writes; open it with the graph"
_STORED, _CHAT, _ITEMS, _WRITES, _SETS, _KEYS, _FILES = (
    "as it was stored",
    "messages by id",
    "items appended",
    "each write appended",
    "sets united",
    "keys set",
    "files set by path, None removes",
)
_NONE = "None may remove a key or be its value"
_FILE = {"content", "encoding", "created_at", "modified_at"}
"""The keys of Deep Agents' files, in whose dict None removes one."""


class _Doubt(Exception):
    """Why a value does not follow from what is stored."""


class _Late(Exception):
    """What a channel holds is seen only now: all that was written is to be applied anew."""


class _Nothing:
    """Stands for the beginning of a channel, whose type nothing tells yet."""

    def __repr__(self) -> str:
        return "nothing"


NOTHING = _Nothing()


@transparent
@dataclass(frozen=True)
class KeptAsWrites(ShownByFields):
    """Stands for the value of a delta channel that cannot be known without the graph's reducer.

    >>> kept = KeptAsWrites(3, (4,), "a reducer may add or replace")
    >>> kept.stored, kept.writes
    (3, (4,))

    Attributes:
        stored: the value that LangGraph stored last; None where it stored none.
        writes: what was written since, oldest first.
        reason: why its value does not follow from that.
    """

    stored: Any = None
    writes: tuple[Any, ...] = ()
    reason: str = ""

    def __post_init__(self) -> None:
        if self.stored is None:  # it reads as None, and is shown nowhere: nothing was stored
            object.__delattr__(self, "stored")

    def __repr__(self) -> str:
        begun = "" if self.stored is None else f"{self.stored!r}, then "
        return visible(f"<{_KEPT} ({self.reason}): {begun}{list(self.writes)!r}>")


@dataclass(frozen=True, slots=True)
class Fold:
    """What a delta channel holds at one place of its history, as far as that can be known.

    Attributes:
        value: its value, where there is no doubt.
        rule: how it was made of the writes, in words.
        doubt: why the value cannot be known.
        lost: why part of what it was made of is not there.
        unruly: why what is written to it is not applied by any rule told here.
    """

    value: Any = NOTHING
    rule: str = _STORED
    doubt: str = ""
    lost: str = ""
    unruly: str = ""
    _base: Any = NOTHING
    _writes: tuple[Any, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, stored: Any) -> Fold:
        """Begin from a stored value."""
        value = unwrapped(stored)
        value = NOTHING if value is None else value
        lost = "what is stored of it cannot be decoded" if isinstance(value, Undecodable) else ""
        return cls(value, lost=lost, _base=value)

    def step(self, writes: Iterable[Any]) -> Fold:
        """Take in what was written next, in the order in which LangGraph applies it."""
        fold, plain = self, list[Any]()
        for write in writes:
            overwrites, value = overwritten(write)
            if not overwrites:
                plain.append(write)
            elif value is None:
                fold, plain = replace(_emptied(fold._add(plain).value), unruly=self.unruly), []
            else:
                fold, plain = replace(Fold.of(value), unruly=self.unruly), []
        return fold._add(plain)

    def shown(self) -> Any:
        """The value, else what stands for it."""
        if reason := self._reason():
            return KeptAsWrites(None if self._base is NOTHING else self._base, self._writes, reason)
        return self.value

    def contradicts(self, stored: Any) -> bool:
        """Whether a value follows and another one is stored in its place."""
        try:
            return not self._reason() and bool(self.value != stored)
        except Exception:  # arrays and frames have no single truth
            return False

    @property
    def told(self) -> str:
        """How the value came about, in words."""
        return _KEPT if self._reason() else f"rebuilt without the graph: {self.rule}"

    def _reason(self) -> str:
        nothing = "nothing that was written to it is stored" if self.value is NOTHING else ""
        return self.lost or (self.unruly if self._writes else "") or self.doubt or nothing

    def _may_be_files(self, writes: Sequence[Any]) -> bool:
        """Whether None at a key is told by what is written now: it removes a file."""
        return self.doubt == _NONE and any(
            isinstance(write, dict) and any(map(_is_file, write.values())) for write in writes
        )

    def _add(self, writes: Sequence[Any]) -> Fold:
        if not writes:
            return self
        known = (*self._writes, *writes)
        if self.doubt and not any(map(_has_chat, writes)) and not self._may_be_files(writes):
            return replace(self, _writes=known)
        try:
            try:
                if self.doubt:
                    raise _Late
                value, rule = _applied(self.value, self.rule, writes)
            except _Late:
                value, rule = _applied(self._base, _STORED, known)
        except _Doubt as doubt:
            return replace(self, value=NOTHING, doubt=str(doubt), _writes=known)
        except Exception as error:  # what somebody's class raises when it is compared or hashed
            return replace(self, value=NOTHING, doubt=described(error), _writes=known)
        return replace(self, value=value, rule=rule, doubt="", _writes=known)


def unwrapped(stored: Any) -> Any:
    """A stored value without the wrapper that marks a delta channel's."""
    return stored.value if isinstance(stored, _DeltaSnapshot) else stored


def overwritten(write: Any) -> tuple[bool, Any]:
    """Whether a write sets the channel past its reducer, and to what, in all forms that LangGraph takes."""
    if isinstance(write, Overwrite):
        return True, write.value
    if isinstance(write, dict):
        if len(write) == 1 and "__overwrite__" in write:
            return True, write["__overwrite__"]
        if write.get("type") == "__overwrite__" and "value" in write:
            return True, write["value"]
    return False, None


def _emptied(value: Any) -> Fold:
    """After ``Overwrite(None)``, which leaves an empty value of the channel's type."""
    return Fold.of(type(value)()) if isinstance(value, (list, dict, set)) else Fold()


# ---------------------------------------------------------------- rules


def _applied(value: Any, rule: str, writes: Sequence[Any]) -> tuple[Any, str]:
    """A value made by a rule after some more writes, and the rule.

    Raises:
        _Late: what it holds is seen by these writes alone.
        _Doubt: the value does not follow.
    """
    if any(isinstance(write, Undecodable) for write in writes):
        raise _Doubt("a write cannot be decoded")
    if rule == _CHAT or _has_chat(value) or any(map(_has_chat, writes)):
        if rule not in (_CHAT, _STORED):
            raise _Late
        return _messages([] if value is NOTHING else value, rule, writes), _CHAT
    first = writes[0] if value is NOTHING else value
    if isinstance(first, dict):
        return _keys({} if value is NOTHING else value, rule, writes)
    if isinstance(first, (set, frozenset)):
        return _united(set() if value is NOTHING else value, writes), _SETS
    if isinstance(first, list):
        return _items([] if value is NOTHING else value, rule, writes)
    raise _Doubt("nothing tells what it began with" if value is NOTHING else "a reducer may add or replace")


def _has_chat(value: Any) -> bool:
    """Whether it is a chat message, or a list with one. Plain dicts alone may be a list's items."""
    return isinstance(value, BaseMessage) or (
        isinstance(value, list) and any(isinstance(item, BaseMessage) for item in value)
    )


def _messages(value: Any, rule: str, writes: Sequence[Any]) -> list[Any]:
    """As ``add_messages`` and its form for delta channels: by id; ``RemoveMessage`` takes away."""
    if not isinstance(value, list):
        raise _Doubt("it holds messages and something else")
    state = value if rule == _CHAT else _converted(value)
    messages = _converted([item for write in writes for item in _listed(write)])
    for number in range(len(messages) - 1, -1, -1):
        if isinstance(messages[number], RemoveMessage) and messages[number].id == REMOVE_ALL_MESSAGES:
            state, messages = [], messages[number + 1 :]
            break
    result: list[BaseMessage | None] = list(state)
    place = {message.id: number for number, message in enumerate(state) if message.id is not None}
    for message in messages:
        if isinstance(message, RemoveMessage):
            if message.id in place:
                result[place.pop(message.id)] = None
        elif message.id is not None and message.id in place:
            result[place[message.id]] = message
        else:
            if message.id is not None:
                place[message.id] = len(result)
            result.append(message)
    return [message for message in result if message is not None]


def _converted(items: Sequence[Any]) -> list[BaseMessage]:
    if not all(is_message(item) or isinstance(item, (str, tuple)) for item in items):
        raise _Doubt("not all that it holds are messages that can be decoded")
    if all(isinstance(item, BaseMessage) for item in items):
        return list(items)
    return list(convert_to_messages(items))


def _items(value: list[Any], rule: str, writes: Sequence[Any]) -> tuple[list[Any], str]:
    lists = sum(isinstance(write, list) for write in writes)
    rule = (_ITEMS if lists else _WRITES) if rule == _STORED else rule
    if lists != (len(writes) if rule == _ITEMS else 0) or any(isinstance(w, (tuple, set)) for w in writes):
        raise _Doubt("not all that was written is a list")
    result = list(value)
    for write in writes:
        added = write if rule == _ITEMS else [write]
        if result and added and _nested(result) != _nested(added):
            raise _Doubt("a list may be one item or several")
        result += added
    ids = [id_ for item in result if (id_ := _id_of(item))]
    if len(ids) != len(set(ids)):
        raise _Doubt("an id is there twice: a reducer may add or replace")
    unread = sum(isinstance(item, Undecodable) for item in result)
    if unread > 1 and any(isinstance(item, Undecodable) for write in writes for item in _listed(write)):
        raise _Doubt("items that cannot be decoded may have the same id: a reducer may add or replace")
    return result, rule


def _listed(write: Any) -> list[Any]:
    return write if isinstance(write, list) else [write]


def _id_of(item: Any) -> str:
    """By what a reducer may find an item again; empty for one without."""
    if isinstance(item, dict) and "id" in item:
        return repr(item["id"])
    id_ = item.get("id") if isinstance(item, Mapping) else getattr(item, "id", None)
    return "" if id_ is None or callable(id_) else repr(id_)


def _nested(items: list[Any]) -> bool:
    return isinstance(items[-1], list)


def _united(value: Any, writes: Sequence[Any]) -> Any:
    if not all(isinstance(write, (set, frozenset, list)) for write in writes):
        raise _Doubt("not all that was written is a set")
    return value.union(*writes)


def _keys(value: dict[Any, Any], rule: str, writes: Sequence[Any]) -> tuple[dict[Any, Any], str]:
    if not all(isinstance(write, dict) for write in writes):
        raise _Doubt("not all that was written is a dict")
    kept = [item for part in (value, *writes) for item in part.values() if item is not None]
    files = all(map(_is_file, kept)) and (bool(kept) or rule == _FILES)
    if rule == _FILES and not files:
        raise _Late
    result = dict(value)
    for write in writes:
        for key, new in write.items():
            if new is None and files:
                result.pop(key, None)
                continue
            if new is None:
                raise _Doubt(_NONE)
            if key in result and not files:
                _check_replaced(key, result[key], new)
            result[key] = new
    return result, _FILES if files else _KEYS


def _is_file(value: Any) -> bool:
    return isinstance(value, dict) and "content" in value and value.keys() <= _FILE


def _check_replaced(key: Any, old: Any, new: Any) -> None:
    """Whether a key that is set twice can only be replaced."""
    if old is new or (type(old) is type(new) and old == new and not isinstance(old, (int, float, list))):
        return
    added = isinstance(old, (int, float, complex)) and not isinstance(old, bool)
    merged = isinstance(old, dict) and isinstance(new, dict) and not old.keys() <= new.keys()
    if added or merged or isinstance(old, (list, set, tuple)):
        raise _Doubt(f"{key!r} was set twice: a reducer may add or replace")
