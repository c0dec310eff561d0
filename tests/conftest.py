"""What every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[1]

# One JupyterLab and one Chromium are enough, and a notebook's cells share a kernel: with pytest-xdist all of
# them stay on one worker while the others run the rest.
ONE_WORKER = ("tests/browser", "notebooks")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        where = item.path.relative_to(REPO).as_posix() if item.path.is_relative_to(REPO) else ""
        if where.startswith(ONE_WORKER):
            item.add_marker(pytest.mark.xdist_group("lab"))
        if where.startswith("tests/browser"):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the repository, or ``$LGVIZ_SHARED_DATA``; skips where there is none."""
    folder = Path(os.environ.get("LGVIZ_SHARED_DATA") or REPO.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no shared data at {folder} (set LGVIZ_SHARED_DATA)")
    return folder
