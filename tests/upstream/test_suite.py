"""LangGraph's own tests: every thread that they make is shown right, and lgviz's savers pass them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from .known import DIFFERENT, FAILING
from .suite import Outcome, run

ONE = """
from typing import Annotated, TypedDict
import operator
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import StateGraph

class State(TypedDict):
    said: Annotated[list, operator.add]

def test_chat():
    builder = StateGraph(State).add_node("greet", lambda state: {"said": ["hello"]})
    graph = builder.set_entry_point("greet").set_finish_point("greet").compile(InMemorySaver())
    graph.invoke({"said": ["hi"]}, {"configurable": {"thread_id": "1"}})
"""
IN_TWO = ("-n", "2", "--reruns", "2")
"""Some tests of LangGraph wait for a time that a busy machine does not keep."""

WRONG = """
from lgviz.analysis.checkpoint import Checkpoint
Checkpoint.nodes = property(lambda self: ("somebody",))
"""


def unexplained(found: list[dict[str, str]]) -> list[str]:
    """The deviations that no entry of the list explains, and the entries that explain none."""
    lines, used = [], set()
    for one in found:
        pattern = next((pair for known in DIFFERENT for pair in known.matching(one)), None)
        used.add(pattern)
        if pattern is None:
            lines.append(
                "{test} | {view}.{what} | {where}\n  LangGraph: {langgraph}\n  lgviz: {lgviz}".format_map(one)
            )
    return lines + [
        f"no longer: {known.reason}: {pair}"
        for known in DIFFERENT
        for pair in known.pairs()
        if pair not in used
    ]


def told(outcome: Outcome, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(
            f"\n{outcome.passed} tests of LangGraph passed, {len(outcome.failed)} failed;"
            f" {outcome.threads} threads opened, {outcome.compared} answers compared,"
            f" {len(outcome.found)} explained; not opened: {sorted(outcome.unopened) or 'none'}"
        )


@pytest.mark.parametrize(("extra", "deviating"), [("", set()), (WRONG, {"graph.nodes", "saver.nodes"})])
def test_the_plugin_tells_what_differs(tmp_path: Path, extra: str, deviating: set[str]) -> None:
    """On a test of our own, without a network."""
    (tmp_path / "test_one.py").write_text(extra + ONE)
    outcome = run(tmp_path / "report", plugins=("every_thread",), python=Path(sys.executable), tests=tmp_path)
    assert (outcome.passed, outcome.threads, outcome.failed) == (1, 1, [])
    found = {f"{one['view']}.{one['what']}" for one in outcome.found}
    assert found - {"saver.values.default", "saver.tasks.id"} == deviating
    assert outcome.compared > 12


@pytest.mark.upstream
@pytest.mark.timeout(3600)
def test_every_thread_of_langgraphs_tests(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = run(tmp_path / "report", "tests", *IN_TWO, "-k", "not sqlite_aes", plugins=("every_thread",))
    told(outcome, capsys)
    assert outcome.threads > 900 and not outcome.failed
    assert not (lines := unexplained(outcome.found)), "\n".join(lines)


@pytest.mark.upstream
@pytest.mark.timeout(3600)
def test_lgvizs_savers_pass_langgraphs_tests(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In memory, SQLite, encrypted and not, and SQLite from an event loop."""
    outcome = run(tmp_path / "report", "tests", *IN_TWO, plugins=("lgviz_savers",))
    told(outcome, capsys)
    assert outcome.passed > 1600
    assert failing(outcome) == {test for tests in FAILING.values() for test in tests}


@pytest.mark.upstream
@pytest.mark.timeout(3600)
def test_the_postgres_saver_passes_langgraphs_tests(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], postgres_uri: Callable[[], str]
) -> None:
    """One database, so one process."""
    chosen = ("-k", "memory", "--reruns", "2")
    outcome = run(tmp_path / "report", "tests", *chosen, plugins=("lgviz_savers",), postgres=postgres_uri())
    told(outcome, capsys)
    assert outcome.passed > 600
    assert failing(outcome) == {test for tests in FAILING.values() for test in tests}


def failing(outcome: Outcome) -> set[str]:
    """The tests that failed, without their parameters; a busy machine's were run three times."""
    return {test.partition("[")[0] for test in outcome.failed}
