"""One JupyterLab and one Chromium for all tests of a package; a page and a kernel of its own for each test.

The fixtures have the scope of the package that imports them: while Playwright's synchronous interface is open,
its event loop counts as running in this thread, and asynchronous tests of other folders could not start theirs.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from lab_server import THEMES, Lab, running_lab
from tests.support.lab import NotebookFactory, run_all, theme_name, wait_for_kernel, write_notebook

RESULTS = Path(__file__).resolve().parents[2] / "test-results"
FLAGS = [
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-sandbox",
]
FAILED = pytest.StashKey[bool]()
"""Whether the test itself failed; set by the hook of the package's ``conftest.py``."""

expect.set_options(timeout=20_000)


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A running JupyterLab."""
    with running_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """A headless Chromium: ``$LGVIZ_CHROMIUM``, one on the PATH, or the one that Playwright installed."""
    path = os.environ.get("LGVIZ_CHROMIUM") or next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def notebook(lab: Lab, chromium: Browser, request: pytest.FixtureRequest) -> Iterator[NotebookFactory]:
    """``notebook(cells, run=True, width=1400, height=1000, dark=False) -> Page``.

    Opens a new notebook with these code cells in JupyterLab, waits for its kernel, runs every cell and gives
    the page. A failing test leaves a picture of each of its pages in ``test-results/``.
    """
    name = "".join(letter if letter.isalnum() else "-" for letter in request.node.name).strip("-")
    numbers = count()
    opened: list[tuple[str, Page]] = []

    def open_notebook(
        cells: Sequence[str],
        *,
        run: bool = True,
        width: int = 1400,
        height: int = 1000,
        dark: bool = False,
    ) -> Page:
        file = f"{name}-{next(numbers)}.ipynb"
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            permissions=["clipboard-read", "clipboard-write"],
        )
        lab.set(THEMES, {"theme": theme_name(dark)})
        page = context.new_page()
        opened.append((file, page))
        write_notebook(lab.root / file, cells)
        page.goto(lab.page(file, reset=True))
        wait_for_kernel(page)
        if run:
            run_all(page)
        return page

    yield open_notebook
    for file, page in opened:
        if request.node.stash.get(FAILED, False):
            RESULTS.mkdir(exist_ok=True)
            page.screenshot(path=RESULTS / f"{Path(file).stem}.png")
        page.context.close()
        lab.stop_kernel(file)
