"""A value as JSON that a person edits, and what was typed taken back into it.

JSON shows less than a value holds: a message's metadata, a data frame inside a dict, that a list was a tuple.
So what was typed is compared with what was shown, and only where the two differ does the value change.
"""

from __future__ import annotations

import copy
import dataclasses
import datetime
import decimal
import enum
import json
import math
import pathlib
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
    convert_to_messages,
)
from pydantic import BaseModel, TypeAdapter, ValidationError

from lgviz._visible import HIDDEN
from lgviz.errors import described, said

from .messages import is_message
from .types import Hint, adapter_of, key_hint_of, members, part_of
from .values import child_at, fields_of, kind_of, line, type_name

__all__ = ["KEPT", "PartRefusal", "edited", "json_of", "json_text", "made_of", "with_part"]

KEPT = "__kept__"
"""The key of an object that stands for what JSON cannot hold: left there, or moved, it is that again."""

_DEPTH = 40
_EXACT = 2**53
_AS_TEXT = (
    datetime.date, datetime.time, datetime.timedelta, decimal.Decimal, uuid.UUID, pathlib.PurePath,
)  # fmt: skip
_ROLES: dict[str, type[BaseMessage]] = {
    "human": HumanMessage, "ai": AIMessage, "system": SystemMessage, "tool": ToolMessage,
}  # fmt: skip
_REPEATED = ("content", "tool_calls", "additional_kwargs")
_FIRST = ("type", "content", "tool_calls", "name", "id", "tool_call_id", "status")


@dataclass(frozen=True, slots=True)
class PartRefusal:
    """What is wrong with a part of what was typed.

    Attributes:
        keys: where it is, from the edited value down.
        text: what is wrong, in a sentence.
    """

    keys: tuple[str | int, ...]
    text: str


def json_of(value: Any) -> tuple[Any, list[Any]]:
    """A value as plain data to edit, and what is only marked in it (see :data:`KEPT`).

    >>> json_of({"when": datetime.date(2026, 3, 2), "raw": b"x"})
    ({'when': '2026-03-02', 'raw': {'__kept__': 0, 'is': "bytes b'x'"}}, [b'x'])
    """
    kept: list[Any] = []
    return _plain(value, kept, 0), kept


def json_text(data: Any) -> str:
    """Plain data as indented JSON in which nothing hides: such characters are written as their escapes."""
    text = json.dumps(data, ensure_ascii=False, indent=2)
    return HIDDEN.sub(lambda found: json.dumps(found[0])[1:-1], text)


def edited(value: Any, typed: Any, hint: Hint = Any) -> tuple[Any, list[PartRefusal]]:
    """The value with what was typed in place of what :func:`json_of` showed of it, and what is refused.

    >>> edited({"when": datetime.date(2026, 3, 2), "at": (1, 2)}, {"when": "2026-03-05", "at": [1, 2]})
    ({'when': datetime.date(2026, 3, 5), 'at': (1, 2)}, [])

    Args:
        value: the value now.
        typed: plain data.
        hint: what the state's schema says of the value; a value that it refuses already is not held to it.
    """
    shown, kept = json_of(value)
    merge = _Merge(kept)
    return merge.of(value, shown, typed, hint, ()), merge.refused


def made_of(typed: Any, hint: Hint = Any) -> tuple[Any, list[PartRefusal]]:
    """A new value of what was typed, by what a schema says of it, and what is refused.

    >>> made_of("2026-03-05", datetime.date), made_of(["a"], list[int])[1][0].keys
    ((datetime.date(2026, 3, 5), []), (0,))
    """
    merge = _Merge([])
    return merge.new(typed, hint, ()), merge.refused


def with_part(value: Any, path: Sequence[int], new: Any) -> Any:
    """A copy of the value with another part at a path of child positions; the rest is the same objects."""
    if not path:
        return new
    key, child = child_at(value, path[0])
    return _replaced(value, path[0], key, with_part(child, path[1:], new))


def _replaced(value: Any, position: int, key: Any, new: Any) -> Any:
    match kind_of(value):
        case "dict" | "list" if not isinstance(value, tuple):
            made = copy.copy(value)
            made[key] = new
            return made
        case "list":
            return _like(value, [*value[:position], new, *value[position + 1 :]])
        case "set":
            return type(value)(new if i == position else one for i, one in enumerate(value))
        case "message" if isinstance(value, dict):
            return {**value, key: new}
        case _:
            return _with_fields(value, {str(key): new})


