"""The debugger as a test sees it: by role, accessible name and test id, as a person would find things."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

SETUP = """
%load_ext lgviz
import os, sqlite3, uuid
import lgviz
from langgraph.checkpoint.sqlite import SqliteSaver
file = os.path.abspath(f"{uuid.uuid4().hex}.db")
saver = SqliteSaver(sqlite3.connect(file, check_same_thread=False))
"""


def seeded(demo: str, thread: str = "1") -> str:
    """A cell that makes ``graph`` with one of the demos and its history."""
    return f"from lgviz.demos import {demo}\ngraph = {demo}.build(saver)\n{demo}.seed(graph, thread_id={thread!r})"


class Debugger:
    """One debugger on a page.

    Args:
        page: the notebook.
        number: which of several, from the top.
    """

    def __init__(self, page: Page, number: int = 0) -> None:
        self.page = page
        self.root = page.get_by_test_id("lgviz-root").nth(number)
        self.tree = self.root.get_by_test_id("lgviz-tree")
        self.inspector = self.root.get_by_test_id("lgviz-inspector")
        self.search = self.root.get_by_test_id("lgviz-search")
        self.error = self.root.get_by_test_id("lgviz-error")
        self.preview = self.root.get_by_test_id("lgviz-fork-preview")
        self.box = self.root.get_by_test_id("lgviz-sandbox-bar")
        self.keep = self.root.get_by_test_id("lgviz-keep")
        self.next = self.root.get_by_test_id("lgviz-fork-next")

    def row(self, label: str) -> Locator:
        return self.root.locator(f'[data-testid="lgviz-row"][data-label="{label}"]')

    def select(self, label: str) -> None:
        self.row(label).click()
        expect(self.row(label)).to_have_attribute("aria-selected", "true")
        expect(self.inspector.get_by_text(label, exact=True).first).to_be_visible()

    def tab(self, name: str) -> Locator:
        tab = self.root.get_by_test_id(f"lgviz-tab-{name}")
        tab.click()
        return self.inspector.get_by_role("tabpanel")

    def memory_item(self, key: str, namespace: str | None = None) -> Locator:
        within = "" if namespace is None else f'[data-namespace="{namespace}"]'
        return self.root.locator(f'[data-testid="lgviz-memory-item"][data-key="{key}"]{within}')

    def fork(self, label: str) -> None:
        self.select(label)
        self.root.get_by_test_id("lgviz-fork-open").click()
        expect(self.root.get_by_text(f"Fork at {label}")).to_be_visible()

    def field(self, channel: str) -> Locator:
        return self.root.locator(f'[data-testid="lgviz-fork-field"][data-channel="{channel}"]')

    def write(self, channel: str, text: str, mode: str | None = None) -> None:
        if mode is not None:
            self.field(channel).get_by_test_id(f"lgviz-fork-mode-{mode}").click()
        self.field(channel).get_by_role("textbox").fill(text)

    def as_node(self, node: str) -> None:
        self.root.get_by_test_id("lgviz-fork-as-node").get_by_role("radio", name=node, exact=True).check()

    def commit(self, *, run: bool = False) -> None:
        self.root.get_by_test_id("lgviz-fork-run" if run else "lgviz-fork-commit").click()

    def more(self, item: str) -> Locator:
        """An item of the menu of what can be done at the selection, opened."""
        self.inspector.get_by_test_id("lgviz-more").click()
        return self.inspector.get_by_test_id(item)

    def copied(self, scope: Locator | None = None) -> str:
        (scope or self.root).get_by_test_id("lgviz-copy-code").first.click()
        code = self.root.get_by_test_id("lgviz-code")
        expect(code).to_contain_text("lgviz.")
        return code.inner_text()
