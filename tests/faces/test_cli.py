"""The command ``lgviz``, by transcripts: what is typed, and what is said on stdout and stderr."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.postgres import PostgresSaver as LangGraphPostgres
from langgraph.checkpoint.sqlite import SqliteSaver as LangGraphSqlite
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.store.postgres import PostgresStore as LangGraphPostgresStore
from langgraph.store.sqlite import SqliteStore as LangGraphSqliteStore
from typer.testing import CliRunner

import lgviz
import lgviz.cli.asking
import lgviz.cli.checking
import lgviz.cli.keeping
import lgviz.cli.opening
import lgviz.cli.reading
import lgviz.cli.replaying
import lgviz.cli.serving
import lgviz.cli.trying
from lgviz.cli.app import OpenedDatabase, app
from lgviz.cli.app import command as declared
from lgviz.cli.printing import CommandAnswer
from lgviz.demos import agent, approval, two_nodes
from lgviz.persistence import PostgresSaver, SqliteSaver, SqliteStore

EVIL = "\x1b[31mred\x07\u202e\r\nnext\x00"
EVIL_THREAD = EVIL.replace("\x00", "")
KEYS = Path(lgviz.__file__).parents[1] / "docs" / "TERMINAL.md"


class Said:
    """What one command said: times, ids and durations are written as ``<…>``."""

    def __init__(self, done: Any) -> None:
        self.code = done.exit_code
        self.raw, self.err = done.stdout, done.stderr
        out = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}", "<id>", self.raw)
        out = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?", "<time>", out)
        self.out = re.sub(r" +(\d\d:\d\d|\+[\d.]+ m?s)$", " <ago>", out, flags=re.MULTILINE)

    @property
    def data(self) -> Any:
        assert self.code == 0, self.err
        return json.loads(self.raw)


def lg(*arguments: Any, typed: str = "") -> Said:
    """Run a command in this process; neither stdout nor stderr is a terminal."""
    return Said(CliRunner().invoke(app, [str(one) for one in arguments], input=typed, prog_name="lgviz"))


def evil(saver: Any) -> None:
    """A thread in which every text wants to take over the terminal."""

    def node(_state: Any) -> Any:
        return {
            "messages": [
                AIMessage(
                    EVIL, id=EVIL, name=EVIL, tool_calls=[{"name": EVIL, "args": {EVIL: EVIL}, "id": "t"}]
                )
            ]
        }

    graph = StateGraph(MessagesState).add_node(EVIL, node).add_edge(START, EVIL).compile(checkpointer=saver)
    graph.invoke({"messages": [HumanMessage(EVIL, id="h")]}, {"configurable": {"thread_id": EVIL_THREAD}})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("cli")
    for name, opened in (("own.db", SqliteSaver), ("langgraph.db", LangGraphSqlite)):
        with opened.from_conn_string(str(made / name)) as saver:
            two_nodes.seed(two_nodes.build(saver), thread_id="two")
    with SqliteSaver.from_conn_string(made / "evil.db") as saver:
        evil(saver)
    return made


@pytest.fixture(params=["own.db", "langgraph.db"])
def db(request: pytest.FixtureRequest, folder: Path) -> Path:
    return folder / request.param


def terminal(code: str, folder: Path) -> str:
    """What a program writes to a terminal of 80 columns."""
    leader, follower = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80"}
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=folder, stdin=follower, stdout=follower, stderr=follower, env=environment
    ) as process:  # fmt: skip
        os.close(follower)
        written = b"".join(_read(leader))
        process.wait()
    os.close(leader)
    return written.decode().replace("\r\n", "\n")


def _read(leader: int) -> Iterator[bytes]:
    try:
        while some := os.read(leader, 65536):
            yield some
    except OSError:  # how Linux tells that nobody holds the other end any more
        return


# ------------------------------------------------------------ reading


def test_threads_and_the_tree_of_one(db: Path) -> None:
    assert lg("threads", db).out == "two\t6\t<time>\n"
    assert (
        lg("show", db).out
        == """two  done
  ●  c5  node_b  bar, foo [head] <ago>
  ◆  c4  update as node_a  bar, foo [✎ an edit] <ago>
● │  c3  node_b  bar, foo [head] <ago>
●─╯  c2  node_a  bar, foo [2 branches] <ago>
●    c1  __start__  bar, foo <ago>
●    c0  input <ago>
"""
    )
    assert (
        lg("show", db, "-t", "two", "--tree", "--at", "c2", "-n", "2").out
        == """two  done
  … 2 newer
● │  c3  node_b  bar, foo [head] <ago>
◉─╯  c2  node_a  bar, foo [2 branches] <ago>
  … 2 older
"""
    )


def test_a_checkpoint_is_shown_with_its_whole_id_and_its_state(db: Path) -> None:
    said = lg("show", db, "--at", "c4")
    assert (
        said.out
        == """c4  <id>
  update as node_a · step 2 · <time>
  next: node_b
  note: an edit

foo: "edited"
bar:
  - "a"
  - "edit"
