"""From a bug to a test: what ``pin`` writes, and what it refuses and leaves nothing of."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

import lgviz
from lgviz.demos import subgraph
from lgviz.errors import ActRefused, FileExists, InvalidValue, LgvizError, NotKept, UnknownChannel
from lgviz.persistence import InMemoryStore
from tests.support.modules import Module

CONFIG: Any = {"configurable": {"thread_id": "1"}}
SHOP = """
import operator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypedDict

from langgraph.graph import END, START, StateGraph

ran = []
offer = "a refund"

@dataclass
class Order:
    id: int

class State(TypedDict, total=False):
    said: Annotated[list[str], operator.add]
    order: Any
    scratch: Any

def look(state):
    ran.append("look")
    return {"said": ["looked"], "order": Order(7)}

def plan(state):
    ran.append("plan")
    return {"said": [f"{offer} for {state['order'].id}"], "scratch": len(ran)}

def pay(state):
    ran.append("pay")
    return {"said": ["paid"]}

builder = StateGraph(State).add_sequence([look, plan, pay]).add_edge(START, "look").add_edge("pay", END)
graph = builder.compile()
"""


def thread(module: Any, **given: Any) -> lgviz.History:
    """A thread of a module's graph."""
    graph = module.builder.compile(checkpointer=InMemorySaver())
    graph.invoke(given or {"said": ["hello"]}, CONFIG)
    return lgviz.history(graph)


