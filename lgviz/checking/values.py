"""Rules of values: what the serializer gives back as another thing, or refuses.

A sample of each type in the state's annotations goes through the saver's own serializer, in memory.
"""

from __future__ import annotations

import collections
import dataclasses
import decimal
import fractions
import inspect
import sys
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any, get_args

import numpy
import pandas
from langchain_core.load.serializable import Serializable
from langgraph.channels import UntrackedValue
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from pydantic import BaseModel

from lgviz.analysis.types import Hint, bare, hints_of, is_typed_dict, members
from lgviz.errors import described
from lgviz.persistence.serde.exact import ExactSerializer

from .findings import Finding
from .subject import CheckedGraph, CheckSubject

__all__ = ["SAMPLES", "degraded_types", "fields_by_channel"]

SAMPLES: dict[type, Callable[[], Any]] = {
    tuple: lambda: (1,),
    complex: lambda: 1j,
    memoryview: lambda: memoryview(b"a"),
    range: lambda: range(2),
    collections.OrderedDict: lambda: collections.OrderedDict(a=1),
    collections.defaultdict: lambda: collections.defaultdict(list, a=[1]),
    collections.Counter: lambda: collections.Counter("a"),
    decimal.Decimal: lambda: decimal.Decimal("1.0"),
    fractions.Fraction: lambda: fractions.Fraction(1, 2),
    numpy.int64: lambda: numpy.int64(1),
    numpy.int32: lambda: numpy.int32(1),
    numpy.float64: lambda: numpy.float64(1.5),
    numpy.float32: lambda: numpy.float32(1.5),
    numpy.bool_: lambda: numpy.bool_(True),
    numpy.datetime64: lambda: numpy.datetime64("2020-01-01"),
    pandas.DataFrame: lambda: pandas.DataFrame({"a": [1]}),
    pandas.Series: lambda: pandas.Series([1]),
    pandas.Timestamp: lambda: pandas.Timestamp("2020-01-01"),
    pandas.Timedelta: lambda: pandas.Timedelta(1, "h"),
}
"""Types that one serializer or another does not keep, each with how a value of it is made."""
_PLAIN = (str, bytes, int, float, list, dict, set)
_DEEPEST = 6


def degraded_types(subject: CheckSubject) -> Iterator[Finding]:
    """A type in the annotation of a key whose values come back as another, or cannot be stored."""
    serde = subject.saver.serde if subject.saver is not None else JsonPlusSerializer()
    asked = {
        (channel, kind): checked
        for checked in reversed(subject.graphs)
        for channel, hint in fields_by_channel(checked).items()
        for kind in _kinds(hint)
    }
    for (channel, kind), checked in asked.items():
        if (comes := _comes_of(kind, serde)) is not None:
            refused, said = comes
            yield Finding(
                "value-not-stored" if refused else "value-degraded",
                "error" if refused and subject.saver is not None else "warning",
                f"A {kind.__name__} in {channel!r} {said}.",
                _fix(kind, channel),
                channel=channel,
                node=checked.path or None,
            )


def fields_by_channel(checked: CheckedGraph) -> dict[str, Hint]:
    """The annotation of each key of a graph's state that is stored."""
    if checked.builder is None:
        return {}
    found: dict[str, Hint] = {}
    for schema in checked.builder.schemas:
        for name, hint in hints_of(schema).items():
            channel = checked.graph.channels.get(name)
            if channel is not None and not isinstance(channel, UntrackedValue):
                found.setdefault(name, hint)
    return found


def _kinds(hint: Hint, depth: int = 0) -> Iterator[type]:
    """The types that an annotation names, also inside of others; those in a pydantic model are its own to
    make again."""
    if depth > _DEEPEST:
        return
    for member in members(hint):
        member = bare(member)
        kind = getattr(member, "__origin__", member)
        if isinstance(kind, type):
            yield kind
            inner = is_typed_dict(kind) or dataclasses.is_dataclass(kind)
            for below in hints_of(kind).values() if inner else ():
                yield from _kinds(below, depth + 1)
        for below in get_args(member):
            if not isinstance(below, str):
                yield from _kinds(below, depth + 1)


def _comes_of(kind: type, serde: Any) -> tuple[bool, str] | None:
    """What becomes of a value of a type: whether it is refused, and that in words; None where it is kept."""
    sample = _sample(kind)
    if sample is None:
        return None
    try:
        back = serde.loads_typed(serde.dumps_typed(sample))
    except Exception as error:  # whatever a serializer says of a type that it does not know
        return True, f"cannot be stored ({described(error)})"
    if type(back) is type(sample):
        return None
    return False, f"comes back as {type(back).__name__} when the thread is loaded again"


def _sample(kind: type) -> Any:
    """A value of a type, made without running its own code; None where that cannot be, or is not needed."""
    if kind in SAMPLES:
        return SAMPLES[kind]()
    known = issubclass(kind, BaseModel | Serializable | Enum) or dataclasses.is_dataclass(kind)
    if known or is_typed_dict(kind) or inspect.isabstract(kind) or getattr(kind, "_is_protocol", False):
        return None
    if issubclass(kind, BaseException):
        return BaseException.__new__(kind, "a")
    if hasattr(kind, "_fields") or kind.__module__ in sys.stdlib_module_names or _is_of_library(kind):
        return None
    base = next((base for base in _PLAIN if issubclass(kind, base)), object)
    try:
        return base.__new__(kind)
    except TypeError:  # it lies on a type of C
        return None


def _is_of_library(kind: type) -> bool:
    return kind.__module__.partition(".")[0] in (
        "langchain",
        "langchain_core",
        "langgraph",
        "numpy",
        "pandas",
    )


def _fix(kind: type, channel: str) -> str:
    if _comes_of(kind, ExactSerializer()) is None:
        return 'checkpointer = lgviz.persistence.SqliteSaver.from_conn_string("checkpoints.db")'
    return f"{channel}: dict[str, Any]  # plain data in place of {kind.__name__}"
