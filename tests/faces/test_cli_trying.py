"""``lgviz sweep`` and ``lgviz blame-steps``: what they cost is told first, and nothing of it is stored."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import lgviz.cli.trying  # noqa: F401 - declares the commands
from lgviz.cli.app import app
from lgviz.demos import two_nodes
from lgviz.persistence import SqliteSaver

APP = """
import signal
from lgviz.demos.two_nodes import *
ran = []
stop_at = 0

def counted(state):
    ran.append(state["foo"])
    if len(ran) == stop_at:
        signal.raise_signal(signal.SIGINT)
    return {"foo": "b" if state["foo"] == "a" else "other", "bar": ["sk-secret"]}

def stopping():
    global stop_at
    ran.clear()
    stop_at = 2
    return graph

graph = build()
graph.nodes["node_b"].bound.func = counted
def score(values): return len(values["bar"])
"""
SWEEP = ("--at", "c2", "--as-node", "node_a", "--case", 'x={"foo": "x"}', "--case", "null")


@pytest.fixture
def db(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    with SqliteSaver.from_conn_string(tmp_path / "z.db") as saver:
        two_nodes.seed(two_nodes.build(saver), thread_id="two")
    (tmp_path / "trying_app.py").write_text(APP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    monkeypatch.delitem(sys.modules, "trying_app", raising=False)
    return tmp_path / "z.db"


def lg(command: str, db: Path, *arguments: str, graph: str = "graph", typed: str = "") -> Any:
    given = [command, str(db), "--graph", f"trying_app:{graph}", *arguments]
    return CliRunner().invoke(app, given, input=typed, prog_name="lgviz")


def ran() -> list[str]:
    found: list[str] = sys.modules["trying_app"].ran
    return found


def test_what_would_run_is_told_and_asked_for_before_anything_runs(db: Path) -> None:
    plan = "Sweep of 2 cases, 4 runs: 4 planned; history would answer 2 tasks, then 2 or more would run"
    dry = lg("sweep", db, *SWEEP, "--runs", "2", "--dry-run")
    assert (dry.exit_code, dry.stdout.split("\n")[0], ran()) == (0, plan, [])
    no = lg("sweep", db, *SWEEP, "--runs", "2", typed="n\n")
    assert (no.exit_code, no.stdout.strip(), ran()) == (1, "n", [])  # what was typed
    assert no.stderr.startswith(f"{plan}\nRun them? ") and no.stderr.endswith("lgviz: Nothing was done.\n")
    steps = lg("blame-steps", db, "--at", "c3", "--score", "foo", "--runs", "3", "--budget", "4", "--dry-run")
    assert (steps.stdout.split("\n")[0], ran()) == ("2 steps, 4 reruns at the most", [])


def test_a_sweep_is_scored_and_leaves_the_database_as_it_was(db: Path) -> None:
    before = db.read_bytes()
    said = lg("sweep", db, *SWEEP, "--score", "trying_app:score", typed="y\n")
    assert said.exit_code == 0
    assert (
        said.stdout
        == " y\nSweep of 2 cases, 2 runs: 2 done; 1 tasks served, 1 ran\n  x  done  2\n  2  done  2\n"
    )
    data = json.loads(lg("sweep", db, *SWEEP, "--score", "foo", "--anew", "--yes", "--json").stdout)
    assert [(row["case"], row["score"], row["ran"]) for row in data["rows"]] == [
        ("x", "other", 1),
        ("2", "b", 1),
    ]
    assert ran() == ["x", "x", "a"] and db.read_bytes() == before


def test_the_step_to_blame_is_named(db: Path) -> None:
    blamed = lg("blame-steps", db, "--at", "c5", "--score", "foo == 'b'", "--runs", "2", "--yes")
    assert (blamed.exit_code, ran()) == (0, ["edited", "edited"])
    assert blamed.stdout.split("\n")[:2] == [
        "c5 node_b: run anew, the outcome changed 2 of 2 times (1 step, 2 runs).",
        "c5\tnode_b\t2\t2\t100%\t34%\t100%\t0",
    ]


def test_ctrl_c_gives_what_there_is(db: Path) -> None:
    stopped = lg("sweep", db, *SWEEP, "--anew", "--runs", "2", "--yes", graph="stopping")
    assert stopped.exit_code == 130
    assert (
        stopped.stdout == "Sweep of 1 case, 1 run: 1 done; 0 tasks served, 1 ran (stopped early)\n  x  done\n"
    )
    steps = lg("blame-steps", db, "--at", "c5", "--score", "foo", "--yes", "--json", graph="stopping")
    found = json.loads(steps.stdout)
    assert (steps.exit_code, found["stopped"], found["planned"], found["steps"][0]["runs"]) == (
        130,
        True,
        5,
        1,
    )


def test_what_is_masked_no_score_is_given(db: Path) -> None:
    given = (*SWEEP[:6], "--score", "bar[-1]", "--yes")
    assert "sk-secret" in lg("sweep", db, *given, "--json").stdout
    for form in ([], ["--json"]):
        assert "sk-secret" not in lg("sweep", db, *given, *form, "--redact", "/sk-[a-z]+/").stdout
    masked = lg("sweep", db, *given, "--json", "--redact", "bar[*]")
    assert masked.exit_code == 0 and "sk-secret" not in masked.stdout


@pytest.mark.parametrize(
    ("command", "given", "said"),
    [
        ("sweep", ["--at", "c2", "--case", "foo"], "--case foo is no update. Give JSON: "),
        ("sweep", ["--at", "c2", "--case", "a=null", "--case", "a=null"], "Two cases are named 'a'."),
        ("sweep", ["--at", "c99", "--case", "null"], "Thread 'two' has no checkpoint 'c99'."),
        (
            "sweep",
            [*SWEEP, "--anew", "--effects", "node_b"],
            "With --anew all runs, also a node of --effects.",
        ),
        ("sweep", [*SWEEP, "--score", "trying_app:ran"], "trying_app:ran is a list, no function."),
        ("sweep", [*SWEEP, "--score", "fare <"], "This is no Python expression: invalid syntax."),
        ("blame-steps", ["--score", "nobody.app:score"], "nobody.app:score cannot be loaded: "),
        ("blame-steps", ["--score", "foo / 2"], "The score raised TypeError: "),
        (
            "blame-steps",
            ["--score", "foo", "--at", "c2"],
            "The run did not end at c2: 'node_b' would run next.",
        ),
    ],
)
def test_what_is_refused_is_one_line(command: str, given: list[str], said: str, db: Path) -> None:
    done = lg(command, db, *given)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith(f"lgviz: {said}") and done.stderr.count("\n") == 1
