"""Blame of a long chat, against loading every state and looking."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lgviz
from lgviz.persistence import SqliteSaver
from tests.support.long_threads import chat_graph, connect, seed_chat
from tests.support.report import Report

pytestmark = [pytest.mark.bench, pytest.mark.timeout(900)]

TURNS = 500


def lgviz_saver(path: Path) -> Any:
    return SqliteSaver(sqlite3.connect(path, check_same_thread=False))


@pytest.mark.parametrize("saver", [lgviz_saver, connect], ids=["lgviz's database", "LangGraph's database"])
def test_blame_of_a_chat(saver: Any, tmp_path: Path, report: Report, request: pytest.FixtureRequest) -> None:
    graph = chat_graph(saver(tmp_path / "chat.db"))
    seed_chat(graph, "chat", TURNS)
    blame, told = timed(lambda: lgviz.history(graph, "chat").blame("messages"))
    whole, states = timed(lambda: [c.values.get("messages") for c in lgviz.history(graph, "chat")])
    assert len(told) == len(states[-1]) == 2 * TURNS
    assert all(one.node in ("__start__", "model") for one in told)
    where = request.node.callspec.id
    report.note(f"blame of {TURNS} turns, {where}", f"{blame:.2f} s, {whole:.1f} s for every state")
    report.hold(f"blame against loading every state, {where}", blame / whole, 1 / 20, "{:.4f}")


def timed(act: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    result = act()
    return time.perf_counter() - began, result
