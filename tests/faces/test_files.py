"""A thread as files: what each contains is told before it is written, and nothing is written over by itself."""

from __future__ import annotations

import re
import struct
import sys
from pathlib import Path
from typing import Any

import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

import lgviz
from lgviz.demos import agent, memory
from lgviz.errors import FileExists, InvalidValue, MissingFile, NotInstalled
from lgviz.export import picture
from lgviz.files import FORMATS, prepare
from lgviz.magics import LgvizMagics
from lgviz.persistence import InMemoryStore, MemorySaver, SqliteSaver, SqliteStore
from tests.support.long_threads import connect, seed_loop
from tests.support.modules import Module
from tests.support.pages import data_of
from tests.support.view import View

COUNTS = {
    "html": (21, 16, 1), "bundle": (21, 16, 1), "markdown": (21, 8, 0), "svg": (21, 0, 0), "png": (21, 0, 0),
    "mermaid": (21, 0, 0), "dot": (21, 0, 0),
}  # fmt: skip
"""Checkpoints, messages and items of memory in each file of the agent's thread; at c20 there are 8 messages."""


@pytest.fixture
def store() -> InMemoryStore:
    store = InMemoryStore()
    store.put(("a",), "k", {"x": 1})
    return store


@pytest.fixture
def graph(store: InMemoryStore) -> Any:
    """Its thread begins after the item was put: a bundle holds memory as it was by the thread's end."""
    graph = agent.build(MemorySaver())
    agent.seed(graph, thread_id="1")
    return graph


def test_every_format_is_offered_by_the_protocol() -> None:
    from lgviz.protocol import ExportKind

    assert set(FORMATS) == set(ExportKind.__args__) == set(COUNTS)
    endings = [suffix for each in FORMATS.values() for suffix in each.suffixes]
    assert len(set(endings)) == len(endings)


APP = """
from lgviz.demos import agent
from lgviz.persistence import MemorySaver

graph = agent.build(MemorySaver())
"""


def test_a_view_pins_a_test(module: Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "a.ipynb"))
    graph = module("pinned_app", APP).graph
    agent.seed(graph, thread_id="1")
    view = View(dbg := lgviz.debug(graph, "1"))
    view.ask("thread_open", thread_id="1")
    asked = {"checkpoint": dbg.history["c8"].id, "path": "tests/test_c8.py", "live": [], "overwrite": False}
    test = tmp_path / "tests" / "test_c8.py"
    assert view.ask("pin_write", **asked) == {"path": str(test), "written": True}
    assert "pinned_app:graph" in test.read_text() and test.with_suffix(".lgviz").exists()
    before = test.stat().st_mtime_ns
    assert view.ask("pin_write", **asked) == {"path": str(test), "written": False}
    assert test.stat().st_mtime_ns == before
    assert view.ask("pin_write", **{**asked, "overwrite": True})["written"]
    wrong = view.reply(view.send("pin_write", **{**asked, "path": "c8.txt"}))
    assert "pytest collects no file of the name c8.txt" in str(wrong["error"])


@pytest.mark.parametrize("kind", list(FORMATS))
def test_a_view_is_told_what_a_file_contains_and_has_it_written(
    kind: str, graph: Any, store: InMemoryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "a.ipynb"))
    dbg = lgviz.debug(graph, "1", store=store)
    view = View(dbg)
    view.ask("thread_open", thread_id="1")
    asked = {"kind": kind, "checkpoint": dbg.history["c20"].id, "other": None, "redact": []}
    plan = view.ask("export_plan", **asked)
    assert (plan["checkpoints"], plan["messages"], plan["items"]) == COUNTS[kind]
    assert plan["rules"] == 0 and plan["path"] == f"thread-1{FORMATS[kind].suffixes[0]}"
    file = tmp_path / plan["path"]
    assert not file.exists()
    assert view.ask("export_write", token=plan["token"], path=plan["path"], overwrite=False) == {
        "path": str(file),
        "written": True,
    }
    assert file.stat().st_size == plan["bytes"]
    again = view.ask("export_plan", **asked)
    assert again["path"] == f"thread-1-2{FORMATS[kind].suffixes[0]}"
    before = file.stat().st_mtime_ns
    refused = view.ask("export_write", token=again["token"], path=plan["path"], overwrite=False)
    assert refused == {"path": str(file), "written": False} and file.stat().st_mtime_ns == before
    assert view.ask("export_write", token=again["token"], path=plan["path"], overwrite=True)["written"]
    spent = view.reply(view.send("export_write", token=again["token"], path="b.html", overwrite=False))
    assert "made anew" in spent["error"]["cause"]
    dbg.close()


