"""LangGraph's own tests: every thread that they make is shown right, and lgviz's savers pass them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from .known import DIFFERENT, FAILING
from .suite import IN_TWO, run

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

Told = Callable[[str, object], None]

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


NAMED = {f"{view}.{what}" for view in ("graph", "saver") for what in ("nodes", "why.tasks")}


@pytest.mark.parametrize(("extra", "deviating"), [("", set()), (WRONG, NAMED)])
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
def test_every_thread_of_langgraphs_tests(tmp_path: Path, record_property: Told) -> None:
    outcome = run(tmp_path / "report", "tests", *IN_TWO, "-k", "not sqlite_aes", plugins=("every_thread",))
    record_property("upstream", outcome.told())
    assert outcome.threads > 900 and not outcome.failed
    assert not (lines := unexplained(outcome.found)), "\n".join(lines)


@pytest.mark.upstream
@pytest.mark.timeout(3600)
def test_lgvizs_savers_pass_langgraphs_tests(tmp_path: Path, record_property: Told) -> None:
    """In memory, SQLite, encrypted and not, and SQLite from an event loop."""
    outcome = run(tmp_path / "report", "tests", *IN_TWO, plugins=("lgviz_savers",))
    record_property("upstream", outcome.told())
    assert outcome.passed > 1600
    assert outcome.failing() == {test for tests in FAILING.values() for test in tests}
