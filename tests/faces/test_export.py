"""The tree in characters and the script-free HTML, on real histories."""

from __future__ import annotations

import importlib
import re
from html import unescape
from html.parser import HTMLParser
from typing import Annotated, Any, TypedDict

import nbformat
import pytest
from langchain_core.messages import AnyMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph, add_messages
from nbconvert import HTMLExporter

import lgviz
from lgviz.analysis import style
from lgviz.analysis.history import History, open_history
from lgviz.export.html import static_html
from lgviz.export.rails import rails, window
from lgviz.export.text import tree_text

EVIL = "<img src=x onerror=alert(1)>"
DEMOS = ["two_nodes", "chat", "agent", "approval", "subgraph"]


def history_of(name: str) -> History:
    demo = importlib.import_module(f"lgviz.demos.{name}")
    graph = demo.build(InMemorySaver())
    demo.seed(graph)
    return open_history(graph)


@pytest.fixture(scope="module", params=DEMOS)
def history(request: pytest.FixtureRequest) -> History:
    return history_of(request.param)


class State(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]
    notes: dict[str, Any]


def hostile() -> History:
    """A state in which every text wants to be HTML."""

    def node(state: State) -> dict[str, Any]:
        said = HumanMessage(EVIL, id=EVIL, name=EVIL)
        return {"messages": [said], "notes": {EVIL: [EVIL, {EVIL: EVIL}], "rest": EVIL * 3}}

    graph = StateGraph(State).add_node(EVIL, node).add_edge(START, EVIL).compile(checkpointer=InMemorySaver())
    graph.invoke({"messages": [("user", EVIL)]}, {"configurable": {"thread_id": EVIL}})
    return open_history(graph)