"""
    )
    id_ = lgviz.history(str(db))["c4"].id
    assert id_ in said.raw and lg("show", db, "--at", id_).out == said.out
    assert lg("show", db, "--state").out.startswith("c5  <id>\n")


def test_a_diff(db: Path) -> None:
    assert (
        lg("diff", db, "c2", "c5", "--thread", "two").out
        == """c2 → c5  two values
~ foo  "a" → "b"
+ bar[1]  "edit"
+ bar[2]  "b"
"""
    )


def test_what_is_found_stands_with_its_place(db: Path) -> None:
    assert lg("find", db, "edit").out == "two\tc4\tnote\tan edit\ntwo\tc4\tbar\tedit\ntwo\tc4\tfoo\tedited\n"
    nothing = lg("find", db, "no such text")
    assert (nothing.code, nothing.out, nothing.err) == (0, "", "Nothing found.\n")


def test_a_chat_a_question_and_long_texts(tmp_path: Path) -> None:
    with SqliteSaver.from_conn_string(tmp_path / "a.db") as saver:
        approval.seed(approval.build(saver), thread_id="ap")

        def model(state: Any) -> Any:
            call = {"name": "look", "args": {"q": "x"}, "id": "1"}
            said = (
                "The quick brown fox jumps over the lazy dog" if len(state["messages"]) > 1 else "one\n\ntwo"
            )
            return {"messages": [AIMessage(said, id="m", tool_calls=[call])]}

        graph = StateGraph(MessagesState).add_node(model).add_edge(START, "model").compile(checkpointer=saver)
        for number in ("a", "b"):
            graph.invoke({"messages": [HumanMessage("hi", id=number)]}, {"configurable": {"thread_id": "c"}})
    assert (
        lg("show", tmp_path / "a.db", "-t", "c", "--messages").out.partition("\n\n")[2]
        == """human  #a
  hi
ai  #m
  The quick brown fox jumps over the lazy dog
  → look {"q": "x"}
human  #b
  hi
"""
    )
    assert (
        lg("show", tmp_path / "a.db", "-t", "c", "--at", "c2").out.partition("\n\n")[2]
        == """messages:
  - human  #a
    hi
  - ai  #m
    one

    two
    → look {"q": "x"}
