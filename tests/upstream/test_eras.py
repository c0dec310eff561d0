"""Threads written by LangGraph of 2024 and 2025, read from the file alone, then gone on with by today's (which
does not know the tables from before August 2024).

Right is what LangGraph itself answers, at the time and today: ``get_state_history``, and the debug stream for who ran.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.environments import environment, output_of
from tests.support.era_answers import differences

pytestmark = pytest.mark.upstream

PROGRAM = Path(__file__).resolve().parents[1] / "support" / "eras.py"
ROWS = PROGRAM.with_name("early_rows.py")
RECORDED = PROGRAM.parents[1] / "sources" / "early"
EARLY_DAYS = {"0.0.30": "2024-03-25", "0.0.39": "2024-04-25", "0.0.66": "2024-06-12", "0.1.19": "2024-08-01"}
WRITE = f"import runpy; runpy.run_path({str(PROGRAM)!r}, run_name='__main__')"

NEVER_RAN = "no row names what triggers a node of 2024 that never ran"
INPUT = "the first input of an entrypoint that stored nothing itself: no row tells who takes it"
OLD_NONE = "the rows hold None, which the version itself left out of its answer"
OLD_QUESTION = "the question is stored; today's LangGraph gives the task another id, and finds none"
"""By chance: an id was made of the task's triggers in the order of a set, so this need not occur."""

OLD_SEND = "today's LangGraph leaves a Send that was stored as JSON as a dict, and plans nothing for it"

SQLITE = "langgraph-checkpoint-sqlite"


class Era(NamedTuple):
    """A LangGraph, what it needs beside it, the day it is from, and where lgviz is known to differ: thread, what ->
    why; None where today's LangGraph cannot go on."""

    langgraph: str
    beside: str
    day: str
    written: dict[tuple[str, str], str]
    continued: dict[tuple[str, str], str] | None


UNKNOWN_PAUSED = {("paused", "next"): NEVER_RAN, ("paused", "tasks"): NEVER_RAN}
UNKNOWN_FLOW = {("func", "next"): INPUT, ("func", "tasks"): INPUT}
UNKNOWN_RIGHT = {("parallel", "next"): NEVER_RAN, ("parallel", "tasks"): NEVER_RAN}
GONE = {("asks", "tasks"): OLD_QUESTION, ("func", "tasks"): OLD_QUESTION}

UNREAD = {(thread, what): OLD_SEND for thread in ("send", "sendfail") for what in ("next", "tasks")}

OF_OLD = {("paused", "next"): NEVER_RAN, ("parallel", "next"): NEVER_RAN, ("sub", "values"): OLD_NONE}
"""Then nothing told of tasks."""

ERAS = (
    Era("0.0.66", "httpx", "2024-06-12", OF_OLD, None),
    Era("0.1.5", "httpx", "2024-07-05", OF_OLD, None),
    Era("0.1.19", "httpx", "2024-08-01", OF_OLD, None),
    Era(
        "0.2.14",
        f"{SQLITE}==1.0.0",
        "2024-09-05",
        {**UNKNOWN_PAUSED, **UNKNOWN_RIGHT, ("sub", "values"): OLD_NONE},
        UNREAD,
    ),
    Era("0.2.60", f"{SQLITE}==2.0.1", "2024-12-24", {**UNKNOWN_PAUSED, **UNKNOWN_FLOW}, GONE),
    Era("0.3.18", f"{SQLITE}==2.0.6", "2025-03-31", {**UNKNOWN_PAUSED, **UNKNOWN_FLOW}, GONE),
    Era("0.4.5", f"{SQLITE}==2.0.10", "2025-05-31", UNKNOWN_FLOW, {}),
    Era("0.6.6", f"{SQLITE}==2.0.11", "2025-08-31", UNKNOWN_FLOW, {}),
    Era("1.0.3", f"{SQLITE}==3.0.0", "2025-11-15", UNKNOWN_FLOW, {}),
)


@pytest.mark.parametrize("era", ERAS, ids=[era.langgraph for era in ERAS])
def test_what_a_version_wrote_and_todays_went_on_with(era: Era, tmp_path: Path) -> None:
    database, beside = tmp_path / "threads.db", tmp_path / "answers.json"
    python = environment(f"langgraph=={era.langgraph}", era.beside, before=era.day)
    output_of(python, WRITE, database, beside)
    told = json.loads(beside.read_text())
    assert told["versions"] == [era.langgraph] and len(told["states"]) >= 9
    compare(database, told, era.written)
    if era.continued is None:
        return
    output_of(Path(sys.executable), WRITE, database, beside, "again")
    compare(database, json.loads(beside.read_text()), era.continued)


def test_the_first_postgres_saver(tmp_path: Path, postgres_uri: Callable[[], str]) -> None:
    """Of August 2024: its writes have no path of a task."""
    uri, beside = postgres_uri(), tmp_path / "answers.json"
    savers = f"{SQLITE}==1.0.0", "langgraph-checkpoint-postgres==1.0.0", "psycopg[binary]", "httpx"
    python = environment("langgraph==0.2.0", *savers, before="2024-09-01")
    output_of(python, WRITE, uri, beside)
    told = json.loads(beside.read_text())
    assert told["versions"] == ["0.2.0"] and len(told["states"]) >= 9
    compare(uri, told, OF_OLD)


@pytest.mark.parametrize("recorded", sorted(RECORDED.glob("*.json")), ids=lambda file: file.stem)
def test_the_recorded_rows_are_what_that_version_writes(recorded: Path) -> None:
    kept, day = json.loads(recorded.read_text()), EARLY_DAYS[recorded.stem]
    python = environment(f"langgraph=={recorded.stem}", "httpx", before=day)
    said = json.loads(output_of(python, f"import runpy; runpy.run_path({str(ROWS)!r}, run_name='__main__')"))
    assert said["langgraph"] == kept["langgraph"] == recorded.stem
    for name, table in kept["tables"].items():
        made = said["tables"][name]
        assert (made["made"], len(made["rows"])) == (table["made"], len(table["rows"]))
    for thread, answers in kept["answers"].items():
        assert [*said["answers"][thread].values()] == [*answers.values()]


def compare(database: Path | str, told: dict[str, Any], known: dict[tuple[str, str], str]) -> None:
    found: dict[tuple[str, str], list[Any]] = {}
    for thread, states in told["states"].items():
        for what, ours, theirs in differences(database, thread, states, told["ran"][thread]):
            found.setdefault((thread, what), []).append((ours, theirs))
    assert {key: at for key, at in found.items() if key not in known} == {}
    sure = {key for key, why in known.items() if why is not OLD_QUESTION}
    assert sure - found.keys() == set(), "no longer different: take it off the list"
