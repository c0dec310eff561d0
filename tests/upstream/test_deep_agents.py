"""Deep Agents' own threads, whose messages and files are delta channels, opened by their file alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.environments import environment, output_of

pytestmark = pytest.mark.upstream

MODEL = """
import sqlite3, sys
from typing import Any
from deepagents import create_deep_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.checkpoint.sqlite import SqliteSaver
import lgviz
from lgviz.persistence import SqliteSaver as Ours

class Scripted(BaseChatModel):
    replies: list[Any]
    at: int = 0
    @property
    def _llm_type(self):
        return "scripted"
    def bind_tools(self, tools, **more):
        return self
    def _generate(self, messages, stop=None, run_manager=None, **more):
        self.at += 1
        return ChatResult(generations=[ChatGeneration(message=self.replies[(self.at - 1) % len(self.replies)])])

def calls(*args):
    return AIMessage("", tool_calls=[{"name": n, "args": a, "id": f"t{i}"} for i, (n, a) in enumerate(args)])
"""

SCRIPT = """
for make, path in ((lambda p: SqliteSaver(sqlite3.connect(p, check_same_thread=False)), sys.argv[1]),
                   (Ours.from_conn_string, sys.argv[2])):
    replies = [calls(("write_file", {"file_path": "/a.txt", "content": "one"}), ("write_file", {"file_path": "/b.txt", "content": "two"})),
               calls(("edit_file", {"file_path": "/a.txt", "old_string": "one", "new_string": "three"})),
               AIMessage("the reply")]
    graph = create_deep_agent(model=Scripted(replies=replies), tools=[], checkpointer=make(path))
    place = {"configurable": {"thread_id": "1"}}
    for turn in range(25):
        graph.invoke({"messages": [{"role": "user", "content": f"question {turn}", "id": f"u{turn}"}]}, place)
    history = lgviz.history(path, "1")
    wrong = []
    for c in history:
        told, values = graph.get_state(c.config).values, c.values
        for name in ("messages", "files"):
            if values.get(name, type(told[name])()) != told[name]:
                wrong.append((c.label, name))
    rebuilt = {rule for c in history for rule in c.rebuilt.values()}
    print(len(history) > 100, wrong, sorted(rebuilt), sorted(history.latest.values["files"]))
"""


def test_messages_and_files_of_a_file_are_those_of_the_agent(tmp_path: Path) -> None:
    python = environment("deepagents>=0.7.32", "langgraph-checkpoint-sqlite", lgviz=True)
    said = output_of(python, MODEL + SCRIPT, tmp_path / "langgraph.db", tmp_path / "lgviz.db").splitlines()
    rules = ["as it was stored", "files set by path, None removes", "messages by id"]
    rules = [f"rebuilt without the graph: {rule}" for rule in rules]
    assert said == [f"True [] {rules} ['/a.txt', '/b.txt']"] * 2


ASKING = """
from lgviz.backend import Backend
replies = [calls(("write_file", {"file_path": "/a.txt", "content": "one"}), ("ls", {"path": "/"})), AIMessage("done")]
graph = create_deep_agent(
    model=Scripted(replies=replies),
    tools=[],
    interrupt_on={"write_file": {"allowed_decisions": ["approve", "edit"]}},
    checkpointer=Ours.from_conn_string(sys.argv[1]),
)
place = {"configurable": {"thread_id": "1"}}
graph.invoke({"messages": [{"role": "user", "content": "write", "id": "u"}]}, place)
backend = Backend(graph)
at = backend.request("thread_open", thread_id="1")["tree"]["ids"][-1]
(asked,) = backend.request("checkpoint_get", checkpoint=at)["interrupts"]
(action,) = asked["question"]["actions"]
print(asked["question"]["kind"], action["name"], [one["type"] for one in action["decisions"]])
edit = {"type": "edit", "text": "", "args": '{"file_path": "/b.txt", "content": "two"}'}
drafts = {asked["id"]: {"decisions": [edit], "json": None, "text": None}}
made = backend.request("answer_make", checkpoint=at, drafts=drafts)
run = {"checkpoint": at, "resume": made["answers"], "until": None, "configurable": None, "sandbox": False}
print(backend.request("run_start", **run)["status"], sorted(graph.get_state(place).values["files"]))
backend.close()
"""


def test_a_tool_that_waits_is_a_card_and_runs_with_the_edited_arguments(tmp_path: Path) -> None:
    python = environment("deepagents>=0.7.32", "langgraph-checkpoint-sqlite", lgviz=True)
    said = output_of(python, MODEL + ASKING, tmp_path / "asks.db").splitlines()
    assert said == ["decisions write_file ['approve', 'edit']", "done ['/b.txt']"]


STARTING = """
from lgviz.backend import Backend
replies = [calls(("write_file", {"file_path": "/a.txt", "content": "one"})), AIMessage("written"), AIMessage("again")]
graph = create_deep_agent(
    model=Scripted(replies=replies), tools=[], checkpointer=Ours.from_conn_string(sys.argv[1])
)
backend = Backend(graph)
blank = {"checkpoint": None, "message": None, "input": None, "context": None, "configurable": None}
form = backend.request("start_form", thread_id=None, turn=False)
input = form["input"]
print(form["chat"], {part["name"]: part["required"] for part in input["fields"]} if input else None, form["context"])
first = {**blank, "thread_id": form["thread_id"], "message": "write"}
code = backend.request("code_get", act="start", checkpoint="", start={**first, "thread_id": "by code"})["code"]
run = backend.request("thread_start", **first)
place = {"configurable": {"thread_id": form["thread_id"]}}
values = graph.get_state(place).values
print(run["status"], [m.type for m in values["messages"]], values["files"]["/a.txt"]["content"])
backend.request("thread_open", thread_id=form["thread_id"])
turn = {**blank, "thread_id": form["thread_id"], "message": "more", "checkpoint": run["checkpoint"]}
print(backend.request("thread_start", **turn)["status"], graph.get_state(place).values["messages"][-1].content)
exec(code, {"graph": graph})
again = graph.get_state({"configurable": {"thread_id": "by code"}}).values
print([m.type for m in again["messages"]], sorted(again["files"]))
files = '{"files": {"/c.txt": {"content": "mine", "encoding": "utf-8"}}}'
backend.request("thread_start", **{**blank, "thread_id": "seeded", "message": "look", "input": files})
print(graph.get_state({"configurable": {"thread_id": "seeded"}}).values["files"]["/c.txt"]["content"])
backend.close()
"""


def test_a_chat_begins_and_goes_on_from_the_form(tmp_path: Path) -> None:
    python = environment("deepagents>=0.7.32", "langgraph-checkpoint-sqlite", lgviz=True)
    said = output_of(python, MODEL + STARTING, tmp_path / "starts.db").splitlines()
    assert said == [
        "messages {'files': False} None",
        "done ['human', 'ai', 'tool', 'ai'] one",
        "done again",
        "['human', 'ai', 'tool', 'ai'] ['/a.txt']",
        "mine",
    ]
