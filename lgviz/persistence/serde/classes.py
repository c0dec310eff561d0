"""Data classes: what their instances are made of, and building them without running any of their code.

No ``__init__``, no ``__post_init__`` and no validator runs: an instance is made by the built-in type it
derives from, and its state is set.
"""

from __future__ import annotations

import dataclasses
import functools
import operator
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterable
from enum import Enum
from typing import Any

from pydantic import BaseModel, SecretBytes, SecretStr

_BASES: dict[str, type] = {
    base.__name__: base
    for base in (
        OrderedDict,
        defaultdict,
        Counter,
        deque,
        dict,
        list,
        set,
        frozenset,
        tuple,
        str,
        bytes,
        bytearray,
        int,
        float,
        complex,
    )
}


# The slots themselves: each message that is read has its four set.
_DICT, _FIELDS_SET, _EXTRA, _PRIVATE = (
    vars(BaseModel)[name].__set__
    for name in ("__dict__", "__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__")
)


_BESIDE: dict[type, tuple[str, ...]] = {
    OSError: ("filename", "filename2"),
    ImportError: ("name", "path"),
    NameError: ("name",),
    AttributeError: ("name",),
}


class NotBuilt(Exception):
    """The stored state does not fit the class any more."""


def take_apart(value: Any) -> tuple[str, list[Any]] | None:
    """The kind of a data class's instance and its state; None where it is no data class."""
    cls = type(value)
    if isinstance(value, BaseModel):
        return "pydantic", take_model_apart(value)
    if isinstance(value, Enum):
        return "enum", [_member_names(value)]
    if isinstance(value, (SecretStr, SecretBytes)):
        return "record", [{"_secret_value": value.get_secret_value()}]
    if isinstance(value, BaseException):
        return "exception", [list(value.args), vars(value), _told(value)]
    if hasattr(
        cls, "n_sequence_fields"
    ):  # os.stat_result and its like: a tuple that holds more than its items
        return None
    base = next((base for base in _BASES.values() if isinstance(value, base)), None)
    if base is not None:
        return "derived", [base.__name__, _content(value, base), _attributes(value)]
    if (
        dataclasses.is_dataclass(cls)
        or hasattr(cls, "__attrs_attrs__")
        or cls.__module__.split(".")[0] in ("langgraph", "langchain_core")
    ):
        return "record", [_attributes(value)]
    if hasattr(cls, "__fields_set__") and hasattr(cls, "__fields__"):
        return "pydantic1", [value.__dict__, sorted(value.__fields_set__)]
    return None


def take_model_apart(value: BaseModel) -> list[Any]:
    """The state of a pydantic model. Fields keep their order; the names that were set are a set."""
    return [
        value.__dict__,
        sorted(value.__pydantic_fields_set__),
        value.__pydantic_extra__,
        getattr(value, "__pydantic_private__", None),
    ]


def build(cls: type, kind: str, state: list[Any]) -> Any:
    """An instance of a trusted class from its kind and state.

    Raises:
        NotBuilt: the class is now of another kind, or lost a member.
    """
    if kind == "pydantic":
        return _model(cls, *state)
    if kind == "enum":
        return _member(cls, *state)
    if kind == "pydantic1":
        made: Any = object.__new__(cls)
        object.__setattr__(made, "__dict__", state[0])
        object.__setattr__(made, "__fields_set__", set(state[1]))
        return made
    if kind == "exception":
        return _exception(cls, *state)
    if kind == "derived":
        return _derived(cls, *state)
    if kind == "record" and cls.__module__ == "langgraph.types":
        # An `Interrupt` of before summer 2025 had other attributes: its constructor knows them.
        return cls(**state[0])
    if kind == "record":
        if issubclass(cls, (BaseModel, Enum, BaseException)):
            raise NotBuilt("it is no plain class any more")
        made = object.__new__(cls)
        _set(made, state[0])
        return made
    raise NotBuilt(f"an unknown kind {kind!r}")


def shown(kind: str, state: list[Any]) -> dict[str, Any]:
    """The mapping that a placeholder shows in place of an instance."""
    if kind in ("pydantic", "pydantic1", "record") and isinstance(state[0], dict):
        return state[0]
    if kind == "derived":
        return state[1] if isinstance(state[1], dict) else {"value": state[1], **(state[2] or {})}
    return {"value": state[0]}


