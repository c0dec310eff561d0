"""A replay's report as an HTML page: what it says, and that nothing of a thread becomes HTML."""

from __future__ import annotations

import operator
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph

import lgviz
from lgviz.replaying import Replay
from lgviz.replaying.work import ThreadWork

EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>\u202e"


class State(TypedDict, total=False):
    log: Annotated[list[str], operator.add]


class Page(HTMLParser):
    """Its tags, and its words, those of folded parts too."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.words: list[str] = []
        self.feed(html)
        self.text = " ".join(self.words)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        self.attributes.update(name for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        if self.tags[-1:] != ["style"]:
            self.words += data.split()


def chain(saver: InMemorySaver, **nodes: Any) -> Any:
    builder = StateGraph(State)
    for name, node in nodes.items():
        builder.add_node(name, node)
    for one, other in zip([START, *nodes], [*nodes, END], strict=True):
        builder.add_edge(one, other)
    return builder.compile(checkpointer=saver)


def says(*words: str) -> Any:
    return lambda _state: {"log": list(words)}


def fails(_state: Any) -> Any:
    raise ValueError(f"no more {EVIL} sk-now")


@pytest.fixture
def stored() -> InMemorySaver:
    graph = chain(saver := InMemorySaver(), plan=says("plan"), act=says("act"))
    for thread_id in ("one", "two", EVIL):
        graph.invoke({"log": ["asked"]}, {"configurable": {"thread_id": thread_id}})
    return saver


def test_what_parted_is_told_with_where_why_and_how(stored: InMemorySaver, tmp_path: Path) -> None:
    new = chain(stored, plan=says("plan"), act=says("another act"))
    replay = lgviz.replay(new, stored, threads=["one", "two"], live="act")
    same = lgviz.replay(chain(stored, plan=says("plan"), act=says("act")), stored, threads="two")
    replay = Replay({**replay, **same})
    replay.export_html(tmp_path / "report.html", "app:graph on prod.db")
    text = Page((tmp_path / "report.html").read_text(encoding="utf-8")).text
    assert text.startswith("1 of 2 threads did not come out the same · app:graph on prod.db 1 of 2 threads")
    assert "1 parted 1 same 3 tasks served 1 ran" in text
    assert "one 1 served, 1 ran at c3 'act' gave another log[2] log[2]" in text
    assert '− "act" + "another act"' in text
    assert "Ran: act ✓ Same 1 Which ones two 2 served, 0 ran" in text
    assert "tokens" not in text and "Stopped" not in text


def test_each_branch_is_told(stored: InMemorySaver) -> None:
    here: Any = {"configurable": {"thread_id": "one"}}
    graph = chain(stored, plan=says("plan"), act=says("act"))
    (start,) = [each for each in graph.get_state_history(here) if each.next == ("plan",)]
    fork = graph.update_state(start.config, {"log": ["other plan"]}, as_node="plan")
    graph.invoke(None, fork)
    act = lambda state: {"log": ["act" if "plan" in state["log"] else "another act"]}  # noqa: E731
    replay = lgviz.replay(chain(stored, plan=says("plan"), act=act), stored, threads="one", live="act")
    heads = lgviz.history(graph, "one").heads
    assert [branch.verdict for branch in replay["one"].branches] == ["same", "parted"]
    text = Page(replay.to_html()).text
    assert (
        f"✓ Branch to {heads[0].label}: same ≠ Branch to {heads[1].label}: parted at {heads[1].label}" in text
    )


def test_what_failed_stopped_or_is_not_known_is_told(stored: InMemorySaver) -> None:
    failing = lgviz.replay(chain(stored, plan=says("plan"), act=fails), stored, threads="one", live="act")
    graph = chain(unsaved := InMemorySaver(), plan=says("plan"), act=says("act"))
    graph.invoke({}, {"configurable": {"thread_id": "three"}}, durability="exit")
    unknown = lgviz.replay(graph, unsaved)
    text = Page(Replay({**unknown, **failing}, stopped=True).to_html()).text
    assert "2 of 2 threads did not come out the same 1 failed 1 unknown" in text
    assert "✕ Failed 1 one 1 served, 1 ran at c3 it raised ValueError: no more <script>" in text
    assert f"at {unknown['three'].parted_at} {unknown['three'].reason}" in text
    assert "Stopped early" in text


def test_the_title_tells_how_it_came_out(stored: InMemorySaver) -> None:
    graph = chain(stored, plan=says("plan"), act=says("act"))
    assert "<h1>All 3 threads came out the same</h1>" in lgviz.replay(graph, stored).to_html()
    (one,) = lgviz.replay(graph, stored, threads="one").items()
    assert "<h1>1 thread came out the same</h1>" in Replay([one]).to_html()
    assert "<h1>No thread was replayed</h1>" in Replay({}).to_html()


def test_nothing_of_a_thread_becomes_html(stored: InMemorySaver) -> None:
    graph = chain(stored, plan=says("plan"), act=says(EVIL))
    for replay in (
        lgviz.replay(graph, stored, live="act"),
        lgviz.replay(chain(stored, plan=says("plan"), act=fails), stored, live="act"),
    ):
        html = replay.to_html(EVIL)
        page = Page(html)
        assert not {"script", "img"} & set(page.tags)
        assert not {name for name in page.attributes if name.startswith("on")}
        assert "\u202e" not in html
        assert page.text.count("<script>alert(1)</script>") > 3
        assert "default-src 'none'; style-src 'unsafe-inline'" in html


def test_tokens_that_were_not_bought_are_counted() -> None:
    used = {"input_tokens": 1500, "output_tokens": 340, "total_tokens": 1840}
    builder = StateGraph(MessagesState)
    builder.add_node("model", lambda _state: {"messages": [AIMessage("hi", usage_metadata=used)]})
    builder.add_edge(START, "model")
    graph = builder.compile(checkpointer=InMemorySaver())
    for thread_id in ("1", "2"):
        graph.invoke({"messages": "hello"}, {"configurable": {"thread_id": thread_id}})
    replay = lgviz.replay(graph, graph)
    assert (replay["1"].tokens, replay.tokens) == (1840, 3680)
    assert "2 tasks served 0 ran 3,680 tokens not bought" in Page(replay.to_html()).text
    assert lgviz.replay(graph, graph, live="model").tokens == 0
    recorded = replace(replay["1"], answered=Counter(plan=2))
    assert "1,840 tokens not bought" in (text := Page(Replay({"1": recorded}).to_html()).text)
    assert "1 task served 0 ran 2 model calls answered" in text


def test_a_message_that_is_written_again_was_bought_once() -> None:
    used = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}

    def model(state: MessagesState) -> Any:
        said = state["messages"]
        return {"messages": [*said, AIMessage("hi", id=f"ai-{len(said)}", usage_metadata=used)]}

    builder = StateGraph(MessagesState)
    builder.add_node("model", model)
    builder.add_node("again", lambda state: {"messages": state["messages"]})
    builder.add_edge(START, "model")
    builder.add_edge("model", "again")
    graph = builder.compile(checkpointer=InMemorySaver())
    for _ in range(3):
        graph.invoke({"messages": "hello"}, {"configurable": {"thread_id": "1"}})
    assert lgviz.replay(graph, graph).tokens == 3 * 2
    second = next(each for each in lgviz.history(graph, "1") if each.next == ("model",) and each.step > 2)
    spared = lgviz.run(graph, second, reuse=True).spared
    assert spared is not None and spared.total == 2


def test_what_is_masked_is_masked_in_it(stored: InMemorySaver) -> None:
    masked = lgviz.open_source(stored, redact=[re.compile("sk-[a-z]+"), re.compile("one|two")])
    told = lgviz.replay(chain(stored, plan=says("plan"), act=says("sk-now")), masked, live="act")
    failed = lgviz.replay(chain(stored, plan=says("plan"), act=fails), masked, live="act")
    same = lgviz.replay(chain(stored, plan=says("plan"), act=says("act")), masked)
    for replay in (told, failed, same):
        text = Page(replay.to_html()).text
        assert " tasks served" in text
        assert "sk-now" not in text and not {"one", "two"} & set(text.split() + repr(replay).split())


def test_what_kept_a_thread_from_being_replayed_is_masked(stored: InMemorySaver) -> None:
    masked = lgviz.open_source(stored, redact=[re.compile("sk-[a-z]+")])
    work = ThreadWork.of(chain(stored, plan=says("plan"), act=says("act")), masked, None)
    found = work.unreplayed("one", ValueError("no key sk-now"))
    assert found.verdict == "unknown" and "ValueError: no key " in found.reason
    assert "sk-now" not in found.reason + Page(Replay({"one": found}).to_html()).text


def test_a_page_of_many_threads_stays_small(stored: InMemorySaver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lgviz.replaying.report._DIFFS", 500)
    monkeypatch.setattr("lgviz.replaying.report._OPEN", 1)
    monkeypatch.setattr("lgviz.replaying.report._SAME", 2)
    graph = chain(stored, plan=says("plan"), act=says("word " * 500))
    parted = lgviz.replay(graph, stored, live="act")
    html = parted.to_html()
    assert html.count("<details") == 3 and html.count(" open>") == 1
    assert Page(html).text.count("The difference is left out, for the page is long") == 2
    same = lgviz.replay(chain(stored, plan=says("plan"), act=says("act")), stored)
    assert "and 1 more" in Page(same.to_html()).text
