"""What ``%lgviz on`` does: the debuggers of the graphs that ran in a cell, under that cell (floor 6)."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import html
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, ClassVar
from uuid import UUID

from IPython.core.interactiveshell import ExecutionInfo, ExecutionResult, InteractiveShell
from IPython.display import display
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.tracers.context import register_configure_hook
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.pregel import Pregel

from lgviz._visible import visible
from lgviz.backend.code import name_of
from lgviz.errors import LgvizError, said
from lgviz.session.saver_proxy import SaverProxy
from lgviz.sources.places import place_of
from lgviz.widget import Debugger, in_notebook

__all__ = ["CellDebuggers", "key_of"]

_SWITCH = "LGVIZ_LISTENS"
_UNUSED: ContextVar[None] = ContextVar("lgviz_listens", default=None)


class RunListener(BaseCallbackHandler):
    """Hears of every run in this process while the switch is on, whatever thread or event loop it is in.

    LangChain makes one for each run. Of its two ways to switch a hook, a context variable is not seen in a
    plain ``threading.Thread``; an environment variable is.
    """

    run_inline = True  # in the caller's own frames, also where the run is async
    to: ClassVar[CellDebuggers | None] = None

    def on_chain_start(self, *_: Any, run_id: UUID, metadata: Any = None, **_more: Any) -> None:
        """Tell of a graph's run, not of those of its nodes and chains."""
        found = _graph_that_calls()
        if found is not None and self.to is not None:
            graph, config = found
            self.to.begun(graph, config, run_id, nested="langgraph_node" in (metadata or {}))

    def on_chain_end(self, *_: Any, run_id: UUID, **_more: Any) -> None:
        """Tell that a run is over."""
        if self.to is not None:
            self.to.ended(run_id)

    def on_chain_error(self, *_: Any, run_id: UUID, **_more: Any) -> None:
        """Tell that a run failed."""
        if self.to is not None:
            self.to.ended(run_id, failed=True)


def _graph_that_calls() -> tuple[Pregel[Any, Any, Any, Any], dict[str, Any]] | None:
    """The graph whose run calls back right now, and that run's config.

    A callback is told the run's name and metadata, which tell neither two graphs of one name apart nor find a
    graph that no variable holds. But it is called by a method of the graph itself, which is the first frame
    outside of ``langchain_core``: nothing need be patched, nor all objects searched.
    """
    frame = sys._getframe(1)
    while frame.f_globals.get("__name__", "").startswith(("langchain_core.", __name__)):
        if frame.f_back is None:
            return None
        frame = frame.f_back
    if frame.f_code.co_varnames[:1] != ("self",):
        return None
    graph, config = frame.f_locals.get("self"), frame.f_locals.get("config")
    return (graph, config) if isinstance(graph, Pregel) and isinstance(config, dict) else None


@functools.cache
def _hook() -> None:
    """Once a process: LangChain takes no hook back, and makes nothing of this one while the switch is off."""
    register_configure_hook(_UNUSED, False, RunListener, _SWITCH)


def key_of(graph: Any) -> tuple[int, int]:
    """What a graph shares with its copies (``graph.with_config``) and with no other graph alive."""
    return id(getattr(graph, "builder", graph)), id(getattr(graph, "checkpointer", None))


@dataclass
class RanGraph:
    """A graph that ran, and on what threads, from the one begun first to the one begun last."""

    graph: Pregel[Any, Any, Any, Any]
    threads: dict[str, None] = field(default_factory=dict)
    failed: str | None = None
    runs: dict[UUID, str] = field(default_factory=dict)
    debugger: Debugger | None = None


