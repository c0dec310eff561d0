"""One server of each engine for the tests of a worker, started when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.engines import ENGINES, EngineDatabase


@pytest.fixture(scope="session")
def fresh() -> Iterator[Callable[[str], EngineDatabase]]:
    """A function that makes a fresh database of a named engine."""
    running: dict[str, str] = {}
    with ExitStack() as held:

        def make(engine: str) -> EngineDatabase:
            server, database = ENGINES[engine]
            if engine not in running:
                running[engine] = held.enter_context(server())
            made = database(running[engine])
            held.callback(made.close)
            return made

        yield make


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The server that stands in for Cosmos DB signed its certificate itself."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.filterwarnings("ignore:Unverified HTTPS request"))
