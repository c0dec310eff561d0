"""What every test may use."""

from __future__ import annotations

import itertools
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.support import servers
from tests.support.modules import module  # noqa: F401 - a fixture

REPO = Path(__file__).resolve().parents[1]

settings.register_profile("lgviz", deadline=None)  # a loaded machine is slow, and wrong in nothing
settings.load_profile("lgviz")


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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What LangGraph's own tests gave, and the time of all of ``make test``, front end included."""
    for report in (
        report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, ())
    ):
        for line in (value for name, value in report.user_properties if name == "upstream"):
            terminalreporter.write_line(f"{report.nodeid.partition('::')[2]}: {line}")
    if begun := os.environ.get("LGVIZ_TEST_BEGUN"):
        minutes, seconds = divmod(int(time.time()) - int(begun), 60)
        terminalreporter.write_line(f"make test: {minutes} min {seconds} s in all")


@pytest.fixture(autouse=True)
def no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left in the cache of whoever runs the tests."""
    monkeypatch.setenv("LGVIZ_CACHE", "off")


@pytest.fixture(autouse=True)
def path_as_it_was() -> Iterator[None]:
    """A graph that is loaded by its file leaves the file's folder in the path, where `tests/support` hides modules."""
    before = list(sys.path)
    yield
    sys.path[:] = before


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the repository, or ``$LGVIZ_SHARED_DATA``; skips where there is none."""
    folder = Path(os.environ.get("LGVIZ_SHARED_DATA") or REPO.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no shared data at {folder} (set LGVIZ_SHARED_DATA)")
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[Any]:
    """A real PostgreSQL server."""
    with servers.postgres() as running:
        yield running


@pytest.fixture
def postgres_uri(postgres: Any) -> Callable[[], str]:
    """A function that makes a fresh database and gives its URI."""
    import psycopg

    numbers = itertools.count()

    def make() -> str:
        name = f"test_{next(_DATABASES)}_{next(numbers)}"
        with psycopg.connect(postgres.get_uri(), autocommit=True) as conn:
            conn.execute(f"CREATE DATABASE {name}".encode())
        return str(postgres.get_uri(database=name))

    return make


_DATABASES = itertools.count()


@pytest.fixture(scope="session")
def langgraph_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a real LangGraph server of the graphs of ``tests.support.served_graphs``, for all tests."""
    from tests.support.langgraph_server import langgraph_dev

    with langgraph_dev(tmp_path_factory.mktemp("langgraph-server")) as url:
        yield url


@pytest.fixture(scope="session")
def sdk(langgraph_server: str) -> Iterator[Any]:
    """LangGraph's own client of that server."""
    from langgraph_sdk import get_sync_client

    with get_sync_client(url=langgraph_server) as client:
        yield client


@pytest.fixture
def served(langgraph_server: str) -> Iterator[Any]:
    """That server as a source."""
    import lgviz

    with closing(lgviz.open_source(langgraph_server)) as opened:
        yield opened
