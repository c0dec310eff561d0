"""Models inside nodes: recorded by a run that is told to, and answered in runs with ``reuse`` and replays."""

from __future__ import annotations

import asyncio
import html
import operator
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.globals import get_llm_cache, set_llm_cache
from langchain_core.language_models import BaseChatModel, GenericFakeChatModel
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    AnyMessage,
    BaseMessage,
    HumanMessage,
    ToolMessage,
)
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.utils.function_calling import convert_to_openai_tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from pydantic import BaseModel, Field

import lgviz
from lgviz import persistence, session
from lgviz.errors import InvalidValue, SourceError
from lgviz.reuse.model_recordings import ModelRecordings
from lgviz.reuse.models import ModelCalls
from tests.support.view import View


class Parrot(BaseChatModel):
    """Numbers its answers, so that no two are the same; it raises when it is asked to ``fail``."""

    calls: list[str] = Field(default_factory=list)
    setting: str = "calm"

    @property
    def _llm_type(self) -> str:
        return "parrot"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"setting": self.setting}

    def _said(self, messages: list[BaseMessage]) -> str:
        self.calls.append(str(messages[-1].content))
        if messages[-1].content == "fail":
            raise ConnectionError("the model is away")
        return f"{messages[-1].content}! ({len(self.calls)})"

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        usage = {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}
        message = AIMessage(self._said(messages), usage_metadata=usage)  # type: ignore[arg-type]
        return ChatResult(generations=[ChatGeneration(message=message)])


class Streaming(Parrot):
    def _stream(self, messages: list[BaseMessage], *_: Any, **__: Any) -> Iterator[ChatGenerationChunk]:
        for word in self._said(messages).split(" "):
            yield ChatGenerationChunk(message=AIMessageChunk(word))


class Talk(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add_messages]
    word: str


@pytest.fixture(autouse=True)
def recordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelRecordings]:
    monkeypatch.setenv("LGVIZ_CACHE", str(tmp_path / "cache"))
    before = get_llm_cache()
    yield ModelRecordings()
    assert get_llm_cache() is before, "a cache was left behind"


def graph_of(*nodes: Any, saver: Any = None) -> Any:
    builder = StateGraph(Talk)
    for node, before in zip(nodes, [START, *(node.__name__ for node in nodes)], strict=False):
        builder.add_node(node.__name__, node)
        builder.add_edge(before, node.__name__)
    builder.add_edge(nodes[-1].__name__, END)
    return builder.compile(checkpointer=saver or InMemorySaver())


def asking(model: BaseChatModel, *words: str) -> Any:
    """A node that asks a model several things; what it answers is one message."""

    def ask(state: Talk) -> Talk:
        said = [str(model.invoke([HumanMessage(word)]).content) for word in words]
        return {"messages": [AIMessage(" ".join(said))]}

    return ask


def contents(run: session.Run) -> list[str]:
    return [str(message.content) for message in run.values["messages"]]


def test_a_recorded_call_answers_a_node_that_runs(each_saver: Any, recordings: ModelRecordings) -> None:
    model = Parrot()
    graph = graph_of(asking(model, "hi", "bye"), saver=each_saver)
    first = lgviz.start(graph, {"messages": "go"}, thread_id="1", record_models=True)
    assert contents(first) == ["go", "hi! (1) bye! (2)"]
    assert (first.answered, first.warnings, recordings.threads) == (Counter(), [], {"1": 2})
    live = lgviz.run(graph, "c1", thread_id="1", reuse={"live": "ask"})
    assert (contents(live), live.answered, live.ran) == (contents(first), Counter(ask=2), Counter(ask=1))
    replayed = lgviz.replay(graph, graph, live="ask")["1"]
    assert (replayed.verdict, replayed.answered) == ("same", Counter(ask=4))
    assert model.calls == ["hi", "bye"]


def test_a_plain_run_is_recorded_and_never_answered(recordings: ModelRecordings) -> None:
    model = Parrot()
    graph = graph_of(asking(model, "hi"))
    lgviz.start(graph, {"messages": "go"}, thread_id="1", record_models=True)
    again = lgviz.run(graph, "c1", thread_id="1", record_models=True)
    assert (contents(again), again.answered) == (["go", "hi! (2)"], Counter())
    lgviz.run(graph, "c1", thread_id="1")
    assert recordings.threads == {"1": 2}


class Changed(Parrot):
    """Another model."""


