"""``%lgviz on`` and ``%%lgviz`` in a real IPython shell: what appears under which cell."""

from __future__ import annotations

import gc
import os
import re
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from langchain_core.callbacks import CallbackManager

from lgviz import magics
from lgviz.automatic import RunListener
from lgviz.reuse.models import ModelCalls

SETUP = """
import asyncio, threading
from typing import TypedDict
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint
from langchain_core.runnables import RunnableLambda
from langgraph.graph import StateGraph
from lgviz.persistence import MemorySaver

class State(TypedDict):
    n: int

def add(state):
    if state["n"] < 0:
        raise ValueError("negative")
    return {"n": state["n"] + 1}

def build(node=add, saver=InMemorySaver, name="counter"):
    made = StateGraph(State).add_node("add", node).set_entry_point("add")
    return made.compile(checkpointer=saver and saver(), name=name)

def on(thread):
    return {"configurable": {"thread_id": thread}}

graph, other, bare = build(), build(saver=MemorySaver, name="other"), build(saver=None)
"""

Shown = list[tuple[str, str]]


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    monkeypatch.chdir(tmp_path)
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "lgviz")
    assert shell.run_cell(SETUP).success
    yield shell
    shell.run_line_magic("lgviz", "off")
    InteractiveShell.clear_instance()


@pytest.fixture
def under(
    shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[Shown, str]]:
    """Runs a cell; gives the graph and the thread of each debugger under it, and the text that it printed."""
    made: list[tuple[str, str]] = []
    debug = magics.debug

    def watched(what: Any, **options: Any) -> Any:
        debugger = debug(what, **options)
        if debugger.history is not None:
            made.append((getattr(what, "name", type(what).__name__), debugger.thread_id))
        return debugger

    monkeypatch.setattr(magics, "debug", watched)

    def run(cell: str, success: bool = True) -> tuple[Shown, str]:
        made.clear()
        capsys.readouterr()
        result = shell.run_cell(cell, store_history=True)
        assert result.success is success
        shown = capsys.readouterr()
        return list(made), re.sub(r"\x1b\[[\d;]*m", "", shown.out + shown.err)

    return run


Under = Callable[..., tuple[Shown, str]]


def test_the_debugger_of_what_ran_appears_under_its_cell_until_it_is_switched_off(
    shell: InteractiveShell, under: Under
) -> None:
    assert under("graph.invoke({'n': 1}, on('1'));") == ([], "")
    under("%lgviz on")
    shown, text = under("_ = graph.invoke({'n': 1}, on('1'))")
    assert shown == [("counter", "1")]
    assert "c5" in text and text.count("add") == 2  # two runs of three checkpoints each
    assert under("x = 1") == ([], "")
    assert under("_ = graph.get_state(on('1')); graph.update_state(on('1'), {'n': 3});") == ([], "")
    under("%lgviz off")
    assert under("_ = graph.invoke({'n': 1}, on('1'))") == ([], "")


WAYS: dict[str, Shown] = {
    "graph.invoke({'n': 1}, on(7));": [("counter", "7")],
    "for _ in graph.stream({'n': 1}, on('s')): pass": [("counter", "s")],
    "await graph.ainvoke({'n': 1}, on('a'));": [("counter", "a")],
    "async for _ in graph.astream({'n': 1}, on('as')): pass": [("counter", "as")],
    "graph.with_config(on('w')).invoke({'n': 1}); graph.invoke({'n': 1}, on('w'));": [("counter", "w")],
    "graph.invoke({'n': 1}, on('1')); other.invoke({'n': 1}, on('2'));": [("counter", "1"), ("other", "2")],
    "def f():\n    build(name='hidden').invoke({'n': 1}, on('h'))\nf()": [("hidden", "h")],
    "t = threading.Thread(target=graph.invoke, args=({'n': 1}, on('t')))\nt.start(); t.join()": [
        ("counter", "t")
    ],
    "await asyncio.gather(graph.ainvoke({'n': 1}, on('1')), other.ainvoke({'n': 1}, on('2')));": [
        ("counter", "1"),
        ("other", "2"),
    ],
    "@entrypoint(checkpointer=InMemorySaver())\ndef task(x):\n    return x\ntask.invoke(1, on('f'));": [
        ("LangGraph", "f")
    ],
    "RunnableLambda(lambda n: graph.invoke({'n': n}, on('r'))).invoke(1);": [("counter", "r")],
    "try:\n    graph.invoke({'n': -1}, on('caught'))\nexcept ValueError:\n    pass": [("counter", "caught")],
    "for thread in 'xyx':\n    graph.invoke({'n': 1}, on(thread))": [("counter", "x")],
    "%time graph.invoke({'n': 1}, on('magic'));": [("counter", "magic")],
    "%%time\ngraph.invoke({'n': 1}, on('magic'));": [("counter", "magic")],
}


