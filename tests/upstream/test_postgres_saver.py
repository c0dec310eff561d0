"""LangGraph's own tests on lgviz's PostgreSQL saver; beside the others, for they need one process alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from .known import FAILING
from .suite import AGAIN, run


@pytest.mark.upstream
@pytest.mark.timeout(3600)
def test_the_postgres_saver_passes_langgraphs_tests(
    tmp_path: Path, postgres_uri: Callable[[], str], record_property: Callable[[str, object], None]
) -> None:
    """One database, so one process."""
    chosen = ("-k", "memory", *AGAIN)
    outcome = run(tmp_path / "report", "tests", *chosen, plugins=("lgviz_savers",), postgres=postgres_uri())
    record_property("upstream", outcome.told())
    assert outcome.passed > 600
    assert outcome.failing() == {test for tests in FAILING.values() for test in tests}
