"""What the benchmarks share: the report that ends a run, and the browser tests' JupyterLab and Chromium."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.lab_fixtures import chromium, lab, notebook
from tests.support.report import Report

__all__ = ["chromium", "lab", "notebook", "report"]


@pytest.fixture(scope="session")
def report(request: pytest.FixtureRequest) -> Iterator[Report]:
    """Collects figures; the table is printed when all have been measured."""
    report = Report()
    yield report
    reporter = request.config.pluginmanager.get_plugin("terminalreporter")
    text = f"\n\n{report}\n"
    if reporter is None:
        print(text)
    else:
        reporter.write(text)
