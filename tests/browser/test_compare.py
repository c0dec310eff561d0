"""Two branches compared in a real JupyterLab, and all of them side by side."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.support.debugger_page import SETUP, Debugger, seeded
from tests.support.lab import NotebookFactory, add_cell, output


def _labels(debugger: Debugger) -> list[str]:
    rows = debugger.root.get_by_test_id("lgviz-row")
    return rows.evaluate_all("(rows) => rows.map((row) => row.dataset.label)")


def test_two_branches_are_compared_step_by_step(notebook: NotebookFactory) -> None:
    page = notebook([SETUP, seeded("agent"), "%lgviz graph --thread 1"])
    debugger = Debugger(page)
    root = debugger.root
    tab = root.get_by_test_id("lgviz-tab-compare")

    # The tab is there once two checkpoints are chosen, and says where their branches part.
    debugger.select("c20")
    expect(tab).to_have_count(0)
    whole = len(_labels(debugger))
    debugger.row("c8").click(modifiers=["ControlOrMeta"])
    expect(root.get_by_test_id("lgviz-diff-between")).to_have_text("c8 → c20")
    expect(tab).to_have_text("Compare c6 ≠ c17")
    panel = debugger.tab("compare")
    expect(root.get_by_test_id("lgviz-parted")).to_contain_text(
        "After c5 the way to c8 goes on with agent (c6), the way to c20 with update as tools (c17)."
    )

    # Other branches are folded, steps are aligned, and each side says what it reached.
    expect(debugger.row("c9")).to_contain_text("7 more")
    assert len(_labels(debugger)) == whole - 7
    steps = panel.get_by_test_id("lgviz-compare-step")
    expect(steps).to_have_text(
        [
            "≠they differc17 update as tools",
            "c6 agent≠they differc18 agent",
            "c7 tools≠they differc19 tools",
            "c8 agent≠they differc20 agent",
        ]
    )
    expect(panel.locator("tfoot")).to_contain_text("I am sorry, I could not rebook you")

    # A click selects, and the comparison stays; its part leads to where it is.
    steps.nth(2).get_by_role("button", name="c19 tools").click()
    expect(debugger.row("c19")).to_have_attribute("aria-selected", "true")
    expect(tab).to_have_text("Compare c6 ≠ c17")
    expect(debugger.row("c8")).to_have_attribute("data-compared", "true")
    panel.get_by_role("button", name="messages[4].content").click()
    expect(debugger.row("c17")).to_have_attribute("aria-selected", "true")
    expect(root.get_by_test_id("lgviz-tab-state")).to_have_attribute("aria-selected", "true")
    expect(debugger.inspector.locator(".is-landed")).to_contain_text("LX2087")

    # All branches at once: what did the same has one color.
    panel = debugger.tab("compare")
    panel.get_by_role("button", name="all 3 branches").click()
    heat = root.get_by_test_id("lgviz-branches")
    expect(heat.get_by_role("table").first).to_be_visible()
    last = heat.locator("tbody").first.locator("tr").last
    assert last.locator("td").evaluate_all("(cells) => cells.map((cell) => cell.dataset.group)") == [
        "0",
        "1",
        "2",
    ]
    colors = last.locator("button").evaluate_all(
        "(all) => all.map((one) => getComputedStyle(one).backgroundColor)"
    )
    assert len(set(colors)) == 3
    expect(heat.get_by_role("table", name="What they came to")).to_contain_text("parts at c9")
    last.get_by_role("button", name="c16").click()
    expect(debugger.row("c16")).to_have_attribute("aria-selected", "true")

    # Escape ends it, and all is unfolded as it was.
    debugger.tree.focus()
    page.keyboard.press("Escape")
    expect(tab).to_have_count(0)
    assert len(_labels(debugger)) == whole


HELD = """
import threading
from lgviz.analysis.comparison import Comparison
gate, same, compared = threading.Event(), Comparison.same, []

def held(self, left, right):
    compared.append((self.left[-1].label, self.right[-1].label))
    gate.wait()
    return same(self, left, right)

Comparison.same = held
"""


def test_what_takes_long_says_how_far_it_is_and_a_newer_choice_ends_the_older(
    notebook: NotebookFactory,
) -> None:
    page = notebook([SETUP, seeded("agent"), HELD, "%lgviz graph --thread 1"])
    debugger = Debugger(page)
    tab = debugger.root.get_by_test_id("lgviz-tab-compare")
    debugger.select("c20")
    debugger.row("c16").click(modifiers=["ControlOrMeta"])
    expect(tab).to_have_text("Compare c16 ↔ c20 0 %")
    debugger.row("c8").click(modifiers=["ControlOrMeta"])
    expect(tab).to_have_text("Compare c8 ↔ c20 0 %")
    panel = debugger.tab("compare")
    expect(panel.get_by_test_id("lgviz-compare-progress")).to_have_text("Comparing: 0 of 4 steps")
    add_cell(page, "gate.set()")
    expect(tab).to_have_text("Compare c6 ≠ c17")
    # Of the older comparison nothing was looked at any more.
    add_cell(page, "print('looked at', compared.count(('c16', 'c20')), 'of it')")
    output(page, "looked at 1 of it")
    expect(panel.get_by_test_id("lgviz-compare-progress")).to_have_count(0)


def test_what_is_hidden_is_said_not_to_be_comparable(notebook: NotebookFactory) -> None:
    again = "graph.invoke(None, lgviz.history(graph)['c2'].config)"
    shown = "%lgviz graph --thread 1 --redact foo"
    page = notebook([SETUP, seeded("two_nodes"), again, shown])
    debugger = Debugger(page)
    debugger.select("c3")
    debugger.row("c7").click(modifiers=["ControlOrMeta"])
    expect(debugger.root.get_by_test_id("lgviz-tab-compare")).to_have_text("Compare ?")
    said = "No step is seen to differ, but 1 step cannot be compared exactly."
    expect(debugger.tab("compare")).to_contain_text(said)
