"""Values of every kind: such as a saver keeps, such as it refuses, and whether two are alike in value and type."""

from __future__ import annotations

import array
import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import ipaddress
import math
import os
import pathlib
import re
import sys
import threading
import time
import types
import uuid
import zoneinfo
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from langchain_core.documents import Document
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)
from langgraph.types import Command, Interrupt, Overwrite, Send
from pydantic import BaseModel, Field, RootModel, SecretStr, TypeAdapter, field_validator


class Colour(enum.Enum):
    RED = "red"
    BLUE = ("b", 1)


class Rights(enum.Flag):
    READ = 1
    WRITE = 2


class Bits(enum.IntFlag):
    ONE = 1
    TWO = 2


class SlottedError(Exception):
    __slots__ = ("code",)


def slotted_error() -> SlottedError:
    error = SlottedError("a")
    error.code = 3
    return error


class Level(enum.IntEnum):
    LOW = 1


class Inner(BaseModel):
    n: int = 1


class Outer(BaseModel):
    inner: Inner
    many: list[Inner] = Field(default_factory=list)
    when: dt.datetime | None = None
    _private: int = 3


class Open(BaseModel, extra="allow"):
    a: int


class Numbers(RootModel[list[int]]):
    pass


class Strict(BaseModel):
    """A validator that changes its value must not run when a value is read."""

    text: str

    @field_validator("text")
    @classmethod
    def shout(cls, text: str) -> str:
        return text + "!"


@dataclasses.dataclass
class Point:
    x: int
    y: Any = None


@dataclasses.dataclass(frozen=True)
class Frozen:
    items: tuple[int, ...]


@dataclasses.dataclass(slots=True)
class Slotted:
    a: int
    b: list[int]


@dataclasses.dataclass
class Counted:
    runs: dataclasses.InitVar[int] = 0
    made: int = 0

    def __post_init__(self, runs: int) -> None:
        self.made += 1


class Pair(NamedTuple):
    left: int
    right: str


class MyList(list[Any]):
    pass


class MyDict(dict[str, Any]):
    pass


class MyStr(str):
    tag: str


class MyInt(int):
    pass


class MyFloat(float):
    pass


class MySet(set[Any]):
    pass


class MyTuple(tuple[Any, ...]):
    pass


class MyBytes(bytes):
    pass


class Failure(ValueError):
    def __init__(self, message: str, code: int) -> None:
        super().__init__(message, code)
        self.code = code


def tagged() -> MyStr:
    text = MyStr("x")
    text.tag = "t"
    return text


def attributed() -> MyList:
    items = MyList([1, 2])
    items.note = "n"  # type: ignore[attr-defined]
    return items


BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")

