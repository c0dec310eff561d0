"""Room in the debugger: the whole window, edges that are dragged, one scroller in the fork form at any width."""

from __future__ import annotations

from playwright.sync_api import Locator, expect

from tests.support.axe import UNFIT
from tests.support.debugger_page import SETUP, Debugger, seeded
from tests.support.lab import NotebookFactory

SCROLLERS = """(form) => [...form.querySelectorAll("*")].filter((one) =>
    one.scrollHeight > one.clientHeight + 1 && /auto|scroll/.test(getComputedStyle(one).overflowY)
).map((one) => one.className)"""


def _box(found: Locator) -> dict[str, float]:
    box = found.bounding_box()
    assert box is not None
    return dict(box)


def test_the_debugger_takes_the_room_that_it_is_given(notebook: NotebookFactory) -> None:
    page = notebook([SETUP, seeded("agent"), "%lgviz graph --thread 1"], width=1024, height=768)
    debugger = Debugger(page)
    debugger.select("c12")
    before = _box(debugger.root)
    # The whole window by key, back by Escape; what is inside keeps the focus.
    debugger.tree.focus()
    page.keyboard.press("m")
    expect(debugger.root.get_by_test_id("lgviz-maximise")).to_have_attribute("aria-pressed", "true")
    assert _box(debugger.root) == {"x": 0, "y": 0, "width": 1024, "height": 768}
    expect(debugger.tree).to_be_focused()
    over = "document.elementFromPoint(5, 300).closest('[data-testid=lgviz-root]') !== null"
    assert page.evaluate(over)
    # The form of a fork, with a dozen lines of text: one thing scrolls, and nothing inside it.
    debugger.inspector.locator('[data-channel="plan"]').get_by_test_id("lgviz-edit").click()
    text = debugger.field("plan").get_by_role("textbox")
    text.fill("\n".join(f"line {n}" for n in range(40)))
    expect(debugger.next).to_contain_text("tools")
    for width, height in ((1024, 768), (700, 640), (512, 384), (720, 450)):
        page.set_viewport_size({"width": width, "height": height})
        assert debugger.root.get_by_test_id("lgviz-fork").evaluate(SCROLLERS) == ["lgviz-fork-body"]
        expect(debugger.root.get_by_test_id("lgviz-fork-as-node")).to_have_count(1)
        expect(debugger.root.get_by_test_id("lgviz-fork-run")).to_be_in_viewport()
        assert debugger.root.evaluate(UNFIT) == []
        # Where the nodes lie below the values, the act is told beside its buttons, and leads to them.
        as_if = debugger.root.get_by_test_id("lgviz-fork-as-if")
        expect(as_if).to_be_visible(visible=width == 512)
        if width == 512:
            expect(as_if).to_have_text("as agent → tools")
            as_if.click()
            expect(debugger.root.get_by_role("radio", name="agent")).to_be_focused()
            expect(debugger.root.get_by_role("radio", name="agent")).to_be_in_viewport()
    # The last is 1440 by 900 at 200 %: half of its height is the form's, and the selected row is seen above it.
    assert _box(debugger.root.locator(".lgviz-fork-body"))["height"] > 225
    expect(debugger.row("c12")).to_be_in_viewport()
    debugger.as_node("tools")
    expect(debugger.next).to_contain_text("agent")
    debugger.commit()
    expect(debugger.row("c21")).to_be_in_viewport()
    expect(debugger.row("c21")).to_have_attribute("aria-selected", "true")
    expect(debugger.root.get_by_test_id("lgviz-fork")).to_have_count(0)
    # What opens from the bar lies within it.
    for width, height in ((720, 450), (512, 384), (1024, 768)):
        page.set_viewport_size({"width": width, "height": height})
        for opener in ("lgviz-thread-picker", "lgviz-filter", "lgviz-menu"):
            debugger.root.get_by_test_id(opener).click()
            opened = _box(debugger.root.locator(".lgviz-popup"))
            assert opened["x"] >= 0 and opened["x"] + opened["width"] <= width, opener
            page.keyboard.press("Escape")
            expect(debugger.root.locator(".lgviz-popup")).to_have_count(0)
    debugger.tree.focus()
    page.keyboard.press("Escape")
    expect(debugger.root.get_by_test_id("lgviz-maximise")).to_have_attribute("aria-pressed", "false")
    assert _box(debugger.root) == before
    # The edges, by mouse and by keys; a second debugger begins as the first was left.
    bottom = debugger.root.get_by_role("separator", name="Height of the debugger")
    bottom.focus()
    for _ in range(5):
        page.keyboard.press("ArrowUp")
    assert _box(debugger.root)["height"] == 520
    edge = debugger.root.get_by_role("separator", name="of the tree")
    edge.scroll_into_view_if_needed()
    at = _box(edge)
    page.mouse.move(at["x"] + at["width"] / 2, at["y"] + at["height"] / 2)
    page.mouse.down()
    page.mouse.move(at["x"] + at["width"] / 2 + 60, at["y"] + at["height"] / 2 + 60, steps=4)
    page.mouse.up()
    share = edge.get_attribute("aria-valuenow")
    assert share not in ("44", "42")
    page.evaluate("jupyterapp.commands.execute('notebook:run-cell')")
    again = debugger.root.get_by_role("separator", name="of the tree")
    expect(again).to_have_attribute("aria-valuenow", share or "")
    expect(debugger.root.get_by_role("separator", name="Height of the debugger")).to_have_attribute(
        "aria-valuenow", "520"
    )
