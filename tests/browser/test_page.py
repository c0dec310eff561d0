"""A saved page, opened from the disk with the network off: it reads as the debugger does, and does not act."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, expect

import lgviz
from lab_server import Lab
from lgviz.demos import agent, approval
from lgviz.persistence import InMemoryStore, MemorySaver
from tests.support.debugger_page import SETUP, Debugger, seeded
from tests.support.lab import NotebookFactory

ACTS = (
    "start",
    "run-here",
    "fork-open",
    "step",
    "resume",
    "more",
    "copy-code",
    "answer-anew",
    "edit",
    "memory-add",
)


def test_a_page_reads_from_the_disk_without_a_network_and_has_no_dead_button(
    chromium: Browser, tmp_path: Path
) -> None:
    store = InMemoryStore()
    store.put(("users", "ann"), "likes", {"dish": "soup"})
    graph = agent.build(MemorySaver())
    agent.seed(graph, thread_id="1")
    debugger = lgviz.debug(graph, "1", store=store)
    debugger.export_html(tmp_path / "thread.html", quiet=True)
    debugger.close()
    asked: list[str] = []
    for scheme in ("light", "dark"):
        context = chromium.new_context(color_scheme=scheme, offline=True)
        page = context.new_page()
        wrong: list[str] = []
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)  # noqa: B023
        page.on("pageerror", lambda error: wrong.append(str(error)))  # noqa: B023
        page.on("request", lambda request: asked.append(request.url.partition(":")[0]))
        page.goto((tmp_path / "thread.html").as_uri())
        shown = Debugger(page)
        expect(shown.root.get_by_test_id("lgviz-row")).to_have_count(21)
        shown.select("c8")
        expect(shown.tab("state")).to_contain_text("could not rebook you")
        shown.inspector.get_by_test_id("lgviz-gutter").click()
        origin = shown.inspector.locator('[data-channel="reservation"]').get_by_test_id("lgviz-origin").first
        expect(origin).to_have_attribute("data-label", "c3")
        origin.click()
        expect(shown.row("c3")).to_have_attribute("aria-selected", "true")
        shown.select("c8")
        for act in ACTS:
            expect(page.get_by_test_id(f"lgviz-{act}")).to_have_count(0)
        expect(shown.tab("diff")).to_contain_text("one added")
        shown.row("c20").click(modifiers=["Control"])
        expect(shown.inspector.get_by_test_id("lgviz-diff-change").first).to_be_visible()
        expect(shown.tab("diff")).to_contain_text("reservation")
        expect(shown.root.get_by_test_id("lgviz-tab-compare")).to_have_text("Compare c6 ≠ c17")
        compared = shown.tab("compare")
        expect(compared.get_by_test_id("lgviz-compare-step")).to_have_count(4)
        compared.get_by_role("button", name="all 3 branches").click()
        expect(compared.get_by_test_id("lgviz-branches")).to_contain_text("parts at c9")
        expect(shown.tab("writes")).to_contain_text("agent")
        expect(shown.tab("raw")).to_contain_text('"channel_values"')
        shown.tab("memory")
        expect(shown.memory_item("likes")).to_be_visible()
        page.keyboard.press("/")
        page.keyboard.type("Ana Sousa")
        expect(page.get_by_role("option").first).to_contain_text("Ana Sousa")
        assert wrong == []
        context.close()
    assert set(asked) <= {"file", "blob"}


def test_what_history_answered_is_told(chromium: Browser, tmp_path: Path) -> None:
    graph = agent.build(MemorySaver())
    agent.seed(graph, thread_id="1")
    run = lgviz.run(graph, "c1", reuse=True, thread_id="1")
    assert run.served.total() == 7
    lgviz.history(graph, "1").export_html(tmp_path / "thread.html", quiet=True)
    page = chromium.new_page()
    page.goto((tmp_path / "thread.html").as_uri())
    shown = Debugger(page)
    expect(shown.root.get_by_test_id("lgviz-row").filter(has_text="served")).to_have_count(7)
    shown.select("c26")
    expect(shown.tab("tasks").get_by_test_id("lgviz-served")).to_be_visible()
    page.close()


def test_questions_are_read_and_not_answered(chromium: Browser, tmp_path: Path) -> None:
    graph = approval.build(MemorySaver())
    approval.seed(graph, thread_id="1")
    h = lgviz.history(graph, "1")
    asking = next(c for c in h if c.interrupts)
    h.export_html(tmp_path / "thread.html", selected=asking.label, quiet=True)
    page = chromium.new_page()
    page.goto((tmp_path / "thread.html").as_uri())
    shown = Debugger(page)
    expect(shown.row(asking.label)).to_have_attribute("aria-selected", "true")
    expect(shown.inspector.get_by_test_id("lgviz-interrupt")).to_be_visible()
    expect(shown.inspector.locator("textarea:visible, [data-decision]:visible")).to_have_count(0)
    page.close()


def test_a_debugger_says_what_a_file_contains_and_writes_it_beside_the_notebook(
    notebook: NotebookFactory, chromium: Browser, lab: Lab
) -> None:
    page = notebook([SETUP, seeded("agent"), "%lgviz graph --thread 1 --redact plan"])
    shown = Debugger(page)
    expect(shown.row("c20")).to_be_visible()
    shown.root.get_by_test_id("lgviz-menu").click()
    shown.root.get_by_test_id("lgviz-export-open").click()
    dialog = page.get_by_role("dialog", name="Export the thread")
    contents = dialog.get_by_test_id("lgviz-export-contents")
    expect(contents).to_contain_text("Checkpoints21Messages16Memory itemsnone")
    expect(contents).to_contain_text("Masked by 1 rule of redaction.")
    path = dialog.get_by_test_id("lgviz-export-path")
    expect(path).to_have_value("thread-1.html")
    assert not (lab.root / "thread-1.html").exists()
    dialog.get_by_test_id("lgviz-export-mask").fill("messages.*.content")
    page.keyboard.press("Tab")
    expect(contents).to_contain_text("Masked by 2 rules")
    dialog.get_by_test_id("lgviz-export-write").click()
    file = lab.root / "thread-1.html"
    expect(dialog.get_by_test_id("lgviz-export-written")).to_contain_text(f"Written to {file}")
    # By keys alone: another format, a name that is taken, then replaced.
    dialog.get_by_role("button", name="Another").press("Enter")
    dialog.get_by_role("radio", name="HTML page").press("ArrowDown")
    expect(path).to_have_value("thread-1.lgviz")
    expect(contents).to_contain_text("Size")
    path.fill("thread-1.html")
    path.press("Enter")
    expect(dialog.get_by_role("alert")).to_have_text("There is such a file.")
    assert file.read_bytes().startswith(b"<!DOCTYPE html>")
    path.fill("bug.lgviz")
    path.press("Enter")
    expect(dialog.get_by_test_id("lgviz-export-written")).to_contain_text("bug.lgviz")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    masked = lgviz.history(lab.root / "bug.lgviz")["c20"].values
    assert masked["plan"] == "‹redacted›" and masked["messages"][-1].content == "‹redacted›"
    saved = chromium.new_page()
    saved.goto(file.as_uri())
    expect(Debugger(saved).row("c20")).to_be_visible()
    expect(Debugger(saved).tab("state")).to_contain_text("‹redacted›")
    saved.close()
