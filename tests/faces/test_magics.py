"""``%load_ext lgviz`` and ``%lgviz`` in a real IPython shell."""

from __future__ import annotations

import inspect
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from langgraph.checkpoint.sqlite import SqliteSaver

import lgviz
from lgviz.demos import two_nodes
from lgviz.sources.base import ReadOptions
from lgviz.sources.lgviz.tables import TablesSource


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    monkeypatch.chdir(tmp_path)
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    connection = sqlite3.connect(tmp_path / "here.db", check_same_thread=False)
    graph = two_nodes.build(SqliteSaver(connection))
    for thread in ("1", "two words"):
        two_nodes.seed(graph, thread_id=thread)
    shell.run_line_magic("load_ext", "lgviz")
    shell.push({"graph": graph, "bare": graph.builder.compile()})
    yield shell
    connection.close()
    InteractiveShell.clear_instance()


def test_loading_registers_the_magic_and_nothing_else(shell: InteractiveShell) -> None:
    assert "lgviz" in shell.magics_manager.magics["line"]
    assert "--thread" in (shell.find_line_magic("lgviz").__doc__ or "")


@pytest.mark.parametrize(
    ("line", "thread"),
    [
        ("graph --thread 1", "1"),
        ("graph -t 'two words'", "two words"),
        ("graph.checkpointer --thread 1", "1"),
        ("here.db --thread 1", "1"),
        ("'here.db'", "two words"),
        ("graph", "two words"),
    ],
)
def test_the_magic_opens_what_is_named(shell: InteractiveShell, line: str, thread: str) -> None:
    debugger = shell.run_line_magic("lgviz", line)
    assert isinstance(debugger, lgviz.Debugger)
    assert debugger.thread_id == thread
    assert debugger.history is not None
    assert debugger.selected == debugger.history.latest.id
    debugger.close()


@pytest.mark.parametrize(
    "line", ["", "nothing_of_that_name", "graph.nothing", "graph --height tall", "'open"]
)
def test_what_cannot_be_parsed_is_a_usage_error(shell: InteractiveShell, line: str) -> None:
    with pytest.raises(UsageError):
        shell.run_line_magic("lgviz", line)


@pytest.mark.parametrize(
    ("line", "words"), [("missing.db", "missing.db"), ("bare", "checkpointer"), ("shell_value", "int")]
)
def test_what_cannot_be_opened_is_a_sentence(
    shell: InteractiveShell, line: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.push({"shell_value": 7})
    assert shell.run_line_magic("lgviz", line) is None
    shown = capsys.readouterr()
    assert words in shown.out
    assert "Traceback" not in shown.out + shown.err


def test_an_error_in_a_cell_prints_no_traceback(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.run_cell("import lgviz\nlgviz.history(graph, 'nowhere')")
    shown = capsys.readouterr()
    assert "no thread 'nowhere'" in shown.out + shown.err
    assert "Traceback" not in shown.out + shown.err


@pytest.mark.parametrize(
    ("typed", "expected"),
    [("%lgviz gr", "graph"), ("%lgviz he", "here.db"), ("%lgviz graph --thread ", "'two words'"), ("%lgviz graph --th", "--thread"), ("%lgviz graph ", "--store"), ("%lgviz graph --tr", "--trust")],
)  # fmt: skip
def test_completion_knows_graphs_files_and_threads(
    shell: InteractiveShell, typed: str, expected: str
) -> None:
    with provisionalcompleter():
        assert expected in {c.text for c in shell.Completer.completions(typed, len(typed))}


OPTIONS = ["--thread", "--store", "--trust", "--height", "--no-static", "-t", "-s"]


@pytest.mark.parametrize("jedi", [True, False])
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("%lgviz ", ["graph", "bare", "saver", "here.db", *OPTIONS]),
        ("%lgviz -", OPTIONS),
        ("%lgviz graph ", OPTIONS),
        ("%lgviz graph --", OPTIONS[:5]),
        ("%lgviz graph --thread 1 ", [each for each in OPTIONS if each not in ("--thread", "-t")]),
        ("%lgviz graph --trust a ", OPTIONS),
        ("%lgviz graph -t ", ["'two words'", "1"]),
        ("%lgviz graph --thread=", ["'two words'", "1"]),
        ("%lgviz graph --store ", ["store", "here.db"]),
        ("x = 1\nfor y in x:\n    d = %lgviz graph --h", ["--height"]),
    ],
)
def test_completion_offers_all_that_the_line_takes_and_nothing_else(
    shell: InteractiveShell, typed: str, offered: list[str], jedi: bool
) -> None:
    shell.run_cell("from langgraph.store.memory import InMemoryStore; store = InMemoryStore()")
    shell.run_cell("saver = graph.checkpointer; _hidden = graph")
    shell.run_line_magic("reload_ext", "lgviz")
    shell.Completer.use_jedi = jedi
    with provisionalcompleter():
        found = list(shell.Completer.completions(typed, len(typed)))
    assert [each.text for each in found] == offered
    assert {each.end for each in found} <= {len(typed)}