KEPT: dict[str, Any] = {
    "none": None,
    "bool": True,
    "int": -7,
    "big int": 2**200,
    "negative big int": -(2**99),
    "float": 0.1,
    "negative zero": -0.0,
    "nan": math.nan,
    "infinity": -math.inf,
    "complex": 1 - 2j,
    "str": "text",
    "nul": "a\0b",
    "surrogate": "\ud800x",
    "emoji": "\U0001f600",
    "long str": "x" * 10_000_000,
    "bytes": b"\0\xff",
    "bytearray": bytearray(b"ab"),
    "nested bytearray": {"a": [bytearray(b"x")]},
    "memoryview": memoryview(b"ab"),
    "list": [1, [2, []], {}],
    "tuple": (1, (2,), ()),
    "tuple in list": [(1, 2), [3, (4,)]],
    "set": {1, "a", (2, 3)},
    "frozenset": frozenset({1, 2}),
    "nested frozenset": {frozenset({1}), frozenset()},
    "dict": {"b": 1, "a": 2},
    "int keys": {1: "a", -5: "b", 2.5: "c", None: "d", b"k": "e"},
    "bool keys": {True: 1, False: 0},
    "big int key": {2**70: 1},
    "tuple keys": {(1, "a"): 1, frozenset({1}): 2},
    "surrogate key": {"\udcff": 1},
    "enum key": {Colour.RED: 1},
    "date key": {dt.date(2020, 1, 1): 1},
    "uuid key": {uuid.UUID(int=5): 1},
    "deque": collections.deque([1, 2], maxlen=3),
    "ordered dict": collections.OrderedDict(b=1, a=2),
    "counter": collections.Counter("aab"),
    "defaultdict": collections.defaultdict(list, a=[1]),
    "chain map": collections.ChainMap({"a": 1}, {"b": 2}),
    "namespace": types.SimpleNamespace(a=1),
    "mapping proxy": types.MappingProxyType({"a": 1}),
    "array": array.array("d", [1.5]),
    "range": range(1, 9, 2),
    "slice": slice(1, None, 2),
    "ellipsis": ...,
    "datetime": dt.datetime(2020, 1, 2, 3, 4, 5, 6),
    "datetime utc": dt.datetime(2020, 1, 2, tzinfo=dt.UTC),
    "datetime zone": dt.datetime(2020, 10, 25, 2, 30, tzinfo=BERLIN, fold=1),
    "date": dt.date(2020, 2, 29),
    "time": dt.time(1, 2, 3, 4, tzinfo=dt.timezone(dt.timedelta(hours=2), "X"), fold=1),
    "timedelta": dt.timedelta(days=-1, microseconds=5),
    "timezone": dt.timezone(dt.timedelta(minutes=-90)),
    "datetime as pydantic reads it": TypeAdapter(dt.datetime).validate_python("2026-01-02T03:04:05-05:30"),
    "model with a time as pydantic reads it": Outer.model_validate(
        {"inner": {}, "when": "2026-01-02T03:04:05Z"}
    ),
    "zone": BERLIN,
    "decimal": decimal.Decimal("1.10"),
    "decimal snan": decimal.Decimal("-Infinity"),
    "fraction": fractions.Fraction(1, 3),
    "uuid": uuid.UUID(int=7),
    "pattern": re.compile("a+", re.I | re.M),
    "bytes pattern": re.compile(b"a"),
    "path": pathlib.Path("a/b"),
    "pure path": pathlib.PureWindowsPath("c:/x"),
    "ipv4": ipaddress.ip_address("1.2.3.4"),
    "ipv6 network": ipaddress.ip_network("::/8"),
    "ip interface": ipaddress.ip_interface("1.2.3.4/24"),
    "enum": Colour.RED,
    "enum of tuple": Colour.BLUE,
    "flag": Rights.READ | Rights.WRITE,
    "no flag": Rights(0),
    "flags without a name": [Bits(8), Bits.ONE | Bits(8), ~Bits.ONE],
    "int enum": Level.LOW,
    "dataclass": Point(1, [Point(2, (3,))]),
    "frozen dataclass": Frozen((1, 2)),
    "slots dataclass": Slotted(1, [2]),
    "named tuple": Pair(1, "r"),
    "pydantic": Outer(inner=Inner(n=5), many=[Inner()], when=dt.datetime(2020, 1, 1)),
    "pydantic extra": Open(a=1, b=[2]),
    "pydantic root": Numbers([1, 2]),
    "pydantic validator": Strict(text="hi"),
    "secret": SecretStr("s"),
    "list subclass": MyList([1, MyDict(a=1)]),
    "list with attributes": attributed(),
    "dict subclass": MyDict(a=1),
    "str subclass": tagged(),
    "int subclass": MyInt(5),
    "float subclass": MyFloat(1.5),
    "set subclass": MySet({1}),
    "tuple subclass": MyTuple((1, 2)),
    "bytes subclass": MyBytes(b"x"),
    "human": HumanMessage("hi", id="1"),
    "ai": AIMessage("x", tool_calls=[{"name": "f", "args": {"a": [1]}, "id": "1"}]),
    "chunk": AIMessageChunk("x"),
    "tool": ToolMessage("x", tool_call_id="1", artifact={"a": (1, 2)}),
    "system": SystemMessage([{"type": "text", "text": "x"}]),
    "remove": RemoveMessage("1"),
    "document": Document("text", metadata={"a": 1}),
    "send": Send("node", {"a": (1,)}),
    "command": Command(goto="x", update={"a": 1}),
    "interrupt": Interrupt("why?"),
    "overwrite": Overwrite([1]),
    "np int": np.int64(5),
    "np float": np.float32(1.5),
    "np bool": np.bool_(True),
    "np str": np.str_("x"),
    "np datetime": np.datetime64("2020-01-01T00:00", "m"),
    "array ints": np.arange(6).reshape(2, 3),
    "array fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "array strided": np.arange(10)[::2],
    "array empty": np.zeros((0, 3)),
    "array scalar": np.array(5),
    "array big endian": np.array([1, 2], dtype=">i4"),
    "array text": np.array(["a", "bcd"]),
    "array objects": np.array([None, "x", {"a": (1,)}], dtype=object),
    "array structured": np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
    "dtype": np.dtype("<M8[us]"),
    "timestamp": pd.Timestamp("2020-01-01 12:00", tz="Europe/Berlin"),
    "timedelta pd": pd.Timedelta("1 days 00:00:01"),
    "nat": pd.NaT,
    "na": pd.NA,
    "frame": pd.DataFrame(
        {
            "i": [1, 2],
            "s": ["a", None],
            "o": pd.Series([(1,), {"a": 1}], dtype=object),
            "t": pd.date_range("2020", periods=2, tz="UTC"),
            "c": pd.Categorical(["u", "v"]),
            "n": pd.array([1, None], dtype="Int64"),
            "b": pd.array([True, None], dtype="boolean"),
        },
        index=pd.Index(["x", "y"], name="k"),
    ),
    "frame empty": pd.DataFrame(),
    "frame multi": pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", "b"), ("a", "c")])),
    "frame same names": pd.DataFrame([[1, 2]], columns=["a", "a"]),
    "series": pd.Series([1.5, None], name="q"),
    "index dates": pd.date_range("2020", periods=3, freq="D"),
    "struct_time": time.strptime("2020-01-02", "%Y-%m-%d"),
    "struct_time with its zone": time.gmtime(0),
    "exception": ValueError("x", 1),
    "exception own": Failure("m", 5),
    "exception os": FileNotFoundError(2, "gone"),
    "exception os of a file": FileNotFoundError(2, "gone", "a.txt"),
    "exception os of two files": FileExistsError(17, "there", "a.txt", None, "b.txt"),
    "exception import": ImportError("gone", name="a", path="b"),
    "exception with slots": slotted_error(),
    "exception group": ExceptionGroup("g", [ValueError(1)]),
}