class CellDebuggers:
    """Shows after each cell the debuggers of what ran in it.

    Args:
        shell: whose cells.
        open_: opens a debugger, by what :func:`lgviz.debug` takes.
        keeps_on: whether it goes on after the cell at work.

    Attributes:
        most: how many debuggers appear under one cell.
        options: of the debuggers, as long as it is on.
        once: options for the cell at work alone.
        shown: graphs (by :func:`key_of`) that the cell at work showed itself.
    """

    def __init__(
        self, shell: InteractiveShell, open_: Callable[..., Debugger], keeps_on: Callable[[], bool]
    ) -> None:
        self._shell = shell
        self._keeps_on = keeps_on
        self._open = open_
        self._lock = threading.Lock()
        self._ran: dict[tuple[int, int], RanGraph] = {}
        self._under_way: dict[UUID, RanGraph] = {}
        self._bare: Any = None
        self._bare_told = False
        self._of_cell: dict[str, list[Debugger]] = {}
        self._in_cell = True
        self._loop: asyncio.AbstractEventLoop | None = None
        self.most = 3
        self.options: dict[str, Any] = {}
        self.once: dict[str, Any] | None = None
        self.shown: set[tuple[int, int]] = set()

    @property
    def listening(self) -> bool:
        """Whether it is on, for one cell at least."""
        return RunListener.to is self

    def start(self) -> None:
        """Listen, from this moment on."""
        if self.listening:
            return
        if RunListener.to is not None:
            RunListener.to.stop()  # another shell's
        _hook()
        RunListener.to = self
        os.environ[_SWITCH] = "1"
        self._bare_told = False
        self._shell.events.register("pre_run_cell", self._before_cell)
        self._shell.events.register("post_run_cell", self._after_cell)

    def stop(self) -> None:
        """Listen no longer, and forget what ran."""
        if not self.listening:
            return
        RunListener.to = None
        os.environ.pop(_SWITCH, None)
        self._shell.events.unregister("pre_run_cell", self._before_cell)
        self._shell.events.unregister("post_run_cell", self._after_cell)
        with self._lock:
            self._ran, self._under_way, self._bare = {}, {}, None
        self.once = None

    # ------------------------------------------------------------ told by the listener, from any thread

    def begun(self, graph: Any, config: Any, run_id: UUID, *, nested: bool) -> None:
        """A graph began to run; a subgraph's run belongs to that of its root."""
        saver, place = graph.checkpointer, place_of(config)
        if place.ns or isinstance(saver, SaverProxy):  # the latter: a run that lgviz itself makes
            return
        if not isinstance(saver, BaseCheckpointSaver):
            if saver is None and not nested:
                self._bare = graph
            return
        if not place.thread_id:
            return  # LangGraph refuses it, and says why
        with self._lock:
            ran = self._ran.setdefault(key_of(graph), RanGraph(graph))
            ran.threads[place.thread_id] = ran.threads.pop(place.thread_id, None)
            ran.runs[run_id] = place.thread_id
            self._under_way[run_id] = ran

    def ended(self, run_id: UUID, *, failed: bool = False) -> None:
        """A run ended. Where its debugger is shown already, it shows the rest; else the cell may be over."""
        with self._lock:
            ran = self._under_way.pop(run_id, None)
        if ran is None:
            return
        if failed:
            ran.failed = ran.runs[run_id]
        if ran.debugger is not None:
            ran.debugger.refresh()
        elif not self._in_cell and self._loop is not None:
            # Begun after its cell had ended: shown from the shell's own thread, as a cell's outputs are.
            self._loop.call_soon_threadsafe(self._show_late)

    # ------------------------------------------------------------ around cells

    def _before_cell(self, _info: ExecutionInfo) -> None:
        self._in_cell = True
        self.shown.clear()
        with contextlib.suppress(RuntimeError):  # a terminal runs its cells without a loop
            self._loop = asyncio.get_running_loop()

    def _after_cell(self, result: ExecutionResult) -> None:
        self._in_cell = False
        if isinstance(result.result, Debugger):
            self.shown.add(key_of(result.result.graph))
        options, once = self.options, self.once is not None
        if self.once is not None:
            options, self.once = self.once, None
        try:
            made = self._show(options)
        finally:
            if once and not self._keeps_on():
                self.stop()
        cell = getattr(result.info, "cell_id", None)
        for old in self._of_cell.pop(str(cell), []):
            old.close()  # the cell ran anew: its outputs are gone
        if cell is not None and made:
            self._of_cell[str(cell)] = made

    def _show_late(self) -> None:
        if not self._in_cell:
            self._show(self.options)

    def _show(self, options: dict[str, Any]) -> list[Debugger]:
        with self._lock:
            ran, self._ran = [r for key, r in self._ran.items() if key not in self.shown], {}
            bare, self._bare = self._bare, None
        made = [debugger for each in ran[: self.most] for debugger in self._shown(each, options)]
        if more := ran[self.most :]:
            names = ", ".join(dict.fromkeys(self._name(each.graph) for each in more))
            count = "1 more graph" if len(more) == 1 else f"{len(more)} more graphs"
            say(f"{count} ran in this cell: {names}. %lgviz and a graph's name show its debugger.")
        if bare is not None and not self._bare_told:
            self._bare_told = True
            name = name_of(bare, self._shell.user_ns)
            told = f"{name} ran without a checkpointer: nothing is kept to look back at. To give it one:"
            say(told, _HINT.format(name=name))
        return made

    def _shown(self, ran: RanGraph, options: dict[str, Any]) -> Iterator[Debugger]:
        name, threads = self._name(ran.graph), list(ran.threads)
        thread = options.get("thread_id") or ran.failed or threads[-1]
        try:
            debugger = self._open(ran.graph, **{**options, "thread_id": thread})
        except LgvizError as error:
            say(f"{name} ran, but cannot be shown: {said(error)}")
            return
        if debugger.history is None:
            debugger.close()
            say(f"{name} has stored nothing on thread {thread!r}.")
            return
        if len(threads) > 1:
            say(f"{name} ran on {len(threads)} threads; the debugger's picker lists them.")
        ran.debugger = debugger
        display(debugger)
        if in_notebook():
            yield debugger
        else:
            ran.debugger = None
            debugger.close()  # a terminal shows it as text

    def _name(self, graph: Any) -> str:
        return name_of(graph, self._shell.user_ns, unknown=str(graph.get_name()))


_HINT = """\
from lgviz.persistence import SqliteSaver
{name}.checkpointer = SqliteSaver.from_conn_string("checkpoints.db")
{name}.invoke(..., {{"configurable": {{"thread_id": "1"}}}})
# or where it is made: compile(checkpointer=...), create_agent(..., checkpointer=...),
# @entrypoint(checkpointer=...)"""


def say(text: str, code: str = "") -> None:
    """A sentence below the cell, and code that does what it says."""
    text, code = visible(text), visible(code)
    page = f'<div style="font:13px/1.5 system-ui,sans-serif;opacity:.75">{html.escape(text)}</div>'
    page += f"<pre>{html.escape(code)}</pre>" if code else ""
    display({"text/plain": f"{text}\n{code}".rstrip(), "text/html": page}, raw=True)
