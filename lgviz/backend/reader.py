"""Answers what a view reads: threads, tree, checkpoints, values, diffs, search (floor 6)."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from lgviz.analysis.checkpoint import Checkpoint
from lgviz.analysis.history import History, open_history
from lgviz.analysis.search import Hit, search
from lgviz.analysis.topology import topology_of
from lgviz.analysis.tree import Tree
from lgviz.analysis.values import value_at
from lgviz.backend import checkpoint_views as views
from lgviz.backend.dispatch import Call, Handler, Pool, Send
from lgviz.backend.value_views import one_line, value_node
from lgviz.errors import CheckpointNotFound, ThreadNotFound
from lgviz.protocol import (
    TREE_COLUMNS,
    CheckpointParams,
    CheckpointView,
    DiffParams,
    DiffView,
    MarksParams,
    Nothing,
    RawView,
    RowMarks,
    RowPatch,
    SandboxView,
    SearchHit,
    SearchParams,
    SearchProgress,
    TaskView,
    TaskWrites,
    ThreadOpen,
    ThreadPage,
    ThreadsList,
    ThreadStatus,
    ThreadSummary,
    ThreadView,
    TreeBatch,
    TreeNews,
    ValueGet,
    ValueNode,
)
from lgviz.sources import LayeredSource
from lgviz.sources.base import Source, ThreadInfo

__all__ = ["Reader"]

_HITS_A_MESSAGE = 50
_HITS_IN_ALL = 2_000


class Reader:
    """The reading half of a debugger: one source, one open thread.

    Args:
        source: where histories come from; a sandbox is put over it.
        send: puts a message with its buffers before every view.
        config: the run's config, so that LangGraph reads with it.
        context: the run's context.

    Attributes:
        history: the open thread; None until :meth:`open_thread` succeeded once.
        running: ids of the threads on which a run started here is under way.
        tracebacks: of runs made here: checkpoint id to node to traceback; LangGraph stores none.
        sandbox: tells of the sandbox that is open.
    """

    def __init__(
        self, source: Source, send: Send, *, config: dict[str, Any] | None = None, context: Any = None
    ) -> None:
        self.source = LayeredSource(source)
        self.config = config
        self.context = context
        self.history: History | None = None
        self.running: set[str] = set()
        self.tracebacks: dict[str, dict[str, str]] = {}
        self.sandbox: Callable[[], SandboxView | None] = lambda: None
        self._known: dict[str, tuple[ThreadInfo, ThreadStatus]] = {}
        self._told: ThreadStatus = "done"
        self._send = send
        self._lock = threading.RLock()

    def table(self) -> dict[str, tuple[Pool, Handler]]:
        """Method name to its pool and handler."""
        reads: dict[str, Handler] = {
            "threads_list": self.threads_list,
            "thread_open": self.thread_open,
            "thread_refresh": self.thread_refresh,
            "rows_marks": self.rows_marks,
            "checkpoint_get": self.checkpoint_get,
            "value_get": self.value_get,
            "diff_get": self.diff_get,
            "writes_get": self.writes_get,
            "tasks_get": self.tasks_get,
            "raw_get": self.raw_get,
            "search": self.search,
        }
        return {name: ("read", handler) for name, handler in reads.items()}

    def open_thread(self, thread_id: str | None) -> History:
        """Open a thread (None: the newest).

        Raises:
            ThreadNotFound: no such thread.
        """
        history = open_history(self.source, thread_id, config=self.config, context=self.context)
        with self._lock:
            self.history = history
        return history

    def current(self) -> History:
        """The open thread, or the error that says there is none."""
        if self.history is None:
            raise ThreadNotFound("No thread is open.", "Pick one from the list.")
        if not len(self.history):
            raise ThreadNotFound(
                f"Thread {self.history.thread_id!r} was deleted meanwhile.", "Pick another from the list."
            )
        return self.history

    def at(self, checkpoint_id: str) -> Checkpoint:
        """A checkpoint of the open thread, by id."""
        return self.current()[checkpoint_id]

    # ------------------------------------------------------------ threads and tree

    def threads_list(self, call: Call, params: ThreadsList) -> ThreadPage:
        query = params["query"].lower()
        found = [t for t in self.source.threads() if query in t.thread_id.lower()]
        page = found[params["offset"] : params["offset"] + params["limit"]]
        summaries = []
        for info in page:
            call.check()
            summaries.append(self._summary(info))
        return {"threads": summaries, "total": len(found)}

    def thread_open(self, call: Call, params: ThreadOpen) -> ThreadView:
        wanted = params["thread_id"]
        with self._lock:
            if self.history is None or not len(self.history) or wanted not in (None, self.history.thread_id):
                self.open_thread(wanted)
            self.broadcast()
            history = self.current()
            return {
                "thread": self.summary(history),
                "source": self.source.description,
                "tree": tree_batch(call, history.tree, 0),
                "topology": topology_of(self.source.graph),
                "read_only": self.source.read_only,
                "selected": history.latest.id,
                "sandbox": self.sandbox(),
            }

    def thread_refresh(self, call: Call, params: Nothing) -> ThreadSummary:
        self.broadcast()
        return self.summary(self.current())

    def broadcast(self) -> None:
        """Read what is new in the open thread and tell it to every view, in order."""
        history = self.current()
        with self._lock, history.lock:
            start, patched = history.refresh()
            tree = self.current().tree
            if start >= len(tree.ids) and not patched:
                return
            call = Call(0, self._send)
            body: TreeNews = {
                "thread": self._line(history),
                "tree": tree_batch(call, tree, start) if start < len(tree.ids) else None,
                "patches": [row_patch(tree, row) for row in patched],
            }
            self._send({"event": "tree", "body": body}, call.buffers)
            # To know the status may take opening a whole state: the rows are on their way before that.
            told = self._told
            summary = self.summary(history)
            if summary["status"] != told:
                self._send({"event": "tree", "body": {"thread": summary, "tree": None, "patches": []}}, [])

    def summary(self, history: History) -> ThreadSummary:
        """The open thread in one line."""
        self._told = self._status(history)
        return self._line(history)

    def _line(self, history: History) -> ThreadSummary:
        """The same with the status that was told last."""
        times = [t for t in history.tree.times[-1:] if t == t]
        return {
            "thread_id": history.thread_id,
            "count": len(history),
            "updated_at": times[0] * 1000 if times else None,
            "status": self._told,
        }

    def _summary(self, info: ThreadInfo) -> ThreadSummary:
        known = self._known.get(info.thread_id)
        if known is None or known[0] != info:  # a status is read once for each state of a thread
            known = self._known[info.thread_id] = (info, open_history(self.source, info.thread_id).status)
        return {
            "thread_id": info.thread_id,
            "count": info.count,
            "updated_at": None if info.updated_at is None else info.updated_at * 1000,
            "status": "running" if info.thread_id in self.running else known[1],
        }

    def _status(self, history: History) -> ThreadStatus:
        return "running" if history.thread_id in self.running else history.status

    def rows_marks(self, call: Call, params: MarksParams) -> list[RowMarks]:
        marks: list[RowMarks] = []
        for checkpoint_id in params["checkpoints"]:
            call.check()
            try:
                checkpoint = self.at(checkpoint_id)
            except CheckpointNotFound:
                continue
            asked = checkpoint.interrupts
            marks.append(
                {
                    "id": checkpoint_id,
                    "interrupt": _question(asked[0].value) if asked else None,
                    "error": checkpoint.error,
                    "note": checkpoint.note,
                }
            )
        return marks

    # ------------------------------------------------------------ one checkpoint

    def checkpoint_get(self, call: Call, params: CheckpointParams) -> CheckpointView:
        return views.checkpoint_view(self.at(params["checkpoint"]), self.source)

    def value_get(self, call: Call, params: ValueGet) -> ValueNode:
        value = views.channel_value(self.at(params["checkpoint"]), self.source, params["channel"])
        return value_node(value_at(value, params["path"]), offset=params["offset"], limit=params["limit"])

    def diff_get(self, call: Call, params: DiffParams) -> DiffView:
        after = self.at(params["after"])
        before = self.at(params["before"]) if params["before"] else after.parent
        return views.checkpoints_diff(before, after, self.source, internal=params["internal"])

    def writes_get(self, call: Call, params: CheckpointParams) -> list[TaskWrites]:
        return views.writes_view(self.at(params["checkpoint"]))

    def tasks_get(self, call: Call, params: CheckpointParams) -> list[TaskView]:
        checkpoint = self.at(params["checkpoint"])
        return views.tasks_view(checkpoint, self.source, self.tracebacks.get(checkpoint.id))

    def raw_get(self, call: Call, params: CheckpointParams) -> RawView:
        return views.raw_view(self.at(params["checkpoint"]), self.source)

    def search(self, call: Call, params: SearchParams) -> SearchProgress:
        history = self.current()
        total = len(history.tree.ids)
        batch: list[SearchHit] = []

        def flush(done: int) -> None:
            nonlocal batch
            call.progress({"hits": batch, "done": done, "total": total})
            batch = []

        hits = search(history, params["query"], call.cancelled, lambda done, _total: flush(done))
        for hit in itertools.islice(hits, _HITS_IN_ALL):
            batch.append(_hit(hit))
            if len(batch) >= _HITS_A_MESSAGE:
                flush(hit.row)
        call.check()
        return {"hits": batch, "done": total, "total": total}


def _question(value: Any) -> str:
    """The words of a question: of a dict the text that asks, not the dict."""
    if isinstance(value, dict):
        named = (
            value.get(key) for key in ("question", "prompt", "message", "query", "description", "action")
        )
        value = next((text for text in named if isinstance(text, str)), value)
    return one_line(value)


def _hit(hit: Hit) -> SearchHit:
    return {
        "id": hit.id,
        "row": hit.row,
        "where": hit.where,
        "before": hit.before,
        "match": hit.match,
        "after": hit.after,
    }


def tree_batch(call: Call, tree: Tree, start: int) -> TreeBatch:
    """The rows of a tree from ``start`` on, names coded by a table of their own."""
    end = len(tree.ids)
    titles, title = _coded(
        map(_title, tree.namespaces[start:end], tree.nodes[start:end], tree.sources[start:end])
    )
    changes, changed = _coded(tree.changed[start:end])
    values: dict[str, Any] = {
        "parent": tree.parent[start:end],
        "lane": tree.lane[start:end],
        "depth": tree.depth[start:end],
        "time": [t * 1000 for t in tree.times[start:end]],
        "flags": tree.flags[start:end],
        "title": title,
        "changed": changed,
    }
    return {
        "start": start,
        "count": end - start,
        "ids": tree.ids[start:end],
        "labels": tree.labels[start:end],
        "titles": titles,
        "changes": changes,
        "columns": {name: call.column(dtype, values[name]) for name, (dtype, _) in TREE_COLUMNS.items()},
    }


def row_patch(tree: Tree, row: int) -> RowPatch:
    """What may have changed about a row already sent."""
    return {
        "row": row,
        "flags": int(tree.flags[row]),
        "title": list(_title(tree.namespaces[row], tree.nodes[row], tree.sources[row])),
        "changed": list(tree.changed[row]),
    }


def _title(namespace: str, nodes: Sequence[str], source: str) -> Sequence[str]:
    """What made a row, a subgraph's with the node that called it: ``critic › judge``."""
    if not namespace:
        return nodes
    caller = namespace.rpartition("|")[2].partition(":")[0]
    return [f"{caller} › {name}" for name in nodes or (source,)]


def _coded(rows: Iterable[Sequence[str]]) -> tuple[list[list[str]], list[int]]:
    table: dict[tuple[str, ...], int] = {}
    codes = [table.setdefault(tuple(row), len(table)) for row in rows]
    return [list(names) for names in table], codes