def _with_fields(value: Any, changed: Mapping[str, Any]) -> Any:
    """A copy of an object with other fields; no validator runs."""
    if isinstance(value, BaseModel):
        return value.model_copy(update=dict(changed))
    if isinstance(value, tuple):
        return value._replace(**changed)  # type: ignore[attr-defined]
    made = copy.copy(value)
    for name, new in changed.items():
        object.__setattr__(made, name, new)
    return made


def _like(value: Any, items: Sequence[Any]) -> Any:
    """A list of the type of another."""
    if isinstance(value, deque):
        return deque(items, value.maxlen)
    return type(value)(items) if type(value) in (list, tuple, set, frozenset) else list(items)


# ---------------------------------------------------------------- to JSON


def _plain(value: Any, kept: list[Any], depth: int) -> Any:
    cls = type(value)
    if value is None or cls in (bool, str):
        return value
    if cls is int and abs(value) < _EXACT:
        return value
    if cls is float and math.isfinite(value):
        return value
    if isinstance(value, enum.Enum) and type(value.value) in (str, int):
        return value.value
    if isinstance(value, _AS_TEXT):
        return TypeAdapter(Any).dump_python(value, mode="json")
    if depth < _DEPTH:
        match kind_of(value):
            case "list" | "set":
                return [_plain(one, kept, depth + 1) for one in value]
            case "dict" if _named(value):
                return {str(key): _plain(one, kept, depth + 1) for key, one in value.items()}
            case "message" | "object" if (fields := _fields(value)) is not None:
                return {name: _plain(one, kept, depth + 1) for name, one in fields.items()}
    kept.append(value)
    return {KEPT: len(kept) - 1, "is": f"{type_name(value)} {line(value, 60)}"}


def _named(value: Mapping[Any, Any]) -> bool:
    """Whether the keys of a dict are told apart by their text, and none is the marker's."""
    texts = {str(key) for key in value}
    return len(texts) == len(value) and KEPT not in texts


def _fields(value: Any) -> dict[str, Any] | None:
    """The fields by which an object is edited; None where it is no plain record."""
    if isinstance(value, BaseMessage):
        fields = dict(fields_of(value))
        order = [*_FIRST, *(name for name in fields if name not in _FIRST)]
        return {
            name: fields[name]
            for name in order
            if name in fields
            and (name == "content" or fields[name] not in (None, [], {}, "", False))
            and (name, fields[name]) != ("status", "success")
        }
    if isinstance(value, dict):
        return dict(value)
    if isinstance(value, (BaseModel, tuple)) or dataclasses.is_dataclass(value):
        return dict(fields_of(value))
    return None


# ---------------------------------------------------------------- back from JSON


