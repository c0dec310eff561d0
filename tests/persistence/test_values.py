"""What a saver reads back equals what was put, type included, or the put is refused."""

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
import pathlib
import re
import subprocess
import sys
import textwrap
import threading
import types
import uuid
import zoneinfo
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.documents import Document
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.types import Command, Interrupt, Overwrite, Send
from pydantic import BaseModel, Field, RootModel, SecretStr, field_validator

from lgviz.errors import NotKept
from lgviz.persistence import ExactSerializer, MemorySaver, Placeholder

SERDE = ExactSerializer()


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


@pytest.mark.parametrize("name", KEPT)
def test_comes_back_equal_in_value_and_type(name: str) -> None:
    value = KEPT[name]
    for held in (value, [value], {"k": [value, (value,)]}):
        assert same(SERDE.loads_typed(SERDE.dumps_typed(held)), held)


@pytest.mark.parametrize("name", KEPT)
def test_equal_values_have_equal_bytes(name: str) -> None:
    typed = SERDE.dumps_typed(KEPT[name])
    assert SERDE.dumps_typed(SERDE.loads_typed(typed)) == typed


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_come_back_is_refused_at_put_with_its_channel(name: str) -> None:
    saver = MemorySaver()
    config = {"configurable": {"thread_id": "1", "checkpoint_ns": "", "checkpoint_id": "c"}}
    with pytest.raises(NotKept, match="Channel 'ch' \\(~pull, node\\) holds what cannot be kept"):
        saver.put_writes(config, [("ch", {"deep": [REFUSED[name]]})], "task", "~pull, node")
    assert saver.index("1").writes == []


def test_itself_inside_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(NotKept, match="contains itself"):
        SERDE.dumps_typed(loop)


def test_at_least_as_many_kinds_as_promised() -> None:
    assert len(KEPT) >= 50 and len(KEPT) + len(REFUSED) >= 61


def test_no_constructor_runs_when_a_value_is_read() -> None:
    assert SERDE.loads_typed(SERDE.dumps_typed(Counted())).made == 1
    assert SERDE.loads_typed(SERDE.dumps_typed(Strict(text="a"))).text == "a!"


# -- any value at all, through a saver

_atoms = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters())
    | st.binary(max_size=300)
    | st.decimals(allow_nan=False)
    | st.datetimes()
    | st.dates()
    | st.timedeltas()
    | st.uuids()
    | st.fractions()
    | st.complex_numbers(allow_nan=False)
    | st.sampled_from([*Colour, Level.LOW, Pair(1, "x"), Point(1), MyList([1])])
    | st.builds(HumanMessage, st.text(max_size=200))
    | st.builds(Inner, n=st.integers())
)
_keys = st.text(st.characters()) | st.integers() | st.booleans() | st.tuples(st.integers(), st.text())
_values = st.recursive(
    _atoms,
    lambda inner: (
        st.lists(inner, max_size=40)
        | st.dictionaries(_keys, inner, max_size=30)
        | st.tuples(inner, inner)
        | st.frozensets(st.integers() | st.text(), max_size=5)
        | st.builds(Point, st.integers(), inner)
        | st.builds(collections.deque, st.lists(inner, max_size=4))
    ),
    max_leaves=60,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(_values, min_size=1, max_size=4))
def test_any_state_comes_back_from_a_saver(states: list[Any]) -> None:
    saver = MemorySaver()
    parent = None
    for n, state in enumerate(states):
        config: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": "", "checkpoint_id": parent}}
        checkpoint: Any = {"v": 4, "id": f"{n:04}", "ts": "", "channel_values": {"x": state}}
        checkpoint |= {"channel_versions": {"x": n + 1}, "versions_seen": {}, "updated_channels": None}
        saver.put(config, checkpoint, {"step": n}, {"x": n + 1})
        parent = f"{n:04}"
    for found, state in zip(saver.list({"configurable": {"thread_id": "t"}}), reversed(states), strict=True):
        assert same(found.checkpoint["channel_values"]["x"], state)
    assert saver.check() == []


# -- what LangGraph wrote


@pytest.mark.parametrize(
    "name", ["pydantic", "slots dataclass", "enum", "enum of tuple", "named tuple", "human", "ai", "document"]
)
def test_reads_what_langgraph_wrote(name: str) -> None:
    old = JsonPlusSerializer().dumps_typed({"v": [KEPT[name]]})
    assert ExactSerializer(trust=[__name__]).loads_typed(old)["v"][0] == KEPT[name]


def test_a_class_that_is_gone_keeps_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    value = Outer(inner=Inner(n=5))
    for serde in (SERDE, JsonPlusSerializer()):
        stored = serde.dumps_typed({"v": value})
        with monkeypatch.context() as patch:
            patch.delattr(sys.modules[__name__], "Outer")
            patch.setattr("lgviz.persistence.serde.trust._put", {})
            read = ExactSerializer(trust=[__name__]).loads_typed(stored)
            held = read["v"]
            assert isinstance(held, Placeholder) and "not loaded" in held.reason
            assert dict(held).keys() >= {"inner", "many"} and held["many"] == []
            again = SERDE.dumps_typed(read)
            assert ExactSerializer().loads_typed(again)["v"] == held
        assert ExactSerializer(trust=[__name__]).loads_typed(again)["v"] == value


