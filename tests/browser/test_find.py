"""Finding one's way in a real JupyterLab: filter, changes of a channel, folded branches, a hit, the slider, a link."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.support.debugger_page import SETUP, Debugger, seeded
from tests.support.lab import NotebookFactory, save, wait_for_kernel


def _labels(debugger: Debugger) -> list[str]:
    rows = debugger.root.get_by_test_id("lgviz-row")
    return rows.evaluate_all("(rows) => rows.map((row) => row.dataset.label)")


def test_one_finds_ones_way(notebook: NotebookFactory) -> None:
    page = notebook([SETUP, seeded("agent"), "%lgviz graph --thread 1"])
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    debugger = Debugger(page)
    root, inspector = debugger.root, debugger.inspector
    chip = debugger.row("c3").locator('[data-testid="lgviz-chip"][data-channel="reservation"]')
    bar = root.get_by_test_id("lgviz-filterbar")

    # A chip filters; the chip of the filter and Escape take it away.
    debugger.select("c3")
    chip.click()
    expect(bar).to_contain_text("4 of 21")
    assert _labels(debugger) == ["c19", "c15", "c11", "c3"]
    bar.get_by_role("button", name="Newer checkpoint of these").click()
    expect(debugger.row("c11")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("v")
    page.keyboard.type("to c20")
    page.keyboard.press("Enter")
    expect(bar).to_contain_text("2 of 21")
    assert _labels(debugger) == ["c19", "c3"]
    page.keyboard.press("Escape")
    bar.get_by_role("button", name="Take the filter to c20 away").click()
    expect(bar).to_contain_text("4 of 21")
    page.keyboard.press("Escape")
    expect(bar).to_have_count(0)
    expect(debugger.row("c11")).to_have_attribute("aria-selected", "true")

    # From change to change of one value, on this branch.
    debugger.select("c5")
    changes = inspector.locator('[data-channel="reservation"]').get_by_test_id("lgviz-changes")
    expect(changes).to_contain_text("2 changes")
    changes.get_by_role("button", name="Previous change of reservation").click()
    expect(debugger.row("c3")).to_have_attribute("aria-selected", "true")
    following = changes.get_by_role("button", name="Next change of reservation")
    following.focus()
    page.keyboard.press("Enter")
    expect(debugger.row("c19")).to_have_attribute("aria-selected", "true")
    expect(following).to_have_attribute("aria-disabled", "true")
    expect(following).to_be_focused()
    inspector.locator('button[data-testid="lgviz-chip"][data-channel="messages"]').click()
    expect(bar).to_contain_text("20 of 21")
    debugger.tree.focus()
    page.keyboard.press("Escape")

    # A branch folds to one line, and is unfolded for what is selected in it.
    debugger.select("c8")
    page.keyboard.press("b")
    expect(debugger.row("c8")).to_have_count(0)
    expect(debugger.row("c6")).to_contain_text("2 more")
    expect(debugger.row("c6")).to_have_attribute("aria-expanded", "false")
    expect(debugger.row("c6")).to_have_attribute("aria-selected", "true")

    # The slider goes along the branch, by its keys; nothing is run.
    scrub = root.get_by_test_id("lgviz-scrub")
    scrub.focus()
    page.keyboard.press("ArrowRight")
    expect(debugger.row("c7")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Home")
    expect(debugger.row("c0")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("End")
    expect(debugger.row("c8")).to_have_attribute("aria-selected", "true")
    expect(inspector.locator(".lgviz-checkpoint")).to_have_text("c8")
    assert _labels(debugger)[0] == "c20"

    # A hit is marked where it stands, and is in sight.
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("sold out")
    root.get_by_role("option").first.click()
    found = inspector.locator("mark").first
    expect(found).to_have_text("sold out")
    expect(found).to_be_in_viewport()
    page.keyboard.press("Escape")

    # A link opens the notebook at this checkpoint.
    debugger.select("c4")
    root.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Copy a link to this checkpoint").click()
    link = page.evaluate("navigator.clipboard.readText()")
    identity = debugger.row("c4").get_attribute("data-checkpoint-id")
    assert link.endswith(f"#lgviz=1/{identity}")
    debugger.select("c2")
    page.evaluate("(link) => { location.href = link }", link)
    expect(debugger.row("c4")).to_have_attribute("aria-selected", "true")

    # So does a page that is opened by it, of a notebook that was saved while its kernel lives on.
    save(page)
    page.goto("about:blank")
    page.goto(link)
    wait_for_kernel(page)
    expect(debugger.row("c4")).to_have_attribute("aria-selected", "true")
    expect(inspector.locator(".lgviz-checkpoint")).to_have_text("c4")