class _Merge:
    """Takes what was typed into a value, part by part; gathers what is refused."""

    def __init__(self, kept: list[Any]) -> None:
        self.kept = kept
        self.refused: list[PartRefusal] = []

    def of(self, old: Any, shown: Any, typed: Any, hint: Hint, keys: tuple[str | int, ...]) -> Any:
        """The part ``old``, shown as ``shown``, with what was typed."""
        if _same(shown, typed):
            return old
        if (found := self._kept(typed)) is not None:
            return found[0]
        kind = kind_of(old)
        if isinstance(typed, list) and isinstance(shown, list):
            return self._whole(self._list, old, shown, typed, hint, keys)
        if isinstance(typed, dict) and isinstance(shown, dict) and KEPT not in shown:
            if isinstance(old, BaseMessage):
                return self._message(old, shown, typed, keys)
            if kind == "dict" or isinstance(old, dict):
                return self._whole(self._dict, old, shown, typed, hint, keys)
            return self._variant(old, shown, typed, hint, keys)
        return self._converted(old, typed, hint, keys)

    def _whole(self, merge: Any, old: Any, shown: Any, typed: Any, hint: Hint, keys: Any) -> Any:
        """A container, with what the schema says of it as a whole: its length, a key that it needs."""
        before = len(self.refused)
        made = merge(old, shown, typed, hint, keys)
        if len(self.refused) == before and _known(hint):
            was = _complaints(hint, old)
            said = _complaints(hint, made)
            self.refused += [PartRefusal((*keys, *at), text) for at, text in said.items() if at not in was]
        return made

    def new(self, typed: Any, hint: Hint, keys: tuple[str | int, ...]) -> Any:
        """A part that was not there."""
        if (found := self._kept(typed)) is not None:
            return found[0]
        if _holds_kept(typed):
            if isinstance(typed, list):
                return [self.new(one, part_of(hint, typed, i), (*keys, i)) for i, one in enumerate(typed)]
            return {key: self.new(one, part_of(hint, typed, key), (*keys, key)) for key, one in typed.items()}
        return self._by_hint(typed, hint, keys)

    def _kept(self, typed: Any) -> tuple[Any] | None:
        """What a marker stands for."""
        number = typed.get(KEPT) if isinstance(typed, dict) else None
        if type(number) is int and 0 <= number < len(self.kept):
            return (self.kept[number],)
        return None

    def _list(self, old: Any, shown: list[Any], typed: list[Any], hint: Hint, keys: Any) -> Any:
        """Each typed element is that which was shown so, else for the one at its place (from either end)."""
        values = list(old)
        left = list(range(len(shown)))
        partner: dict[int, int] = {}
        for i, one in enumerate(typed):
            same = next((j for j in left if _same(shown[j], one) or _same_id(shown[j], one)), None)
            if same is not None:
                left.remove(same)
                partner[i] = same
        for i in range(len(typed)):
            from_end = i - len(typed) + len(shown)
            place = next((j for j in (i, from_end) if j in left), None) if i not in partner else None
            if place is not None:
                left.remove(place)
                partner[i] = place
        items = []
        for i, one in enumerate(typed):
            element = part_of(hint, old, i)
            if i in partner:
                at = partner[i]
                items.append(self.of(values[at], shown[at], one, element, (*keys, i)))
            elif is_message(one) and any(isinstance(other, BaseMessage) for other in values):
                items.append(self._made(partial(_message_of, one), one, (*keys, i)))
            else:
                items.append(self.new(one, element, (*keys, i)))
        try:
            return _like(old, items)
        except TypeError as error:  # what a set cannot hold
            self.refused.append(PartRefusal(keys, f"{said(error)}."))
            return old

    def _dict(self, old: Any, shown: Any, typed: dict[str, Any], hint: Hint, keys: Any) -> Any:
        made = copy.copy(old)
        names = {str(key): key for key in old}
        for name, key in names.items():
            if name not in typed:
                del made[key]
        for name, one in typed.items():
            key = names.get(name, name)
            at = (*keys, name)
            if name in names:
                made[key] = self.of(old[key], shown[name], one, part_of(hint, old, key), at)
            else:
                made[_key_of(name, key_hint_of(hint, old))] = self.new(one, part_of(hint, old, name), at)
        return made

    def _variant(
        self, old: Any, shown: dict[str, Any], typed: dict[str, Any], hint: Hint, keys: tuple[str | int, ...]
    ) -> Any:
        """An object; where its own class refuses what was typed, one of another that the schema allows."""
        before = len(self.refused)
        made = self._object(old, shown, typed, keys)
        told = self.refused[before:]
        if not told or len(members(hint)) < 2:
            return made
        del self.refused[before:]
        other = self.new(typed, hint, keys)
        if len(self.refused) == before and type(other) is not type(old) and other is not typed:
            return other
        self.refused[before:] = told
        return made

    def _object(self, old: Any, shown: dict[str, Any], typed: dict[str, Any], keys: Any) -> Any:
        """A model, dataclass or named tuple: its own class says what its fields take."""
        fields = dict(fields_of(old))
        if unknown := [name for name in typed if name not in fields and not _takes(old, name)]:
            self.refused += [
                PartRefusal((*keys, n), f"{type_name(old)} has no field {n!r}.") for n in unknown
            ]
            return old
        self.refused += [
            PartRefusal((*keys, name), f"{type_name(old)} needs {name!r}.")
            for name in shown
            if name not in typed
        ]
        before = len(self.refused)
        changed = {
            name: self.of(fields[name], shown[name], typed[name], _field_hint(old, name), (*keys, name))
            if name in shown
            else self.new(typed[name], part_of(Any, old, name), (*keys, name))
            for name in typed
            if name not in shown or not _same(shown[name], typed[name])
        }
        if len(self.refused) > before:
            return old
        made = _with_fields(old, changed)
        if isinstance(old, BaseModel):
            self._check_model(old, made, keys)
        return made

    def _check_model(self, old: BaseModel, made: BaseModel, keys: tuple[str | int, ...]) -> None:
        """What the model's validators say of the whole, which they did not say before."""
        was = _model_complaints(old)
        for at, text in _model_complaints(made).items():
            if at not in was:
                self.refused.append(PartRefusal((*keys, *at), text))

    def _message(self, old: BaseMessage, shown: dict[str, Any], typed: dict[str, Any], keys: Any) -> Any:
        """A message: what was not shown of it stays, also where it becomes another kind of message."""
        before = len(self.refused)
        fields = dict(fields_of(old))
        changed = {
            name: self.of(fields[name], shown[name], typed[name], _field_hint(old, name), (*keys, name))
            if name in shown
            else self.new(typed[name], _field_hint(old, name), (*keys, name))
            for name in typed
            if name not in shown or not _same(shown[name], typed[name])
        }
        gone = [name for name in shown if name not in typed]
        fields = {name: one for name, one in fields.items() if name not in gone} | changed
        if "tool_calls" in changed or "tool_calls" in gone:
            fields.setdefault("tool_calls", [])
            _follow_calls(fields, getattr(old, "tool_calls", []))
        role = fields.pop("type", old.type)
        if len(self.refused) > before:
            return old

        def made() -> BaseMessage:
            if role == old.type:
                checked = type(old).model_validate(fields)
                reset = {name: getattr(checked, name) for name in gone}
                return old.model_copy(
                    update={name: fields[name] for name in {*changed, *_REPEATED} if name in fields} | reset
                )
            cls = _ROLES.get(role) or type(convert_to_messages([{"role": role, "content": ""}])[0])
            if fields.get("tool_calls") and "tool_calls" not in cls.model_fields:
                self.refused.append(
                    PartRefusal((*keys, "tool_calls"), f"A message of {role!r} has no tool calls.")
                )
            return cls.model_validate({k: v for k, v in fields.items() if k in cls.model_fields})

        return self._made(made, old, keys)

    def _made(self, make: Callable[[], Any], instead: Any, keys: tuple[str | int, ...]) -> Any:
        try:
            return make()
        except ValidationError as error:
            self.refused += [PartRefusal((*keys, *e["loc"][:1]), f"{e['msg']}.") for e in error.errors()[:5]]
        except KeyError as error:  # how a tool message says that it needs a field
            self.refused.append(PartRefusal((*keys, str(error.args[0])), "Field required."))
        except Exception as error:  # whatever a message class says
            self.refused.append(PartRefusal(keys, said(error)))
        return instead

    def _converted(self, old: Any, typed: Any, hint: Hint, keys: tuple[str | int, ...]) -> Any:
        """A part that is no container any more, or never was."""
        if _known(hint) and not _complaints(hint, old):
            made = self._by_hint(typed, hint, keys)
            if type(old) is str and type(made) is str:
                return _with_breaks(old, made)
            return float(made) if type(made) is int and type(old) is float else made
        if isinstance(old, (enum.Enum, *_AS_TEXT)) and type(typed) in (str, int, float):
            return self._by_hint(typed, type(old), keys)
        if type(old) is float and type(typed) is int:
            return float(typed)
        if type(old) is str and type(typed) is str:
            return _with_breaks(old, typed)
        return self.new(typed, Any, keys)

    def _by_hint(self, typed: Any, hint: Hint, keys: tuple[str | int, ...]) -> Any:
        if not _known(hint):
            return typed
        try:
            return adapter_of(hint).validate_json(json.dumps(typed), strict=True)
        except ValidationError as error:
            self.refused += [PartRefusal((*keys, *_place(e, typed)), f"{e['msg']}.") for e in _first(error)]
        except Exception:  # a type that pydantic has no schema for says nothing of values
            return typed
        return typed