def pytest_of(*arguments: str) -> subprocess.CompletedProcess[str]:
    """pytest, as one calls it in the folder that one works in."""
    command = [sys.executable, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_pinned_thread_is_a_test_that_passes_until_the_code_answers_otherwise(
    module: Module, tmp_path: Path
) -> None:
    shop = module("pinned_shop", SHOP)
    pinned = lgviz.pin(thread(shop)["c3"], "tests/test_refund.py", live="plan", values=["said"])
    test, recording = Path("tests/test_refund.py"), Path("tests/test_refund.lgviz")
    assert (pinned.test, pinned.recording, pinned.graph) == (str(test), str(recording), "pinned_shop:builder")
    assert pinned.size == recording.stat().st_size
    assert sorted(each.name for each in Path("tests").iterdir()) == ["test_refund.lgviz", "test_refund.py"], (
        "and nothing else is left"
    )
    assert "def test_refund() -> None:" in test.read_text()
    assert (
        'lgviz.check_pin("pinned_shop:builder", RECORDING, live=["plan"], values=["said"])'
        in test.read_text()
    )
    assert len(lgviz.history(recording)) == 4, "what came after is not in it"
    assert pytest_of("tests").returncode == 0
    (tmp_path / "pinned_shop.py").write_text(SHOP.replace("a refund", "a voucher"))
    done = pytest_of("tests")
    assert done.returncode == 1
    assert "AssertionError: parted at c3: 'plan' gave another said[2]" in done.stdout
    assert "a refund" in done.stdout and "a voucher" in done.stdout
    assert "lgviz/replaying" not in done.stdout, "the reader is shown the test alone"


def recorded(history: lgviz.History, label: str) -> str:
    lgviz.save_bundle(history.source.graph, "1", f"{label}.lgviz", at=label)
    return f"{label}.lgviz"


def test_only_live_nodes_run_and_nothing_after_the_checkpoint(module: Module) -> None:
    shop = module("calm_shop", SHOP)
    recording = recorded(thread(shop), "c2")
    shop.ran.clear()
    lgviz.check_pin("calm_shop:graph", recording)
    assert shop.ran == []
    lgviz.check_pin("calm_shop.py:graph", recording, live=["look"])
    assert shop.ran == ["look"]


def test_it_ends_at_the_first_difference(module: Module) -> None:
    """What would run after it may call a model."""
    shop = module("early_shop", SHOP)
    recording = recorded(thread(shop), "c4")
    shop.ran.clear()
    shop.offer = "nothing"
    with pytest.raises(AssertionError, match=r"^parted at c3: 'plan' gave another said\[2\]\n"):
        lgviz.check_pin(shop.graph, recording, live="plan", trust="early_shop")
    assert shop.ran == ["plan"]


def test_chosen_values_are_compared_and_others_may_differ(module: Module) -> None:
    shop = module("chosen_shop", SHOP)
    recording = recorded(thread(shop), "c4")
    assert shop.ran == ["look", "plan", "pay"]
    with pytest.raises(AssertionError, match="'plan' gave another scratch"):
        lgviz.check_pin("chosen_shop:graph", recording, live="plan")
    shop.ran.clear()
    lgviz.check_pin("chosen_shop:graph", recording, live="plan", values=["said", "order"])
    assert shop.ran == ["plan", "pay"], "the node after it was asked something else"
    shop.offer = "nothing"
    with pytest.raises(AssertionError, match=r"'plan' gave another said\[2\]"):
        lgviz.check_pin("chosen_shop:graph", recording, live="plan", values="said")
    lgviz.check_pin("chosen_shop:graph", recording, live="plan", values=[])
    with pytest.raises(UnknownChannel, match="no channel 'sad'"):
        lgviz.check_pin("chosen_shop:graph", recording, values=["sad"])


ROUTED = SHOP.replace(
    'builder = StateGraph(State).add_sequence([look, plan, pay]).add_edge(START, "look").add_edge("pay", END)',
    """def refuse(state):
    return {"said": ["paid"]}

way = "pay"
builder = StateGraph(State).add_sequence([look, plan]).add_edge(START, "look").add_node(pay).add_node(refuse)
builder.add_conditional_edges("plan", lambda state: way, ["pay", "refuse"])""",
)


def test_another_path_to_the_same_values_is_another_path(module: Module) -> None:
    shop = module("routed_shop", ROUTED)
    recording = recorded(thread(shop), "c4")
    shop.way = "refuse"
    for values in ([], ["order"]):
        with pytest.raises(AssertionError, match=r"'refuse' ran, where 'pay' did"):
            lgviz.check_pin("routed_shop:graph", recording, live="plan", values=values)
    with pytest.raises(AssertionError, match="'refuse' comes next, where 'pay' came"):
        lgviz.check_pin(
            "routed_shop:graph", recorded(thread(module("other_shop", ROUTED)), "c3"), live="plan", values=[]
        )


def test_nothing_is_written_over_unasked_and_what_was_there_comes_back(module: Module) -> None:
    history = thread(module("twice_shop", SHOP))
    lgviz.pin(history["c2"], "test_it.py")
    written = Path("test_it.py").read_bytes(), Path("test_it.lgviz").read_bytes()
    with pytest.raises(FileExists, match=r"There is a file test_it\.py already\. .*overwrite=True"):
        lgviz.pin(history["c3"], "test_it.py")
    with pytest.raises(ActRefused, match="The graph has no node 'planned' to be live"):
        lgviz.pin(history["c3"], "test_it.py", live="planned", overwrite=True)
    assert (Path("test_it.py").read_bytes(), Path("test_it.lgviz").read_bytes()) == written
    lgviz.pin(history["c3"], "test_it.py", overwrite=True)
    assert Path("test_it.lgviz").read_bytes() != written[1]
    Path("test_it.py").unlink()
    with pytest.raises(FileExists, match=r"test_it\.lgviz"):
        lgviz.pin(history["c3"], "test_it.py")


CHANCE = SHOP.replace('"scratch": len(ran)', '"scratch": __import__("secrets").token_hex()')


def test_a_test_that_does_not_pass_leaves_nothing(module: Module, tmp_path: Path) -> None:
    history = thread(module("chance_shop", CHANCE))
    with pytest.raises(
        ActRefused, match=r"(?s)does not pass in a fresh process.*'plan' gave another scratch"
    ) as said:
        lgviz.pin(history["c3"], "new/folder/test_chance.py", live=["plan"])
    assert "AssertionError: parted at c3" in said.value.cause
    assert sorted(each.name for each in tmp_path.iterdir() if each.name != "__pycache__") == [
        "chance_shop.py"
    ]


@pytest.mark.parametrize(
    ("path", "error", "said"),
    [
        ("refund.py", InvalidValue, "pytest collects no file of the name refund.py"),
        ("test_refund.txt", InvalidValue, "Name it test_"),
    ],
)
def test_names_that_pytest_does_not_collect(
    module: Module, path: str, error: type[LgvizError], said: str
) -> None:
    with pytest.raises(error, match=said):
        lgviz.pin(thread(module("named_shop", SHOP))["c2"], path)


def test_a_checkpoint_inside_a_subgraph_names_the_one_to_pin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    graph = subgraph.build(InMemorySaver())
    subgraph.seed(graph)
    history = lgviz.history(graph)
    inner = next(each for each in history.all if each.namespace)
    assert inner.outer is not None
    led_to = inner.outer.children[0]
    with pytest.raises(ActRefused, match=f"{inner.label} lies in a subgraph.* Pin {led_to.label},"):
        lgviz.pin(inner, "test_inner.py", graph="lgviz.demos.subgraph:build")
    lgviz.save_bundle(graph, history.thread_id, "outer.lgviz", at=led_to)
    lgviz.check_pin("lgviz.demos.subgraph:build", "outer.lgviz")


def test_what_cannot_be_replayed_is_no_test(module: Module, tmp_path: Path) -> None:
    shop = module("exit_shop", SHOP)
    graph = shop.builder.compile(checkpointer=InMemorySaver())
    graph.invoke({"said": []}, CONFIG, durability="exit")
    with pytest.raises(ActRefused, match=r"unknown at c0: .* not stored"):
        lgviz.pin(lgviz.history(graph).latest, "test_exit.py")
    assert not list(tmp_path.glob("test_exit.*"))


class Held(JsonPlusSerializer):
    """Keeps a value as it is, as no database does."""

    def dumps_typed(self, obj: Any) -> tuple[str, Any]:
        return "held", obj

    def loads_typed(self, data: tuple[str, Any]) -> Any:
        return data[1]


def test_a_value_that_nothing_keeps(module: Module, tmp_path: Path) -> None:
    shop = module("lock_shop", SHOP.replace("Order(7)", "__import__('threading').Lock()").replace(".id", ""))
    graph = shop.builder.compile(checkpointer=InMemorySaver(serde=Held()))
    graph.invoke({"said": []}, CONFIG)
    with pytest.raises(NotKept, match="lock"):
        lgviz.pin(lgviz.history(graph)["c2"], "test_lock.py")
    assert not list(tmp_path.glob("test_lock.*"))


FAR = SHOP.replace(
    'ran.append("plan")', 'import urllib.request; urllib.request.urlopen("http://models.example.com/answer")'
)


def test_a_live_node_finds_no_network(module: Module) -> None:
    module("near_shop", SHOP)
    recording = recorded(thread(sys.modules["near_shop"]), "c3")
    module("far_shop", FAR)
    with pytest.raises(AssertionError) as said:
        lgviz.check_pin("far_shop:graph", recording, live="plan", trust="near_shop")
    assert str(said.value).startswith("failed at c3: it raised URLError: ")
    assert "no network, and 'models.example.com' was asked for" in str(said.value)


def test_a_key_that_a_module_wants_is_none_in_the_test(
    module: Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Models are made as a module is imported; that one has a key here is no reason that a build has one."""
    monkeypatch.setenv("SHOP_API_KEY", "sk-secret")
    monkeypatch.setenv("OTHER_API_KEY", "sk-other")
    shop = module("keyed_shop", f"import os\nkey = os.environ['SHOP_API_KEY']\n{SHOP}")
    lgviz.pin(thread(shop)["c2"], "test_keyed.py", graph="keyed_shop:graph")
    assert 'RECORDING, keys=["SHOP_API_KEY"])' in Path("test_keyed.py").read_text()
    monkeypatch.delenv("SHOP_API_KEY")
    assert pytest_of("test_keyed.py").returncode == 0


REMEMBERING = SHOP.replace(
    '"scratch": len(ran)', '"scratch": get_store().get(("user",), "name").value["is"]'
).replace("import operator", "import operator\nfrom langgraph.config import get_store") + (
    "graph = builder.compile(store=__import__('langgraph.store.memory').store.memory.InMemoryStore())\n"
)


def test_a_live_node_remembers_what_was_remembered_then(module: Module) -> None:
    shop = module("kept_shop", REMEMBERING)
    store = InMemoryStore()
    store.put(("user",), "name", {"is": "Mia"})
    graph = shop.builder.compile(checkpointer=InMemorySaver(), store=store)
    graph.invoke({"said": []}, CONFIG)
    store.put(("user",), "name", {"is": "Ada"})
    lgviz.pin(lgviz.history(graph)["c3"], "test_kept.py", graph="kept_shop:graph", live="plan")
    shop.offer = "nothing"
    with pytest.raises(AssertionError, match=r"another said\[1\]"):
        lgviz.check_pin("kept_shop:graph", "test_kept.lgviz", live="plan")


def test_what_is_masked_is_masked_in_all_that_is_written(module: Module) -> None:
    history = thread(module("masked_shop", SHOP), said=["my key is sk-123"])
    lgviz.pin(history["c2"], "test_masked.py", redact=[re.compile(r"sk-\d+")])
    assert lgviz.history("test_masked.lgviz")["c2"].values["said"][0] == "my key is ‹redacted›"
    assert b"sk-123" not in Path("test_masked.py").read_bytes()


def test_what_a_thread_is_called_is_no_code(module: Module) -> None:
    shop = module("called_shop", SHOP)
    graph = shop.builder.compile(checkpointer=InMemorySaver())
    graph.invoke({"said": []}, {"configurable": {"thread_id": 'x\nraise SystemExit(3)  # """'}})
    lgviz.pin(lgviz.history(graph)["c1"], "test_called.py")
    assert pytest_of("test_called.py").returncode == 0


def test_asynchronous_nodes(module: Module) -> None:
    code = re.sub(r"def (look|plan|pay)", r"async def \1", SHOP)
    shop = module("async_shop", code)
    graph = shop.builder.compile(checkpointer=InMemorySaver())
    asyncio.run(graph.ainvoke({"said": []}, CONFIG))
    shop.ran.clear()
    lgviz.check_pin("async_shop:graph", recorded(lgviz.history(graph), "c3"), live="look")
    assert shop.ran == ["look"]
