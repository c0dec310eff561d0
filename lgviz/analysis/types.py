"""What a state's schema says of a part of a value: annotations, followed down a path."""

from __future__ import annotations

import dataclasses
import functools
import operator
import types
import typing
from collections.abc import Collection, Mapping
from typing import Annotated, Any, Union, get_args, get_origin

import typing_extensions
from pydantic import BaseModel, TypeAdapter

__all__ = ["Hint", "adapter_of", "bare", "hints_of", "is_typed_dict", "key_hint_of", "members", "part_of"]

Hint = Any
"""An annotation; ``Any`` where nothing is known."""

_WRAPPERS = {"Required", "NotRequired", "ReadOnly"}
"""By name: ``typing_extensions`` has its own of each under an older Python."""


def bare(hint: Any) -> Any:
    """An annotation without what only wraps it (``Annotated``, ``NotRequired``)."""
    while True:
        origin = get_origin(hint)
        if origin is Annotated or getattr(origin, "_name", None) in _WRAPPERS:
            hint = get_args(hint)[0]
        elif type(hint).__name__ == "TypeAliasType":
            hint = hint.__value__
        else:
            return hint


def _said(hint: Any) -> Any:
    """What an annotation says of a value, without what it says of its key."""
    while getattr(get_origin(hint), "_name", None) in _WRAPPERS:
        hint = get_args(hint)[0]
    return hint


def members(hint: Hint) -> tuple[Hint, ...]:
    """The members of a union, and of unions in it; else the annotation alone."""
    hint = bare(hint)
    origin: Any = get_origin(hint)
    if origin not in (Union, types.UnionType):
        return (hint,)
    return tuple(inner for member in get_args(hint) for inner in members(member))


def is_typed_dict(hint: Hint) -> bool:
    """Whether a class is a ``TypedDict``, from wherever."""
    return isinstance(hint, type) and issubclass(hint, dict) and hasattr(hint, "__total__")


def hints_of(cls: Any) -> dict[str, Hint]:
    """The annotations of a class's fields; none where they cannot be resolved."""
    if isinstance(cls, type) and issubclass(cls, BaseModel):
        return {
            name: Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
            for name, field in cls.model_fields.items()
        }
    try:
        return {name: _said(hint) for name, hint in typing.get_type_hints(cls, include_extras=True).items()}
    except Exception:  # a name that is nowhere any more
        return {}


def adapter_of(hint: Hint) -> TypeAdapter[Any]:
    """What pydantic says of values of an annotation. A ``TypedDict`` may have keys that it does not name.

    >>> class Plan(typing.TypedDict):
    ...     steps: int
    >>> adapter_of(list[Plan]).validate_json('[{"steps": 2, "note": "x"}]')
    [{'steps': 2, 'note': 'x'}]

    Raises:
        Exception: whatever pydantic raises of a type that it knows nothing of.
    """
    return TypeAdapter(_taken(hint, ()))


def _taken(hint: Hint, around: tuple[Any, ...]) -> Hint:
    """An annotation with each ``TypedDict`` as one that pydantic takes, and whose other keys it keeps: under
    Python 3.11 it refuses ``typing``'s. ``around``: those that it lies in.
    """
    if is_typed_dict(hint):
        return Any if hint in around else _opened(hint, (*around, hint))
    args = get_args(hint)
    origin: Any = get_origin(hint)
    if origin is None or origin is typing.Literal or not args:
        return hint
    if origin is Annotated:
        return Annotated[_taken(args[0], around), *hint.__metadata__]
    parts = tuple(_taken(one, around) if not isinstance(one, list) else one for one in args)
    if all(new is old for new, old in zip(parts, args, strict=True)):
        return hint
    if origin in (Union, types.UnionType):
        return functools.reduce(operator.or_, parts)
    return origin[parts]


def _opened(cls: Any, around: tuple[Any, ...]) -> Any:
    made_as: Any = typing_extensions
    keys = {}
    for name, hint in typing.get_type_hints(cls, include_extras=True).items():
        # Under `from __future__ import annotations` the class does not see its own Required and NotRequired.
        wrapper = getattr(get_origin(hint), "_name", None)
        needed = wrapper == "Required" or (wrapper != "NotRequired" and name in cls.__required_keys__)
        keys[name] = (made_as.Required if needed else made_as.NotRequired)[_taken(_said(hint), around)]
    made = made_as.TypedDict(cls.__name__, keys)
    made.__doc__, made.__module__ = cls.__doc__, cls.__module__
    made.__pydantic_config__ = {"extra": "allow", **getattr(cls, "__pydantic_config__", {})}
    return made


def part_of(hint: Hint, value: Any, key: Any) -> Hint:
    """What is said of the child ``key`` of a value of which ``hint`` is said.

    >>> part_of(dict[str, list[int]] | None, {"a": [1]}, "a")
    list[int]
    """
    if isinstance(value, BaseModel) or (dataclasses.is_dataclass(value) and not isinstance(value, type)):
        return hints_of(type(value)).get(str(key), Any)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return hints_of(type(value)).get(str(key), Any)
    found = [_child(member, key) for member in members(hint) if _holds(member, value)]
    return found[0] if len(found) == 1 else Any


def key_hint_of(hint: Hint, value: Any) -> Hint:
    """What is said of the keys of a mapping of which ``hint`` is said.

    >>> key_hint_of(dict[int, str] | None, {})
    <class 'int'>
    """
    held = [bare(member) for member in members(hint) if _holds(member, value)]
    if len(held) != 1 or is_typed_dict(held[0]):
        return Any
    origin, args = get_origin(held[0]), get_args(held[0])
    return args[0] if isinstance(origin, type) and issubclass(origin, Mapping) and args else Any


def _holds(member: Hint, value: Any) -> bool:
    """Whether a member of a union may be what a value is."""
    cls = get_origin(bare(member)) or bare(member)
    if is_typed_dict(cls):
        return isinstance(value, dict)
    try:
        return isinstance(cls, type) and cls is not Any and isinstance(value, cls)
    except TypeError:  # a protocol that is not for looking at
        return False


def _child(member: Hint, key: Any) -> Hint:
    member = bare(member)
    if is_typed_dict(member):
        return hints_of(member).get(str(key), Any)
    origin, args = get_origin(member), get_args(member)
    if not isinstance(origin, type) or not args:
        return Any
    if issubclass(origin, tuple) and args[-1:] != (...,):
        return args[key] if isinstance(key, int) and key < len(args) else Any
    if issubclass(origin, Mapping):
        return args[1] if len(args) > 1 else Any
    return args[0] if issubclass(origin, Collection) else Any