def _key_of(name: str, hint: Hint) -> Any:
    """The key of a mapping that JSON writes as a text; the text itself where it is no such key."""
    if not _known(hint):
        return name
    try:
        return next(iter(adapter_of(dict[hint, Any]).validate_json(json.dumps({name: None}), strict=True)))
    except Exception:  # the schema's own complaint of the whole says what is wrong
        return name


def _message_of(typed: dict[str, Any]) -> BaseMessage:
    return convert_to_messages([typed])[0]


def _with_breaks(old: str, typed: str) -> str:
    """What was typed over a text whose lines all end as under Windows, which no text field keeps."""
    windows = "\r\n" in old and "\n" not in old.replace("\r\n", "")
    return typed.replace("\n", "\r\n") if windows and "\r" not in typed else typed


def _first(error: ValidationError) -> Iterator[Any]:
    """Its complaints, one for each place: a union's members all say theirs."""
    seen = set()
    for one in error.errors(include_url=False, include_input=False):
        if (place := one["loc"][:1] if len(one["loc"]) > 1 else ()) not in seen:
            seen.add(place)
            yield one


def _place(error: Any, typed: Any) -> Iterator[str | int]:
    """Where in what was typed a complaint of pydantic is; it also names members of unions there."""
    missing = error["loc"][-1:] if error["type"] == "missing" else ()
    for key in error["loc"]:
        if (key,) == missing and isinstance(typed, dict) and key not in typed:
            yield key
        inside = isinstance(typed, dict) and key in typed
        if not inside and not (isinstance(typed, list) and isinstance(key, int) and key < len(typed)):
            return
        typed = typed[key]
        yield key


