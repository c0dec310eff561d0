"""``lgviz replay``, what a build sees, and ``lgviz pin``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from langgraph.types import StateUpdate
from typer.testing import CliRunner

import lgviz
import lgviz.cli.replaying
from lgviz.cli.app import app
from lgviz.demos import chat, two_nodes
from lgviz.persistence import SqliteSaver
from lgviz.session.graph_names import load_graph

CHANGED = """
from lgviz.demos.two_nodes import *
graph = build()
graph.nodes["node_a"].bound.func = lambda state: {"foo": "a", "bar": ["sk-secret"]}
"""


FAILING = """
from lgviz.demos.two_nodes import *
graph = build()

def failing(state):
    raise RuntimeError("down \\x00 <&> \\ud800")

graph.nodes["node_a"].bound.func = failing
"""

ASKING = """
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langgraph.graph import StateGraph
model = GenericFakeChatModel(messages=iter([AIMessage(word) for word in "abcd"]))

def ask(state):
    streamed = "".join(chunk.content for chunk in model.stream("streamed"))
    return {"said": [model.invoke("invoked").content, streamed]}

builder = StateGraph(dict).add_node(ask).set_entry_point("ask")
graph = builder.compile()
"""


@pytest.fixture
def db(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    with SqliteSaver.from_conn_string(tmp_path / "z.db") as saver:
        two_nodes.seed(two_nodes.build(saver), thread_id="two")
    (tmp_path / "same_app.py").write_text("from lgviz.demos import two_nodes\ngraph = two_nodes.build()\n")
    (tmp_path / "changed_app.py").write_text(CHANGED)
    (tmp_path / "chat_app.py").write_text("from lgviz.demos import chat\ngraph = chat.build()\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    return tmp_path / "z.db"


def lg(*arguments: Any) -> Any:
    return CliRunner().invoke(app, [str(one) for one in arguments], prog_name="lgviz")


def test_all_the_same(db: Path) -> None:
    done = lg("replay", db, "--graph", "same_app:graph")
    assert (done.exit_code, done.stdout) == (0, "Replay of 1 thread: 1 same; 3 tasks served, 0 ran\n")


def test_one_parted(db: Path) -> None:
    done = lg("replay", db, "--graph", "changed_app.py:graph", "--live", "node_a", "--junit", "report.xml")
    assert done.exit_code == 1
    assert done.stdout.startswith("two  parted at c2  'node_a' gave another bar[0]\n")
    suite = ElementTree.parse("report.xml").getroot()
    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "1", "failures": "1", "errors": "0", "skipped": "0",
    }  # fmt: skip
    failure = suite.find("testcase[@name='two']/failure")
    assert failure is not None
    assert failure.get("message") == "c2: 'node_a' gave another bar[0]"
    assert "sk-secret" in str(failure.text)
    masked = lg(
        "replay", db, "--graph", "changed_app.py:graph", "--live", "node_a", "--junit", "report.xml",
        "--html", "report.html", "--redact", "/sk-[a-z]+/", "--redact", "/two/",
    )  # fmt: skip
    assert masked.exit_code == 1
    page = Path("report.html").read_text()
    assert "&#x27;node_a&#x27; gave another bar[0]" in page and "changed_app.py:graph on " in page
    for told in (Path("report.xml").read_text(), masked.stdout, page):
        assert "sk-secret" not in told and "two" not in told


def test_no_name_or_error_breaks_the_report_or_hides_in_it(db: Path) -> None:
    threads = ["a <&> ]]>", "b\x1b[31m", "b[31m", "日本\u3000", "日本", "c\uffff"]
    Path("failing_app.py").write_text(FAILING)
    with SqliteSaver.from_conn_string(db) as saver:
        for thread in threads:
            two_nodes.build(saver).invoke({"foo": "", "bar": []}, {"configurable": {"thread_id": thread}})
    told = [thread for thread in lgviz.open_source(str(db)).threads() if thread.thread_id != "two"]
    command = ["replay", db, "--graph", "failing_app:graph", "--live", "node_a", "--junit", "report.xml"]
    assert lg(*command).exit_code == 1
    cases = ElementTree.parse("report.xml").getroot().findall("testcase")
    names = [case.get("name") for case in cases]
    assert len(set(names)) == len(cases) == len(told) + 1
    assert {"a <&> ]]>", "b\\x1b[31m", "b[31m"} <= set(names)
    errors = {error.get("message") for error in ElementTree.parse("report.xml").iter("error")}
    assert errors == {"c2: it raised RuntimeError: down \\x00 <&> \\ud800"}


def test_what_models_were_spared_and_warn_of_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LGVIZ_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "asking_app.py").write_text(ASKING)
    graph = load_graph("asking_app.py:graph")
    with SqliteSaver.from_conn_string(tmp_path / "asked.db") as saver:
        graph.checkpointer = saver
        lgviz.start(graph, {"said": []}, thread_id="1", record_models=True)
    command = ["replay", tmp_path / "asked.db", "--graph", "asking_app.py:graph", "--live", "ask"]
    told = json.loads(lg(*command, "--json").stdout)
    assert (told["answered"], told["threads"][0]["answered"]) == (1, {"ask": 1})
    (warning,) = told["threads"][0]["warnings"]
    assert "'ask' called had a recorded answer" in warning
    assert lg(*command).stdout.endswith(f"{warning}\n")


def test_one_unknown_as_json(db: Path, tmp_path: Path) -> None:
    with SqliteSaver.from_conn_string(tmp_path / "chat.db") as saver:
        chat.seed(graph := chat.build(saver))
        twice = [StateUpdate({"messages": [text]}, "model") for text in ("one", "two")]
        graph.bulk_update_state({"configurable": {"thread_id": "1"}}, [twice])
    done = lg("replay", tmp_path / "chat.db", "--graph", "chat_app:graph", "--json")
    told = json.loads(done.stdout)
    assert done.exit_code == 3
    assert (told["ok"], told["counts"]) == (False, {"unknown": 1})
    assert [branch["verdict"] for branch in told["threads"][0]["branches"]] == ["same", "unknown"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--graph", "nowhere:graph"], "nowhere:graph cannot be loaded"),
        (["--graph", "same_app:graph", "--live", "x"], "The graph has no node 'x' to be live."),
        (["--graph", "same_app:graph", "-t", "9"], "There is no thread '9'"),
        (["--graph", "same_app:graph", "--html", "no/r.html"], "there is no folder no. Give the path"),
        (["--graph", "same_app:graph", "--html", "."], "it is a folder"),
        (["--graph", "same_app:graph", "--junit", "."], "it is a folder"),
        (["--graph", "same_app:graph", "--junit", "/proc/r.xml"], "/proc/r.xml cannot be written"),
        ([], "Missing option '--graph'"),
    ],
)
def test_what_cannot_begin_ends_with_2(arguments: list[str], said: str, db: Path) -> None:
    done = lg("replay", db, *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr
    assert lgviz.cli.replaying.PARTED == 1


def test_a_thread_is_pinned(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    done = lg(
        "pin",
        db,
        "tests/test_two.py",
        "--graph",
        "same_app:graph",
        "--at",
        "c3",
        "--live",
        "node_b",
        "--value",
        "bar",
    )
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("tests/test_two.py passes; tests/test_two.lgviz beside it has ")
    assert (
        'check_pin("same_app:graph", RECORDING, live=["node_b"], values=["bar"])'
        in Path("tests/test_two.py").read_text()
    )
    again = lg("pin", db, "tests/test_two.py", "--graph", "same_app:graph")
    assert again.exit_code == 1 and "There is a file tests/test_two.py already." in again.stderr
    unnamed = lg("pin", db, "tests/test_other.py")
    assert unnamed.exit_code == 1 and 'Give its name as graph="app:graph"' in unnamed.stderr
    Path("langgraph.json").write_text('{"graphs": {"two": "./changed_app.py:graph"}}')
    parted = lg("pin", db, "tests/test_other.py", "--live", "node_a", "--redact", "/sk-[a-z]+/")
    assert parted.exit_code == 1 and "parted at c2: 'node_a' gave another bar[0]" in parted.stderr
    assert "sk-secret" not in parted.stderr
    assert sorted(file.name for file in Path("tests").iterdir()) == ["test_two.lgviz", "test_two.py"]
