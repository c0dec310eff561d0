"""Keys are right over random graphs: loops, joins, sends, subgraphs, interrupts, crashes, breakpoints."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langgraph.checkpoint.memory import InMemorySaver

from lgviz import learn
from tests.support.learned import Reality
from tests.support.random_graphs import GraphSpec, build, drive, graph_specs

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(spec=graph_specs(), seed=st.integers(0, 9))
def test_keys_are_what_langgraph_does(spec: GraphSpec, seed: int) -> None:
    graph = build(spec, InMemorySaver())
    drive(graph, "1", {"log": [], "count": 0, "rounds": {}})
    for question in learn.questions(graph, "1", count=20, seed=seed):
        real = Reality(graph, question).answer()
        assert question.answer(real).right, f"{question}\nreally: {real!r}\n{question.answer(real)}"