"""
    )
    asked = lg("show", tmp_path / "a.db", "-t", "ap", "--state").out
    assert "\n  next: review\n  asks: {" in asked
    assert lg("show", tmp_path / "a.db", "-t", "ap").out.startswith("ap  interrupted\n")


def test_a_postgres_url_reads_as_a_file_does(postgres_uri: Callable[[], str]) -> None:
    url = postgres_uri()
    with PostgresSaver.from_conn_string(url) as saver:
        saver.setup()
        two_nodes.seed(two_nodes.build(saver), thread_id="two")
    assert lg("threads", url).out == "two\t6\t<time>\n"
    assert lg("diff", url, "c2", "c3").out == 'c2 → c3  two values\n~ foo  "a" → "b"\n+ bar[1]  "b"\n'
    assert lg("check", url).out == "Everything is whole.\n"
    assert lg("prune", url, "-t", "two", "--yes").code == 0
    assert [one["checkpoints"] for one in lg("threads", url, "--json").data["threads"]] == [1]


# ------------------------------------------------------------ JSON


def _keys(data: Any) -> set[str]:
    """The keys that a document has, but for those of stored values and of what is named by its own name."""
    found: set[str] = set()
    if isinstance(data, list):
        return found.union(*map(_keys, data))
    if isinstance(data, dict):
        for key, value in data.items():
            found.add(key)
            if key not in ("values", "rebuilt", "doubts", "by_thread", "by_channel", "formats"):
                found |= _keys(value)
    return found


def test_json_has_the_keys_that_are_documented(folder: Path, tmp_path: Path) -> None:
    own, copy = folder / "own.db", tmp_path / "copy.db"
    documented = {
        command: set(re.findall(r"`(\w+)`", keys))
        for command, keys in re.findall(
            r"^\| `lgviz (.+?)` \| (.+) \|$", KEYS.read_text(encoding="utf-8"), re.MULTILINE
        )
    }
    key = tmp_path / "a.key"
    key.write_bytes(b"0123456789abcdef")
    commands = {
        "threads": ["threads", own],
        "threads --stats": ["threads", own, "--stats"],
        "show": ["show", own],
        "show --at": ["show", own, "--at", "c4"],
        "diff": ["diff", own, "c2", "c3"],
        "find": ["find", own, "edit"],
        "blame": ["blame", own, "bar"],
        "compare": ["compare", own, "c3", "c5"],
        "why": ["why", own, "c2"],
        "narrate": ["narrate", own],
        "evaluate": ["evaluate", own, "len(bar)"],
        "bisect": ["bisect", own, "len(bar) > 1"],
        "export": ["export", own, tmp_path / "a.svg"],
        "bundle": ["bundle", own, tmp_path / "a.lgviz"],
        "migrate": ["migrate", folder / "langgraph.db", copy],
        "salvage": ["salvage", own, tmp_path / "salvaged.db"],
        "prune": ["prune", own, "--all", "--dry-run"],
        "check": ["check", own],
        "check-graph": ["check-graph", "lgviz.demos.chat:build"],
        "seal": ["seal", own, tmp_path / "a.seal", "--key-file", key],
        "stats": ["stats", own],
        "cases": ["cases", own, "--outputs", "foo"],
        "replay": ["replay", own, "--graph", "lgviz.demos.two_nodes:build"],
        "pin": ["pin", own, tmp_path / "test_a.py", "--graph", "lgviz.demos.two_nodes:build"],
        "sweep": [
            "sweep",
            own,
            "--graph",
            "lgviz.demos.two_nodes:build",
            "--at",
            "c2",
            "--case",
            "null",
            "--yes",
        ],
        "blame-steps": [
            "blame-steps",
            own,
            "--graph",
            "lgviz.demos.two_nodes:build",
            "--score",
            "foo",
            "--dry-run",
        ],
    }
    shown = {name: _keys(lg(*command, "--json").data) for name, command in commands.items()}
    shown["cases"] &= documented["cases"]  # what is in the cases is the tools' own
    shown["compare"] = (shown["compare"] - {"kind", "before", "after", "note"}) | _keys(
        lg("compare", own, "c1", "c3", "c5", "--json").data
    )
    shown["bisect"] = shown["bisect"] - shown["show"] | {"thread_id"}
    shown["replay"] -= {"same", "node_a", "node_b"}  # by which it counts
    only_with_content = {
        "show --at": {"value", "waiting"},
        "why": {"kind", "missing"},
        "check": {"where", "what", "certain"},
    }
    assert {name: keys | only_with_content.get(name, set()) for name, keys in shown.items()} == documented


def test_stats_of_all_threads(db: Path) -> None:
    name, steps, seconds, errors, interrupts, tokens, size, last = (
        lg("threads", db, "--tokens").out.rstrip("\n").split("\t")
    )
    assert (name, steps, errors, interrupts, tokens, last) == ("two", "6", "0", "0", "", "node_b")
    assert float(seconds) >= 0 and size.endswith(" KB")
    (told,) = lg("threads", db, "--stats", "--json").data["threads"]
    assert told["tokens"] is None and told["bytes"] == lg("stats", db, "--json").data["by_thread"]["two"]


def test_json_holds_what_is_stored(db: Path) -> None:
    shown = lg("show", db, "--at", "c4", "--json").data["checkpoint"]
    assert (shown["label"], shown["parent"], shown["next"]) == ("c4", "c2", ["node_b"])
    assert (shown["nodes"], shown["changed"], shown["note"]) == (["node_a"], ["bar", "foo"], "an edit")
    assert shown["values"] == {"foo": "edited", "bar": ["a", "edit"]}
    assert shown["id"] == lgviz.history(str(db))["c4"].id
    changes = lg("diff", db, "c2", "c4", "--json").data["changes"]
    assert changes[0] == {
        "channel": "foo", "path": [], "kind": "changed", "before": "a", "after": "edited", "note": "",
    }  # fmt: skip


# ------------------------------------------------------------ cases


def test_turns_are_written_as_a_dataset(folder: Path, tmp_path: Path) -> None:
    db = folder / "own.db"
    cases = lgviz.to_cases(str(db), outputs="foo")
    document = tmp_path / "cases.json"
    done = lg("cases", db, document, "--outputs", "foo")
    assert (done.code, done.out) == (0, f"{document}: {len(cases)} cases for langsmith.\n")
    assert json.loads(document.read_text()) == cases
    refused = lg("cases", db, document)
    assert refused.code == 1 and "There is a file" in refused.err
    samples = lg(
        "cases", db, tmp_path / "cases.jsonl", "--format", "inspect", "--thread", "two", "--json"
    ).data
    assert (samples["format"], samples["count"]) == ("inspect", len(samples["cases"]))
    written = [json.loads(line) for line in (tmp_path / "cases.jsonl").read_text().splitlines()]
    assert written == samples["cases"] == lgviz.to_cases(str(db), "inspect", "two")
    dataset = lg("cases", db, "--format", "pydantic-evals", "--redact", "/edit/", "--json")
    assert "edited" not in dataset.raw and "‹redacted›" in dataset.raw
    assert dataset.data["cases"] == lgviz.to_cases(str(db), "pydantic-evals", redact="/edit/")
    listed = lg("cases", db).out.splitlines()
    assert [line.split("\t")[:2] for line in listed] == [
        [case["metadata"]["thread_id"], case["metadata"]["checkpoint"]] for case in cases
    ]
    wrong = lg("cases", db, "--format", "nothing")
    assert wrong.code == 1 and "There is no format 'nothing'" in wrong.err


# ------------------------------------------------------------ safety


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_no_control_character_reaches_the_terminal_raw(folder: Path, form: list[str]) -> None:
    bad = folder / "evil.db"
    said = [
        lg(*command, *form)
        for command in (
            ["threads", bad], ["show", bad], ["show", bad, "--state"], ["show", bad, "--messages"],
            ["diff", bad, "c1", "c2"], ["compare", bad, "c1", "c2"], ["compare", bad, "c0", "c1", "c2"],
            ["blame", bad], ["evaluate", bad, "values"], ["why", bad, "c2"], ["find", bad, "red"], ["stats", bad], ["narrate", bad],
            ["prune", bad, "--all", "--dry-run"],
            ["show", bad, "-t", EVIL_THREAD + "2"], ["show", bad, "--at", EVIL], ["threads", "\x1b[2J.db"],
        )
    ]  # fmt: skip
    for one in said:
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e]", one.raw + one.err), one.raw
    assert [one.code for one in said] == [0] * 14 + [1] * 3
    if not form:
        assert r"\x1b[31mred\x07\u202e" in said[3].raw


def test_what_is_masked_is_masked_in_every_form(db: Path) -> None:
    for command in (
        ["show", db, "--at", "c5"],
        ["diff", db, "c2", "c5"],
        ["find", db, "an edit"],
        ["show", db],
        ["compare", db, "c3", "c5"],
        ["compare", db, "c2", "c3", "c5"],
        ["evaluate", db, "values"],
        ["blame", db],
        ["why", db, "c5"],
        ["narrate", db],
    ):
        for form in ([], ["--json"]):
            said = lg(*command, *form, "--redact", "/edit/", "--redact", "foo")
            assert said.code == 0 and "edit" not in said.raw.replace("edited", "edit"), said.raw
    assert "‹redacted›" in lg("show", db, "--at", "c5", "--redact", "foo").out
    for asked in (
        ["threads", db], ["show", db], ["show", db, "--at", "c2"], ["find", db, "b"], ["diff", db, "c2", "c2"],
        ["blame", db, "bar"], ["why", db, "c2"], ["narrate", db], ["evaluate", db, "len(bar)"], ["bisect", db, "len(bar) > 1"],
    ):  # fmt: skip
        for form in ([], ["--json"]):
            told = lg(*asked, "--redact", "/two/", *form)
            assert told.code == 0 and "two" not in told.raw, asked
    wrong = lg("show", db, "--redact", "a..b")
    assert wrong.code == 1 and "no rule of redact=" in wrong.err
    wrong = lg("show", db, "--redact", "/(/")
    assert wrong.code == 1 and "no regular expression" in wrong.err


# ------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        (["threads", "nowhere.db"], 1, "lgviz: There is no file nowhere.db. Check the path.\n"),
        (["show", "own.db", "-t", "7"], 1, "lgviz: There is no thread '7'. There is only 'two'.\n"),
        (["show", "own.db", "--at", "c99"], 1,
         "lgviz: Thread 'two' has no checkpoint 'c99'. Labels run from c0 to c5; refresh() reads what is new.\n"),
        (["threads", "oracle://me:secret@host/x"], 1,
         "lgviz: oracle:// names no path of a file. Give the path of a SQLite database, a postgresql://, mysql:// or redis:// URL, or a saver.\n"),
        (["prune", "langgraph.db", "--all", "--dry-run"], 1,
         "lgviz: langgraph.db (read-only) was not written by lgviz's savers, which alone can prune. "
         "Copy it: lgviz.persistence.migrate(source, \"new.db\"), or `lgviz migrate SOURCE new.db`.\n"),
        (["migrate", "own.db", "new.db"], 1,
         "lgviz: own.db holds lgviz's own tables: there is nothing to migrate. Copy the database, or one thread "
         "by a bundle: lgviz bundle, lgviz.open_bundle(…).import_into(…).\n"),
        (["prune", "own.db", "-t", "9", "--yes"], 1, "lgviz: There is no thread '9'. lgviz threads lists them.\n"),
        (["prune", "own.db"], 2, "Name the threads by --thread, or give --all.\n"),
        (["show", "own.db", "--state", "--tree"], 2, "Give one of --tree, --state and --messages.\n"),
        (["evaluate", "own.db", "len("], 1,
         "lgviz: This is no Python expression: '(' was never closed. For example: len(messages) > 4.\n"),
        (["bisect", "own.db", "foo / 2"], 1,
         "lgviz: The predicate raised TypeError: unsupported operand type(s) for /: 'str' and 'int' at c5. "
         "A channel that is not set yet is best read by c.values.get(...).\n"),
        (["blame", "own.db", "bar[7]"], 1, "lgviz: bar at c5 has no 7. Its items run from 0 to 2.\n"),
        (["compare", "own.db", "c1"], 1,
         "lgviz: One run alone cannot be compared. Give two or more histories or checkpoints.\n"),
        (["show"], 2, "Missing argument 'DB'.\n"),
        (["nothing"], 2, "No such command 'nothing'.\n"),
    ],
)  # fmt: skip
def test_what_is_refused_is_one_line(
    command: list[str], code: int, said: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    done = lg(*command)
    assert (done.code, done.out) == (code, "")
    assert done.err.endswith(said) and "Traceback" not in done.err
    assert code == 2 or done.err == said


def test_a_fault_of_lgviz_is_a_line_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lgviz.sources.open_source", lambda *a, **k: 1 / 0)
    done = lg("threads", folder / "own.db")
    assert (done.code, done.out) == (1, "")
    assert (
        done.err
        == "lgviz: ZeroDivisionError: division by zero. LGVIZ_TRACEBACK=1 shows where; please report it.\n"
    )


def test_each_command_has_help_with_an_example() -> None:
    for one in app.registered_commands:
        said = lg(one.name, "--help")
        assert said.code == 0 and f"Example: lgviz {one.name} " in said.out
        assert ("--json" in said.out) == (one.name not in ("mcp", "open"))  # which go on until they are ended


def test_a_graph_is_checked() -> None:
    done = lg("check-graph", "lgviz.demos.approval:build")
    first, text, where, fix = done.out.splitlines()
    assert (done.code, first) == (1, "error no-checkpointer") and "'review'" in text
    assert "approval.py:" in where and "checkpointer=InMemorySaver()" in fix
    warned = lg("check-graph", "lgviz.demos.chat:build")
    assert warned.code == 0 and warned.out.startswith("warning no-checkpointer")


# ------------------------------------------------------------ keeping


def test_migrate_prune_and_check(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    done = lg("migrate", folder / "langgraph.db", copy)
    assert (done.code, done.out, done.err) == (0, "6 checkpoints copied.\n", "")
    assert lg("migrate", folder / "langgraph.db", copy, "--json").data == {"copied": 0, "items": 0}
    before = lg("stats", copy, "--json").data
    plan = lg("prune", copy, "--thread", "two", "--dry-run")
    assert (
        plan.out
        == f"two\t5\t1\t{before['prune_frees'] / 1000:.1f} KB\n5 checkpoints would go; {before['prune_frees'] / 1000:.1f} KB given back.\n"
    )
    assert lg("stats", copy, "--json").data == before

    declined = lg("prune", copy, "-t", "two", typed="n\n")
    assert (declined.code, declined.out.strip()) == (1, "n")  # which the runner echoes
    assert declined.err.endswith("lgviz: Nothing was done.\n") and "Prune? [y/N]:" in declined.err
    assert lg("stats", copy, "--json").data == before

    asked = lg("prune", copy, "-t", "two", "--json", typed="y\n")
    (thread,) = json.loads(asked.raw[asked.raw.index("{") :])["threads"]
    assert thread == {"thread_id": "two", "kept": 1, "removed": 5, "bytes": before["prune_frees"]}
    after = lg("stats", copy, "--json").data
    assert (after["checkpoints"], before["bytes"] - after["bytes"]) == (1, thread["bytes"])
    assert lg("check", copy).out == "Everything is whole.\n"

    whole = lg("prune", copy, "--all", "--delete", "--yes", "--json").data["threads"][0]
    assert (whole["removed"], whole["kept"], whole["bytes"]) == (1, 0, after["bytes"])
    assert lg("threads", copy).code == 1


def test_threads_that_share_values_give_them_back_together(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with SqliteSaver.from_conn_string(path) as saver:
        agent.seed(agent.build(saver), thread_id="a")
        saver.copy_thread("a", "b")
        before = saver.stats().bytes
    one = lg("prune", path, "-t", "a", "--delete", "--dry-run", "--json").data["threads"][0]["bytes"]
    both = lg("prune", path, "--all", "--delete", "--dry-run", "--json").data["threads"]
    assert sum(each["bytes"] for each in both) == before > 2 * one
    with SqliteSaver.from_conn_string(path) as saver:
        saver.fork_thread({"configurable": {"thread_id": "a"}}, "c")
    shared = lg("prune", path, "-t", "c", "--dry-run").out
    assert re.fullmatch("c\t\\d+\t1\t–\n\\d+ checkpoints would go; at least 0 bytes given back.\n", shared)


def test_damage_is_named_and_ends_with_1(tmp_path: Path) -> None:
    import sqlite3

    path = tmp_path / "a.db"
    with SqliteSaver.from_conn_string(path) as saver:
        evil(saver)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE lgviz_checkpoints SET metadata = x'00'")
    connection.close()
    done = lg("check", path)
    assert done.code == 1 and "its metadata cannot be read\n" in done.out
    assert done.out.splitlines()[-1].endswith(" problems.")


# ------------------------------------------------------------ in a terminal, a pipe, interrupted


def test_a_terminal_of_80_columns_has_colours_and_whole_ids(folder: Path) -> None:
    id_ = lgviz.history(str(folder / "own.db"))["c4"].id
    code = """
