"""Each notebook of the course in JupyterLab: all cells run, no error, and what is to be clicked is alive."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser, expect

from lab_server import Lab
from tests.support.lab import evaluate, run_all, wait_for_kernel

COURSE = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", COURSE, ids=lambda path: path.stem)
def test_a_notebook_runs_and_its_views_are_alive(path: Path, lab: Lab, chromium: Browser) -> None:
    cells = nbformat.read(path, as_version=4).cells
    views = [
        number
        for number, cell in enumerate(cells)
        if cell.cell_type == "code" and "\n%lgviz " in f"\n{cell.source}"
    ]
    assert views
    shutil.copy(path, lab.root)
    page = chromium.new_page(viewport={"width": 1300, "height": 2200})
    page.goto(lab.page(path.name, reset=True))
    wait_for_kernel(page)
    run_all(page)
    failed = evaluate(
        page,
        """async () => [...jupyterapp.shell.currentWidget.content.model.cells]
            .flatMap((cell) => cell.outputs?.toJSON() ?? [])
            .filter((output) => output.output_type === 'error')
            .map((output) => `${output.ename}: ${output.evalue}`)""",
    )
    assert failed == []
    for number in views:
        evaluate(
            page,
            "async (n) => { await jupyterapp.shell.currentWidget.content.scrollToItem(n, 'center'); }",
            number,
        )
        shown = page.locator(f".jp-Cell[data-windowed-list-index='{number}']")
        root = shown.get_by_test_id("lgviz-root")
        expect(root.get_by_test_id("lgviz-row").first).to_be_visible()
        # By its label: what later cells made may still be coming in above it.
        label = root.get_by_test_id("lgviz-row").nth(1).get_attribute("data-label")
        row = root.locator(f"[data-testid='lgviz-row'][data-label='{label}']")
        row.click()
        expect(row).to_have_attribute("aria-selected", "true")
        # A row that was moved while the cell was out of view may have no box, see `useSkipped`.
        for one in root.get_by_test_id("lgviz-row").all():
            expect(one).to_be_visible()
    expect(page.get_by_test_id("lgviz-error")).to_have_count(0)
    page.close()
    lab.stop_kernel(path.name)
