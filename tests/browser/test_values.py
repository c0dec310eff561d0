"""Big and rich values in a real JupyterLab: drawn from what the state holds; nothing runs, nothing is fetched."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from tests.support.debugger_page import SETUP, Debugger
from tests.support.lab import NotebookFactory, run_all
from tests.support.pictures import PNG, SVG, uri

AXE = Path(__file__).parents[2] / "js" / "node_modules" / "axe-core" / "axe.min.js"
RUN = """async (root) => (await axe.run(root, {resultTypes: ["violations"]})).violations.flatMap((rule) =>
    rule.nodes.map((node) => `${rule.id}: ${node.html.slice(0, 160)}`))"""

MARKDOWN = """# Offer

A **cheap** [seat](http://pictures.example/link) ![map](http://pictures.example/map.png)

<img src="http://pictures.example/html.png" onerror="document.title='ran'"><script>document.title='ran'</script>
"""

GRAPH = f"""
from typing import Annotated, Any, TypedDict
import pandas as pd
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages

from lgviz.persistence import SqliteSaver as OwnSaver

saver = OwnSaver(sqlite3.connect(file, check_same_thread=False))

class State(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]
    fares: Any
    logo: bytes
    report: str

report = "".join(f"line {{i}} of the report\\n" for i in range(2_000))

def first(state):
    asked = HumanMessage([
        {{"type": "text", "text": "What is this?"}},
        {{"type": "image_url", "image_url": {{"url": {uri("image/png", PNG)!r}}}}},
        {{"type": "image_url", "image_url": {{"url": "http://pictures.example/remote.png"}}}},
    ])
    fares = pd.DataFrame({{"city": ["Rome", "Oslo"] * 30, "fare": range(60)}})
    return {{"messages": [asked, AIMessage({MARKDOWN!r})], "fares": fares, "logo": {SVG!r}, "report": report}}

def second(state):
    return {{"report": report.replace("line 900 of", "row 900 of")}}

builder = StateGraph(State)
builder.add_node("first", first)
builder.add_node("second", second)
builder.add_edge(START, "first")
builder.add_edge("first", "second")
graph = builder.compile(checkpointer=saver)
done = graph.invoke({{"messages": []}}, {{"configurable": {{"thread_id": "1"}}}})
"""


def test_values_are_shown_as_what_they_are(notebook: NotebookFactory) -> None:
    page = notebook([SETUP, GRAPH, "%lgviz graph"], run=False)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    run_all(page)
    debugger = Debugger(page)
    debugger.select("c3")
    state = debugger.tab("state")
    picture = state.get_by_test_id("lgviz-media").locator("img").first
    expect(picture).to_have_js_property("naturalWidth", 3)
    expect(state.get_by_test_id("lgviz-markdown").locator("strong")).to_have_text("cheap")
    expect(state).to_contain_text("http://pictures.example/remote.png")
    expect(state).to_contain_text("<script>document.title='ran'</script>")
    table = state.get_by_test_id("lgviz-table")
    expect(table.get_by_role("row")).to_have_count(9)
    table.get_by_role("button", name="show 50 more rows of 52").click()
    expect(table.get_by_role("row")).to_have_count(59)
    logo = state.locator('[data-channel="logo"]')
    expect(logo.locator("img")).to_have_count(0)
    logo.get_by_role("button", name="show the picture").click()
    expect(logo.locator("img")).to_have_js_property("naturalWidth", 8)
    debugger.root.get_by_test_id("lgviz-expand-all").click()
    expect(state).to_contain_text("line 3 of the report")
    page.add_script_tag(path=AXE)
    assert debugger.root.evaluate(RUN) == []
    debugger.root.get_by_test_id("lgviz-rendered").click()
    expect(state).to_contain_text("A **cheap** [seat](http://pictures.example/link)")
    expect(state.get_by_test_id("lgviz-markdown")).to_have_count(0)

    diff = debugger.tab("diff")
    expect(diff).to_contain_text("−line 900 of the report")
    expect(diff).to_contain_text("+row 900 of the report")
    expect(diff).not_to_contain_text("line 100 of the report")
    diff.get_by_test_id("lgviz-fold").first.click()
    expect(diff).to_contain_text("line 100 of the report")
    assert debugger.root.evaluate(RUN) == []
    assert page.title() != "ran"
    assert [url for url in asked if "pictures.example" in url] == []


def test_of_a_file_only_text_is_drawn_until_one_asks(notebook: NotebookFactory) -> None:
    page = notebook([SETUP, GRAPH, "%lgviz {file}"])
    debugger = Debugger(page)
    debugger.select("c3")
    state = debugger.tab("state")
    expect(state).to_contain_text("A **cheap** [seat](http://pictures.example/link)")
    expect(state.get_by_test_id("lgviz-media").first).to_contain_text("image/png · 3 × 2")
    expect(state.locator("img")).to_have_count(0)
    debugger.root.get_by_test_id("lgviz-rendered").click()
    expect(state.locator("img").first).to_have_js_property("naturalWidth", 3)
    expect(state.get_by_test_id("lgviz-markdown").locator("strong")).to_have_text("cheap")