def _member_names(value: Any) -> list[str | int]:
    """One name, or those that a combination of flags is made of and, as a number, the bits without a name."""
    members = type(value).__members__
    if value.name in members:
        return [value.name]
    found = [name for name, member in members.items() if member in value]
    named = functools.reduce(operator.or_, (members[name].value for name in found), 0)
    return found if named == value.value else [*found, value.value & ~named]


def _member(cls: type, names: list[str | int]) -> Any:
    members = getattr(cls, "__members__", {})
    if not issubclass(cls, Enum) or not all(name in members for name in names if isinstance(name, str)):
        raise NotBuilt(f"it has no member {' | '.join(map(str, names))} any more")
    if not names:
        return cls(0)
    found = (members[name] if isinstance(name, str) else cls(name) for name in names)
    return functools.reduce(operator.or_, found)


def _model(cls: type, fields: dict[str, Any], names: list[str], extra: Any, private: Any) -> Any:
    if not issubclass(cls, BaseModel):
        raise NotBuilt("it is no pydantic model any more")
    if type(fields) is not dict or not (extra is None or type(extra) is dict):
        raise NotBuilt("its fields are none")
    made = object.__new__(cls)
    _DICT(made, fields)
    _FIELDS_SET(made, set(names))
    if not cls.__pydantic_root_model__:  # for a root model these are not instance attributes
        _EXTRA(made, extra)
        _PRIVATE(made, private)
    return made


def _told(value: BaseException) -> dict[str, Any]:
    """What an exception holds beside its arguments and dictionary."""
    built_in = (name for base, names in _BESIDE.items() if isinstance(value, base) for name in names)
    names = [*built_in, *_slots(type(value))]
    return {name: told for name in names if (told := getattr(value, name, None)) is not None}


def _exception(
    cls: type, args: list[Any], attributes: dict[str, Any], told: dict[str, Any] | None = None
) -> Any:
    base = next((base for base in cls.__mro__ if base.__module__ == "builtins"), None)
    if base is None or not issubclass(base, BaseException):
        raise NotBuilt("it is no exception any more")
    made: Any = base.__new__(cls, *args)
    base.__init__(made, *args)
    made.args = tuple(args)
    vars(made).update(attributes)
    _set(made, told or {})
    return made


def _content(value: Any, base: Any) -> Any:
    if issubclass(base, dict):
        items = {key: dict.__getitem__(value, key) for key in dict.__iter__(value)}
        if base is defaultdict:
            return [value.default_factory, items]
        return items
    if base is deque:
        return [list(deque.__iter__(value)), value.maxlen]
    if base in (str, bytes, bytearray, int, float, complex):
        # As the built-in type sees it: a subclass may say something else of itself.
        return base(base.__getnewargs__(value)[0]) if base in (str, bytes, int, float) else base(value)
    return base(base.__iter__(value))


def _derived(cls: type, base_name: str, content: Any, attributes: dict[str, Any]) -> Any:
    base: Any = _BASES[base_name]
    if not issubclass(cls, base):
        raise NotBuilt(f"it is no {base_name} any more")
    if base in (tuple, frozenset, str, bytes, int, float, complex):
        made = base.__new__(cls, content)
    else:
        made = base.__new__(cls)
        if base is defaultdict:
            made.default_factory = content[0]
            content = content[1]
        if base is deque:
            deque.__init__(made, content[0], content[1])
        elif issubclass(base, dict):
            dict.update(made, content)
            if base is OrderedDict:
                for key in content:
                    OrderedDict.move_to_end(made, key)
        else:
            base.__init__(made, content)
    _set(made, attributes)
    return made


def _attributes(value: Any) -> dict[str, Any]:
    """What is set on an instance, in its dictionary and its slots."""
    state = dict(getattr(value, "__dict__", {}))
    for name in _slots(type(value)):
        if name not in state and hasattr(value, name):
            state[name] = getattr(value, name)
    return state


def _slots(cls: type) -> Iterable[str]:
    for base in cls.__mro__:
        slots = base.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__"):
                yield (
                    f"_{base.__name__.lstrip('_')}{name}"
                    if name.startswith("__") and not name.endswith("__")
                    else name
                )


def _set(made: Any, attributes: dict[str, Any]) -> None:
    for name, value in attributes.items():
        object.__setattr__(made, name, value)
