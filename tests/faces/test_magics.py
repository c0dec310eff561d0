"""``%load_ext lgviz`` and ``%lgviz`` in a real IPython shell."""

from __future__ import annotations

import inspect
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pandas
import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from langgraph.checkpoint.sqlite import SqliteSaver
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

import lgviz
from lgviz import verbs
from lgviz.demos import two_nodes
from lgviz.sources.base import ReadOptions
from lgviz.sources.lgviz.tables import TablesSource
from lgviz.verbs import VERBS


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
def test_what_cannot_be_opened_fails_the_cell_with_one_line(
    shell: InteractiveShell, line: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.push({"shell_value": 7})
    result = shell.run_cell(f"%lgviz {line}\nafter = True")
    assert isinstance(result.error_in_exec, UsageError)
    assert "after" not in shell.user_ns
    shown = capsys.readouterr()
    assert words in shown.err and shown.err.count("\n") == 1 and not shown.out


@pytest.mark.parametrize(
    ("cell", "times"),
    [
        ("%lgviz graph --thread 1", 1),
        ("%lgviz graph --thread 1\nprint('behind it')", 1),
        ("%lgviz graph --thread 1\n%lgviz here.db --thread 1", 2),
        ("for thread in (1, 1, 1):\n    %lgviz graph --thread {thread}", 3),
        ("if True:\n    %lgviz graph --thread 1", 1),
        ("dbg = %lgviz graph --thread 1", 1),
        ("dbg = %lgviz graph --thread 1\ndbg", 1),
    ],
)
def test_it_displays_wherever_it_stands_and_once(
    shell: InteractiveShell, cell: str, times: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shell.run_cell(cell).success
    assert capsys.readouterr().out.count("c5") == times


def test_what_a_cell_displayed_the_next_one_displays_again(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.run_cell("dbg = %lgviz graph --thread 1", store_history=True)
    shell.run_cell("dbg", store_history=True)
    assert capsys.readouterr().out.count("c5") == 2


def test_it_displays_in_a_file_that_ipython_runs(
    shell: InteractiveShell, capsys: Any, tmp_path: Path
) -> None:
    (tmp_path / "file.ipy").write_text("%lgviz graph --thread 1\nx = 1\n")
    shell.run_line_magic("run", "file.ipy")
    assert "c5" in capsys.readouterr().out


def test_a_notebook_that_is_executed_stops_at_an_error_of_it(tmp_path: Path) -> None:
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("%load_ext lgviz\n%lgviz missing.db")])
    with pytest.raises(CellExecutionError, match=r"UsageError|There is no file"):
        NotebookClient(book, timeout=60, resources={"metadata": {"path": str(tmp_path)}}).execute()


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


OPTIONS = [
    "--overwrite", "--thread", "--store", "--trust", "--redact", "--graph", "--agent", "--as-node", "--note", "--live",
    "--stats", "--height", "--no-static", "-t", "-s",
]  # fmt: skip


@pytest.mark.parametrize("jedi", [True, False])
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("%lgviz ", ["graph", "bare", "saver", "here.db", "on", "off", "export", *VERBS, *OPTIONS]),
        ("%lgviz o", ["on", "off"]),
        ("%%lgviz ", OPTIONS),
        ("%%lgviz --h", ["--height"]),
        ("%lgviz -", OPTIONS),
        ("%lgviz graph ", OPTIONS),
        ("%lgviz export ", ["graph", "bare", "saver", "here.db", *OPTIONS]),
        ("%lgviz export graph --thread ", ["'two words'", "1"]),
        ("%lgviz graph --", [each for each in OPTIONS if each.startswith("--")]),
        ("%lgviz graph --thread 1 ", [each for each in OPTIONS if each not in ("--thread", "-t")]),
        ("%lgviz graph --trust a ", OPTIONS),
        ("%lgviz graph -t ", ["'two words'", "1"]),
        ("%lgviz http://localhost:2024 --graph ", ["graph", "bare", "saver"]),
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
    for url, words in {
        "postgresql://u:secret@127.0.0.1:1/db": "refused",
        "postgresql://u:s%ecret@127.0.0.1:1/db": "URL",
        "oracle://u:secret@host/db": "names no path of a file",
    }.items():
        with pytest.raises(UsageError, match=words) as raised:
            shell.run_line_magic("lgviz", url)
        assert "ecret" not in str(raised.value) + "".join(capsys.readouterr())


@pytest.mark.parametrize(
    "asked", ["graph c1 c3 --thread 1", "graph.checkpointer c1 c3 -t 1", "here.db c1 'c3' -t 1", "c1 c3"]
)
def test_a_question_is_asked_of_what_is_named_or_was_shown_last(shell: InteractiveShell, asked: str) -> None:
    shell.run_line_magic("lgviz", "graph --thread 1")
    found = shell.run_line_magic("lgviz", f"diff {asked}")
    assert list(found) == list(lgviz.history(shell.user_ns["graph"], "1").diff("c1", "c3"))


def test_all_threads_are_told_in_a_cell_with_what_they_took(
    shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    found = shell.run_line_magic("lgviz", "threads here.db --stats")
    pandas.testing.assert_frame_equal(found, lgviz.thread_stats("here.db").set_index("thread_id"))
    assert not caplog.records
    monkeypatch.setattr(verbs, "_MOST", 1)
    found = shell.run_line_magic("lgviz", "threads here.db --stats")
    assert len(found) == 1 and "The newest 1 of 2 threads" in caplog.text
    with pytest.raises(UsageError, match="--stats goes with a question"):
        shell.run_line_magic("lgviz", "here.db --stats")


def test_threads_are_listed_in_a_cell(
    shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    found = shell.run_line_magic("lgviz", "threads here.db")
    assert found["checkpoints"].to_dict() == {"1": 6, "two words": 6} and not caplog.records
    monkeypatch.setattr(verbs, "_MOST", 1)
    newest = shell.run_line_magic("lgviz", "threads here.db")
    assert newest.equals(found.head(1)) and "The newest 1 of 2 threads" in caplog.text


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("blame bar c3", 'c2  node_a  bar[0]  "a"'),
        ("blame", "Blame at c5: 4 parts"),
        ("compare c3 c5", "After c2"),
        ("compare c3 c5 c3", "3 runs"),
        ("compare", "c3 ↔ c5"),
        ("why c3", "`node_b` ran after `node_a` (c2), by the edge that leads from it."),
        ("why", "c5 was made by the step from c4."),
        (
            "narrate",
            "c4  Back at c2, a new branch begins. Someone changed the state, as if `node_a` had written",
        ),
        ("narrate c3", '["b"] to `bar`, whose reducer `operator.add` appended it: 2 items now.'),
        ("find node_b", "c3"),
        ("evaluate 'len(bar)'", "c5"),
        ("bisect 'len(bar) > 1'", "<Checkpoint c4 node_a"),
        ("fork c2 \"{'foo': 'x'}\" --as-node node_a --note why", "<Checkpoint c6 node_a"),
        ("plot", "Timeline of thread 1"),
        ("plot routing", "Where each node led to"),
        ("replay", "Replay of 2 threads: 2 same"),
        ("replay --thread 1 --live node_b", "of 1 thread: 1 same"),
        ("replay graph here.db --live node_a", "Replay of 2 threads"),
        ("bisect 'len(bar) > 7'", "does not hold at c5"),
    ],
)
def test_a_cell_is_told_what_it_asks(shell: InteractiveShell, line: str, told: str) -> None:
    shell.run_line_magic("lgviz", "graph --thread 1")
    assert told in repr(shell.run_line_magic("lgviz", line))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("fork here.db c2 --as-node node_a", "Name the graph"),
        ("fork graph c2 nothing", "NameError"),
        ("graph --live node_a", "goes with a question"),
        ("replay graph --live nothing", "nothing"),
        ("evaluate graph 'len('", "no Python expression"),
        ("evaluate graph 'plan + 1'", "neither c, values, a channel"),
        ("bisect graph 'bar / 2'", "raised TypeError"),
        ("blame graph nothing", "The state at c5 has no"),
        ("plot graph pie", "There are 'timeline'"),
        ("diff c1 c3", "name the graph"),
        ("diff graph c1", "BEFORE AFTER"),
        ("diff graph c1 c3 c4", "BEFORE AFTER"),
        ("diff graph c1 c99", "no checkpoint 'c99'"),
        ("narrate graph c99", "no checkpoint 'c99'"),
        ("threads missing.db", "missing.db"),
    ],
)
def test_a_question_that_has_no_answer_is_one_sentence(
    shell: InteractiveShell, line: str, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        shell.run_line_magic("lgviz", line)


def test_each_option_of_the_magic_is_one_of_debug(
    shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}
    shown = SimpleNamespace(show=lambda: None)
    monkeypatch.setattr("lgviz.magics.debug", lambda what, **options: asked.update(options) or shown)
    shell.user_ns["rules"] = ["a.b", len]
    shell.run_line_magic(
        "lgviz",
        "here.db -t 1 --height 300 --no-static --agent --trust app.state --trust app.other "
        "--redact rules --redact 'messages.*.content' --graph app:graph",
    )
    assert asked == {
        "name": "'here.db'", "thread_id": "1", "store": None, "height": 300, "static": False, "agent": True,
        "trust": ["app.state", "app.other"], "redact": ["a.b", len, "messages.*.content"],
        "graph": "app:graph",
    }  # fmt: skip
    assert asked.keys() <= {*inspect.signature(lgviz.debug).parameters, *ReadOptions.__annotations__}
    shell.run_line_magic("lgviz", "here.db --graph bare")
    assert asked["graph"] is shell.user_ns["bare"]


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
