"""Pictures of every state of the debugger, in a real JupyterLab, into docs/images/ (``make screenshots``)."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from playwright.sync_api import Page, expect, sync_playwright

from lab_server import THEMES, running_lab
from tests.support.debugger_page import SETUP, Debugger, seeded
from tests.support.lab import add_cell, run_all, theme_name, wait_for_kernel, write_notebook
from tests.support.lab_fixtures import FLAGS

REPO = Path(__file__).resolve().parent.parent
OUT = REPO / "docs" / "images"
Show = Callable[[Debugger], None]


def state(debugger: Debugger) -> None:
    debugger.select("c5")
    debugger.tab("state")


def diff(debugger: Debugger) -> None:
    debugger.select("c12")
    debugger.tab("diff")


def compared(debugger: Debugger) -> None:
    debugger.select("c8")
    debugger.row("c20").click(modifiers=["ControlOrMeta"])
    expect(debugger.inspector.get_by_test_id("lgviz-diff-change").first).to_be_visible()


def fork(debugger: Debugger) -> None:
    debugger.fork("c5")
    debugger.write("plan", "look at the seats first")
    debugger.as_node("tools")
    expect(debugger.next).to_contain_text("agent")


def graph(debugger: Debugger) -> None:
    debugger.select("c4")
    debugger.root.get_by_role("button", name="Graph").click()
    expect(debugger.root.get_by_test_id("lgviz-topology-node").first).to_be_visible()


def searched(debugger: Debugger) -> None:
    debugger.search.fill("TP938")
    expect(debugger.root.get_by_test_id("lgviz-search-hit").first).to_be_visible()


def question(debugger: Debugger) -> None:
    debugger.select("c9")
    expect(debugger.root.get_by_test_id("lgviz-interrupt")).to_be_visible()


def decisions(debugger: Debugger) -> None:
    debugger.select("c2")
    refund, mail = debugger.root.get_by_test_id("lgviz-hitl-action").all()[:2]
    refund.get_by_role("button", name="approve").click()
    mail.get_by_role("button", name="edit").click()


def failed(debugger: Debugger) -> None:
    debugger.select("c2")
    debugger.tab("tasks")
    expect(debugger.inspector.get_by_test_id("lgviz-task").first).to_be_visible()


def inner(debugger: Debugger) -> None:
    debugger.select("c2.4")
    debugger.tab("diff")


def picker(debugger: Debugger) -> None:
    debugger.root.get_by_test_id("lgviz-thread-picker").click()
    expect(debugger.root.get_by_role("option").first).to_be_visible()


def error(debugger: Debugger) -> None:
    expect(debugger.error.first).to_be_visible()


def sandbox_fork(debugger: Debugger) -> None:
    debugger.fork("c14")
    said = '{"role": "user", "content": "I am vegan. Where should I have dinner?", "id": "human-9"}'
    debugger.write("messages", said)
    debugger.as_node("__start__")
    expect(debugger.next).to_contain_text("recall")


def sandbox(debugger: Debugger) -> None:
    sandbox_fork(debugger)
    debugger.root.get_by_test_id("lgviz-sandbox").click()
    expect(debugger.row("s4")).to_have_attribute("aria-selected", "true")
    debugger.select("s3")


def sandbox_conflict(debugger: Debugger) -> None:
    sandbox(debugger)
    add_cell(debugger.page, "graph.store.put(memory.facts_of('mia'), 'diet', {'text': 'everything'})")
    debugger.keep.click()
    expect(debugger.root.get_by_test_id("lgviz-sandbox-conflict")).to_be_visible()


def stepped(tab: str) -> Show:
    def show(debugger: Debugger) -> None:
        debugger.select("c14")
        debugger.tab(tab)

    return show


def memory(label: str, key: str | None = None, namespace: str = "users.mia.facts") -> Show:
    """The Memory tab at a checkpoint, with an item open."""

    def show(debugger: Debugger) -> None:
        debugger.select(label)
        debugger.tab("memory")
        expect(debugger.memory_item("diet").first).to_be_visible()
        if key is not None:
            debugger.memory_item(key, namespace).click()
            expect(debugger.inspector.get_by_test_id("lgviz-memory-open")).to_be_visible()

    return show


def memory_versions(debugger: Debugger) -> None:
    memory("c13", "diet")(debugger)
    version = debugger.inspector.get_by_test_id("lgviz-memory-version")
    version.first.get_by_role("button", name="Version 2").click()
    expect(debugger.inspector.get_by_test_id("lgviz-memory-version-diff")).to_contain_text("vegetarian")


def memory_edit(debugger: Debugger) -> None:
    memory("c11", "diet")(debugger)
    debugger.inspector.get_by_role("button", name="see now").click()
    debugger.inspector.get_by_test_id("lgviz-memory-edit").click()
    form = debugger.inspector.get_by_test_id("lgviz-memory-form")
    form.get_by_role("textbox").first.fill('{"text": "vegan", "said": "I eat fish again."}')
    expect(form.get_by_test_id("lgviz-diff-change").first).to_be_visible()


def memory_refused(debugger: Debugger) -> None:
    debugger.tab("memory")
    debugger.inspector.get_by_test_id("lgviz-memory-mode-filter").click()
    debugger.inspector.get_by_test_id("lgviz-memory-search").fill('{"text": {"$near": 9}}')
    expect(debugger.error.first).to_be_visible()


def memory_many(debugger: Debugger) -> None:
    debugger.tab("memory")
    debugger.inspector.get_by_test_id("lgviz-memory-search").fill("city 7")
    expect(debugger.root.get_by_test_id("lgviz-memory-item").first).to_be_visible()


AGENT = [SETUP, seeded("agent"), "%lgviz graph --thread 1"]
ONE = [SETUP, seeded("two_nodes"),
       "graph.update_state({'configurable': {'thread_id': 'one'}}, {'foo': '', 'bar': []}, as_node='node_a')",
       "%lgviz graph --thread one"]  # fmt: skip
LOOP = """
for n in range(400):
    graph.invoke({"messages": [("user", f"question {n}")]}, {"configurable": {"thread_id": "many"}})
