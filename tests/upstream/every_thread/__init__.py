"""A pytest plugin: after each test, every thread that it made is opened with lgviz and compared with LangGraph."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .compare import Comparison, lines
from .copies import copy_of
from .witness import Witness

WITNESS = Witness()
REPORT = Path(os.environ["LGVIZ_UPSTREAM_REPORT"])


def pytest_configure() -> None:
    os.environ["LGVIZ_CACHE"] = "off"
    WITNESS.listen()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    WITNESS.forget()
    result = yield
    look(item.nodeid)
    return result


def look(test: str) -> None:
    """Compare what the test has left, and write down what was found."""
    report: dict[str, Any] = {"test": test, "threads": 0, "checkpoints": 0, "unopened": [], "found": []}
    seen_savers, made, updated = [*WITNESS.savers.values()], dict(WITNESS.made), dict(WITNESS.updated)
    WITNESS.deaf = True
    with tempfile.TemporaryDirectory() as folder:
        for number, seen in enumerate(seen_savers):
            path = Path(folder) / f"{number}.db"
            saver = copy_of(seen.saver, path)
            if saver is None:
                report["unopened"].append(type(seen.saver).__name__)
                continue
            for thread in sorted({t.config["configurable"]["thread_id"] for t in saver.list(None)}):
                again = lambda: copy_of(seen.saver, Path(folder) / "again.db")  # noqa: B023, E731
                comparison = Comparison(WITNESS, seen.graphs.get(thread), saver, thread, again)
                comparison.run(path if path.exists() else None)
                report["threads"] += 1
                report["checkpoints"] += comparison.compared
                report["found"] += lines(comparison.found)
                WITNESS.made, WITNESS.updated = made, updated
    with (REPORT / f"{os.environ.get('PYTEST_XDIST_WORKER', 'main')}.jsonl").open("a") as file:
        file.write(json.dumps(report) + "\n")
