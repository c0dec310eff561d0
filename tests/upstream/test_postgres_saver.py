"""LangGraph's own tests on lgviz's PostgreSQL saver; in a file of their own, so that they run beside the others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from .known import FAILING
from .suite import IN_TWO, run


@pytest.mark.upstream
@pytest.mark.timeout(3600)
def test_the_postgres_saver_passes_langgraphs_tests(
    tmp_path: Path, postgres_uri: Callable[[], str], record_property: Callable[[str, object], None]
) -> None:
    """Those that LangGraph runs in memory, whose saver PostgreSQL's stands in for; a database for each process."""
    databases = f"{postgres_uri()} {postgres_uri()}"
    chosen = ("-k", "memory", *IN_TWO)
    outcome = run(tmp_path / "report", "tests", *chosen, plugins=("lgviz_savers",), postgres=databases)
    record_property("upstream", outcome.told())
    assert outcome.passed > 600
    assert outcome.failing() == {test for tests in FAILING.values() for test in tests}