"""
MANY = [SETUP, seeded("chat"), LOOP, "%lgviz graph --thread many"]

WAITING = f"""
import sys; sys.path.append({str(REPO)!r})
from tests.support.agents import ASK, CALLS, asking_agent
graph = asking_agent(saver, calls=CALLS[:2])
_ = graph.invoke(ASK, {{"configurable": {{"thread_id": "1"}}}})
"""

SHOTS: dict[str, tuple[list[str], Show]] = {
    "debugger": (AGENT, diff),
    "state": (AGENT, state),
    "compare": (AGENT, compared),
    "fork": (AGENT, fork),
    "graph": (AGENT, graph),
    "search": (AGENT, searched),
    "writes": (AGENT, stepped("writes")),
    "raw": (AGENT, stepped("raw")),
    "interrupt": ([SETUP, seeded("approval"), "%lgviz graph --thread 1"], question),
    "decisions": ([SETUP, WAITING, "%lgviz graph --thread 1"], decisions),
    "error": ([SETUP, seeded("fan_out"), "%lgviz graph --thread 1"], failed),
    "subgraph": ([SETUP, seeded("subgraph"), "%lgviz graph --thread 1"], inner),
    "picker": ([SETUP, seeded("chat") + "\nchat.seed(graph, thread_id='another')", "%lgviz graph"], picker),
    "unknown_thread": ([SETUP, seeded("chat"), "%lgviz graph --thread nowhere"], error),
    "one": (ONE, lambda debugger: debugger.select("c0")),
    "many": (MANY, lambda debugger: debugger.select("c1190")),
    "file": ([SETUP, seeded("agent"), "%lgviz {file}"], state),
}
MEMORY = [
    SETUP,
    """
from lgviz.demos import memory
from lgviz.persistence import InMemoryStore
graph = memory.build(saver, InMemoryStore())
memory.seed(graph, thread_id="1")
""",
    "%lgviz graph --thread 1",
]
FULL = """
for n in range(20_000):
    graph.store.put(("places", f"region {n % 40}"), f"k{n}", {"name": f"city {n}", "people": n * 37 % 9000})
"""
SHOTS |= {
    "memory": (MEMORY, memory("c9")),
    "memory_versions": (MEMORY, memory_versions),
    "sandbox": (MEMORY, sandbox),
    "sandbox_conflict": (MEMORY, sandbox_conflict),
    "sandbox_fork": (MEMORY, sandbox_fork),
    "memory_plain": ([SETUP, seeded("memory"), "%lgviz graph --thread 1"], memory("c11", "diet")),
    "memory_edit": (MEMORY, memory_edit),
    "memory_refused": (MEMORY, memory_refused),
    "memory_many": ([SETUP, seeded("memory"), FULL, "%lgviz graph --thread 1"], memory_many),
    "memory_none": (AGENT, lambda debugger: debugger.tab("memory")),
}
NARROW = (
    "debugger",
    "fork",
    "interrupt",
    "decisions",
    "memory",
    "memory_edit",
    "sandbox",
    "sandbox_conflict",
)


def shoot(page: Page, name: str, show: Show) -> None:
    debugger = Debugger(page)
    expect(debugger.root).to_be_visible(timeout=60_000)
    show(debugger)
    page.mouse.move(2, 2)
    page.wait_for_load_state("networkidle")
    debugger.root.scroll_into_view_if_needed()
    debugger.root.screenshot(path=OUT / f"{name}.png", animations="disabled")
    print(f"docs/images/{name}.png", flush=True)


def main(wanted: list[str]) -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    path = os.environ.get("LGVIZ_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with (
        tempfile.TemporaryDirectory() as folder,
        running_lab(Path(folder)) as lab,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        for name, (cells, show) in SHOTS.items():
            if wanted and name not in wanted:
                continue
            kinds = [
                ("", 1560, False),
                ("_dark", 1560, True),
                *([("_narrow", 720, False)] if name in NARROW else []),
            ]
            for suffix, width, dark in kinds:
                file = f"{name}{suffix}.ipynb"
                lab.set(THEMES, {"theme": theme_name(dark)})
                write_notebook(lab.root / file, cells)
                context = browser.new_context(
                    viewport={"width": width, "height": 1100}, color_scheme="dark" if dark else "light"
                )
                page = context.new_page()
                page.goto(lab.page(file, reset=True))
                wait_for_kernel(page)
                page.evaluate("() => jupyterapp.commands.execute('application:toggle-left-area')")
                run_all(page)
                shoot(page, name + suffix, show)
                context.close()
                lab.stop_kernel(file)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