def test_what_is_equal(recordings: ModelRecordings) -> None:
    model = Parrot()
    asked = list[Any]()

    def ask(state: Talk) -> Talk:
        (what,) = asked
        return {"word": str(what().content)}

    graph = graph_of(ask)
    told = {"response_metadata": {"took": 3}, "id": "made-up-1"}
    call = {"name": "look", "args": {}, "id": "call-1"}
    messages = [HumanMessage("hi", id="a"), AIMessage("", tool_calls=[call], **told)]
    messages.append(ToolMessage("found", tool_call_id="call-1"))
    asked[:] = [lambda: model.invoke(messages, stop=["."], tools=[{"name": "look"}])]
    lgviz.start(graph, {"word": "go"}, thread_id="1", record_models=True)

    def answered(what: Any) -> bool:
        asked[:] = [what]
        return bool(lgviz.run(graph, "c1", thread_id="1", sandbox=True, reuse={"live": "ask"}).answered)

    again = [HumanMessage("hi", id="b"), AIMessage("", tool_calls=[{**call, "id": "call-2"}])]
    again.append(ToolMessage("found", tool_call_id="call-2"))
    same = {"stop": ["."], "tools": [{"name": "look"}]}
    assert answered(
        lambda: model.invoke([again[0], again[1].model_copy(update={"id": "x"}), again[2]], **same)
    )
    assert not answered(lambda: model.invoke(messages, stop=["!"], tools=[{"name": "look"}]))
    assert not answered(lambda: model.invoke(messages, stop=["."], tools=[{"name": "find"}]))
    assert not answered(lambda: model.invoke(messages[:1], **same))
    assert not answered(lambda: Parrot(setting="wild").invoke(messages, **same))
    assert not answered(lambda: Changed().invoke(messages, **same))
    assert answered(lambda: Parrot().invoke(messages, **same))


def test_the_nth_equal_call_has_its_own_answer() -> None:
    model = Parrot()
    words = ["hi", "fail", "hi"]

    def ask(state: Talk) -> Talk:
        said = []
        for word in words:
            try:
                said.append(str(model.invoke(word).content))
            except ConnectionError:
                said.append("-")
        return {"messages": [AIMessage(" ".join(said))]}

    graph = graph_of(ask)
    lgviz.start(graph, {"messages": "go"}, thread_id="1", record_models=True)
    words[:] = ["hi", "hi", "fail", "hi"]
    run = lgviz.run(graph, "c1", thread_id="1", reuse={"live": "ask"})
    assert contents(run)[1] == "hi! (1) hi! (3) - hi! (5)"
    assert (run.answered, model.calls[3:]) == (Counter(ask=2), ["fail", "hi"])


def test_a_call_that_failed_leaves_its_place_to_no_other() -> None:
    away = {1}

    class Unsure(Parrot):
        def _said(self, messages: list[BaseMessage]) -> str:
            self.calls.append("")
            if len(self.calls) in away:
                raise ConnectionError("the model is away")
            return str(len(self.calls))

    model = Unsure()

    def ask(state: Talk) -> Talk:
        said = []
        for _ in range(3):
            try:
                said.append(str(model.invoke("hi").content))
            except ConnectionError:
                said.append("-")
        return {"messages": [AIMessage(" ".join(said))]}

    graph = graph_of(ask)
    first = lgviz.start(graph, {"messages": "go"}, thread_id="1", record_models=True)
    assert contents(first)[1] == "- 2 3"
    run = lgviz.run(graph, "c1", thread_id="1", reuse={"live": "ask"})
    assert (contents(run)[1], run.answered) == ("4 2 3", Counter(ask=2))


def test_each_step_has_its_own_answers() -> None:
    model = Parrot()

    def ask(state: Talk) -> Talk:
        return {"messages": [AIMessage(str(model.invoke("hi").content))]}

    def then(state: Talk) -> Talk:
        return {"messages": [AIMessage(str(model.invoke("hi").content), id=str(model.invoke("id").id))]}

    graph = graph_of(ask, then)
    for word in ("go", "on"):
        lgviz.start(graph, {"messages": word}, thread_id="1", record_models=True)
    last = lgviz.history(graph, thread_id="1")["c5"]
    assert last.next == ("ask",)
    second = lgviz.run(graph, last, reuse={"live": "ask"}, sandbox=True)
    assert contents(second)[-2:] == ["hi! (4)", "hi! (5)"]
    replayed = lgviz.replay(graph, graph, live=["ask", "then"])["1"]
    assert (replayed.verdict, replayed.answered) == ("same", Counter(then=4, ask=2))
    assert len(model.calls) == 6