def _complaints(hint: Hint, value: Any) -> dict[tuple[str | int, ...], str]:
    """What a schema says against a value, by place."""
    try:
        adapter_of(hint).validate_python(value, strict=True)
    except ValidationError as error:
        return {tuple(_place(one, value)): f"{one['msg']}." for one in error.errors(include_url=False)}
    except Exception:  # no schema for it
        return {}
    return {}


def _model_complaints(model: BaseModel) -> dict[tuple[str | int, ...], str]:
    try:
        type(model).model_validate(dict(fields_of(model)))
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        return {tuple(e["loc"][:1]): f"{e['msg']}." for e in found}
    except Exception as error:  # a validator is somebody's code
        return {(): described(error)}
    return {}


def _takes(model: Any, name: str) -> bool:
    """Whether a model has a field of that name, set or not, or takes any."""
    return isinstance(model, BaseModel) and (
        name in type(model).model_fields or type(model).model_config.get("extra") == "allow"
    )


def _known(hint: Hint) -> bool:
    return hint is not Any and hint is not object


def _field_hint(message: BaseMessage, name: str) -> Hint:
    """What the class of a message says of a field; its type may become another."""
    return Any if name == "type" else part_of(Any, message, name)


def _same(one: Any, other: Any) -> bool:
    """Whether two pieces of plain data are one JSON; true is not 1, but 1 is 1.0."""
    if isinstance(one, bool) or isinstance(other, bool) or one is None or other is None:
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return type(one) in (int, float, str) and type(other) in (int, float, str) and bool(one == other)


def _same_id(one: Any, other: Any) -> bool:
    """Whether two objects name themselves by the same id."""
    if not isinstance(one, dict) or not isinstance(other, dict):
        return False
    return isinstance(one.get("id"), str) and one.get("id") == other.get("id")


def _holds_kept(typed: Any) -> bool:
    if isinstance(typed, dict):
        return KEPT in typed or any(map(_holds_kept, typed.values()))
    return isinstance(typed, list) and any(map(_holds_kept, typed))


def _follow_calls(fields: dict[str, Any], before: Sequence[Any]) -> None:
    """Where content and the provider's own fields repeat the tool calls, they say the same as those now."""
    calls = {call.get("id"): call for call in fields["tool_calls"] if isinstance(call, dict)}
    was = {call.get("id"): call for call in before}

    def followed(block: Any, told: Callable[[Any, Any], Any]) -> Any:
        known = isinstance(block, dict) and block.get("id") in was
        if not known or was[block["id"]] == calls.get(block["id"]):
            return block
        return told(block, calls[block["id"]]) if block["id"] in calls else None

    def block_of(block: Any, call: Any) -> Any:
        args = "input" if "input" in block else "args"
        return {**block, "name": call.get("name"), args: call.get("args")}

    def raw_of(block: Any, call: Any) -> Any:
        said = {"name": call.get("name"), "arguments": json.dumps(call.get("args"))}
        return {**block, "function": {**(block.get("function") or {}), **said}}

    if isinstance(content := fields.get("content"), list):
        new = [followed(block, block_of) for block in content]
        fields["content"] = [block for block in new if block is not None]
    extra = fields.get("additional_kwargs")
    if isinstance(extra, dict) and isinstance(extra.get("tool_calls"), list):
        raw = [block for one in extra["tool_calls"] if (block := followed(one, raw_of)) is not None]
        rest = {key: one for key, one in extra.items() if key != "tool_calls"}
        fields["additional_kwargs"] = rest | ({"tool_calls": raw} if raw else {})