def test_a_terminal_gets_the_tree_in_characters(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.run_cell(
        "lgviz_debugger = get_ipython().run_line_magic('lgviz', 'graph --thread 1')\nlgviz_debugger"
    )
    shown = capsys.readouterr().out
    assert "node_b" in shown
    assert "c5" in shown


def test_the_bundle_holds_script_free_html_and_text(shell: InteractiveShell) -> None:
    debugger: Any = shell.run_line_magic("lgviz", "graph --thread 1")
    data, _ = debugger._repr_mimebundle_()
    assert {"text/html", "text/plain", "application/vnd.jupyter.widget-view+json"} <= set(data)
    assert "<script" not in data["text/html"]
    assert "<svg" in data["text/html"]
    assert "node_b" in data["text/plain"]
    assert len(repr(debugger)) < 200
    debugger.close()


def test_a_url_is_opened_and_its_password_told_nowhere(shell: InteractiveShell, capsys: Any) -> None:
    magics = shell.magics_manager.registry["LgvizMagics"]
    for url, shown in {
        "postgresql://u:se/c@ret@host:5/db?sslmode=require": "postgresql://host:5/db?sslmode=require",
        "postgres://host/db?password=secret&user=u": "postgres://host/db?user=u",
        "postgresql:///db": "postgresql:///db",
    }.items():
        assert magics._subject(url) == (url, repr(shown))
    assert shell.run_line_magic("lgviz", "postgresql://u:secret@127.0.0.1:1/db") is None
    assert shell.run_line_magic("lgviz", "postgresql://u:s%ecret@127.0.0.1:1/db") is None
    assert shell.run_line_magic("lgviz", "mysql://u:secret@host/db") is None
    said = "".join(capsys.readouterr())
    assert said.count("Unavailable") == 1 and said.count("NotASource") == 2 and "ecret" not in said


def test_each_option_of_the_magic_is_one_of_debug(
    shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}
    monkeypatch.setattr("lgviz.magics.debug", lambda what, **options: asked.update(options))
    shell.run_line_magic("lgviz", "here.db -t 1 --height 300 --no-static --trust app.state --trust app.other")
    assert asked == {
        "name": "'here.db'", "thread_id": "1", "store": None, "height": 300, "static": False,
        "trust": ["app.state", "app.other"],
    }  # fmt: skip
    assert asked.keys() <= {*inspect.signature(lgviz.debug).parameters, *ReadOptions.__annotations__}


def test_trust_reaches_what_is_read(shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> None:
    trusted: list[Any] = []
    opened = TablesSource.of_file

    def of_file(path: Path, *given: Any, **options: Any) -> Any:
        trusted.append(tuple(options.get("trust", *given)))
        return opened(path, *given, **options)

    monkeypatch.setattr(TablesSource, "of_file", of_file)
    shell.run_line_magic("lgviz", "here.db --trust app").close()
    lgviz.history("here.db", trust=["app"])
    lgviz.debug("here.db", trust=["app"]).close()
    assert trusted == [("app",)] * 3