def test_whatever_way_it_ran(under: Under) -> None:
    under("%lgviz on")
    assert {cell: under(cell)[0] for cell in WAYS} == WAYS


def test_subgraphs_belong_to_the_run_that_called_them_and_a_thread_of_its_own_does_not(under: Under) -> None:
    under("%lgviz on")
    under("inner = build(saver=None, name='inner')\nouter = build(inner, name='outer')")
    assert under("outer.invoke({'n': 1}, on('1'));")[0] == [("outer", "1")]
    under("calling = build(lambda state: inner.invoke(state), name='calling')")
    shown, text = under("calling.invoke({'n': 1}, on('1'));")
    assert shown == [("calling", "1")] and "without a checkpointer" not in text
    under("elsewhere = build(lambda state: other.invoke(state, on('own')), name='elsewhere')")
    assert under("elsewhere.invoke({'n': 1}, on('1'));")[0] == [("elsewhere", "1"), ("other", "own")]


def test_a_cell_that_fails_shows_where(under: Under) -> None:
    under("%lgviz on")
    shown, text = under("graph.invoke({'n': 1}, on('1')); graph.invoke({'n': -1}, on('2'));", success=False)
    assert shown == [("counter", "2")]
    assert text.index("ValueError: negative") < text.index("c0") and "[failed]" in text
    cell = "graph.batch([{'n': -1}, {'n': 1}], [on('bad'), on('good')], return_exceptions=True);"
    shown, text = under(cell)
    assert shown == [("counter", "bad")]
    assert "graph ran on 2 threads; the debugger's picker lists them." in text


def test_what_a_thread_began_after_its_cell_appears_under_the_next(
    shell: InteractiveShell, under: Under
) -> None:
    under("%lgviz on")
    waiting = "def later():\n    go.wait()\n    graph.invoke({'n': 1}, on('late'))"
    assert (
        under(f"go = threading.Event()\n{waiting}\nthread = threading.Thread(target=later)\nthread.start()")[
            0
        ]
        == []
    )
    shell.user_ns["go"].set()
    shell.user_ns["thread"].join()
    assert under("x = 1")[0] == [("counter", "late")]


def test_what_failed_before_its_first_checkpoint_is_said(under: Under) -> None:
    under("%lgviz on")
    shown, text = under("graph.invoke(None, on('new'))", success=False)
    assert (shown, "graph has stored nothing on thread 'new'." in text) == ([], True)


def test_a_few_debuggers_and_then_a_sentence(shell: InteractiveShell, under: Under) -> None:
    under("%lgviz on")
    five = "for name in 'abcde':\n    build(name=name).invoke({'n': 1}, on('1'))"
    shown, text = under(five)
    assert shown == [("a", "1"), ("b", "1"), ("c", "1")]
    assert "2 more graphs ran in this cell: d, e." in text
    under("%config LgvizMagics.most = 4")
    shown, text = under(five)
    assert len(shown) == 4 and "1 more graph ran in this cell: e." in text
    under("%config LgvizMagics.most = 0")
    assert shell.run_line_magic("config", "LgvizMagics.most") == 4


def test_a_graph_without_a_checkpointer_is_told_once_how_to_get_one(
    shell: InteractiveShell, under: Under
) -> None:
    under("%lgviz on")
    shown, text = under("bare.invoke({'n': 1});")
    assert shown == [] and "bare ran without a checkpointer: nothing is kept to look back at." in text
    code = text[text.index("from lgviz") :].replace("...", "{'n': 1}", 1)
    assert under("bare.invoke({'n': 1});") == ([], "")
    assert under(code)[0] == [("counter", "1")]  # what it says is what helps


