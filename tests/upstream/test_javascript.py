"""Threads written by langgraphjs of 2024 to today, read from its database alone.

Right is what langgraphjs answered when it wrote them: ``getStateHistory``, and the debug stream for who ran.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import lgviz
from tests.support.era_answers import differences
from tests.support.node import threads_by_node

pytestmark = [pytest.mark.upstream, pytest.mark.timeout(1200)]  # SQLite may have to be compiled

LAST_SENT = "langgraphjs of 2024 stored nothing of the last task that was sent"
UNDEFINED = "the rows hold null, which the version itself left out of its answer"
INPUT = "the first input of an entrypoint that stored nothing itself: no row tells who takes it"
FLOW = {("functional", "next"): INPUT, ("functional", "tasks"): INPUT}


class Era(NamedTuple):
    """Packages of npm, and where lgviz is known to differ: thread, what -> why."""

    packages: tuple[str, ...]
    known: Mapping[tuple[str, str], str]


def packages(langgraph: str, core: str, checkpoint: str, **saver: str) -> tuple[str, ...]:
    named = {"": langgraph, "-checkpoint": checkpoint, **{f"-checkpoint-{k}": v for k, v in saver.items()}}
    return (f"@langchain/core@{core}", *(f"@langchain/langgraph{name}@{v}" for name, v in named.items()))


ERAS = {
    "2024, PostgreSQL": Era(
        packages("0.2.20", "0.3.19", "0.0.12", postgres="0.0.2"),
        {("sending", "nodes"): LAST_SENT, ("subgraph", "values"): UNDEFINED},
    ),
    "2025, PostgreSQL": Era(packages("0.4.9", "0.3.80", "0.1.1", postgres="0.1.3"), FLOW),
    "2026, PostgreSQL": Era(packages("1.7.3", "1.4.0", "1.2.2", postgres="1.0.5"), FLOW),
    "2026, SQLite": Era(packages("1.7.3", "1.4.0", "1.2.2", sqlite="1.0.4"), FLOW),
}


@pytest.mark.parametrize("name", ERAS)
def test_what_langgraphjs_wrote(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    era, beside = ERAS[name], tmp_path / "answers.json"
    database: str | Path = tmp_path / "threads.db"
    if "PostgreSQL" in name:
        make: Callable[[], str] = request.getfixturevalue("postgres_uri")
        database = make()
    threads_by_node(database, beside, *era.packages)
    told = json.loads(beside.read_text())
    assert len(told["states"]) >= 8
    found: dict[tuple[str, str], list[Any]] = {}
    for thread, states in told["states"].items():
        for what, ours, theirs in differences(database, thread, states, told["ran"][thread]):
            if not (what == "values" and thread in ("chat", "kinds")):  # compared below
                found.setdefault((thread, what), []).append((ours, theirs))
    assert {key: at for key, at in found.items() if key not in era.known} == {}
    assert era.known.keys() - found.keys() == set(), "no longer different: take it off the list"
    same_messages(database, told["states"]["chat"])
    same_kinds(database)
    of_another_package(database)


def same_messages(database: str | Path, states: list[Any]) -> None:
    history = lgviz.history(database, "chat")
    for state in states:
        ours = history[state["id"]].values.get("messages", [])
        theirs = state["values"].get("messages", [])
        assert [message.id for message in ours] == [message["kwargs"]["id"] for message in theirs]
        for message, told in zip(ours, theirs, strict=True):
            assert type(message).__name__ == told["id"][-1]
            kwargs = told["kwargs"]
            assert message.content == kwargs["content"]
            calls = [(call["name"], call["args"], call["id"]) for call in getattr(message, "tool_calls", ())]
            assert calls == [(c["name"], c["args"], c["id"]) for c in kwargs.get("tool_calls", ())]
            assert getattr(message, "tool_call_id", None) == kwargs.get("tool_call_id")
    assert len(history.latest.values["messages"]) == 5


def same_kinds(database: str | Path) -> None:
    it = lgviz.history(database, "kinds").latest.values["it"]
    assert it["set"] == {1, 2} and it["map"] == {"k": {"deep": [1]}} and it["re"] == "/a+b/gi"
    assert it["error"].endswith("Error: too far") and it["when"] == "2025-01-02T03:04:05.006Z"
    assert it["none"] is it["missing"] is it["nan"] is None
    assert (it["float"], it["big"], it["text"]) == (1.5, 2**53, "ä😀")
    assert it["bytes"] in (b"\x01\x02\xff", {"0": 1, "1": 2, "2": 255})  # until 2025 they were no bytes


def of_another_package(database: str | Path) -> None:
    """Of a class that nobody here knows the data is shown, and the rest of the state beside it."""
    history = lgviz.history(database, "foreign")
    values = history.latest.values
    assert (values["it"]["id"], values["it"]["kwargs"]) == (["own", "things", "Own"], {"n": 1})
    assert values["bytes"] == "whole" and history.latest.nodes == ("make",)
