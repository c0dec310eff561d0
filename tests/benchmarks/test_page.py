"""A saved page of a long chat: how long it is to write, and how long one waits until it is open."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

import lgviz
from lgviz.persistence import MemorySaver
from tests.support.debugger_page import Debugger
from tests.support.long_threads import chat_graph, seed_chat
from tests.support.report import Report

pytestmark = [pytest.mark.bench, pytest.mark.browser, pytest.mark.timeout(600)]
TURNS = (167, 667)
OPENED = 5


def test_a_saved_page_of_2000_checkpoints(chromium: Browser, tmp_path: Path, report: Report) -> None:
    seconds = {}
    for turns in TURNS:
        graph = chat_graph(MemorySaver())
        seed_chat(graph, "1", turns)
        history, begun = lgviz.history(graph, "1"), time.process_time()
        told = history.export_html(tmp_path / "chat.html", quiet=True)
        seconds[told.checkpoints] = time.process_time() - begun
        report.note(
            f"page of {told.checkpoints:,} checkpoints, written", f"{time.process_time() - begun:.1f} s CPU"
        )
    few, many = seconds
    report.hold(
        "written: time by checkpoints, most against few",
        seconds[many] / seconds[few] * few / many,
        2,
        "{:.1f}",
    )
    times = []
    for _ in range(OPENED):
        context = chromium.new_context(offline=True)
        page = context.new_page()
        page.goto((tmp_path / "chat.html").as_uri())
        expect(Debugger(page).row(f"c{many - 1}")).to_be_visible()
        expect(Debugger(page).inspector.get_by_role("tabpanel")).to_contain_text("messages")
        times.append(page.evaluate("performance.now()"))
        context.close()
    report.hold(
        f"page of {many:,} checkpoints, opened, median of {OPENED}",
        statistics.median(times),
        2_000,
        "{:.0f} ms",
    )