class Wide(TypedDict, total=False):
    said: Annotated[list[str], operator.add]


def two_at_once(node: Any, saver: Any) -> Any:
    builder = StateGraph(Wide)
    for name in ("left", "right"):
        builder.add_node(name, node)
        builder.add_edge(START, name)
    return builder.compile(checkpointer=saver)


def test_two_nodes_of_one_step_in_threads() -> None:
    model = Parrot()

    def ask(state: Wide) -> Wide:
        return {"said": [str(model.invoke("hi").content), *(str(m.content) for m in model.batch(["a", "b"]))]}

    graph = two_at_once(ask, InMemorySaver())
    first = lgviz.start(graph, {"said": []}, thread_id="1", record_models=True)
    live = lgviz.run(graph, "c1", thread_id="1", reuse={"live": ["left", "right"]})
    assert (live.answered, live.values) == (Counter(left=3, right=3), first.values)
    assert len(model.calls) == 6


async def test_two_nodes_of_one_step_awaited(file: Path, recordings: ModelRecordings) -> None:
    model = Parrot()

    async def ask(state: Wide) -> Wide:
        said = await asyncio.gather(*(model.ainvoke(word) for word in ("hi", "bye")))
        return {"said": [str(each.content) for each in said]}

    async with persistence.AsyncSqliteSaver.from_conn_string(str(file)) as saver:
        graph = two_at_once(ask, saver)
        first = await lgviz.astart(graph, {"said": []}, thread_id="1", record_models=True)
        live = await lgviz.arun(graph, "c1", thread_id="1", reuse={"live": ["left", "right"]})
        assert len(model.calls) == 4
        replayed = await lgviz.areplay(graph, file, live="left")
        model.calls.clear()
        await graph.ainvoke({"said": []}, {"configurable": {"thread_id": "2"}})
        assert len(model.calls) == 4
    assert list(recordings.threads) == ["1"], "what the same task does after a run is not heard"
    assert (live.answered, live.values) == (Counter(left=2, right=2), first.values)
    assert (replayed["1"].verdict, replayed["1"].answered) == ("same", Counter(left=4))


def test_what_streams_is_recorded_and_said_not_to_be_answered(recordings: ModelRecordings) -> None:
    model = Streaming()

    def ask(state: Talk) -> Talk:
        return {"word": "".join(str(chunk.content) for chunk in model.stream("hi"))}

    graph = graph_of(ask)
    lgviz.start(graph, {"word": "go"}, thread_id="1", record_models=True)
    assert recordings.threads == {"1": 1}
    run = lgviz.run(graph, "c1", thread_id="1", reuse={"live": "ask"})
    assert (run.answered, run.values["word"]) == (Counter(), "hi!(2)")
    assert "'ask' called had a recorded answer" in run.warnings[0]
    found = lgviz.replay(graph, graph, live="ask")
    assert list(found["1"].warnings) == run.warnings == found.warnings
    assert run.warnings[0] in repr(found)
    assert html.escape(run.warnings[0]) in found.to_html()


def test_a_model_that_is_invoked_is_answered_also_where_the_run_streams() -> None:
    model = Streaming()
    graph = graph_of(asking(model, "hi"))
    events = list[Any]()
    first = lgviz.start(graph, {"messages": "go"}, thread_id="1", record_models=True, on_event=events.append)
    run = lgviz.run(graph, "c1", thread_id="1", reuse={"live": "ask"}, on_event=events.append)
    assert (run.answered, contents(run)) == (Counter(ask=1), contents(first))
    assert len(model.calls) == 1


def test_a_failed_run_keeps_what_was_recorded(recordings: ModelRecordings) -> None:
    model = Parrot()
    words = ["hi", "fail"]

    def ask(state: Talk) -> Talk:
        return {"messages": [AIMessage(str(model.invoke(word).content)) for word in words]}

    graph = graph_of(ask)
    before = get_llm_cache()
    failed = lgviz.start(graph, {"messages": "go"}, thread_id="1", record_models=True)
    assert (failed.status, get_llm_cache()) == ("failed", before)
    again = lgviz.run(graph, "c1", thread_id="1", reuse=True, record_models=True)
    assert (again.status, again.answered, get_llm_cache()) == ("failed", Counter(ask=1), before)
    words[1] = "bye"
    mended = lgviz.run(graph, "c1", thread_id="1", reuse=True)
    assert (mended.status, contents(mended)[1], mended.answered) == ("done", "hi! (1)", Counter(ask=1))
    assert model.calls == ["hi", "fail", "fail", "bye"]


