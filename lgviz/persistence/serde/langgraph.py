"""Reads what LangGraph's own serializer wrote, and runs none of the code that it names."""

from __future__ import annotations

import types
import typing
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from enum import Enum
from typing import Any

import ormsgpack
from langgraph.checkpoint.serde._msgpack import SAFE_MSGPACK_TYPES
from langgraph.checkpoint.serde.jsonplus import (
    EXT_CONSTRUCTOR_KW_ARGS,
    EXT_CONSTRUCTOR_POS_ARGS,
    EXT_CONSTRUCTOR_SINGLE_ARG,
    EXT_DELTA_SNAPSHOT,
    EXT_METHOD_SINGLE_ARG,
    EXT_NUMPY_ARRAY,
    EXT_PYDANTIC_V1,
    EXT_PYDANTIC_V2,
    LC_REVIVER,
    _create_msgpack_ext_hook,
)
from langgraph.checkpoint.serde.types import _DeltaSnapshot
from pydantic import BaseModel

from lgviz.errors import said

from . import classes
from .forms import read_pattern
from .trust import Placeholder, Trust

KEPT_EXTENSION = 23
"""The extension of lgviz's that holds one of LangGraph's as it was written."""
_NAMED = {
    EXT_CONSTRUCTOR_SINGLE_ARG,
    EXT_CONSTRUCTOR_POS_ARGS,
    EXT_CONSTRUCTOR_KW_ARGS,
    EXT_METHOD_SINGLE_ARG,
    EXT_PYDANTIC_V1,
    EXT_PYDANTIC_V2,
}
_safe = _create_msgpack_ext_hook(None)


def read(payload: bytes, hook: Callable[[int, bytes], Any]) -> Any:
    """A value that LangGraph wrote as ``msgpack``.

    Args:
        payload: its bytes.
        hook: reads an extension, by its code and bytes; see :func:`read_extension`.

    Raises:
        ValueError: the bytes are damaged.
    """
    return ormsgpack.unpackb(payload, ext_hook=hook, option=ormsgpack.OPT_NON_STR_KEYS)


def read_extension(code: int, data: bytes, trust: Trust, hook: Callable[[int, bytes], Any]) -> Any:
    """The value of an extension of LangGraph's: safe types as LangGraph reads them, others where trusted.

    Args:
        code, data: the extension.
        trust: which classes may be built; a value of another is a :class:`Placeholder`.
        hook: reads the extensions inside.

    Raises:
        ValueError: the bytes are damaged.
    """
    if code == EXT_DELTA_SNAPSHOT:
        return _DeltaSnapshot(read(data, hook))
    if code == EXT_NUMPY_ARRAY:
        return _safe_value(code, data)
    if code not in _NAMED:
        raise ValueError(f"an unknown extension {code}")
    module, name, state, *_ = read(data, hook)
    if name == "Send" and module == "langgraph.constants":
        module = "langgraph.types"  # where it lives since autumn 2024
    if (module, name) in SAFE_MSGPACK_TYPES and code not in (EXT_PYDANTIC_V2, EXT_CONSTRUCTOR_KW_ARGS):
        return _safe_type(module, name, code, state, data)
    cls, reason = trust.find(module, name)
    if cls is not None:
        try:
            return _construct(cls, code, state)
        except (classes.NotBuilt, TypeError, ValueError, KeyError, AttributeError) as error:
            reason = f"{module}.{name} changed: {said(error)}"
    shown = state if isinstance(state, dict) else {"value": state}
    return Placeholder(f"{module}.{name}", reason, shown, KEPT_EXTENSION, bytes((code,)) + data)


def named_class(code: int, data: bytes) -> str | None:
    """The class that an extension names, but for LangGraph's safe types and Python's own; None where none."""
    if code not in _NAMED:
        return None
    module, name, *_ = read(data, lambda *_: None)
    return None if (module, name) in SAFE_MSGPACK_TYPES or module == "builtins" else f"{module}.{name}"


