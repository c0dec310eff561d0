"""What the tools work on: one database, opened when it is first asked for, read anew at each question."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack

from lgviz._cache import BoundedCache
from lgviz.analysis.checkpoint import Checkpoint
from lgviz.analysis.history import History, open_history
from lgviz.backend import Backend
from lgviz.errors import CheckpointNotFound
from lgviz.sources.base import Source

__all__ = ["ToolDesk"]

_THREADS = 8


class ToolDesk:
    """The database that tools are asked about, one question at a time.

    >>> from lgviz.backend import Backend
    >>> from lgviz.demos import two_nodes
    >>> from lgviz.persistence import MemorySaver
    >>> graph = two_nodes.build(MemorySaver())
    >>> two_nodes.seed(graph, thread_id="1")
    >>> desk = ToolDesk(lambda _: Backend(graph))
    >>> desk.history(None).thread_id
    '1'
    >>> desk.close()

    Args:
        make: opens it; what it opens besides is closed with it. It is asked again after it failed.

    Attributes:
        lock: held while a question is answered.
        stopped: set when nobody waits for the answer to the question any more.
    """

    def __init__(self, make: Callable[[ExitStack], Backend]) -> None:
        self.lock = threading.RLock()
        self.stopped = threading.Event()
        self._make = make
        self._backend: Backend | None = None
        self._held = ExitStack()
        self._histories: BoundedCache[str, History] = BoundedCache(_THREADS)

    @property
    def backend(self) -> Backend:
        """What answers the protocol's requests.

        Raises:
            SourceError: the database cannot be read (yet).
        """
        return self._backend or self.open()

    def open(self) -> Backend:
        """Open the database, if it is not.

        Raises:
            SourceError: it cannot be read (yet).
        """
        if self._backend is None:
            with ExitStack() as held:
                self._backend = self._make(held)
                self._held = held.pop_all()
        return self._backend

    @property
    def source(self) -> Source:
        """Where threads are read from, as they may be shown."""
        return self.backend.thread.source

    def history(self, thread_id: str | None) -> History:
        """A thread as it is now; the newest where none is named.

        Raises:
            NoCheckpoints, ThreadNotFound: there is none.
        """
        thread = self.backend.thread
        if thread_id is None and (newest := self.source.find_threads(limit=1).threads):
            thread_id = newest[0].thread_id
        history = None if thread_id is None else self._histories.get(thread_id)
        if history is None:
            history = open_history(self.source, thread_id, config=thread.config, context=thread.context)
            self._histories.put(history.thread_id, history)
        else:
            history.refresh()
        thread.history = history
        return history

    def checkpoint(self, thread_id: str | None, at: str | None) -> Checkpoint:
        """A checkpoint by its label or id; the newest of the thread where none is named.

        Raises:
            ThreadNotFound, CheckpointNotFound: there is none.
        """
        history = self.history(thread_id)
        try:
            return history.latest if at is None else history[at]
        except CheckpointNotFound as error:
            first, last = history.root.label, history.latest.label
            raise CheckpointNotFound(error.cause, f"Labels run from {first} to {last}: see tree.") from None

    def shown(self, text: str) -> str:
        """A text that belongs to no value, as it may be shown."""
        return text if self._backend is None else self._backend.thread.shown(text)

    def close(self) -> None:
        """Let go of the database."""
        if self._backend is not None:
            self._backend.close()
            self._backend = None
        self._held.close()
