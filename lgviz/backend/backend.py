"""The debugger without a face: one source, one open thread, an answer to every request of the protocol."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Mapping
from typing import Any, Unpack

from markupsafe import Markup

from lgviz._visible import visible
from lgviz.analysis.history import History
from lgviz.analysis.html import page
from lgviz.analysis.usage import Prices
from lgviz.backend.acts import Acts
from lgviz.backend.answers import AnswerRequests
from lgviz.backend.code import name_of, store_name_of
from lgviz.backend.dispatch import Dispatcher, RequestCall, Send, handlers_of
from lgviz.backend.memory import MemoryRequests
from lgviz.backend.open_thread import OpenThread
from lgviz.backend.predicting import PredictRequests
from lgviz.backend.reads import Reads
from lgviz.backend.sandbox import SandboxSlot
from lgviz.backend.start import StartForms
from lgviz.errors import LgvizError, NotFound, described
from lgviz.session.effects import running_loop
from lgviz.sources import open_source
from lgviz.sources.base import ReadOptions
from lgviz.sources.redact import Rules
from lgviz.sources.redacted import redacted

__all__ = ["Backend"]

_EARLY = 64_000


class Backend:
    """Answers the requests of :class:`lgviz.protocol.Methods` about one source, whatever carries them.

    A widget, a server or a page hands each message to :meth:`receive` and puts what ``send`` is given before
    its views; a test or a command line asks by :meth:`request`.

    >>> from lgviz.backend import Backend
    >>> from lgviz.demos import two_nodes
    >>> from lgviz.persistence import MemorySaver
    >>> graph = two_nodes.build(MemorySaver())
    >>> two_nodes.seed(graph, thread_id="1")
    >>> backend = Backend(graph)
    >>> backend.request("thread_open", thread_id="1")["thread"]["status"]
    'done'
    >>> backend.close()

    Args:
        what: anything :func:`lgviz.open_source` takes: a compiled graph, a saver, a database path.
        send: puts one message, with its binary buffers, before every view; called from any thread.
        store: the store whose items are shown as memory; None: the graph's, or that of the database.
        config: the run's config for forks and runs started here (``configurable``, ``recursion_limit``, ...).
        context: the run's context, as ``graph.invoke(..., context=...)`` takes it.
        prices: as :func:`lgviz.debug` takes them.
        name: the Python expression for ``what`` in copied code; None looks it up in ``variables``.
        variables: the names that copied code may use, as a notebook has them.
        loop: the event loop that asynchronous graphs, savers and stores live on; None: the running one.
        **options: how the source is read: ``trust``, ``redact`` (see :func:`lgviz.open_source`).

    Attributes:
        thread: the open thread, which every part of the backend shares.
        sandbox: the one sandbox that may be open.
        memory: the store beside it.
        acts: what is done to the open thread.

    Raises:
        SourceError: ``what`` or its store cannot be read.
    """

    def __init__(
        self,
        what: Any,
        send: Send | None = None,
        *,
        store: Any = None,
        config: dict[str, Any] | None = None,
        context: Any = None,
        prices: Prices | None = None,
        name: str | None = None,
        variables: Mapping[str, Any] | None = None,
        loop: asyncio.AbstractEventLoop | None = None,
        **options: Unpack[ReadOptions],
    ) -> None:
        send, loop = send or _unheard, loop or running_loop()
        subject = name or name_of(what, variables or {})
        held_by = store_name_of(what, subject) if store is None else name_of(store, variables or {}, "store")
        self._asked: dict[str, Any] = {"store": store, "config": config, "context": context, "prices": prices}
        self._asked["loop"] = loop
        thread = self.thread = OpenThread(
            open_source(what, **options), send, config=config, context=context, prices=prices
        )
        self.sandbox = SandboxSlot(thread)
        memory = self.memory = MemoryRequests(thread, self.sandbox, what, store, loop, held_by)
        starts = StartForms(thread)
        self.acts = Acts(thread, self.sandbox, memory, starts, loop, subject)
        reads = self._reads = Reads(thread, self.sandbox)
        self._handlers = handlers_of(
            reads, memory, self.sandbox, AnswerRequests(thread), starts, self.acts,
            PredictRequests(thread, self.acts),
        )  # fmt: skip
        self._send = send
        self._dispatcher = Dispatcher(self._handlers, send, thread.shown)
        self._numbers = itertools.count(-1, -1)

    def __repr__(self) -> str:
        thread = "no thread" if self.history is None else f"thread {self.history.thread_id!r}"
        return visible(f"<lgviz.Backend {self.thread.source.description}, {thread}>")

    def _repr_html_(self) -> str:
        facts = {"reads": self.thread.source.description}
        facts["thread"] = "none" if self.history is None else self.history.thread_id
        return page("Backend", Markup(), facts)

    @property
    def history(self) -> History | None:
        """The open thread's history; None where none is open."""
        return self.thread.history

    def answer_by(self, part: Any) -> None:
        """Have more requests answered, by the handlers of a part that stands above."""
        self._handlers |= handlers_of(part)

    def masking(self, rules: Rules) -> Backend:
        """Another over the same source and store, which masks by these rules besides.

        It is ended by :meth:`end`: the source stays open.
        """
        return Backend(redacted(self.thread.source, rules), **self._asked)

    def receive(self, message: Any) -> None:
        """Take a view's request or cancel; the reply goes to ``send`` from a worker thread."""
        self._dispatcher.receive(message)

    def request(self, method: str, **params: Any) -> Any:
        """Answer one request here and now.

        Args:
            method: a name of :class:`lgviz.protocol.Methods`.
            **params: its parameters.

        Returns:
            Its result. Progress and events go to ``send`` meanwhile.

        Raises:
            LgvizError: it is refused, or what it names is not found.
        """
        return self.answer(method, **params)[0]

    def answer(self, method: str, **params: Any) -> tuple[Any, list[bytes]]:
        """The result of :meth:`request`, and the binary buffers that it points into."""
        if method not in self._handlers:
            raise NotFound(f"There is no request {method!r}.", "Methods in lgviz.protocol names all.")
        _pool, handler = self._handlers[method]
        try:
            call = RequestCall(next(self._numbers), self._send)
            return handler(call, params), call.buffers
        except LgvizError as error:
            raise error.reworded(self.thread.shown) from None
        except Exception as error:
            if self.thread.redactor is None:
                raise
            raise LgvizError(self.thread.shown(described(error))) from None

    def announce(self, selected: str | None) -> None:
        """Send what a view shows until it is answered; from a worker thread, so no cell is waited for.

        Args:
            selected: id of the selected checkpoint.
        """

        def send() -> None:
            call = RequestCall(0, self._send)
            # Nothing was asked: what is wrong is said in the answer to the first request.
            with contextlib.suppress(Exception):
                early = self._reads.opening(call, selected, _EARLY)
                if early is not None:
                    self._send({"event": "opening", "body": early}, call.buffers)

        self._dispatcher.submit("read", send)

    def close(self) -> None:
        """Ask what runs to stop, end the worker threads, let go of the source."""
        self.end()
        self.thread.source.close()

    def end(self) -> None:
        """Ask what runs to stop and end the worker threads, of a source that others go on reading."""
        self.acts.close()
        self._dispatcher.close()


def _unheard(message: Any, buffers: list[bytes]) -> None:
    """Nobody listens."""
