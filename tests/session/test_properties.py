"""Over random graphs: a preview is what the fork then makes, and a run runs what ``next`` says."""

from __future__ import annotations

import sqlite3
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langgraph.checkpoint.sqlite import SqliteSaver

import lgviz.session as session
from lgviz import persistence
from tests.support.random_graphs import GraphSpec, build, drive, graph_specs

CONFIG: Any = {"configurable": {"thread_id": "1"}}
VALUES = {"log": ["edited"], "count": 10, "note": "edited"}
SAVERS = st.sampled_from([SqliteSaver, persistence.SqliteSaver])
relaxed = settings(
    deadline=None,
    max_examples=16,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


def content(file: Path) -> list[str]:
    conn = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        return list(conn.iterdump())
    finally:
        conn.close()


def run_through(spec: GraphSpec, saver: Any) -> tuple[Any, list[Any]]:
    """The graph, run to its end, and the configs of all its checkpoints, oldest first."""
    graph = build(spec, saver)
    drive(graph, "1", {"log": []})
    return graph, [t.config for t in saver.list(CONFIG)][::-1]


@relaxed
@given(graph_specs(crashes=False, max_stages=2), st.data())
def test_a_preview_is_what_the_fork_makes(spec: GraphSpec, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "checkpoints.db")
        with data.draw(SAVERS).from_conn_string(str(file)) as saver:
            graph, configs = run_through(spec, saver)
            chosen = data.draw(st.lists(st.sampled_from(configs), min_size=1, max_size=5, unique_by=str))
            for config in chosen:
                untouched = content(file)
                options = session.as_node_options(graph, config, VALUES)
                seen = {
                    o.node: session.preview(graph, config, VALUES, o.node) for o in options if not o.disabled
                }
                assert content(file) == untouched
                assert {n: p.next for n, p in seen.items()} == {
                    o.node: o.next for o in options if not o.disabled
                }
                for node, preview in seen.items():
                    made = session.fork(graph, config, VALUES, node)
                    snapshot = graph.get_state(made.config)
                    assert (snapshot.values, snapshot.next) == (preview.values, preview.next)
                    assert (made.values, made.next) == (preview.values, preview.next)
                    assert preview.diff.apply(graph.get_state(config).values) == made.values
                    assert made.metadata["lgviz_as_node"] == node
                    assert content(file) != untouched


@relaxed
@given(graph_specs(crashes=False), st.data())
def test_a_run_runs_what_next_says(spec: GraphSpec, data: st.DataObject) -> None:
    with data.draw(SAVERS).from_conn_string(":memory:") as saver:
        graph, configs = run_through(spec, saver)
        chosen = data.draw(st.lists(st.sampled_from(configs), min_size=1, max_size=6, unique_by=str))
        for config in chosen:
            wanted = sorted(graph.get_state(config).next)
            if not wanted or wanted == ["__start__"]:
                continue
            assert session.run_plan(graph, config).warnings == []
            events: list[session.RunEvent] = []
            run = session.run(graph, config, sandbox=data.draw(st.booleans()), on_event=events.append)
            assert run.error is None
            path = nodes_of(config["configurable"]["checkpoint_ns"])
            started = [e.node for e in events if e.kind == "started" and nodes_of(e.namespace) == path]
            assert sorted(map(str, started[: len(wanted)])) == wanted


def nodes_of(namespace: str) -> list[str]:
    return [part.split(":")[0] for part in namespace.split("|") if part and not part.isdigit()]