def test_what_the_cell_shows_itself_appears_once(under: Under) -> None:
    under("%lgviz on")
    for showing in ("%lgviz graph --thread 1", "import lgviz; lgviz.debug(graph, '1')"):
        _, text = under(f"graph.invoke({{'n': 1}}, on('1'));\n{showing}")
        assert text.count("c0 ") == 1


def test_runs_that_the_debugger_and_lgviz_make_do_not_count(under: Under) -> None:
    under("graph.invoke({'n': 1}, on('1')); import lgviz")
    under("%lgviz on")
    assert (
        under("lgviz.run(graph, 'c0', thread_id='1'); lgviz.run(graph, 'c0', thread_id='1', sandbox=True);")[
            0
        ]
        == []
    )


def test_a_cell_of_its_own(shell: InteractiveShell, under: Under) -> None:
    cell = "%%lgviz --thread 1 --height 300\nfor thread in '12':\n    await graph.ainvoke({'n': 1}, on(thread))\n6 * 7"
    shown, text = under(cell)
    assert shown == [("counter", "1")] and "42" in text
    assert under("graph.invoke({'n': 1}, on('1'));")[0] == []
    shown, text = under("%%lgviz\ngraph.invoke({'n': -1}, on('3'))", success=False)
    assert shown == [("counter", "3")] and "----> 2" in text  # the line as it stands in the cell
    assert under("%%lgviz graph\nx = 1", success=False)[1].startswith(
        "UsageError: %%lgviz shows what its cell runs"
    )
    under("%lgviz on")
    assert under("%%lgviz -t 1\ngraph.invoke({'n': 1}, on('2'));")[0] == [("counter", "1")]
    assert under("graph.invoke({'n': 1}, on('2'));")[0] == [("counter", "2")]
    with pytest.raises(ValueError, match="negative"):
        shell.run_cell_magic("lgviz", "", "graph.invoke({'n': -1}, on('3'))")
    with pytest.raises(UsageError):
        shell.run_cell_magic("lgviz", "--nothing", "x = 1")


def test_off_leaves_nothing_behind_and_loading_again_doubles_nothing(
    shell: InteractiveShell, under: Under
) -> None:
    before = {name: list(heard) for name, heard in shell.events.callbacks.items()}
    under("%lgviz on")
    under("%reload_ext lgviz")
    assert under("graph.invoke({'n': 1}, on('1'));")[0] == [("counter", "1")]
    assert len([each for each in shell.configurables if type(each).__name__ == "LgvizMagics"]) == 1
    gone = weakref.ref(shell.user_ns["other"])
    assert under("other.invoke({'n': 1}, on('1'));\n%lgviz off")[0] == []
    assert {name: list(heard) for name, heard in shell.events.callbacks.items()} == before
    assert not any(isinstance(each, RunListener) for each in CallbackManager.configure().handlers)
    assert RunListener.to is None and "LGVIZ_LISTENS" not in os.environ
    under("del other")
    gc.collect()
    assert gone() is None
    under("%unload_ext lgviz")


def test_a_configured_shell_begins_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    shell.config.LgvizMagics.on = True
    shell.run_line_magic("load_ext", "lgviz")
    assert RunListener.to is not None
    shell.run_line_magic("unload_ext", "lgviz")
    assert RunListener.to is None
    InteractiveShell.clear_instance()


def test_config_lists_what_holds_for_all(shell: InteractiveShell, under: Under) -> None:
    _, text = under("%config LgvizMagics")
    assert all(f"LgvizMagics.{name}=" in text for name in ("height", "most", "on", "static"))
    under("%config LgvizMagics.height = 400")
    under("%config LgvizMagics.static = False")
    under("graph.invoke({'n': 1}, on('1'));")
    debugger = shell.run_line_magic("lgviz", "graph")
    assert (debugger.height, debugger._static) == (400, False)
    for told in (True, False):
        under(f"%config LgvizMagics.record_models = {told}")
        assert ModelCalls.always is told
    assert shell.run_line_magic("lgviz", "graph --height 300").height == 300
    under("%config LgvizMagics.on = True")
    assert under("graph.invoke({'n': 1}, on('1'));")[0] == [("counter", "1")]
