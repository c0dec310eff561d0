"""Pictures of every state of the debugger, in a real JupyterLab, into docs/images/ (``make screenshots``).

Each is taken light and dark, at 1440, 1024 and 700 pixels; git keeps the few that documents show.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from playwright.sync_api import Error, Page, expect, sync_playwright

from lab_server import THEMES, running_lab
from tests.support.cells import FORM, STREAMING
from tests.support.debugger_page import SETUP, Debugger, seeded
from tests.support.lab import (
    add_cell,
    command,
    output,
    restart_kernel,
    run_all,
    save,
    set_theme,
    theme_name,
    wait_for_kernel,
    write_notebook,
)
from tests.support.lab_fixtures import FLAGS
from tests.support.pictures import PNG, SVG, uri

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


def pinned(debugger: Debugger) -> None:
    debugger.select("c8")
    debugger.more("lgviz-pin").click()
    debugger.root.get_by_test_id("lgviz-pin-path").press("Enter")
    expect(debugger.root.get_by_test_id("lgviz-pin-told")).to_contain_text("passes", timeout=60_000)


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
    "pin": (AGENT, pinned),
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

CHAT = """
import threading
from langchain_core.messages import AIMessage
from langgraph.graph import MessagesState, StateGraph, START
def answer(state: MessagesState):
    return {"messages": [AIMessage("The museum opens at ten; the train at 8:12 is early enough.")]}
graph = StateGraph(MessagesState).add_node(answer).add_edge(START, "answer").compile(checkpointer=saver)
"""
TYPED = """
from dataclasses import dataclass
from typing import Literal, TypedDict
from langgraph.graph import START, StateGraph
class State(TypedDict):
    topic: str
    length: int
    tone: Literal["calm", "loud"]
    tags: list[str]
    urgent: bool
@dataclass
class Person:
    user: str
    budget: float = 100.0
def write(state: State):
    return {"topic": state["topic"].upper()}
built = StateGraph(State, context_schema=Person).add_node(write).add_edge(START, "write")
graph = built.compile(checkpointer=saver)
"""
RICH = f"""
from typing import Annotated, Any, TypedDict
import numpy as np, pandas as pd
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages
from lgviz.persistence import SqliteSaver
saver = SqliteSaver(sqlite3.connect(file, check_same_thread=False))
class State(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]
    fares: Any
    weights: Any
    logo: bytes
    report: str
    source: str
    nested: dict
report = "".join(f"line {{i}} of the report, which says what was found in row {{i}}\\n" for i in range(2_000))
source = "def fare(days: int) -> float:\\n    \\"\\"\\"What a seat costs.\\"\\"\\"\\n    return 40.0 + 3 * days  # euros\\n"
OFFER = "# Offer\\n\\nA **cheap** seat:\\n\\n1. by *train*\\n2. by bus\\n\\n| day | fare |\\n|---|---|\\n| Mon | 12 |\\n\\n" \\
    "```python\\nbook(seat=3)\\n```\\n"
def first(state):
    asked = HumanMessage([{{"type": "text", "text": "What is this?"}},
        {{"type": "image_url", "image_url": {{"url": {uri("image/svg+xml", SVG)!r}}}}},
        {{"type": "image_url", "image_url": {{"url": "http://pictures.example/remote.png"}}}}])
    told = AIMessage(OFFER, tool_calls=[{{"name": "book", "args": {{"seat": 3, "note": "by the window"}}, "id": "t"}}],
        usage_metadata={{"input_tokens": 1500, "output_tokens": 340, "total_tokens": 1840}})
    tool = ToolMessage("ConnectionError: the desk is closed", tool_call_id="t", name="book", status="error")
    fares = pd.DataFrame({{"city": ["Rome", "Oslo"] * 30, "fare": np.arange(60) * 1.5, "seats": range(60)}})
    nested = {{"a": {{"b": {{"c": [1, 2, {{"d": "deep down here"}}]}}}}, "list": list(range(200))}}
    return {{"messages": [asked, told, tool], "fares": fares, "weights": np.linspace(0, 1, 6000).reshape(60, 100),
             "logo": {PNG!r}, "report": report, "source": source, "nested": nested}}
