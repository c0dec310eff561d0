"""States are compared by the bytes that they are stored by, and only what can be decoded is compared."""

from __future__ import annotations

import operator
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, StateGraph
from langgraph.pregel import Pregel

import lgviz
from lgviz import persistence

CONFIG: Any = {"configurable": {"thread_id": "1"}}
STEPS = 6
REPO = Path(__file__).parents[2]
SAVERS = [SqliteSaver, persistence.SqliteSaver]


def build(saver: Any = None, reducer: Any = operator.add) -> Any:
    """Nodes that never see ``held``; the last takes it out of the state."""
    log = Annotated[list[str], reducer]
    seen: Any = TypedDict("seen", {"log": log})  # type: ignore[valid-type]
    builder = StateGraph(TypedDict("State", {"log": log, "held": Any}))  # type: ignore[valid-type]
    names = [f"n{number}" for number in range(STEPS)]
    for name in names:
        last = {"held": None} if name == names[-1] else {}
        builder.add_node(name, lambda state, name=name, last=last: {"log": [name], **last}, input_schema=seen)
    for one, other in zip([START, *names], names, strict=False):
        builder.add_edge(one, other)
    return builder.compile(checkpointer=saver)


def stored(path: Path, saver: Any, held: Any) -> Path:
    connection = sqlite3.connect(path, check_same_thread=False)
    build(saver(connection)).invoke({"log": [], "held": held}, CONFIG)
    connection.close()
    return path


WRITES = """
import sys
from pathlib import Path
from types import ModuleType
from pydantic import create_model
from tests.replaying.test_comparison import SAVERS, stored

Order = create_model("Order", __module__="gone_app", total=(int, ...))
sys.modules["gone_app"] = module = ModuleType("gone_app")
module.Order = Order
for saver in SAVERS:
    stored(Path(sys.argv[1], saver.__module__), saver, [{"order": Order(total=3)}])
"""


@pytest.fixture(scope="module")
def gone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Threads that hold, deep in a value, an object whose class only their process had."""
    folder = tmp_path_factory.mktemp("gone")
    subprocess.run([sys.executable, "-c", WRITES, folder], check=True, cwd=REPO)
    return folder


@pytest.mark.parametrize("saver", SAVERS)
def test_what_cannot_be_decoded_is_unknown_though_its_bytes_are_equal(
    saver: Any, gone: Path, tmp_path: Path
) -> None:
    """A placeholder is stored by the bytes of the same placeholder, and says nothing of what was there."""
    path = gone / saver.__module__
    found = lgviz.replay(build(), path)["1"]
    assert (found.verdict, found.parted_at, found.ran) == ("unknown", "c1", Counter())
    assert "cannot be decoded" in found.reason and "Order" in found.reason
    assert lgviz.replay(build(), stored(tmp_path / "b.db", saver, [{"order": 3}]))["1"].verdict == "same"


@pytest.mark.parametrize("saver", SAVERS)
def test_equal_bytes_ask_the_graph_for_no_state(
    saver: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of each leg the last state alone is asked for, since what comes next is compared there."""
    path = stored(tmp_path / "a.db", saver, {"kept": (1, 2.5, "x")})
    asked: list[Any] = []
    get_state = Pregel.get_state

    def counted(self: Any, config: Any, **kwargs: Any) -> Any:
        asked.append(config)
        return get_state(self, config, **kwargs)

    graph = build()
    monkeypatch.setattr(type(graph), "get_state", counted)
    found = lgviz.replay(graph, path)["1"]
    assert (found.verdict, found.served.total()) == ("same", STEPS)
    of_replay = [config for config in asked if "__pregel_checkpointer" not in config["configurable"]]
    assert len(of_replay) == 2, "the last state of the leg, and what the branch ends with"


@pytest.mark.parametrize("saver", SAVERS)
def test_one_other_byte_parts(saver: Any, tmp_path: Path) -> None:
    path = stored(tmp_path / "a.db", saver, None)

    def shouts(before: list[str], after: list[str]) -> list[str]:
        return [*before, *(("N2" if each == "n2" else each) for each in after)]

    found = lgviz.replay(build(reducer=shouts), path)["1"]
    assert (found.verdict, found.parted_at) == ("parted", "c4")
    assert "log[2]" in found.reason
