"""The open thread: what all the requests of one debugger share."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import Any

from lgviz.analysis.checkpoint import Checkpoint
from lgviz.analysis.history import History, open_history
from lgviz.analysis.tree import Tree
from lgviz.analysis.usage import Prices
from lgviz.backend.dispatch import RequestCall, Send
from lgviz.errors import ReadOnly, ThreadNotFound
from lgviz.protocol import (
    TREE_COLUMNS,
    Breakpoints,
    RowPatch,
    ThreadStatus,
    ThreadSummary,
    TreeBatch,
    TreeNews,
)
from lgviz.sources import LayeredSource
from lgviz.sources.base import Source
from lgviz.sources.places import calls
from lgviz.sources.redact import Redactor
from lgviz.sources.redacted import redacted

__all__ = ["OpenThread", "tree_batch"]


class OpenThread:
    """One thread of one source, followed while it grows.

    Args:
        source: where histories come from; a sandbox is put over it.
        send: puts a message with its buffers before every view.
        config: the run's config, so that LangGraph reads with it.
        context: the run's context.
        prices: by the name of a model, what a million tokens cost: read and written.

    Attributes:
        layers: the source with a sandbox over it.
        redactor: what its values are masked by before they are shown; None: nothing is.
        source: ``layers``, masked.
        history: None until :meth:`open` succeeded once.
        lock: held while the thread is opened or read anew.
        running: ids of the threads on which a run started here is under way.
        breakpoints: by thread id, where its runs stop: before and after which nodes.
        agents: ids of the checkpoints that coding agents look at, where that is shown.
        tracebacks: of runs made here: checkpoint id to node to traceback; only lgviz's savers store one.
    """

    def __init__(
        self,
        source: Source,
        send: Send,
        *,
        config: dict[str, Any] | None = None,
        context: Any = None,
        prices: Prices | None = None,
    ) -> None:
        self.layers = LayeredSource(source.real)
        self.redactor: Redactor | None = source.redactor
        self.source = redacted(self.layers, self.redactor)
        self.config = config
        self.context = context
        self.prices = prices
        self.history: History | None = None
        self.lock = threading.RLock()
        self.running: set[str] = set()
        self.breakpoints: dict[str, Breakpoints] = {}
        self.agents: list[str] = []
        self.tracebacks: dict[str, dict[str, str]] = {}
        self._send = send
        self._told: ThreadStatus = "done"

    def open(self, thread_id: str | None) -> History:
        """Open a thread (None: the newest).

        Raises:
            ThreadNotFound: no such thread.
        """
        history = open_history(self.source, thread_id, config=self.config, context=self.context)
        with self.lock:
            self.history = history
            self.agents = []
        return history

    def current(self) -> History:
        """The open thread's history.

        Raises:
            ThreadNotFound: none is open, or it was deleted.
        """
        if self.history is None:
            raise ThreadNotFound("No thread is open.", "Pick one from the list.")
        if not len(self.history):
            raise ThreadNotFound(
                f"Thread {self.history.thread_id!r} was deleted meanwhile.", "Pick another from the list."
            )
        return self.history

    def at(self, checkpoint_id: str) -> Checkpoint:
        """A checkpoint of it, by id."""
        return self.current()[checkpoint_id]

    def live_graph(self) -> Any:
        """The graph that can act.

        Raises:
            ReadOnly: there is none, or it may only be read.
        """
        if self.source.graph is None or self.source.read_only:
            raise ReadOnly(
                self.source.read_only or "This source is read-only.",
                "Open the compiled graph itself to fork and run: %lgviz graph.",
            )
        return self.source.graph if self.history is None else self.source.graph_of(self.history.thread_id)

    def breakpoints_of(self, thread_id: str) -> Breakpoints:
        """Where runs of a thread stop."""
        return self.breakpoints.get(thread_id, {"before": [], "after": []})

    def shown(self, text: str) -> str:
        """A text that lgviz says of the thread, as it may be shown."""
        return text if self.redactor is None else self.redactor.text(text)

    def emit(self, event: str, body: Any) -> None:
        """Tell something to every view."""
        self._send({"event": event, "body": body}, [])

    def broadcast(self) -> None:
        """Read what is new in it and tell it to every view, in order."""
        history = self.current()
        with self.lock, history.lock:
            start, patched = history.refresh()
            tree = self.current().tree
            if start >= len(tree.ids) and not patched:
                return
            call = RequestCall(0, self._send)
            body: TreeNews = {
                "thread": self._line(history),
                "tree": tree_batch(call, tree, start) if start < len(tree.ids) else None,
                "patches": [_patch(tree, row) for row in patched],
            }
            self._send({"event": "tree", "body": body}, call.buffers)
            # To know the status may take opening a whole state: the rows are on their way before that.
            told = self._told
            summary = self.summary(history)
            if summary["status"] != told:
                self.emit("tree", {"thread": summary, "tree": None, "patches": []})

    def summary(self, history: History) -> ThreadSummary:
        """A thread in one line, its status read anew."""
        self._told = "running" if history.thread_id in self.running else history.status
        return self._line(history)

    def _line(self, history: History) -> ThreadSummary:
        """A thread in one line, with the status that was told last."""
        times = [t for t in history.tree.times[-1:] if t == t]
        return {
            "thread_id": history.thread_id,
            "count": len(history),
            "updated_at": times[0] * 1000 if times else None,
            "status": self._told,
        }


def tree_batch(call: RequestCall, tree: Tree, start: int) -> TreeBatch:
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


def _patch(tree: Tree, row: int) -> RowPatch:
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
    caller = calls(namespace)[-1].node
    return [f"{caller} › {name}" for name in nodes or (source,)]


def _coded(rows: Iterable[Sequence[str]]) -> tuple[list[list[str]], list[int]]:
    table: dict[tuple[str, ...], int] = {}
    codes = [table.setdefault(tuple(row), len(table)) for row in rows]
    return [list(names) for names in table], codes
