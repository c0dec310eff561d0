"""What a saver reads back equals what was put, type included, or the put is refused."""

from __future__ import annotations

import collections
import json
import pathlib
import subprocess
import sys
import textwrap
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.messages import (
    HumanMessage,
)
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.types import Send

from lgviz.errors import NotKept
from lgviz.persistence import ExactSerializer, MemorySaver, Placeholder
from tests.support import values
from tests.support.values import (
    KEPT,
    REFUSED,
    Colour,
    Counted,
    Inner,
    Level,
    MyList,
    Outer,
    Pair,
    Point,
    Strict,
    same,
)

SERDE = ExactSerializer()


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


def test_a_send_that_langgraph_wrote_as_json_in_2024() -> None:
    made = {
        "lc": 2,
        "type": "constructor",
        "id": ["langgraph", "constants", "Send"],
        "method": None,
        "args": [],
    }
    stored = json.dumps({**made, "kwargs": {"node": "work", "arg": {"n": 1}}}).encode()
    assert SERDE.loads_typed(("json", stored)) == Send("work", {"n": 1})


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
    assert ExactSerializer(trust=[values.__name__]).loads_typed(old)["v"][0] == KEPT[name]


def test_a_class_that_is_gone_keeps_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    value = Outer(inner=Inner(n=5))
    for serde in (SERDE, JsonPlusSerializer()):
        stored = serde.dumps_typed({"v": value})
        with monkeypatch.context() as patch:
            patch.delattr(values, "Outer")
            patch.setattr("lgviz.persistence.serde.trust._put", {})
            read = ExactSerializer(trust=[values.__name__]).loads_typed(stored)
            held = read["v"]
            assert isinstance(held, Placeholder) and "not loaded" in held.reason
            assert dict(held).keys() >= {"inner", "many"} and held["many"] == []
            again = SERDE.dumps_typed(read)
            assert ExactSerializer().loads_typed(again)["v"] == held
        assert ExactSerializer(trust=[values.__name__]).loads_typed(again)["v"] == value


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
