"""What every test may use."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

REPO = Path(__file__).resolve().parents[1]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With ``-n``: the browser tests and the notebooks on one worker, every other file where there is room.

    One JupyterLab and one Chromium are enough, and the cells of a notebook share a kernel. (xdist's own
    ``xdist_group`` is silently ignored by pytest 9.2.)
    """
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "lab" if nodeid.startswith(("tests/browser/", "notebooks/")) else nodeid.split("::")[0]

    return ByFile(config, log)


@pytest.fixture(autouse=True)
def no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left in the cache of whoever runs the tests."""
    monkeypatch.setenv("LGVIZ_CACHE", "off")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the repository, or ``$LGVIZ_SHARED_DATA``; skips where there is none."""
    folder = Path(os.environ.get("LGVIZ_SHARED_DATA") or REPO.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no shared data at {folder} (set LGVIZ_SHARED_DATA)")
    return folder
