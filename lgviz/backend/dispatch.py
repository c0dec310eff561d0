"""Carries requests to handlers on worker threads and replies back, whatever the transport.

A transport (the anywidget, later a REST route) gives a ``send(message, buffers)`` and calls
:meth:`Dispatcher.receive` for each incoming message. The kernel's main thread is never kept: reads, acts and
runs have small pools of their own, so that a long search delays neither a click nor a running cell.
"""

from __future__ import annotations

import array
import contextlib
import logging
import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, TypeVar

from lgviz.errors import InvalidValue, LgvizError, NoCheckpoints, NotFound, SourceError, described
from lgviz.protocol import Dtype, ErrorCode, Failure
from lgviz.sources.connections import ReadingStopped, interruptible

__all__ = ["Cancelled", "Dispatcher", "RequestCall", "Send", "handler", "handlers_of"]

Send = Callable[[Any, list[bytes]], None]
Pool = Literal["read", "memory", "act", "run"]
Handler = Callable[["RequestCall", Any], Any]
Method = TypeVar("Method", bound=Callable[..., Any])

_OFTEN = 0.1
"""Seconds between two counts that a view is told."""
_log = logging.getLogger("lgviz")
_TYPECODES: dict[Dtype, str] = {"u1": "B", "u2": "H", "i4": "i", "f8": "d"}


class Cancelled(Exception):
    """The view no longer wants the answer."""


def handler(pool: Pool) -> Callable[[Method], Method]:
    """Declares a method to answer the request of its name, on the worker threads of ``pool``."""

    def declared(method: Method) -> Method:
        method.pool = pool  # type: ignore[attr-defined]
        return method

    return declared


def handlers_of(*parts: Any) -> dict[str, tuple[Pool, Handler]]:
    """Of each request that the parts answer: where it is answered, and by what."""
    return {
        name: (method.pool, getattr(part, name))
        for part in parts
        for name, method in vars(type(part)).items()
        if hasattr(method, "pool")
    }


class RequestCall:
    """One request under way: progress, cancellation, and the binary columns of its reply."""

    def __init__(self, request_id: int, send: Send) -> None:
        self.id = request_id
        self.buffers: list[bytes] = []
        self._send = send
        self._cancelled = threading.Event()
        self._counted = -math.inf

    def cancel(self) -> None:
        self._cancelled.set()

    def cancelled(self) -> bool:
        return self._cancelled.is_set()

    def check(self) -> None:
        """Raise :class:`Cancelled` once the view has cancelled."""
        if self._cancelled.is_set():
            raise Cancelled

    def progress(self, body: Any) -> None:
        self._send({"id": self.id, "progress": body}, [])

    def counted(self, done: int, total: int) -> None:
        """Tell how far long work is, though not at every step; raise :class:`Cancelled` as :meth:`check`."""
        self.check()
        if (now := time.monotonic()) - self._counted >= _OFTEN:
            self._counted = now
            self.progress({"done": done, "total": total})

    def column(self, dtype: Dtype, values: Any) -> int:
        """Append a column of numbers to the reply's buffers; its place among them."""
        return self.blob(array.array(_TYPECODES[dtype], values).tobytes())

    def blob(self, data: bytes) -> int:
        """Append bytes to the reply's buffers; their place among them."""
        self.buffers.append(data)
        return len(self.buffers) - 1


class Dispatcher:
    """Routes requests by method name.

    Args:
        handlers: method name to (pool, function of the call and its params).
        send: puts one message with its buffers on the wire; may be called from any thread.
        shown: an error's text as it may be shown.
    """

    def __init__(
        self,
        handlers: Mapping[str, tuple[Pool, Handler]],
        send: Send,
        shown: Callable[[str], str] = lambda text: text,
    ) -> None:
        self._shown = shown
        self._handlers = handlers
        self._send = send
        self._calls: dict[int, RequestCall] = {}
        self._lock = threading.Lock()
        self._pools = {
            "read": ThreadPoolExecutor(2, thread_name_prefix="lgviz-read"),
            "memory": ThreadPoolExecutor(2, thread_name_prefix="lgviz-memory"),  # a store may be far away
            "act": ThreadPoolExecutor(2, thread_name_prefix="lgviz-act"),
            "run": ThreadPoolExecutor(8, thread_name_prefix="lgviz-run"),  # each waits for its run to end
        }

    def receive(self, message: Any) -> None:
        """Take one message from a view: a request or a cancel. Never raises, never blocks."""
        if not isinstance(message, dict):
            return
        if "cancel" in message:
            with self._lock:
                call = self._calls.get(message["cancel"])
            if call is not None:
                call.cancel()
            return
        request_id, method = message.get("id"), message.get("method")
        if not isinstance(request_id, int) or not isinstance(method, str):
            return
        call = RequestCall(request_id, self._send)
        entry = self._handlers.get(method)
        if entry is None:
            cause = f"This lgviz kernel does not know the request {method!r}."
            self._fail(call, "internal", cause, "Restart the kernel so that both sides are of one version.")
            return
        pool, handler = entry
        with self._lock:
            self._calls[request_id] = call
        only_reads = pool in ("read", "memory")
        self._pools[pool].submit(self._answer, call, handler, message.get("params") or {}, only_reads)

    def submit(self, pool: Pool, work: Callable[[], None]) -> None:
        """Do something that no view asked for, on the worker threads of ``pool``."""
        self._pools[pool].submit(work)

    def close(self) -> None:
        """Cancel what is under way and let the worker threads end."""
        with self._lock:
            for call in self._calls.values():
                call.cancel()
        for pool in self._pools.values():
            pool.shutdown(wait=False, cancel_futures=True)

    def _answer(self, call: RequestCall, handler: Handler, params: Any, only_reads: bool) -> None:
        try:
            call.check()
            # An act is never stopped half-way.
            with interruptible(call.cancelled) if only_reads else contextlib.nullcontext():
                result = handler(call, params)
            self._send({"id": call.id, "result": result}, call.buffers)
        except (Cancelled, ReadingStopped):
            self._fail(call, "cancelled", "Cancelled.", "")
        except LgvizError as error:
            refused = error.refused if isinstance(error, InvalidValue) else []
            self._fail(call, _code(error), error.cause, error.remedy, refused)
        except BaseException as error:  # sys.exit() in a router too: the view waits for an answer
            _log.exception("lgviz could not answer a request")
            cause = described(error)
            self._fail(call, "internal", cause, "The kernel's log has the traceback.")
        finally:
            with self._lock:
                self._calls.pop(call.id, None)

    def _fail(
        self, call: RequestCall, code: ErrorCode, cause: str, remedy: str, refused: Sequence[Any] = ()
    ) -> None:
        failure: Failure = {"code": code, "cause": self._shown(cause), "remedy": self._shown(remedy)}
        if refused:
            failure["refused"] = [self._masked(part) for part in refused]
        self._send({"id": call.id, "error": failure}, [])

    def _masked(self, part: Any) -> Any:
        error = part["error"]
        return {**part, "error": {**error, "message": self._shown(error["message"])}}


def _code(error: LgvizError) -> ErrorCode:
    if isinstance(error, NotFound):
        return "not_found"
    if isinstance(error, NoCheckpoints):
        return "empty"
    return "source" if isinstance(error, SourceError) else "refused"