class Strict(HTMLParser):
    """Collects tags and attributes; every tag must be closed."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def parsed(page: str) -> Strict:
    parser = Strict()
    parser.feed(page)
    parser.close()
    assert not parser.open
    return parser


# ---------------------------------------------------------------- text


def test_text_has_a_line_for_each_checkpoint_newest_on_top(history: History) -> None:
    tree = history.tree
    lines = tree_text(tree, limit=1_000).splitlines()
    assert len(lines) == len(tree)
    for row, line in enumerate(reversed(lines)):
        assert re.search(rf"(^|\s){re.escape(tree.labels[row])}(\s|$)", line), line
        assert len(line) <= 80
        for name in tree.nodes[row]:
            assert name in line
    assert sum("[head]" in line for line in lines) == len(history.heads)


def test_text_of_a_known_tree() -> None:
    rails_only = [
        line[:4].rstrip() for line in tree_text(history_of("chat").tree, selected="c12").splitlines()
    ]
    assert rails_only == ["  ◉", "  ●", "  ●", "  ●", *["● │"] * 6, "●─╯", "●", "●"]


def test_rails_of_any_window_are_those_of_the_whole(history: History) -> None:
    tree = history.tree
    whole = {rail.row: rail for rail in rails(tree, range(len(tree)))}
    for start in range(len(tree)):
        for stop in range(start + 1, len(tree) + 1):
            for rail in rails(tree, range(start, stop)):
                assert rail == whole[rail.row]


def test_every_edge_is_drawn(history: History) -> None:
    tree = history.tree
    drawn = {rail.row: rail for rail in rails(tree, range(len(tree)))}
    for row, parent in enumerate(tree.parent):
        if parent < 0:
            assert not drawn[row].down
            continue
        lane = tree.lane[row]
        assert drawn[row].down
        assert all(
            lane in (*drawn[between].through, tree.lane[between]) for between in range(parent + 1, row)
        )
        assert lane in drawn[parent].joins or (lane == tree.lane[parent] and drawn[parent].up)


def test_text_is_windowed_around_the_selection() -> None:
    tree = history_of("agent").tree
    assert tree_text(tree, limit=5).splitlines()[-1] == f"  … {len(tree) - 5} older"
    text = tree_text(tree, selected="c2", limit=5)
    assert "◉" in text and "newer" in text and len(text.splitlines()) <= 7
    assert [*window(10, 4, None)] == [6, 7, 8, 9] and 0 in window(10, 4, 0) and len(window(10, 4, 0)) == 4


# ---------------------------------------------------------------- HTML


def test_html_shows_tree_state_and_diff(history: History) -> None:
    page = static_html(history)
    tree = history.tree
    found = parsed(page)
    assert {"svg", "details", "summary", "style"} <= found.tags and "script" not in found.tags
    assert len(re.findall(r'class="lg-row[ "]', page)) == len(tree)
    for label in tree.labels:
        assert f">{label}</span>" in page
    assert ">Diff <" in page and ">State <" in page
    assert f"{history.latest.parent.label} → {history.latest.label}" in page  # type: ignore[union-attr]


def test_html_tells_why_the_nodes_ran() -> None:
    history = history_of("two_nodes")
    html = static_html(history, history["c3"].id)
    assert "<summary>Why <i>edge</i></summary>" in html
    told = re.sub("<[^>]*>", "", html[html.index("<summary>Why") :])
    assert "node_b ran after node_a (c2), by the edge that leads from it." in told
    assert "<summary>Why" not in static_html(history, history["c0"].id)


def test_html_compares_what_is_asked_for() -> None:
    history = history_of("two_nodes")
    page = static_html(history, selected=history["c3"].id, compared=history["c1"].id)
    assert "c1 → c3" in page and "lg-row lg-cmp" in page
    assert "node_b" in page


def test_a_note_is_read_in_its_row_and_whole_beside_it() -> None:
    demo = importlib.import_module("lgviz.demos.two_nodes")
    graph = demo.build(InMemorySaver())
    demo.seed(graph)
    note = "tries\nwhat <b>Ada</b> said " + "and more " * 20
    forked = lgviz.fork(graph, "c1", {"foo": "x"}, as_node="node_a", note=note, thread_id="1")
    h = open_history(graph)
    assert "[✎ tries what <b>Ada</b> said and more" in tree_text(h.tree, width=200)
    html = static_html(h, forked.id)
    [row] = [
        part for part in html.split('<div class="lg-row') if f">{forked.label}<" in part.split("</div>")[0]
    ]
    marks = re.findall(r'<i class="lg-mark lg-note">(.*?)</i>', row.split("</div>")[0])
    assert [unescape(mark) for mark in marks] == [
        "✎ tries what <b>Ada</b> said and more and more and more and more and more and mor…"
    ]
    [whole] = re.findall(r'<div class="lg-noted">(.*?)</div>', html, re.S)
    assert unescape(whole) == f"✎ {note}"


@pytest.mark.parametrize("palette", [style._LIGHT, style._DARK], ids=["light", "dark"])
@pytest.mark.parametrize("text", ["mute", "text", "warn", "del"])
def test_what_the_selected_row_says_can_be_read(palette: str, text: str) -> None:
    colors = dict(re.findall(r"--([\w-]+):(?:var\([^,]+,)?(#\w+)", palette))
    [selected] = re.findall(r"\.lg-sel\{(.+?)\}", style.PAGE, re.S)
    assert "--faint:var(--mute)" in selected
    assert "--chip:var(--bg)" in selected
    grounds = {"warn": ["warn-bg"], "del": ["del-bg"]}.get(text, ["soft", "bg"])
    for ground in grounds:
        assert contrast(colors[text], colors[ground]) >= 4.5, ground


def contrast(one: str, other: str) -> float:
    """How far two colors are apart, as WCAG counts it; 4.5 is asked for text."""
    light, dark = sorted(map(luminance, (one, other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(color: str) -> float:
    digits = color[1:] if len(color) == 7 else "".join(2 * digit for digit in color[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_html_escapes_everything() -> None:
    page = static_html(hostile())
    found = parsed(page)
    assert "img" not in found.tags and "script" not in found.tags
    assert not [name for name in found.attributes if name.startswith("on") or name in ("href", "src")]
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert EVIL in tree_text(hostile().tree)


def test_html_is_bounded() -> None:
    def node(state: State) -> dict[str, Any]:
        if len(state["messages"]) < 237:
            return {"messages": [HumanMessage("word", id=str(i + len(state["messages"]))) for i in range(3)]}
        said = [HumanMessage("word " * 20_000, id=f"last-{i}") for i in range(100)]
        return {"messages": said, "notes": {f"k{i}": ["v" * 5_000] * 100 for i in range(200)}}

    graph = StateGraph(State).add_node(node).add_edge(START, "node").compile(checkpointer=InMemorySaver())
    for _ in range(80):
        graph.invoke({"notes": {}}, {"configurable": {"thread_id": "1"}})
    history = open_history(graph)
    assert len(history) == 240
    page = static_html(history)
    parsed(page)
    assert len(page.encode()) < 300_000
    assert "earlier messages" in page


def test_a_deleted_checkpoint_says_so() -> None:
    history = history_of("chat")
    selected = history["c5"].id
    history.source.saver.delete_thread(history.thread_id)
    page = static_html(history, selected=selected)
    assert "is no longer in thread" in page and page.count("lg-row") > 5
    parsed(page)


def test_nbconvert_keeps_it() -> None:
    history = history_of("approval")
    page = static_html(history)
    output = nbformat.v4.new_output("display_data", {"text/html": page, "text/plain": "tree"})
    cell = nbformat.v4.new_code_cell("dbg", outputs=[output])
    kept, _ = HTMLExporter().from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))
    assert words_of(page) in words_of(kept)
    assert kept.count("<svg") >= page.count("<svg") == len(history.tree) and "lgviz-static" in kept
    cleaned, _ = HTMLExporter(sanitize_html=True).from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))
    text = words_of(cleaned)
    for label, nodes in zip(history.tree.labels, history.tree.nodes, strict=True):
        assert label in text and all(name in text for name in nodes)


def words_of(page: str) -> str:
    """The text of a page without its tags and styles."""
    shown = re.sub(r"<style>.*?</style>", " ", page, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", shown)).split())


def test_two_static_views_on_a_page_share_no_id(history: History) -> None:
    page = static_html(history) + static_html(history, selected="c1") + static_html(history_of("fan_out"))
    ids = re.findall(r'\sid="([^"]*)"', page)
    referred = re.findall(
        r'(?:\sfor="|\saria-(?:controls|labelledby|describedby|activedescendant|owns)="|href="#|url\(#)([^")]*)',
        page,
    )
    assert len(ids) == len(set(ids)) and set(referred) <= set(ids)


def test_a_style_holds_for_the_outputs_of_its_own_version_only(history: History) -> None:
    for page in (static_html(history), history.diff("c1", "c2")._repr_html_()):
        [(root, style)] = re.findall(
            r'^<div class="(lgviz-static-[0-9a-f]{8})[^>]*><style>(.*?)</style>', page, re.DOTALL
        )
        rules = re.sub(r"@media[^{]*\{(.*?\})\}", r"\1", style)
        selectors = [
            one
            for text in re.findall(r"([^{}]+)\{[^{}]*\}", rules)
            for one in re.split(r",(?![^()]*\))", text)
        ]
        assert len(selectors) > 20
        assert [one for one in selectors if f".{root}" not in one] == []