CRAFTED = """
import sys
from lgviz.persistence.serde.exact import ExactSerializer, _OBJECT
import ormsgpack
def craft(module, name, kind, *state):
    return "lgviz", ormsgpack.packb(ormsgpack.Ext(_OBJECT, ormsgpack.packb([module, name, kind, *state])))
serde = ExactSerializer()
before = set(sys.modules)
for blob in (
    craft("subprocess", "Popen", "record", {"args": "x"}),
    craft("antigravity", "x", "record", {}),
    craft("builtins", "eval", "derived", "str", "1", {}),
    craft("langgraph.types", "sys.modules", "record", {}),
    craft("json.tool", "main", "record", {}),
    craft("pathlib", "Path", "record", {}),
):
    value = serde.loads_typed(blob)
    assert type(value).__name__ == "Placeholder", value
for code in range(6):
    for name in (("os", "system"), ("subprocess", "Popen"), ("antigravity", "x")):
        data = ormsgpack.packb([*name, {"a": 1} if code in (2, 4, 5) else ["x"], "run"])
        value = serde.loads_typed(("msgpack", ormsgpack.packb(ormsgpack.Ext(code, data))))
        assert type(value).__name__ == "Placeholder", value
new = set(sys.modules) - before
assert not {"antigravity", "json.tool", "webbrowser"} & new, new
try:
    serde.loads_typed(("pickle", b"cos\\nsystem\\n(S'echo'\\ntR."))
except NotImplementedError:
    print("ok")
"""


def test_a_crafted_blob_runs_and_imports_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(CRAFTED)], capture_output=True, text=True)
    assert done.stdout == "ok\n", done.stderr


def test_a_module_is_trusted_only_when_named(tmp_path: pathlib.Path) -> None:
    (tmp_path / "models_of_mine.py").write_text(
        "from pydantic import BaseModel\nclass Item(BaseModel):\n    n: int\n", encoding="utf-8"
    )
    write = "from models_of_mine import Item; from lgviz.persistence import ExactSerializer as S; import sys;"
    run = [sys.executable, "-c"]
    environment = {"PYTHONPATH": f"{tmp_path}:{':'.join(sys.path)}"}
    blob = subprocess.run(
        [*run, write + "sys.stdout.buffer.write(S().dumps_typed(Item(n=5))[1])"],
        capture_output=True,
        env=environment,
        check=True,
    ).stdout
    read = write.split(";", 1)[1].strip() + f"import models_of_mine; b = ('lgviz', {blob!r});"
    read += "print(type(S().loads_typed(b)).__name__, S(trust=['models_of_mine']).loads_typed(b).n)"
    done = subprocess.run([*run, read], capture_output=True, text=True, env=environment)
    assert done.stdout == "Placeholder 5\n", done.stderr


def test_the_schemas_of_living_graphs_are_trusted(tmp_path: pathlib.Path) -> None:
    (tmp_path / "models_of_mine.py").write_text(
        "from pydantic import BaseModel\nclass Item(BaseModel):\n    n: int\nclass Other(BaseModel):\n    n: int\n",
        encoding="utf-8",
    )
    (tmp_path / "state_of_mine.py").write_text(
        "from typing import TypedDict\nfrom models_of_mine import Item\nclass State(TypedDict):\n    items: list[Item]\n",
        encoding="utf-8",
    )
    code = """
import ormsgpack, state_of_mine
from langgraph.graph import START, StateGraph
from lgviz.persistence.serde.exact import ExactSerializer, _OBJECT
builder = StateGraph(state_of_mine.State)
builder.add_node("n", lambda state: {})
builder.add_edge(START, "n")
graph = builder.compile()
for name in ("Item", "Other"):
    blob = ormsgpack.packb(["models_of_mine", name, "pydantic", {"n": 5}, ["n"], None, None])
    value = ExactSerializer().loads_typed(("lgviz", ormsgpack.packb(ormsgpack.Ext(_OBJECT, blob))))
    print(type(value).__name__, value["n"] if name == "Other" else value.n)
"""
    environment = {"PYTHONPATH": f"{tmp_path}:{':'.join(sys.path)}"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.stdout == "Item 5\nPlaceholder 5\n", done.stderr


# -- encryption


def test_encrypted_values_share_too_and_need_the_key(tmp_path: pathlib.Path) -> None:
    pytest.importorskip("Crypto")
    from lgviz.errors import PersistenceError
    from lgviz.persistence import SqliteSaver

    path = str(tmp_path / "secret.db")
    messages = [HumanMessage(f"the secret number {n} " * 20, id=str(n)) for n in range(100)]

    def saver(key: bytes) -> Any:
        return SqliteSaver.from_conn_string(
            path, serde=EncryptedSerializer.from_pycryptodome_aes(ExactSerializer(), key=key)
        )

    with saver(b"k" * 16) as first:
        parent = None
        for n in range(50, 100):
            config: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": "", "checkpoint_id": parent}}
            checkpoint: Any = {
                "v": 4,
                "id": f"{n:04}",
                "ts": "",
                "channel_values": {"x": messages[:n], "short": "secret"},
            }
            checkpoint |= {
                "channel_versions": {"x": n, "short": 1},
                "versions_seen": {},
                "updated_channels": None,
            }
            first.put(config, checkpoint, {"step": n}, {"x": n, "short": 1})
            parent = f"{n:04}"
        assert first.stats().bytes < 120 * 700
        assert first.check() == []
    assert b"secret" not in pathlib.Path(path).read_bytes()
    with saver(b"k" * 16) as second:
        found = second.get_tuple({"configurable": {"thread_id": "t"}})
        assert found.checkpoint["channel_values"] == {"x": messages[:99], "short": "secret"}
    with pytest.raises(PersistenceError, match="another key"):
        saver(b"z" * 16)