def test_a_cache_of_the_user_stays_and_works() -> None:
    own, before = InMemoryCache(), get_llm_cache()
    model = Parrot()
    graph = graph_of(asking(model, "hi"))
    lgviz.start(graph, {"messages": "go"}, thread_id="1", record_models=True)
    set_llm_cache(own)
    try:
        model.invoke([HumanMessage("hi")])
        run = lgviz.run(graph, "c1", thread_id="1", reuse={"live": "ask"})
        assert get_llm_cache() is own
        assert (contents(run)[1], run.answered) == ("hi! (2)", Counter()), "the user's is asked first"
        own.clear()
        run = lgviz.run(graph, "c1", thread_id="1", reuse={"live": "ask"})
        assert contents(run)[1] == "hi! (1)"
    finally:
        set_llm_cache(before)


def test_a_call_outside_of_the_run_is_not_heard(recordings: ModelRecordings) -> None:
    model, other = Parrot(), Parrot()

    def ask(state: Talk) -> Talk:
        return {"messages": [AIMessage(str(model.invoke("hi").content))]}

    graph = graph_of(ask)
    lgviz.start(graph, {"messages": "go"}, thread_id="1", record_models=True)
    lgviz.run(
        graph, "c1", thread_id="1", reuse={"live": "ask"}, on_event=lambda _event: other.invoke("hi") and None
    )
    other.invoke("hi")
    assert other.calls
    assert recordings.threads == {"1": 2}


def test_tool_calls_and_structured_output(recordings: ModelRecordings) -> None:
    class Weather(BaseModel):
        """The weather."""

        degrees: int

    class Calling(GenericFakeChatModel):
        def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
            return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools], **kwargs)

    asks = [
        AIMessage("", tool_calls=[{"name": "look", "args": {"at": "sky"}, "id": "1"}]),
        AIMessage("", tool_calls=[{"name": "Weather", "args": {"degrees": 21}, "id": "2"}]),
    ]
    model = Calling(messages=iter(asks))

    def look(at: str) -> str:
        """Look."""
        return at

    def ask(state: Talk) -> Talk:
        called = model.bind_tools([look]).invoke("hi")
        made = model.with_structured_output(Weather).invoke("hi")
        return {"messages": [called], "word": repr(made)}

    graph = graph_of(ask)
    first = lgviz.start(graph, {"messages": "go"}, thread_id="1", record_models=True)
    assert first.values["word"] == "Weather(degrees=21)"
    live = lgviz.run(graph, "c1", thread_id="1", reuse={"live": "ask"})
    assert (live.values["messages"][1].tool_calls, live.answered) == (asks[0].tool_calls, Counter(ask=2))
    assert live.values["word"] == first.values["word"]


CRASH = """
import os, sqlite3
import lgviz
from langgraph.checkpoint.sqlite import SqliteSaver
from tests.session.test_record_models import Parrot, graph_of

def ask(state):
    Parrot().invoke("hi")
    os._exit(7)

saver = SqliteSaver(sqlite3.connect("crash.db", check_same_thread=False))
lgviz.start(graph_of(ask, saver=saver), {"messages": "go"}, thread_id="1", record_models=True)
"""