import contextlib, os, sys
from lgviz.cli import main
for environment, *sys.argv[1:] in ({}, "show", "own.db", "--at", "c4"), ({"NO_COLOR": "1"}, "threads", "own.db"):
    os.environ.update(environment)
    with contextlib.suppress(SystemExit):
        main()
"""
    coloured, plain = re.split("(?=THREAD)", terminal(code, folder))
    assert coloured.startswith(f"\x1b[36mc4  {id_}\x1b[0m\n")
    assert re.sub(r"\d{4}.*", "<time>", plain) == "THREAD  CHECKPOINTS  LAST\ntwo               6  <time>\n"


def test_who_reads_no_further_and_who_interrupts_end_it_quietly(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = f"{sys.executable} -c 'from lgviz.cli import main; main()' threads own.db"
    ended = subprocess.run(
        ["bash", "-c", f"{command} | true; echo ${{PIPESTATUS[0]}}"],
        cwd=folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert (ended.stdout, ended.stderr) == ("141\n", "")
    # To this thread: another that a test left may take it, and then it is heard a little later.
    here = threading.get_ident()
    monkeypatch.setattr("lgviz.sources.open_source", lambda *a, **k: signal.pthread_kill(here, signal.SIGINT))
    stopped = lg("threads", folder / "own.db")
    assert (stopped.code, stopped.out, stopped.err) == (130, "", "")


def test_a_bundle_is_written_and_read_as_a_database(db: Path, tmp_path: Path) -> None:
    file = tmp_path / "bug.lgviz"
    said = lg("bundle", db, "--thread", "two", "--at", "c3", file)
    assert re.fullmatch(rf"{file}: thread two, 4 checkpoints, 0 items of memory, [\d.]+ KB\.\n", said.out)
    assert lg("threads", file).out == "two\t4\t<time>\n"
    assert lg("diff", file, "c2", "c3").out == lg("diff", db, "c2", "c3").out
    assert lg("check", file).out == "Everything is whole.\n"
    before = file.read_bytes()
    refused = lg("prune", file, "--all", "--yes")
    assert refused.code == 1 and "is no" in refused.err and file.read_bytes() == before
    assert lg("bundle", db, "-t", "7", file, "--overwrite").code == 1
    again = lg("bundle", db, file)
    assert again.err == f"lgviz: There is a file {file} already. Give another name, or ask to overwrite it.\n"
    assert file.read_bytes() == before and lg("bundle", db, file, "--overwrite").code == 0


def test_no_bundle_is_written_over_the_database(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "own.db"
    path.write_bytes((folder / "own.db").read_bytes())
    refused = lg("bundle", path, path, "--overwrite")
    assert refused.err == f"lgviz: There is a file {path} already, and it is no bundle. Give another name.\n"
    assert path.read_bytes() == (folder / "own.db").read_bytes()


# ------------------------------------------------------------ files to send


@pytest.mark.parametrize(
    ("name", "kind", "begins"),
    [
        ("a.html", "html", "<!DOCTYPE html>"), ("a.svg", "svg", "<svg "), ("a.mmd", "mermaid", "flowchart TD"),
        ("a.dot", "dot", "digraph"), ("a.png", "png", "\ufffdPNG"), ("a.md", "markdown", "## Thread"), ("a.lgviz", "bundle", "lgviz bundle "),
    ],
)  # fmt: skip
def test_a_thread_is_exported_and_said_what_the_file_contains(
    db: Path, tmp_path: Path, name: str, kind: str, begins: str
) -> None:
    file = tmp_path / name
    said = lg("export", db, file, "-t", "two")
    size = file.stat().st_size
    assert re.fullmatch(
        rf"{file}: thread 'two': 6 checkpoints, no messages, no memory items; .+, nothing redacted\n",
        said.out,
    )
    assert (said.code, said.err) == (0, "") and file.read_bytes()[:200].decode(errors="replace").startswith(
        begins
    )
    refused = lg("export", db, file)
    assert (refused.code, refused.out) == (1, "")
    assert (
        refused.err == f"lgviz: There is a file {file} already. Give another name, or ask to overwrite it.\n"
    )
    again = lg("export", db, file, "--overwrite", "--redact", "foo", "--redact", "bar", "--json").data
    assert (again["path"], again["kind"], again["rules"]) == (str(file), kind, 2)
    assert abs(again["size"] - size) < size and again["size"] == file.stat().st_size


def test_what_an_export_takes_and_refuses(db: Path, tmp_path: Path) -> None:
    file = tmp_path / "a.md"
    assert lg("export", db, file, "--at", "c4", "--diff", "c2").code == 0
    text = file.read_text()
    assert 'foo: "edited"' in text and "c2 → c4" in text
    refused = {
        ("export", db, tmp_path / "a.exe"): "lgviz: 'a.exe' does not end as a file of an export. End it in one of",
        ("export", db, tmp_path / "none" / "a.svg"): "lgviz: ",
        ("export", db, tmp_path / "b.svg", "-t", "9"): "lgviz: There is no thread '9'. There is only 'two'.",
        ("export", db, tmp_path / "b.md", "--at", "c9"): "lgviz: Thread 'two' has no checkpoint 'c9'.",
    }  # fmt: skip
    for command, words in refused.items():
        said = lg(*command)
        assert said.code == 1 and said.err.startswith(words), said.err
    assert [one.name for one in tmp_path.iterdir()] == ["a.md"]


def test_memory_is_migrated_with_the_threads_or_alone(tmp_path: Path) -> None:
    source, target = tmp_path / "langgraph.db", tmp_path / "own.db"
    with LangGraphSqliteStore.from_conn_string(str(source)) as store:
        store.setup()
        store.put(("users", "mia"), "diet", {"text": "vegan"})
    alone = lg("migrate", source, target)
    assert (alone.code, alone.out) == (0, "0 checkpoints copied.\n1 item of memory copied.\n")
    with LangGraphSqlite.from_conn_string(str(source)) as saver:
        two_nodes.seed(two_nodes.build(saver), thread_id="two")
    assert lg("migrate", source, target, "--json").data == {"copied": 6, "items": 0}
    assert lg("threads", target).out == "two\t6\t<time>\n"
    with SqliteStore.from_conn_string(target) as store:
        assert store.get(("users", "mia"), "diet").value == {"text": "vegan"}
    assert lg("migrate", tmp_path / "none.db", target).code == 1


def test_postgres_is_migrated_with_its_memory_into_a_file_and_beside_itself(
    postgres_uri: Callable[[], str], tmp_path: Path
) -> None:
    url, target = postgres_uri(), tmp_path / "own.db"
    with (
        LangGraphPostgres.from_conn_string(url) as saver,
        LangGraphPostgresStore.from_conn_string(url) as store,
    ):
        saver.setup()
        store.setup()
        two_nodes.seed(two_nodes.build(saver), thread_id="two")
        store.put(("users", "mia"), "diet", {"text": "vegan"})
    assert lg("check", url).out.startswith("Everything that is there can be read, ")
    for where in (target, url):
        assert lg("migrate", url, where).out == "6 checkpoints copied.\n1 item of memory copied.\n"
        assert lg("migrate", url, where, "--json").data == {"copied": 0, "items": 0}
        assert lg("threads", where).out == "two\t6\t<time>\n"
        assert lg("check", where).out == "Everything is whole.\n"
    with SqliteStore.from_conn_string(target) as copied:
        assert copied.get(("users", "mia"), "diet").value == {"text": "vegan"}


def test_a_command_more_is_a_line_above_a_function(folder: Path) -> None:
    known = list(app.registered_commands)
    try:

        @declared("lgviz newest checkpoints.db")
        def newest(
            database: OpenedDatabase,
            loud: Annotated[bool, typer.Option("--loud", help="In capitals.")] = False,
        ) -> CommandAnswer:
            """Name the newest thread."""
            name = database.source.threads()[0].thread_id
            return CommandAnswer(lambda: {"thread_id": name}, [name.upper() if loud else name])

        assert lg("newest", folder / "own.db", "--loud").out == "TWO\n"
        assert lg("newest", folder / "own.db", "--json").data == {"thread_id": "two"}
        assert lg("newest", "none.db").err == "lgviz: There is no file none.db. Check the path.\n"
        assert "Name the newest thread." in lg("--help").out
        told = lg("newest", "--help").out
        assert (
            "Example: lgviz newest checkpoints.db" in told and "--redact" in told and "In capitals." in told
        )
    finally:
        app.registered_commands[:] = known


def test_open_starts_jupyterlab_on_the_document_or_says_what_is_missing(
    db: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr("lgviz.cli.opening._become", started.append)
    monkeypatch.setattr("jupyter_core.paths.jupyter_path", lambda *names: [str(tmp_path)])
    file = tmp_path / "my threads.db"
    file.write_bytes(db.read_bytes())
    missing = lg("open", file)
    assert (missing.code, missing.out) == (1, "")
    assert (
        missing.err
        == "lgviz: JupyterLab does not have lgviz's extension. Run, where JupyterLab is: pip install lgviz.\n"
    )
    (tmp_path / "lgviz").mkdir()
    (tmp_path / "lgviz" / "package.json").write_text("{}")
    assert lg("open", file, "--", "--no-browser", "--port", "9000").code == 0
    assert lg("open", file, "--no-browser", "--port", "9000").code == 0
    assert started == 2 * [
        ["-m", "jupyterlab", f"--ServerApp.root_dir={tmp_path}", "--LabApp.default_url=/lab/tree/my%20threads.db",
         "--no-browser", "--port", "9000"]
    ]  # fmt: skip
    monkeypatch.setattr("lgviz.cli.opening.find_spec", lambda name: None)
    assert lg("open", file).err == "lgviz: JupyterLab is not installed. Run: pip install 'lgviz[lab]'.\n"
    assert (
        lg("open", tmp_path / "none.db").err
        == f"lgviz: There is no file {tmp_path}/none.db. Check the path.\n"
    )
    assert "opens files, no URLs" in lg("open", "postgresql://me@host/db").err
    (tmp_path / "text.db").write_text("no database")
    assert "no readable SQLite database" in lg("open", tmp_path / "text.db").err
    assert "is not a file" in lg("open", tmp_path).err
    assert len(started) == 2


def test_what_langgraph_wrote_is_counted_and_checked_as_far_as_can_be_told(
    folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "langgraph.db"
    path.write_bytes((folder / "langgraph.db").read_bytes())
    said = lg("stats", path).out
    assert re.match(
        r"[\d.]+ KB in 6 checkpoints and \d+ writes, in LangGraph's tables; format 4 \(6\)\.\n\ntwo\t", said
    )
    data = lg("stats", path, "--json").data
    assert (data["checkpoints"], data["formats"], data["prune_frees"]) == (6, {"4": 6}, None)
    assert lg("check", path).out == (
        "Everything that is there can be read, and no checkpoint is missing. LangGraph's tables have no hashes "
        "to tell more by.\n"
    )
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        ids = [one for (one,) in connection.execute("SELECT checkpoint_id FROM checkpoints ORDER BY 1")]
        connection.execute("UPDATE checkpoints SET type = 'pickle' WHERE checkpoint_id = ?", [ids[1]])
        unsure = lg("check", path)
        assert (unsure.code, unsure.out.splitlines()[0]) == (
            0, "thread 'two', checkpoint <id>: pickle is never opened from a file",
        )  # fmt: skip
        assert unsure.out.splitlines()[1] == "1 value could not be looked into."
        connection.execute("DELETE FROM checkpoints WHERE checkpoint_id = ?", [ids[0]])
    missing = lg("check", path)
    assert missing.code == 1 and missing.out.endswith("\n2 problems.\n")
    assert "checkpoint <id>: its parent <id> is not there\n" in missing.out


def test_memory_that_is_damaged_is_no_less_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "own.db"
    with SqliteSaver.from_conn_string(path) as saver, SqliteStore.from_conn_string(path) as store:
        two_nodes.seed(two_nodes.build(saver), thread_id="two")
        store.put(("users",), "mia", {"diet": "vegan"})
    assert lg("check", path).out == "Everything is whole.\n"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE lgviz_items SET value = x'00ff'")
    found = lg("check", path)
    assert found.code == 1 and found.out.startswith("item 'mia' of ('users',), version of ")
    assert found.out.endswith("\n1 problem.\n")


def test_who_set_what_is_told(db: Path) -> None:
    told = lg("blame", db, "bar", "--at", "c4").out
    assert told.splitlines() == ['c2\tnode_a\tbar[0]\t"a"\t', 'c4\tnode_a\tbar[1]\t"edit"\t']
    parts = lg("blame", db, "foo", "--json").data["parts"]
    assert [(one["path"], one["set_by"], one["node"], one["first"]) for one in parts] == [
        (["foo"], "c5", "node_b", "c1")
    ]


def test_why_nodes_ran_is_told_with_a_graph_and_without(db: Path) -> None:
    said = lg("why", db, "c3").out.splitlines()
    assert said == ["c3 was made by the step from c2.",
                    "  `node_b` ran after `node_a` (c2), which led there: how, only the graph tells."]  # fmt: skip
    known = lg("why", db, "c3", "--graph", "lgviz.demos.two_nodes:build").out.splitlines()
    assert known[1] == "  `node_b` ran after `node_a` (c2), by the edge that leads from it."
    (cause,) = lg("why", db, "c3", "--json").data["tasks"]
    assert (cause["via"], cause["triggers"][0]["checkpoint"]) == ("unknown", "c2")


def test_the_newest_threads(tmp_path: Path) -> None:
    with SqliteSaver.from_conn_string(tmp_path / "own.db") as saver:
        for thread in "abc":
            two_nodes.seed(two_nodes.build(saver), thread)
    listed = [
        line.split("\t")[0] for line in lg("threads", tmp_path / "own.db", "--limit", "2").out.splitlines()
    ]
    assert listed == ["c", "b"]


def test_a_branch_is_told_with_a_graph_and_without(db: Path) -> None:
    said = lg("narrate", db, "--head", "c3").out.splitlines()
    assert [line.split()[0] for line in said] == ["c0", "c1", "c2", "c3"]
    assert said[3].startswith(
        'c3  `node_b` ran after `node_a`. It wrote "b" to `foo`, which held "a" before;'
    )
    known = lg("narrate", db, "--head", "c3", "--graph", "lgviz.demos.two_nodes:build").out.splitlines()
    assert known[3].startswith("c3  `node_b` ran after `node_a`: an edge leads there.")
    steps = lg("narrate", db, "--json").data["steps"]
    assert (steps[-1]["label"], steps[-1]["nodes"]) == ("c5", ["node_b"]) and steps[-1]["text"].endswith(
        "ended."
    )
    wrong = lg("narrate", db, "--head", "c99")
    assert wrong.code == 1 and "no checkpoint 'c99'" in wrong.err


def test_branches_and_threads_are_compared(folder: Path, db: Path) -> None:
    two = lg("compare", db, "c3", "c5")
    assert (
        "After c2: an update as `node_a` was made (c4), which changed foo, where `node_b` ran (c3)."
        in two.out
    )
    assert lg("compare", db).out == two.out  # the two branches that there are
    assert lg("compare", db, "c3", "c5", "c2").out.startswith("3 runs")
    assert lg("compare", folder / "own.db", "two", "two", "--threads").code == 0
    assert lg("bisect", db, "len(bar) > 1").out == "<Checkpoint c4 node_a, step 2>\n"
    assert (
        lg("bisect", db, "len(bar) > 1", "--head", "c2").out
        == "It does not hold at c2, where the branch ends.\n"
    )
    assert lg("evaluate", db, "len(bar)").out.split("\n")[-2].split() == ["c5", "3"]
