"""What a person waits for in JupyterLab: first paint, scrolling, a fork; and the bundle's size."""

from __future__ import annotations

import gzip
import statistics
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

import lgviz
from lab_server import Lab
from tests.support.debugger_page import Debugger
from tests.support.frames import script_ms, traced
from tests.support.lab import NotebookFactory, add_cell
from tests.support.long_threads import connect, loop_graph, seed_loop
from tests.support.report import Report

pytestmark = [pytest.mark.bench, pytest.mark.browser, pytest.mark.timeout(600)]

PROBE = (Path(__file__).parent / "probe.js").read_text()
SIZES = {100: 1_000, 10_000: 1_000, 100_000: 3_000}
"""Milliseconds to the first paint, by checkpoints."""
TIMES = 3
CLICKED = (25, 3_000, 30_000)
"""Checkpoints of the threads that are clicked through."""
OPEN, FILTER = "click on a thread → its newest state", "click on a chip → filtered"
WHEEL, RUSH = 173, 2_000
"""Pixels a frame: as a wheel scrolls, and as a scroll bar that is dragged, where no row stays."""

KERNEL = """
import sys; sys.path.insert(0, {repo!r})
from pathlib import Path
import lgviz
from tests.support.long_threads import chat_graph, connect, loop_graph, seed_chat
"""


UPDATES = """
import statistics, time
at = graph.get_state({"configurable": {"thread_id": "1"}}).config
def update():
    start = time.perf_counter()
    graph.update_state(at, {"messages": "and now?"}, as_node="model")
    return 1000 * (time.perf_counter() - start)
print(statistics.median(update() for _ in range(5)))
"""
"""What a fork costs without a debugger, by the same kernel."""


@pytest.fixture(scope="module")
def threads(lab: Lab) -> str:
    """A database with a thread of each size, named by it, and a short one."""
    file = lab.root / "loops.db"
    saver = connect(file)
    for size in (3, *SIZES):
        seed_loop(saver, str(size), size)
    saver.conn.close()
    return file.name


def opened(notebook: NotebookFactory, *cells: str) -> Page:
    page = notebook([KERNEL.format(repo=str(Path(__file__).parents[2])), *cells])
    page.evaluate(PROBE)
    return page


def test_first_paint_nodes_and_scrolling(notebook: NotebookFactory, threads: str, report: Report) -> None:
    page = opened(
        notebook,
        f"graph = loop_graph(connect(Path({threads!r})))",
        "debugger = lgviz.debug(graph, thread_id='3'); debugger",
    )
    debugger = Debugger(page)
    expect(debugger.row("c2")).to_be_visible()
    nodes = {}
    missed = []
    for size, budget in SIZES.items():
        times = []
        for _ in range(TIMES):
            times.append(open_thread(page, size))
            expect(debugger.inspector.get_by_text("note", exact=True).first).to_be_visible()
            nodes[size] = page.evaluate("() => lgvizProbe.nodes('lgviz-root')")
            open_thread(page, 3)
        try:
            report.hold(f"first paint, {size:,} checkpoints", statistics.median(times), budget, "{:.0f} ms")
        except AssertionError as error:
            missed.append(str(error))
        report.note(f"DOM nodes, {size:,} checkpoints", str(nodes[size]))
    least, most = min(nodes.values()), max(nodes.values())
    report.hold("DOM nodes, most against least", most / least, 1.1, "{:.2f}")

    open_thread(page, 100_000)
    for how, pixels in (("scrolling", WHEEL), ("rushing through", RUSH)):
        with traced(page) as events:
            scrolled = page.evaluate("(pixels) => lgvizProbe.scroll(240, pixels)", pixels)
        assert scrolled == 1_000_000 + 241 * pixels
        cpu, clock = script_ms(events)
        assert len(cpu) >= 240
        expect(debugger.row(f"c{99_999 - scrolled // 30}")).to_be_attached()  # rows are 30 pixels high
        report.note(f"script a frame, {how}, median and 95 % by the clock", f"{percentiles(clock)}")
        report.hold(f"script a frame while {how} 100,000 rows, 95 %", at95(cpu), 16.7, "{:.1f} ms")
    assert not missed, missed


def open_thread(page: Page, size: int) -> float:
    """Milliseconds from saying that another thread be shown until its newest row has been painted. The kernel
    reads the thread's index anew each time."""
    code = f"debugger.thread_id = '{size}'"
    time: float = page.evaluate("([code, label]) => lgvizProbe.run(code, label)", [code, f"c{size - 1}"])
    return time


def at95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20, method="inclusive")[-1]


def percentiles(values: list[float]) -> str:
    return f"{statistics.median(values):.1f} ms, {at95(values):.1f} ms"


def test_click_to_paint(notebook: NotebookFactory, lab: Lab, report: Report) -> None:
    file = lab.root / "clicks.db"
    saver = connect(file)
    for size in (3, *CLICKED):
        seed_loop(saver, str(size), size)
    graph = loop_graph(saver)
    page = opened(
        notebook, "graph = loop_graph(connect(Path('clicks.db')))", "lgviz.debug(graph, thread_id='3')"
    )
    debugger = Debugger(page)
    expect(debugger.row("c2")).to_be_visible()
    least: dict[str, list[float]] = {}
    for size in CLICKED:
        for what, times in Clicks(debugger, graph, size).walk().items():
            report.note(f"{what}, {size:,} checkpoints, least and median of {len(times)}", spread(times))
            least.setdefault(what, []).append(min(times))
    for what, (shortest, *_, longest) in least.items():
        if what not in (OPEN, FILTER):  # these read the whole index: the first is held by the first paint
            report.hold(f"{what}, what the longest thread adds", longest - shortest, 300, "{:.0f} ms")


