"""For everyone: axe-core finds nothing, light or dark; words are in the catalogue and fit; keys do everything.

All views are walked in the pseudo-locale from right to left: its words are longer than any language's and in brackets,
so that words that no catalogue has stand out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.support.axe import AXE, RUN, UNFIT, VALUES
from tests.support.cells import AGENT, FORM, MEMORY, STREAMING
from tests.support.debugger_page import SETUP, Debugger, seeded
from tests.support.lab import NotebookFactory, add_cell, output, run_all

CONTRAST = {"runOnly": ["color-contrast"]}
LIGHT = "(light) => { document.body.dataset.jpThemeLight = String(light); }"

UNSAID = f"""(root) => {{
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    const found = new Set();
    while (walker.nextNode()) {{
        const {{ data, parentElement: parent }} = walker.currentNode;
        const plain = data.replace(/⟦[^⟧]*⟧/g, "").trim();
        if (!/\\p{{L}}{{3}}/u.test(plain) || /[⟦⟧áéíóú]/.test(plain) || plain === "JSON" || parent.closest(`{VALUES}`) || parent.closest(".lgviz-sr")) continue;
        if (parent.getBoundingClientRect().width > 0) found.add(`${{parent.className || parent.outerHTML.slice(0, 80)}}: ${{plain}}`);
    }}
    for (const element of root.querySelectorAll("[title], [aria-label], [placeholder]"))
        for (const name of ["title", "aria-label", "placeholder"]) {{
            const text = element.getAttribute(name) ?? "";
            if (/[a-z]{{3}} [a-z]{{3}}/.test(text) && !/[⟦·…]/.test(text) && !element.closest(`{VALUES}, [aria-disabled=true]`))
                found.add(`${{element.className}} ${{name}}: ${{text}}`);
        }}
    return [...found];
}}"""
MOVING = """(root) => [...root.querySelectorAll("*")].flatMap((element) => ["", "::before", "::after"].filter((part) => {
    const style = getComputedStyle(element, part);
    return style.animationName !== "none" || parseFloat(style.transitionDuration) > 0 || style.scrollBehavior === "smooth";
}).map((part) => element.className + part))"""

View = tuple[str, Debugger]


def _thread(page: Page) -> Iterator[View]:
    """One thread: tabs, graph, fork, filter, search, lists and menus, two compared."""
    debugger = Debugger(page)
    root, keyboard = debugger.root, page.keyboard
    expect(debugger.row("c20")).to_be_visible()
    assert (debugger.tree.bounding_box() or {})["x"] > (debugger.inspector.bounding_box() or {})["x"]
    root.get_by_test_id("lgviz-graph-open").click()
    debugger.select("c5")
    for tab in ("state", "diff", "tasks", "why", "memory", "writes", "raw"):
        debugger.tab(tab)
        yield tab, debugger
    debugger.tab("diff")
    debugger.row("c7").click(modifiers=["Control"])
    yield "compared", debugger
    debugger.tab("compare")
    expect(root.get_by_test_id("lgviz-compare-step").first).to_be_visible()
    yield "compare", debugger
    root.get_by_test_id("lgviz-compare").locator("button[aria-pressed]").click()
    expect(root.get_by_test_id("lgviz-branches").locator("table").first).to_be_visible()
    yield "branches", debugger
    root.get_by_test_id("lgviz-watch-open").click()
    root.get_by_test_id("lgviz-watch").press_sequentially("len(messages)")
    yield "watch", debugger
    keyboard.press("Enter")
    expect(root.get_by_test_id("lgviz-sparkline")).to_be_visible()
    yield "watched", debugger
    debugger.tab("diff")
    root.get_by_test_id("lgviz-more").click()
    yield "more to do", debugger
    root.get_by_test_id("lgviz-copy-code").click()
    expect(root.get_by_test_id("lgviz-code")).to_contain_text("lgviz.")
    yield "code", debugger
    keyboard.press("Escape")
    root.get_by_test_id("lgviz-menu").click()
    root.get_by_test_id("lgviz-narrate").click()
    expect(root.get_by_test_id("lgviz-narration")).to_contain_text("add_messages")
    yield "narration", debugger
    debugger.tree.focus()
    keyboard.press("p")
    expect(root.get_by_test_id("lgviz-present")).to_contain_text("add_messages")
    yield "present", debugger
    keyboard.press("Escape")
    debugger.tree.focus()
    keyboard.press("f")
    expect(root.get_by_test_id("lgviz-fork-next")).to_be_visible()
    yield "fork", debugger
    keyboard.press("Escape")
    debugger.tree.focus()
    keyboard.press("v")
    keyboard.type("agent")
    yield "offers", debugger
    keyboard.press("Enter")
    yield "filter", debugger
    keyboard.press("Escape")
    debugger.tree.focus()
    keyboard.press("Escape")
    debugger.search.fill("flight")
    expect(root.get_by_test_id("lgviz-search-hit").first).to_be_visible()
    yield "search", debugger
    keyboard.press("Escape")
    root.get_by_test_id("lgviz-thread-picker").click()
    expect(root.get_by_role("option").first).to_be_visible()
    yield "threads", debugger
    keyboard.press("Escape")
    debugger.tree.focus()
    keyboard.press("?")
    yield "keys", debugger
    keyboard.press("Escape")
    root.get_by_test_id("lgviz-menu").click()
    root.get_by_test_id("lgviz-predict-toggle").click()
    debugger.select("c5")
    root.get_by_test_id("lgviz-step").click()
    expect(root.get_by_test_id("lgviz-predict-answer")).to_be_visible()
    yield "predict", debugger
    keyboard.press("Space")
    keyboard.press("Enter")
    expect(root.get_by_test_id("lgviz-predict-told")).to_be_visible()
    yield "predicted", debugger


def _questions(page: Page) -> Iterator[View]:
    """Decisions on actions, a form of a schema, a text; a thread that is not there."""
    debugger = Debugger(page)
    debugger.select("c2")
    actions = debugger.root.get_by_test_id("lgviz-hitl-action")
    yield "actions", debugger
    actions.nth(0).locator('[data-decision="reject"]').click()
    actions.nth(1).locator('[data-decision="edit"]').click()
    expect(actions.nth(1).locator("textarea, input").first).to_be_visible()
    yield "decided", debugger
    add_cell(page, f"{FORM}\nlgviz.debug(graph, '1')")
    debugger = Debugger(page, -1)
    debugger.select("c1")
    yield "form", debugger
    add_cell(page, f"{seeded('approval', '2')}\nlgviz.debug(graph, '2')")
    debugger = Debugger(page, -1)
    expect(debugger.root.get_by_test_id("lgviz-interrupt").first).to_be_visible()
    yield "text", debugger
    add_cell(page, "lgviz.debug(graph, 'nowhere')")
    debugger = Debugger(page, -1)
    expect(debugger.error.first).to_contain_text("nowhere")
    yield "no thread", debugger


def _memory(page: Page) -> Iterator[View]:
    """Memory as it was and is, its forms, and a sandbox that writes to it."""
    debugger = Debugger(page)
    root = debugger.root
    part = root.get_by_test_id
    debugger.select("c9")
    debugger.tab("memory")
    part("lgviz-memory-change").first.click()
    expect(part("lgviz-memory-diff")).to_be_visible()
    yield "memory", debugger
    part("lgviz-memory-version").first.get_by_role("button").first.click()
    expect(part("lgviz-memory-version-diff")).to_be_visible()
    yield "versions", debugger
    part("lgviz-memory-when").get_by_role("button").last.click()
    part("lgviz-memory-delete").click()
    yield "deletion", debugger
    part("lgviz-memory-deletion").get_by_role("button").nth(1).click()
    part("lgviz-memory-edit").click()
    part("lgviz-memory-value-field").get_by_role("textbox").fill('{"text": "tofu"}')
    expect(part("lgviz-memory-plan").locator(".lgviz-preview-cards")).to_be_visible()
    yield "edit", debugger
    debugger.select("c14")
    debugger.tab("state")
    root.get_by_test_id("lgviz-fork-open").click()
    debugger.write("messages", '{"role": "user", "content": "Where? I live in Braga.", "id": "human-9"}')
    debugger.as_node("__start__")
    part("lgviz-sandbox").click()
    expect(debugger.row("s4")).to_be_visible()
    yield "sandbox", debugger


def _live(page: Page) -> Iterator[View]:
    """A run at work, a task that failed, and a graph that has no thread yet."""
    debugger = Debugger(page)
    root = debugger.root
    debugger.select("c0")
    root.get_by_test_id("lgviz-graph-open").click()
    root.get_by_test_id("lgviz-breakpoint").last.click()
    root.get_by_test_id("lgviz-run-here").click()
    expect(root.get_by_test_id("lgviz-live-task").first).to_contain_text("so in the")
    page.emulate_media(reduced_motion="reduce")
    assert root.evaluate(MOVING) == []
    yield "live", debugger
    add_cell(page, "print('opened', gate.set())")
    output(page, "opened None")
    add_cell(page, f"{seeded('fan_out', '2')}\nlgviz.debug(graph, '2')")
    debugger = Debugger(page, -1)
    debugger.root.get_by_test_id("lgviz-row").filter(has_text="ConnectionError").first.click()
    debugger.tab("tasks")
    expect(debugger.root.get_by_test_id("lgviz-task")).to_have_count(3)
    yield "failed", debugger
    add_cell(
        page,
        "from langgraph.checkpoint.memory import InMemorySaver\nlgviz.debug(fan_out.build(InMemorySaver()))",
    )
    debugger = Debugger(page, -1)
    expect(debugger.root).to_be_visible()
    yield "no checkpoint", debugger


def _inside(page: Page) -> Iterator[View]:
    """The graph of a subgraph, gone into and out of by keys."""
    debugger = Debugger(page)
    root = debugger.root
    debugger.select("c2")
    root.get_by_test_id("lgviz-graph-open").click()
    door = root.locator('button.is-door[data-node="critic"]')
    door.press("Enter")
    back = root.locator(".lgviz-graph-way button")
    expect(back).to_be_focused()
    yield "inside", debugger
    back.press("Enter")
    expect(door).to_be_focused()
    yield "outside", debugger


WALKS: dict[str, tuple[str, Callable[[Page], Iterator[View]]]] = {
    "thread": (f"{seeded('agent')}\nlgviz.debug(graph, '1')", _thread),
    "questions": (f"{AGENT}\nlgviz.debug(graph, '1')", _questions),
    "memory": (f"{MEMORY}\nlgviz.debug(graph, '1')", _memory),
    "inside": (f"{seeded('subgraph')}\nlgviz.debug(graph, '1')", _inside),
    "live": (f"{STREAMING}\nlgviz.debug(graph, '1')", _live),
}


@pytest.mark.parametrize("walk", WALKS)
def test_every_view_is_for_everyone(notebook: NotebookFactory, walk: str) -> None:
    cell, views = WALKS[walk]
    page = notebook([SETUP, cell], run=False, width=1700 if walk == "memory" else 1400)
    page.evaluate("() => localStorage.setItem('lgviz:language', 'pseudo-rtl')")
    page.add_script_tag(path=AXE)
    run_all(page)
    found: list[str] = []
    for name, debugger in views(page):
        wrong = debugger.root.evaluate(UNSAID) + debugger.root.evaluate(UNFIT) + debugger.root.evaluate(RUN)
        page.evaluate(LIGHT, False)
        wrong += debugger.root.evaluate(RUN, CONTRAST)
        page.evaluate(LIGHT, True)
        found += [f"{name}: {one}" for one in wrong]
    assert not found, "\n".join(found)


def test_the_static_view_is_for_everyone(notebook: NotebookFactory) -> None:
    page = notebook([SETUP, seeded("agent"), "lgviz.history(graph, '1')"])
    static = page.locator(".lg-page").last
    expect(static).to_be_visible()
    page.add_script_tag(path=AXE)
    found = static.evaluate(RUN)
    page.evaluate(LIGHT, False)
    assert found + static.evaluate(RUN, CONTRAST) == []


# What has the focus: its test id, and whether that is to be seen.
FOCUSED = """() => {
    const element = document.activeElement;
    const ringed = (one) => {
        const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(one);
        return (outlineStyle !== "none" && parseFloat(outlineWidth) > 0) || boxShadow !== "none";
    };
    const own = "[role=tree], [role=separator], [role=dialog], .lgviz-searchfield *, .lgviz-picker-find, .lgviz-find-field *";
    return [element.dataset.testid ?? element.dataset.decision ?? "", ringed(element) || element.matches(own), element.outerHTML.slice(0, 200)];
}"""


def _tab_to(page: Page, what: str, key: str = "Tab") -> None:
    """Goes by Tab alone; wherever it passes, the focus is seen."""
    for _ in range(60):
        page.keyboard.press(key)
        name, seen, element = page.evaluate(FOCUSED)
        assert seen, f"no focus is seen on {element}"
        if name == what:
            return
    raise AssertionError(f"{what} is not reached by {key}")


def test_ten_acts_need_no_mouse(notebook: NotebookFactory) -> None:
    again = "_ = graph.invoke(ASK, {'configurable': {'thread_id': '2'}})"
    page = notebook([SETUP, f"{AGENT}\n{again}\nlgviz.debug(graph, '1')"])
    debugger = Debugger(page)
    root, press = debugger.root, page.keyboard.press
    selected = root.locator('[data-testid="lgviz-row"][aria-selected="true"]')
    expect(debugger.row("c2")).to_be_visible()
    debugger.tree.focus()
    # Open a row; look into it; compare two.
    press("End")
    press("ArrowUp")
    expect(selected).to_have_attribute("data-label", "c1")
    press("Enter")
    press("ArrowRight")
    expect(root.get_by_test_id("lgviz-tab-diff")).to_be_focused()
    expect(debugger.inspector.get_by_test_id("lgviz-diff-between")).to_have_text("c0 → c1")
    press("ArrowLeft")
    press("Escape")
    press("Shift+ArrowUp")
    expect(debugger.row("c1")).to_have_attribute("data-compared", "true")
    press("Escape")
    expect(root.locator("[data-compared]")).to_have_count(0)
    # Search and filter.
    press("/")
    page.keyboard.type("Ana")
    press("Enter")
    expect(root.get_by_test_id("lgviz-search-hit").first).to_be_visible()
    press("Enter")
    press("Escape")
    press("Escape")
    expect(debugger.tree).to_be_focused()
    press("v")
    page.keyboard.type("model")
    expect(root.get_by_role("option").filter(has_text="model").first).to_be_visible()
    press("Enter")
    expect(root.get_by_test_id("lgviz-filterbar")).to_be_visible()
    for _ in range(5):  # one thing after the other
        if root.get_by_test_id("lgviz-filterbar").count() == 0:
            break
        press("Escape")
    expect(root.get_by_test_id("lgviz-filterbar")).to_have_count(0)
    expect(debugger.tree).to_be_focused()
    # The whole window, and the keys.
    press("m")
    expect(root.get_by_test_id("lgviz-maximise")).to_have_attribute("aria-pressed", "true")
    press("?")
    expect(root.get_by_role("dialog", name="Keys")).to_be_focused()
    press("Escape")
    expect(debugger.tree).to_be_focused()
    press("Escape")
    expect(root.get_by_test_id("lgviz-maximise")).to_have_attribute("aria-pressed", "false")
    # A breakpoint on the graph.
    _tab_to(page, "lgviz-graph-open", "Shift+Tab")
    press("Enter")
    _tab_to(page, "lgviz-breakpoint")
    press("Space")
    expect(root.locator('[data-testid="lgviz-breakpoint"][aria-pressed="true"]')).to_have_count(1)
    press("Space")
    # A fork, closed again.
    debugger.tree.focus()
    press("f")
    expect(root.get_by_test_id("lgviz-fork-next")).to_be_visible()
    _tab_to(page, "lgviz-fork-note")
    press("Escape")
    expect(debugger.tree).to_be_focused()
    # One message edited and run.
    press("End")
    press("ArrowUp")
    press("Enter")
    expect(debugger.inspector.locator(".lgviz-checkpoint")).to_have_text("c1")
    expect(root.get_by_test_id("lgviz-edit").first).to_be_visible()
    _tab_to(page, "lgviz-edit")
    press("Enter")
    expect(root.get_by_test_id("lgviz-fork-next")).to_be_visible()
    press("Control+Enter")
    expect(root.locator('[data-testid="lgviz-run"][data-status="interrupted"]')).to_be_visible()
    # Its question answered.
    debugger.tree.focus()
    press("Home")
    press("Enter")
    expect(root.get_by_test_id("lgviz-hitl-action")).to_have_count(3)
    for _ in range(3):
        _tab_to(page, "approve")
        press("Enter")
    press("Control+Enter")
    expect(root.locator('[data-testid="lgviz-run"][data-status="done"]')).to_be_visible()
    # Another thread.
    debugger.tree.focus()
    _tab_to(page, "lgviz-thread-picker", "Shift+Tab")
    press("Enter")
    expect(root.get_by_role("option").first).to_be_visible()
    press("Escape")
    expect(root.get_by_test_id("lgviz-thread-picker")).to_be_focused()
    press("Enter")
    expect(root.get_by_role("option").first).to_be_visible()
    press("ArrowDown")
    press("Enter")
    expect(root.get_by_test_id("lgviz-thread-picker")).to_contain_text("2")
    # The language.
    _tab_to(page, "lgviz-menu")
    press("Enter")
    expect(root.get_by_role("menuitem").first).to_be_focused()
    press("ArrowUp")
    press("Enter")
    expect(root).to_have_attribute("lang", "de")
    expect(root.get_by_test_id("lgviz-fork-open")).to_contain_text("Abzweigen")
