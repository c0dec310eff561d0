"""What a coding agent looks at appears in an open debugger of the same thread, if its owner wants it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import lgviz
from lgviz.backend.glances import Glance, GlanceFile, glances
from lgviz.demos import two_nodes
from lgviz.mcp import AgentTools, ToolDesk
from lgviz.mcp.graphs import backend_of
from lgviz.persistence import SqliteSaver
from tests.support.view import View
from tests.support.waiting import until


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    return tmp_path / "runtime"


@pytest.fixture
def db(tmp_path: Path) -> Path:
    with SqliteSaver.from_conn_string(tmp_path / "a.db") as saver:
        for thread in ("1", "2"):
            two_nodes.seed(two_nodes.build(saver), thread_id=thread)
    return tmp_path / "a.db"


@pytest.fixture
def glance() -> Iterator[GlanceFile]:
    made = GlanceFile("a.db")
    yield made
    made.close()


def test_what_an_agent_is_shown_is_marked_until_its_server_ends(db: Path, glance: GlanceFile) -> None:
    tools = AgentTools(ToolDesk(lambda held: backend_of(held, str(db), graph=two_nodes.build(), write=True)),
                       graph=True, write=True, told=glance.look)  # fmt: skip
    debugger, without = lgviz.debug(str(db), "1", agent=True), lgviz.debug(str(db), "1")
    view, other = View(debugger), View(without)
    view.ask("thread_open", thread_id="1")
    ids = {c.label: c.id for c in lgviz.history(str(db), "1")}
    tools.call("state", {"at": "c2", "thread": "1"})

    def told() -> Any:
        return [body["checkpoints"] for name, body in view.events if name == "agents"]

    until(lambda: told() == [[ids["c2"]]])
    assert view.ask("thread_open", thread_id="1")["agents"] == [ids["c2"]]  # a page that is loaded again
    tools.call("tree", {"thread": "2"})
    until(lambda: told() == [[ids["c2"]], []])
    # What an agent made is there with its mark.
    made = tools.call(
        "fork", {"at": "c2", "values": {"foo": "x"}, "as_node": "node_a", "thread": "1"}
    ).structured
    until(lambda: told()[-1] == [made["id"]])
    assert "tree" in [name for name, _ in view.events] and debugger.history["c6"].id == made["id"]
    # Another thread in the debugger, another mark.
    tools.call("diff", {"after": "c5", "thread": "2"})
    until(lambda: told()[-1] == [])
    debugger.thread_id = "2"
    until(lambda: told()[-1] == [debugger.history["c5"].id])
    glance.close()
    until(lambda: told()[-1] == [])
    assert not [name for name, _ in other.events if name == "agents"]
    tools.close()
    debugger.close()
    without.close()


def test_the_file_is_its_owners_alone_and_goes_with_the_server(runtime: Path, glance: GlanceFile) -> None:
    glance.look("1", "id")
    (file,) = runtime.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and stat.S_IMODE(runtime.stat().st_mode) == 0o700
    assert {**json.loads(file.read_text()), "at": 0} == {
        "pid": os.getpid(), "source": "a.db", "thread_id": "1", "checkpoint_id": "id", "at": 0
    }  # fmt: skip
    glance.look("1", "other")
    assert list(glances()) == [Glance("1", "other")]
    glance.close()
    assert list(runtime.iterdir()) == []


def test_what_somebody_else_left_or_wrote_is_ignored(runtime: Path, tmp_path: Path) -> None:
    runtime.mkdir()
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    good = {"pid": os.getpid(), "source": "x", "thread_id": "1", "checkpoint_id": "id", "at": time.time()}
    written = {
        "ended": {**good, "pid": ended.pid}, "old": {**good, "at": time.time() - 7_200}, "later": {**good, "at": 9e12},
        "no text": {**good, "thread_id": 3}, "no list": [], "missing": {"pid": os.getpid()}, "nobody": {**good, "pid": -1},
        "huge pid": {**good, "pid": 10**30}, "long": {**good, "thread_id": "x" * 5_000}, "deep": None,
    }  # fmt: skip
    for name, told in written.items():
        file = runtime / f"lgviz-agent-{name}.json"
        file.write_text(json.dumps(told) if name != "deep" else "[" * 4_000)
        file.chmod(0o600)
    readable = runtime / "lgviz-agent-readable.json"
    readable.write_text(json.dumps(good))
    readable.chmod(0o644)
    (tmp_path / "elsewhere.json").write_text(json.dumps(good))
    (tmp_path / "elsewhere.json").chmod(0o600)
    (runtime / "lgviz-agent-link.json").symlink_to(tmp_path / "elsewhere.json")
    os.mkfifo(runtime / "lgviz-agent-pipe.json", 0o600)
    (runtime / "lgviz-agent-folder.json").mkdir()
    assert list(glances()) == []
    readable.chmod(0o600)
    assert list(glances()) == [Glance("1", "id")]


def test_a_folder_that_cannot_be_written_fails_no_answer(runtime: Path, db: Path) -> None:
    runtime.write_text("no folder")
    tools = AgentTools(ToolDesk(lambda held: backend_of(held, str(db))), told=GlanceFile("a.db").look)
    assert tools.call("state", {"at": "c2", "thread": "1"}).structured["label"] == "c2"
    assert list(glances()) == []
    tools.close()
