"""The report of a replay in a browser: it runs nothing, fits a narrow window, and is read by everyone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from playwright.sync_api import Browser, expect

import lgviz
from lgviz.demos import chat
from tests.support.axe import AXE, RUN

EVIL = "<script>document.title = 'ran'</script><img src=x onerror=\"document.title = 'ran'\">"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    graph = chat.build(saver := InMemorySaver())
    for thread_id in ("same", EVIL, "long " + "x" * 300):
        graph.invoke({"messages": f"{thread_id} {EVIL}"}, {"configurable": {"thread_id": thread_id}})
    same = lgviz.replay(graph, saver, threads="same")
    changed = chat.build(InMemorySaver())
    answer: Any = changed.nodes["model"].bound
    answer.func = lambda _state: {"messages": [AIMessage(EVIL + "y" * 300)]}
    parted = lgviz.replay(changed, saver, threads=[EVIL, "long " + "x" * 300], live="model")
    path = tmp_path_factory.mktemp("report") / "report.html"
    lgviz.Replay({**same, **parted}).export_html(path, "app:graph on prod.db")
    return path


@pytest.mark.parametrize(("scheme", "width"), [("light", 1200), ("dark", 700), ("light", 390)])
def test_it_fits_runs_nothing_and_is_read_by_everyone(
    chromium: Browser, report: Path, scheme: Any, width: int
) -> None:
    context = chromium.new_context(
        color_scheme=scheme, offline=True, viewport={"width": width, "height": 900}, bypass_csp=True
    )
    page = context.new_page()
    page.goto(report.as_uri())
    expect(page.get_by_role("heading", level=1)).to_have_text("2 of 3 threads did not come out the same")
    assert page.title() == "2 of 3 threads did not come out the same · app:graph on prod.db"
    assert page.evaluate("document.documentElement.scrollWidth") == width
    expect(page.locator("del, ins").first).to_be_visible()
    expect(page.locator("details[open]")).to_have_count(3)
    page.get_by_text("Which ones").click()
    expect(page.locator("details[open]")).to_have_count(2)
    back = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (back == "rgb(255, 255, 255)") == (scheme == "light")
    page.add_script_tag(path=AXE)
    assert page.locator("body").evaluate(RUN) == []
    context.close()