def test_a_crash_loses_nothing_recorded(
    recordings: ModelRecordings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    assert subprocess.run([sys.executable, "-c", CRASH], cwd=tmp_path, check=False).returncode == 7
    assert recordings.threads == {"1": 1}
    model = Parrot()

    def ask(state: Talk) -> Talk:
        return {"word": str(model.invoke("hi").content)}

    with SqliteSaver.from_conn_string(str(tmp_path / "crash.db")) as saver:
        run = lgviz.run(graph_of(ask, saver=saver), "c1", thread_id="1", reuse=True)
    assert (run.values["word"], run.answered, model.calls) == ("hi! (1)", Counter(ask=1), [])


def test_what_redact_masks_is_not_kept(recordings: ModelRecordings) -> None:
    graph = graph_of(asking(Parrot(), "sk-secret", "hi"))
    lgviz.start(graph, {"messages": "go"}, thread_id="1")
    at = lgviz.history(graph, thread_id="1", redact=[re.compile("sk-[a-z]+")])["c1"]
    run = lgviz.run(graph, at, record_models=True)
    assert run.warnings == ["Answers of models in 'ask' were not recorded: redact= masks them."]
    assert b"sk-secret" not in recordings.path.read_bytes()
    assert lgviz.run(graph, "c1", thread_id="1", reuse={"live": "ask"}).answered == Counter(ask=1)


def test_what_the_debugger_masks_is_not_kept(
    recordings: ModelRecordings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ModelCalls, "always", True)
    view = View(graph_of(asking(Parrot(), "sk-secret")), opens=False, redact=[re.compile("sk-[a-z]+")])
    blank = dict.fromkeys(("checkpoint", "input", "context", "configurable"))
    for _ in range(2):
        run = view.ask("thread_start", **blank, thread_id="1", message="go")
        assert run["status"] == "done"
        view.ask("thread_open", thread_id="1")
        blank["checkpoint"] = run["checkpoint"]
    assert recordings.threads == {"1": 2}
    assert b"sk-secret" not in recordings.path.read_bytes()


def test_where_it_lies_how_big_it_is_and_how_it_is_deleted(recordings: ModelRecordings) -> None:
    graph = graph_of(asking(Parrot(), "hi"))
    for thread_id in ("1", "2"):
        lgviz.start(graph, {"messages": "go"}, thread_id=thread_id, record_models=True)
    size = recordings.path.stat().st_size
    assert (recordings.size, recordings.path.stat().st_mode & 0o077) == (size, 0)
    assert repr(recordings) == f"<ModelRecordings 2 calls of 2 threads, {size:,} bytes: {recordings.path}>"
    assert "thread 2" in recordings._repr_html_()
    assert (recordings.delete("1"), recordings.threads) == (1, {"2": 1})
    assert (recordings.delete(), recordings.size, recordings.path.exists()) == (1, 0, False)


def test_the_oldest_calls_make_room(recordings: ModelRecordings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lgviz.reuse.model_recordings._SPACE", 100_000)
    model = Parrot()
    graph = graph_of(asking(model, *(str(number) * 2_000 for number in range(60))))
    lgviz.start(graph, {"messages": "go"}, thread_id="1", record_models=True)
    assert 100_000 <= recordings.size < 130_000
    run = lgviz.run(graph, "c1", thread_id="1", reuse={"live": "ask"})
    kept = run.answered["ask"]
    assert 0 < kept < 60
    assert model.calls[60:] == model.calls[: 60 - kept]


def test_a_damaged_file_says_how_to_delete_it(recordings: ModelRecordings) -> None:
    graph = graph_of(asking(Parrot(), "hi"))
    recordings.path.parent.mkdir()
    recordings.path.write_bytes(b"no database" * 100)
    run = lgviz.start(graph, {"messages": "go"}, thread_id="1", record_models=True)
    assert (run.status, len(run.warnings)) == ("done", 1)
    with pytest.raises(SourceError, match=r"ModelRecordings\(\)\.delete"):
        lgviz.run(graph, "c1", thread_id="1", reuse=True)
    verdict = lgviz.replay(graph, graph)["1"]
    assert verdict.verdict == "unknown"
    assert str(recordings.path) in verdict.reason and "lgviz.ModelRecordings().delete()" in verdict.reason
    assert recordings.delete() == 0
    assert lgviz.run(graph, "c1", thread_id="1", reuse=True).status == "done"


def test_there_is_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LGVIZ_CACHE", "off")
    graph = graph_of(asking(Parrot(), "hi"))
    assert lgviz.start(graph, {"messages": "go"}, thread_id="1").status == "done"
    with pytest.raises(InvalidValue, match="LGVIZ_CACHE"):
        lgviz.start(graph, {"messages": "go"}, thread_id="2", record_models=True)


def test_a_pinned_test_is_answered_by_its_bundle_alone(tmp_path: Path) -> None:
    graph = graph_of(asking(Parrot(), "hi"))
    lgviz.start(graph, {"messages": "go"}, thread_id="1", record_models=True)
    lgviz.save_bundle(graph, "1", tmp_path / "thread.lgviz")
    lgviz.check_pin(graph, tmp_path / "thread.lgviz")
    with pytest.raises(AssertionError, match="parted"):
        lgviz.check_pin(graph, tmp_path / "thread.lgviz", live="ask")