def second(state):
    told = report.replace("line 900 of", "row 900 of").replace("line 1200 of the", "line 1200 of this very")
    return {{"report": told, "fares": state["fares"].assign(fare=2.0), "nested": {{**state["nested"], "x": 1}}}}
graph = (StateGraph(State).add_node(first).add_node(second).add_edge(START, "first").add_edge("first", "second")
         .compile(checkpointer=saver))
_ = graph.invoke({{"messages": []}}, {{"configurable": {{"thread_id": "1"}}}})
"""  # noqa: E501


def empty(debugger: Debugger) -> None:
    expect(debugger.root.get_by_test_id("lgviz-empty")).to_be_visible()


def start_form(debugger: Debugger) -> None:
    form = debugger.root.get_by_test_id("lgviz-start-form")
    form.get_by_role("textbox", name="topic").fill("cats")
    form.get_by_role("textbox", name="length").fill("long")
    debugger.root.get_by_test_id("lgviz-start-run").click()
    expect(form.get_by_text("This must be a whole number.")).to_be_visible()


def next_turn(debugger: Debugger) -> None:
    debugger.select("c11")
    debugger.root.get_by_test_id("lgviz-next-turn").click()
    debugger.root.get_by_test_id("lgviz-start-message").fill("And what if it rains?")


def edited(debugger: Debugger) -> None:
    debugger.select("c4")
    debugger.tab("state")
    debugger.inspector.locator('[data-channel="messages"]').get_by_test_id("lgviz-edit").nth(1).click()
    expect(debugger.next).to_be_visible()


def schema(debugger: Debugger) -> None:
    debugger.select("c1")
    question = debugger.root.get_by_test_id("lgviz-interrupt")
    question.get_by_label("nights", exact=True).fill("0")
    question.get_by_test_id("lgviz-resume").click()
    expect(question.get_by_role("alert")).to_be_visible()


def live(debugger: Debugger) -> None:
    debugger.select("c0")
    debugger.root.get_by_test_id("lgviz-graph-open").click()
    debugger.root.get_by_test_id("lgviz-breakpoint").last.click()
    debugger.root.get_by_test_id("lgviz-run-here").click()
    expect(debugger.root.get_by_test_id("lgviz-live-task").first).to_contain_text("so in the")


def usage(debugger: Debugger) -> None:
    add_cell(debugger.page, "print('opened', gate.set())")
    output(debugger.page, "opened None")
    debugger.select("c0")
    debugger.root.get_by_test_id("lgviz-run-here").click()
    expect(debugger.root.locator('[data-testid="lgviz-run"][data-status="done"]')).to_be_visible()
    debugger.root.get_by_test_id("lgviz-row").first.click()


def filtered(debugger: Debugger) -> None:
    debugger.select("c3")
    debugger.row("c3").locator('[data-testid="lgviz-chip"][data-channel="reservation"]').click()
    expect(debugger.root.get_by_test_id("lgviz-filterbar")).to_contain_text("4 of 21")


def offers(debugger: Debugger) -> None:
    debugger.tree.focus()
    debugger.page.keyboard.press("v")
    debugger.page.keyboard.type("a")
    expect(debugger.root.get_by_role("option").first).to_be_visible()


def folded(debugger: Debugger) -> None:
    debugger.select("c8")
    debugger.page.keyboard.press("b")
    expect(debugger.row("c6")).to_contain_text("2 more")


def rich(tab: str, opened: str = "") -> Show:
    def show(debugger: Debugger) -> None:
        debugger.select("c3")
        debugger.tab(tab)
        if opened:
            debugger.root.get_by_test_id(opened).first.click()

    return show


def menu(debugger: Debugger) -> None:
    debugger.select("c5")
    debugger.inspector.get_by_test_id("lgviz-more").click()


def code(debugger: Debugger) -> None:
    debugger.select("c5")
    debugger.more("lgviz-copy-code").click()
    expect(debugger.root.get_by_test_id("lgviz-code")).to_contain_text("lgviz.")


def keys(debugger: Debugger) -> None:
    debugger.tree.focus()
    debugger.page.keyboard.press("?")


def gone(debugger: Debugger) -> None:
    debugger.select("c5")
    expect(debugger.tab("state")).to_contain_text("search_flights")
    restart_kernel(debugger.page)
    expect(debugger.root.get_by_test_id("lgviz-kernel-gone")).to_be_visible()


def static(debugger: Debugger) -> None:
    debugger.select("c5")
    save(debugger.page)
    restart_kernel(debugger.page)
    debugger.page.reload()
    wait_for_kernel(debugger.page)
    debugger.root = debugger.page.locator("[data-lgviz-static]").first
    expect(debugger.root).to_be_visible()


def maximised(debugger: Debugger) -> None:
    debugger.select("c12")
    debugger.tree.focus()
    debugger.page.keyboard.press("m")
    expect(debugger.root.get_by_test_id("lgviz-maximise")).to_have_attribute("aria-pressed", "true")


SHOTS |= {
    "empty": ([SETUP, CHAT, "%lgviz graph"], empty),
    "start_form": ([SETUP, TYPED, "%lgviz graph"], start_form),
    "next_turn": ([SETUP, seeded("chat"), "%lgviz graph --thread 1"], next_turn),
    "edit": (AGENT, edited),
    "schema": ([SETUP, FORM, "%lgviz graph --thread 1"], schema),
    "live": ([SETUP, STREAMING, "lgviz.debug(graph, '1', prices={'scripted-1': (2.0, 8.0)})"], live),
    "usage": ([SETUP, STREAMING, "lgviz.debug(graph, '1', prices={'scripted-1': (2.0, 8.0)})"], usage),
    "filter": (AGENT, filtered),
    "offers": (AGENT, offers),
    "folded": (AGENT, folded),
    "rich": ([SETUP, RICH, "%lgviz graph"], rich("state")),
    "rich_open": ([SETUP, RICH, "%lgviz graph"], rich("state", "lgviz-expand-all")),
    "rich_source": ([SETUP, RICH, "%lgviz graph"], rich("state", "lgviz-rendered")),
    "rich_diff": ([SETUP, RICH, "%lgviz graph"], rich("diff")),
    "rich_raw": ([SETUP, RICH, "%lgviz graph"], rich("raw")),
    "menu": (AGENT, menu),
    "code": (AGENT, code),
    "keys": (AGENT, keys),
    "gone": (AGENT, gone),
    "static": (AGENT, static),
    "maximised": (AGENT, maximised),
    "maximised_fork": (AGENT, lambda debugger: (maximised(debugger), fork(debugger))[0]),
}
SIZES = {"": (1440, 900), "_1024": (1024, 768), "_700": (700, 800)}
ZOOMED = {"_200": (720, 450)}
"""1440 by 900 at 200 %, for what has the whole window."""
FRAME = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def shoot(page: Page, name: str, show: Show) -> None:
    """A state's pictures: each size, light and dark."""
    debugger = Debugger(page)
    expect(debugger.root).to_be_visible(timeout=60_000)
    show(debugger)
    page.mouse.move(2, 2)
    for dark in (False, True):
        set_theme(page, dark)
        for suffix, (width, height) in (SIZES | (ZOOMED if name.startswith("maximised") else {})).items():
            page.set_viewport_size({"width": width, "height": height})
            page.evaluate(
                "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
            )
            debugger.root.scroll_into_view_if_needed()
            file = f"{name}{'_dark' if dark else ''}{suffix}.png"
            debugger.root.screenshot(path=OUT / file, animations="disabled")
        page.set_viewport_size(dict(zip(("width", "height"), SIZES[""], strict=True)))
    print(f"docs/images/{name}*.png", flush=True)


def main(wanted: list[str]) -> None:
    failed: list[str] = []
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
            file = f"{name}.ipynb"
            lab.set(THEMES, {"theme": theme_name(False)})
            write_notebook(lab.root / file, cells)
            context = browser.new_context(viewport={"width": 1440, "height": 900})
            page = context.new_page()
            page.goto(lab.page(file, reset=True))
            wait_for_kernel(page)
            command(page, "application:toggle-left-area")
            run_all(page)
            try:
                shoot(page, name, show)
            except (AssertionError, Error) as error:
                failed.append(f"{name}: {str(error).splitlines()[0]}")
            context.close()
            lab.stop_kernel(file)
        browser.close()
    if failed:
        raise SystemExit("\n".join(failed))


if __name__ == "__main__":
    main(sys.argv[1:])