REFUSED: dict[str, Any] = {
    "function": lambda: 1,
    "builtin": len,
    "class": int,
    "module": re,
    "lock": threading.Lock(),
    "generator": (i for i in ()),
    "file": sys.stdout,
    "object": object(),
    "iterator": iter([1]),
    "defaultdict of a function": collections.defaultdict(lambda: 1),
    "masked array": np.ma.array([1], mask=[True]),
    "matrix": np.array([[1]]).view(np.matrix),
    "what os.stat says": os.stat("."),  # noqa: PTH116
    "what os.times says": os.times(),
    "what Python says it is": sys.version_info,
    "period": pd.Period("2020-01", "M"),
    "sparse": pd.Series(pd.arrays.SparseArray([0, 1])),
}


def same(one: Any, other: Any) -> bool:
    """Equal in value and type, all the way down."""
    if type(one) is not type(other):
        return False
    if isinstance(one, pd.DataFrame):
        return pd.testing.assert_frame_equal(one, other) is None
    if isinstance(one, pd.Series):
        return pd.testing.assert_series_equal(one, other) is None
    if isinstance(one, pd.Index):
        return pd.testing.assert_index_equal(one, other) is None
    if isinstance(one, np.ndarray):
        return (one.dtype, one.shape) == (other.dtype, other.shape) and same(one.tolist(), other.tolist())
    if isinstance(one, (float, complex, np.generic, type(pd.NaT), type(pd.NA), pd.Timestamp, pd.Timedelta)):
        return repr(one) == repr(other)
    if one is other or isinstance(one, (enum.Enum, type)):
        return one is other
    if isinstance(one, BaseException):
        told = ("args", "__dict__", "filename", "filename2", "name", "path", "code")
        return str(one) == str(other) and all(same(getattr(one, n, 0), getattr(other, n, 0)) for n in told)
    if isinstance(one, (list, tuple, collections.deque)):
        content = len(one) == len(other) and all(map(same, one, other))
    elif isinstance(one, dict):
        content = len(one) == len(other) and all(map(same, one.items(), other.items()))
    elif isinstance(one, (collections.ChainMap, types.MappingProxyType)):
        content = same(dict(one), dict(other))
    else:
        content = one == other
    rest = (
        "maxlen",
        "default_factory",
        "fold",
        "tzinfo",
        "__dict__",
        "__pydantic_private__",
        "__pydantic_extra__",
    )
    return content and all(same(getattr(one, name, None), getattr(other, name, None)) for name in rest)
