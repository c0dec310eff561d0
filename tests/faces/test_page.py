"""A thread as one HTML file: what is in it, that nothing of it becomes code, what is told of it."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph

import lgviz
from lgviz.backend import Backend
from lgviz.demos import DEMOS, agent, memory
from lgviz.files import prepare
from lgviz.page.parts import Parts
from lgviz.persistence import InMemoryStore, MemorySaver
from tests.support.pages import data_of

EVIL = "</script><!--<script>alert(1)</script> \u2028 \u2029 <img src=x onerror=alert(1)>"


@pytest.mark.parametrize("name", list(DEMOS))
def test_a_page_holds_what_the_backend_answers(name: str) -> None:
    demo = DEMOS[name]
    graph = demo.build(MemorySaver())
    demo.seed(graph, thread_id="1")
    h = lgviz.history(graph, "1")
    data = data_of(h.to_html())
    backend = Backend(graph)
    opened = backend.request("thread_open", thread_id="1")
    assert data["opened"]["tree"] == opened["tree"]
    assert data["opened"]["read_only"] and data["opened"]["sandbox"] is None
    for id_, row in zip(opened["tree"]["ids"], data["rows"], strict=True):
        view = backend.request("checkpoint_get", checkpoint=id_)
        shown = [(c["name"], c["value"]["text"], c["value"]["kind"]) for c in row["view"]["channels"]]
        assert shown == [(c["name"], c["value"]["text"], c["value"]["kind"]) for c in view["channels"]]
        assert {**row["view"], "channels": 0} == {**view, "channels": 0}
        assert row["diff"] == backend.request("diff_get", before=None, after=id_, internal=True)
        assert row["writes"] == backend.request("writes_get", checkpoint=id_)
        assert row["tasks"] == backend.request("tasks_get", checkpoint=id_)
        assert row["why"] == backend.request("why_get", checkpoint=id_)
        assert row["told"] == backend.request("narration_get", checkpoint=id_)
    assert data["marks"] == backend.request("rows_marks", checkpoints=opened["tree"]["ids"])
    backend.close()


def test_a_page_holds_the_newest_branches_compared_and_those_that_were_chosen() -> None:
    graph = agent.build(MemorySaver())
    agent.seed(graph, thread_id="1")
    h = lgviz.history(graph, "1")
    made = prepare(h, "html", selected="c20", compared="c7")
    data = data_of(made.content.decode())
    label = {checkpoint.id: checkpoint.label for checkpoint in h.all}
    ends = {ends: tuple(ends.split()) for ends in data["comparisons"]}
    pairs = {("c7", "c20"), ("c8", "c16"), ("c8", "c20"), ("c16", "c20")}
    assert {(label[left], label[right]) for left, right in ends.values()} == pairs
    backend = Backend(graph)
    backend.request("thread_open", thread_id="1")
    for key, (left, right) in ends.items():
        assert data["comparisons"][key] == backend.request("compare_get", left=left, right=right)
    assert data["branches"] == backend.request("branches_get")
    backend.close()


def test_memory_is_there_as_of_each_checkpoint() -> None:
    graph = memory.build(MemorySaver(), InMemoryStore())
    memory.seed(graph, thread_id="1")
    h = lgviz.history(graph, "1")
    data = data_of(h.to_html())["memory"]
    assert data["open"]["store"] == type(graph.store).__name__
    for checkpoint, row in zip(range(len(h.tree)), data["rows"], strict=True):
        store = graph.store.as_of(h.checkpoint_at(checkpoint))
        there = {(item.namespace, item.key) for item in store.search((), limit=100)}
        assert {(tuple(one["item"]["namespace"]), one["item"]["key"]) for one in row["items"]} == there
    assert {len(listed["values"]) == listed["total"] for listed in data["versions"].values()} == {True}


class Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.scripts: list[dict[str, str | None]] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "script":
            self.scripts.append(dict(attrs))


def test_nothing_of_a_thread_becomes_html_or_code() -> None:
    builder = StateGraph(dict)
    builder.add_node("n", lambda state: {EVIL: [EVIL], "b": EVIL.encode("utf-8", "replace")})
    builder.add_edge(START, "n")
    graph = builder.compile(checkpointer=InMemorySaver())
    graph.invoke({"a": EVIL}, {"configurable": {"thread_id": EVIL}})
    html = lgviz.history(graph).to_html()
    found = Elements()
    found.feed(html)
    assert [one.get("type") for one in found.scripts] == ["application/octet-stream"] * 2 + [None]
    assert "img" not in found.tags
    assert html.count("alert(1)") == html.count("&lt;script&gt;alert(1)") + html.count("onerror=alert(1)&gt;")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)
    assert policy is not None and "default-src 'none'" in policy[1]
    assert "connect-src" not in policy[1] and "unsafe-eval" not in policy[1] and "http" not in policy[1]
    assert EVIL[:20] in json.dumps(data_of(html)["rows"], ensure_ascii=False)


def test_what_a_page_contains_is_told_before_it_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = InMemoryStore()
    store.put(("a",), "k", {"x": 1})
    graph = agent.build(MemorySaver())
    agent.seed(graph, thread_id="1")
    dbg = lgviz.debug(graph, "1", store=store, redact=["plan"])
    dbg.selected = "c3"
    path = tmp_path / "thread.html"
    made = dbg.export_html(path)
    text = path.read_text(encoding="utf-8")
    assert made.size == path.stat().st_size
    said = f"21 checkpoints, 16 messages, 1 memory item; {made.size / 1000:,.0f} KB, redacted by 1 rule"
    assert capsys.readouterr().out == f"{path}: thread '1': {said}\n"
    assert repr(made) == f"<Page of thread '1': {said}, {path}>"
    assert "<td>" in made._repr_html_() or "16" in made._repr_html_()
    assert data_of(text)["opened"]["selected"] == dbg.selected
    plans = {
        c["value"]["text"]
        for row in data_of(text)["rows"]
        for c in row["view"]["channels"]
        if c["name"] == "plan"
    }
    assert plans == {"‹redacted›"}
    dbg.close()
    assert lgviz.history(graph, "1").export_html(path, quiet=True).rules == 0
    assert capsys.readouterr().out == ""


def test_a_list_that_grows_costs_what_it_grew_by() -> None:
    parts = Parts()
    items = [{"text": f"a text of its own, number {i}"} for i in range(2_000)]
    sizes = []
    for length in range(1_000, 2_000, 10):
        parts.add(items[:length])
        sizes.append(sum(map(len, parts.table)))
    grown = [after - before for before, after in pairwise(sizes)]
    assert max(grown) < 3_000