def spread(times: list[float]) -> str:
    return f"{min(times):.0f} ms, {statistics.median(times):.0f} ms"


class Clicks:
    """Clicks through a thread of the loop; milliseconds from each click until what it asks for has been painted."""

    def __init__(self, debugger: Debugger, graph: Any, size: int) -> None:
        self.debugger, self.graph, self.size = debugger, graph, size
        # Spread over the thread, none of them looked at before, and none a fork.
        self.labels = [int(size * share) // 2 * 2 + 1 for share in (0.12, 0.31, 0.52, 0.73, 0.94)]

    def walk(self) -> dict[str, list[float]]:
        opened = [self.open() for _ in range(TIMES)]
        clicks = {"click on a row → its state": self.state, "Ctrl-click → diff": self.diff}
        times = {what: [act(number) for number in self.labels] for what, act in clicks.items()}
        filtered = [self.filter(number) for number in self.labels]
        return {
            "click on a thread → its newest state": opened,
            **times,
            FILTER: filtered,
        }

    def open(self) -> float:
        self.choose(3)
        return self.choose(self.size)

    def choose(self, size: int) -> float:
        root = self.debugger.root
        root.get_by_test_id("lgviz-thread-picker").click()
        named = self.debugger.page.get_by_text(str(size), exact=True)
        option = root.get_by_role("option").filter(has=named)
        newest = self.graph.get_state({"configurable": {"thread_id": str(size)}})
        return self.timed(option, self.shown(size - 1, newest.values))

    def state(self, number: int) -> float:
        row = self.row(number)
        return self.timed(row, self.shown(number, self.values(row)))

    def diff(self, number: int) -> float:
        self.row(number).click()
        self.debugger.tab("diff")
        other = self.debugger.row(f"c{number - 2}")
        between = {'[data-testid="lgviz-diff-between"]': f"c{number - 2} → c{number}"}
        change = {'[data-testid="lgviz-diff-change"]': str(self.values(other).get("note", ""))}
        took = self.timed(other, between | change, modifiers=["ControlOrMeta"])
        self.debugger.page.keyboard.press("Escape")
        self.debugger.tab("state")
        return took

    def filter(self, number: int) -> float:
        chip = self.row(number).locator('[data-testid="lgviz-chip"]').first
        took = self.timed(chip, {'[data-testid="lgviz-filterbar"]': f"of {self.size:,}"})
        self.debugger.root.get_by_test_id("lgviz-filterbar").get_by_role("button").last.click()
        return took

    def row(self, number: int) -> Locator:
        top = 30 * (self.size - 1 - number) - 120  # rows are 30 pixels high
        self.debugger.tree.evaluate("(tree, top) => { tree.scrollTop = top; }", top)
        return self.debugger.row(f"c{number}")

    def values(self, row: Locator) -> dict[str, Any]:
        at = {"thread_id": str(self.size), "checkpoint_id": row.get_attribute("data-checkpoint-id")}
        values: dict[str, Any] = self.graph.get_state({"configurable": at}).values
        return values

    def shown(self, number: int, values: dict[str, Any]) -> dict[str, str]:
        channels = {f'[role=tabpanel] [data-channel="{name}"]': str(value) for name, value in values.items()}
        return {".lgviz-head .lgviz-checkpoint": f"c{number}", **channels}

    def timed(self, what: Locator, texts: dict[str, str], **click: Any) -> float:
        page = self.debugger.page
        page.evaluate("(texts) => lgvizProbe.await(texts)", texts)
        what.click(**click)
        took: float = page.evaluate("() => lgvizProbe.seen")
        return took


@pytest.mark.parametrize(("what", "turns"), [("a chat of 3 turns", 3), ("a chat of 500 turns", 500)])
def test_fork_click_to_new_row(notebook: NotebookFactory, report: Report, what: str, turns: int) -> None:
    page = opened(
        notebook,
        f"graph = chat_graph(connect(Path('chat{turns}.db')))\nseed_chat(graph, '1', {turns})",
        "lgviz.debug(graph, thread_id='1', static=False)",
    )
    debugger = Debugger(page)
    count = 3 * turns
    times = []
    for number in range(count, count + 5):
        debugger.fork(f"c{count - 1}")
        debugger.write("messages", '"and now?"')
        debugger.as_node("model")
        expect(debugger.root.get_by_test_id("lgviz-fork-commit")).to_be_enabled()
        watch = "(label) => { lgvizProbe.row = lgvizProbe.clicked('lgviz-fork-commit', label); }"
        page.evaluate(watch, f"c{number}")
        debugger.commit()
        times.append(page.evaluate("() => lgvizProbe.row"))
        expect(debugger.row(f"c{number}")).to_have_attribute("aria-selected", "true")
    add_cell(page, UPDATES)
    own = float(page.locator(".jp-Cell").last.locator(".jp-OutputArea-output pre").inner_text())
    took = statistics.median(times)
    report.note(f"fork click to new row, {what}", f"{took:.0f} ms")
    report.note("of it LangGraph's own update_state", f"{own:.0f} ms")
    report.hold("fork click to new row beyond that", took - own, 150, "{:.0f} ms")


def test_bundle(report: Report) -> None:
    files = (Path(lgviz.__file__).parent / "static").glob("widget.*")
    size = sum(len(gzip.compress(file.read_bytes(), 9)) for file in files)
    report.hold("bundle, gzipped", size / 1000, 250, "{:.0f} KB")