def revived(value: dict[str, Any], trust: Trust, safe: Callable[[dict[str, Any]], Any]) -> Any:
    """What an object of LangGraph's JSON stands for: itself, unless it says that a class was called.

    Args:
        value: the object; ``{"lc": 2, "type": "constructor", "id": ["shop", "Order"], "kwargs": {...}}`` by
            LangGraph, with ``"lc": 1`` by LangChain.
        trust: which classes may be built; a value of another is a :class:`Placeholder`, or the object as it
            is where LangChain wrote it.
        safe: LangGraph's own reader, which imports and calls: for its safe types alone.
    """
    id_: Any = value.get("id")
    named = isinstance(id_, list) and len(id_) > 1 and all(isinstance(part, str) for part in id_)
    if value.get("lc") not in (1, 2) or value.get("type") != "constructor" or not named:
        return value
    *path, name = LC_REVIVER.import_mappings.get(tuple(id_), id_) if value["lc"] == 1 else id_
    module, args, kwargs = ".".join(path), value.get("args") or [], value.get("kwargs") or {}
    state = kwargs or {"value": args}
    try:
        if name == "Send" and module in ("langgraph.constants", "langgraph.types"):
            return sent(*args, **kwargs)
        if (module, name) == ("re", "compile"):
            return read_pattern(*args, **kwargs)
        if (module, name) in SAFE_MSGPACK_TYPES:
            if (found := safe(value)) is None:
                raise ValueError("its arguments do not make it")
            return found
        cls, reason = trust.find(module, name)
        if cls is not None:
            return _construct(cls, EXT_CONSTRUCTOR_KW_ARGS, state)
        if value["lc"] == 1:  # of LangChain's in whichever language: what it is made of can be read
            return value
    except Exception as error:  # whatever a class makes of arguments that are not its own
        reason = f"{module}.{name} changed: {said(error)}"
    payload = ormsgpack.packb([module, name, state], option=ormsgpack.OPT_NON_STR_KEYS, default=repr)
    kept = bytes((EXT_CONSTRUCTOR_KW_ARGS,)) + payload
    return Placeholder(f"{module}.{name}", reason, state, KEPT_EXTENSION, kept)


def _safe_type(module: str, name: str, code: int, state: Any, data: bytes) -> Any:
    # Its arguments may hold classes that only we may build: give LangGraph's reader none of them.
    if (module, name) == ("langgraph.types", "Send"):
        return sent(*state)
    if (module, name) in (("builtins", "set"), ("builtins", "frozenset")):
        return set(state) if name == "set" else frozenset(state)
    if (module, name) == ("collections", "deque"):
        return deque(state)
    if (module, name) == ("re", "compile"):
        return read_pattern(*(state if code == EXT_CONSTRUCTOR_POS_ARGS else (state,)))
    return _safe_value(code, data)


def sent(node: str, arg: Any) -> Any:
    """A ``Send``, whose class takes long to import."""
    from langgraph.types import Send

    return Send(node, arg)


def _safe_value(code: int, data: bytes) -> Any:
    """What LangGraph reads, which hides damage behind None."""
    value = _safe(code, data)
    if value is None:
        raise ValueError("its bytes do not make what they name")
    return value


def _construct(cls: type, code: int, state: Any) -> Any:
    if issubclass(cls, BaseModel) and isinstance(state, dict):
        return _model(cls, state)
    if issubclass(cls, Enum):
        for member in cls:
            if member.value == state or (isinstance(member.value, tuple) and list(member.value) == state):
                return member
        raise classes.NotBuilt(f"no member has the value {state!r}")
    if hasattr(cls, "_fields") and issubclass(cls, tuple) and isinstance(state, dict):
        return tuple.__new__(cls, [state[field] for field in getattr(cls, "_fields", ())])
    if _is_record(cls) and isinstance(state, dict):
        return classes.build(cls, "record", [state])
    if code == EXT_PYDANTIC_V1 and isinstance(state, dict):
        return classes.build(cls, "pydantic1", [state, list(state)])
    for base in (str, int, float, set, frozenset, list, tuple, dict):
        if issubclass(cls, base):
            return classes.build(cls, "derived", [base.__name__, base(state), {}])
    raise classes.NotBuilt("it is no data class")


def _is_record(cls: type) -> bool:
    """Whether a class only holds data: attributes alone make no working object of another."""
    known = is_dataclass(cls) or hasattr(cls, "__attrs_attrs__")
    return known or (cls.__module__, cls.__qualname__) in SAFE_MSGPACK_TYPES


def _model(cls: type[BaseModel], data: Mapping[str, Any]) -> BaseModel:
    """A model from its dump: nested models were dumped as dicts, and their fields say what they were."""
    fields = {
        name: _restore(field.annotation, data[name])
        if name in data
        else field.get_default(call_default_factory=True)
        for name, field in cls.model_fields.items()
    }
    extra = {name: value for name, value in data.items() if name not in fields}
    names = [name for name in data if name in fields]
    allowed = cls.model_config.get("extra") == "allow"
    private = {name: default.get_default() for name, default in cls.__private_attributes__.items()}
    state = [fields, names, extra if allowed else None, private or None]
    made: BaseModel = classes.build(cls, "pydantic", state)
    return made


def _restore(annotation: Any, value: Any) -> Any:
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _restore(args[0], value)
    if isinstance(annotation, type) and isinstance(value, dict) and issubclass(annotation, BaseModel):
        return _model(annotation, value)
    if origin in (typing.Union, types.UnionType):
        restored = (_restore(arg, value) for arg in args)
        return next((made for made in restored if type(made) is not type(value)), value)
    if origin is list and isinstance(value, list) and args:
        return [_restore(args[0], item) for item in value]
    if origin is tuple and isinstance(value, list):
        return tuple(_restore(args[0] if args else Any, item) for item in value)
    if origin is dict and isinstance(value, dict) and len(args) == 2:
        return {key: _restore(args[1], item) for key, item in value.items()}
    return value