def test_the_debuggers_rules_hold_and_more_may_be_given(
    graph: Any, store: InMemoryStore, tmp_path: Path
) -> None:
    dbg = lgviz.debug(graph, "1", store=store, redact=["plan"])
    view = View(dbg)
    view.ask("thread_open", thread_id="1")
    asked = {"kind": "html", "checkpoint": dbg.selected, "other": None}
    assert view.ask("export_plan", **asked, redact=[])["rules"] == 1
    plan = view.ask("export_plan", **asked, redact=["messages.*.content", "x"])
    assert plan["rules"] == 3 and plan["items"] == 1
    path = tmp_path / "a.html"
    view.ask("export_write", token=plan["token"], path=str(path), overwrite=False)
    rows = data_of(path.read_text(encoding="utf-8"))["rows"]
    shown = {c["name"]: c["value"] for c in rows[-1]["view"]["channels"]}
    assert shown["plan"]["text"] == "‹redacted›"
    assert {one["value"]["message"]["text"] for one in shown["messages"]["items"]} == {"‹redacted›"}
    wrong = view.reply(view.send("export_plan", **asked, redact=["a..b"]))
    assert wrong["error"]["code"] == "refused"
    dbg.close()


def test_a_path_names_the_format(graph: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    h = lgviz.history(graph, "1")
    told = h.export(tmp_path / "a.lgviz")
    assert repr(told).startswith("<Bundle of thread '1': 21 checkpoints, 16 messages, no memory items; ")
    assert capsys.readouterr().out == f"{tmp_path / 'a.lgviz'}: {told}\n"
    assert len(lgviz.history(tmp_path / "a.lgviz", "1")) == len(h)
    with pytest.raises(FileExists, match=r"a\.lgviz already"):
        h.export(tmp_path / "a.lgviz")
    h.export(tmp_path / "a.lgviz", overwrite=True, quiet=True)
    with pytest.raises(InvalidValue, match=r"End it in one of \.html, \.lgviz"):
        h.export(tmp_path / "a.txt")
    with pytest.raises(MissingFile, match="no folder"):
        h.export(tmp_path / "no" / "a.svg")
    with pytest.raises(MissingFile, match="is a folder"):
        prepare(h, "svg").write(tmp_path)
    dbg = lgviz.debug(graph, "1")
    dbg.selected, dbg.compared = "c5", "c3"
    dbg.export(tmp_path / "a.md", quiet=True)
    assert (
        "### c5: tools" in (tmp_path / "a.md").read_text()
        and "### c3 → c5" in (tmp_path / "a.md").read_text()
    )
    dbg.export_svg(tmp_path / "b.svg")
    dbg.export_png(tmp_path / "b.png")
    dbg.close()


def test_memory_of_a_database_that_was_opened_by_its_path_is_exported(tmp_path: Path) -> None:
    path = str(tmp_path / "a.db")
    graph = memory.build(SqliteSaver.from_conn_string(path), SqliteStore.from_conn_string(path))
    memory.seed(graph, thread_id="1")
    h = lgviz.history(path, "1")
    count = len(graph.store.search((), limit=100))
    assert prepare(h, "html").contents.items == count == 3
    assert prepare(h, "bundle").contents.items == 4, "and one of which only the past is left"
    masked = prepare(lgviz.history(path, "1", redact=["dish"]), "html")
    items = data_of(masked.content.decode())["memory"]["now"]
    assert len(items) == count


# ------------------------------------------------------------ PNG


def pixels(png: bytes) -> tuple[int, int]:
    assert png[:8] == b"\x89PNG\r\n\x1a\n" and png[12:16] == b"IHDR"
    return struct.unpack(">II", png[16:24])


def test_a_picture_shows_the_tree_with_its_words(graph: Any, tmp_path: Path) -> None:
    h = lgviz.history(graph, "1")
    h.export_png(tmp_path / "a.png", scale=1)
    width, height = pixels((tmp_path / "a.png").read_bytes())
    svg = picture.tree_svg(h.tree)
    assert (width, height) == tuple(map(int, re.search(r'width="(\d+)" height="(\d+)"', svg).groups()))
    # Without its words it would be much smaller: a font was found.
    import resvg_py

    bare = resvg_py.svg_to_bytes(svg_string=re.sub("<text.*?</text>", "", svg), background="#ffffff")
    assert (tmp_path / "a.png").stat().st_size > 3 * len(bare)


def test_a_high_picture_holds_the_newest_and_tells_of_the_rest(tmp_path: Path) -> None:
    saver = connect(tmp_path / "a.db")
    seed_loop(saver, "1", 600)
    tree = lgviz.history(saver, "1").tree
    assert len(tree) == 600
    png, drawn = picture.tree_png(tree)
    assert pixels(png)[1] <= 24_000 and drawn == 498
    assert "… 102 older" in picture.tree_svg(tree, range(102, 600))
    _, around = picture.tree_png(tree, selected=10)
    assert around == 498


def test_what_is_missing_for_a_picture_is_named(
    graph: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    h = lgviz.history(graph, "1")
    monkeypatch.setattr(picture, "_FAMILIES", ("No Such Font",))
    picture._font.cache_clear()
    with pytest.raises(lgviz.errors.LgvizError, match="no font") as raised:
        h.export_png(tmp_path / "a.png")
    assert "DejaVu" in raised.value.remedy
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(NotInstalled, match=r"resvg-py is not installed. Run: pip install 'lgviz\[png\]'"):
        h.export_png(tmp_path / "a.png")
    assert not (tmp_path / "a.png").exists()
    picture._font.cache_clear()


# ------------------------------------------------------------ %lgviz export


def test_the_magic_exports(
    graph: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    shell = InteractiveShell()
    shell.register_magics(LgvizMagics(shell))
    shell.user_ns["graph"] = graph

    def run(line: str) -> str:
        shell.run_line_magic("lgviz", line)
        return capsys.readouterr().out

    with pytest.raises(UsageError, match="No debugger was shown yet"):
        run("export a.html")
    said = run("export graph a.html --thread 1 --redact plan")
    assert re.fullmatch(
        r"a\.html: thread '1': 21 checkpoints, 16 messages, no memory items; \d+ KB, redacted by 1 rule\n",
        said,
    )
    with pytest.raises(UsageError, match=r"a file a\.html already"):
        run("export graph a.html")
    assert "nothing redacted" in run("export graph a.html --overwrite")
    dbg = lgviz.debug(graph, "1", redact=["plan"])
    shell.user_ns["dbg"] = dbg
    assert "redacted by 1 rule" in run("export dbg b.svg")
    assert "redacted by 2 rules" in run("export dbg b.lgviz --redact messages")
    with pytest.raises(UsageError, match="open in it"):
        run("export dbg c.svg --thread 2")
    for line, words in {
        "export": "needs a file",
        "graph b.html": "unrecognized",
        "export no.db a.md": "no file",
    }.items():
        with pytest.raises(UsageError, match=words):
            run(line)
    dbg.close()
