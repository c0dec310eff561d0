"""The documents that are open: each a backend of its own, whose messages are led to who asked."""

from __future__ import annotations

import asyncio
import itertools
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lgviz.errors import LgvizError, NotFound, SourceError
from lgviz.protocol import ErrorCode
from lgviz.server.files import PinnedFile, stamp_of
from lgviz.server.frames import frame
from lgviz.server.served import refusal_of
from lgviz.sources.bundle_file import is_bundle, read_manifest
from lgviz.sources.connections import interruptible

if TYPE_CHECKING:
    from lgviz.server.settings import LgvizServer

__all__ = ["Document", "Full", "Hear", "OpenDocuments"]

Hear = Callable[[bytes, bool], None]
"""Takes a frame, and whether it is the last that answers a request."""

_REFRESH = 0
"""The number of the server's own request; the others count from 1."""
_CLOSED = ("The document was closed.", "Open it again.")
_SETTLED_NS = 100_000_000
"""A file changed less than this ago may change again within one tick of its clock."""


class Full(LgvizError):
    """As many documents are open as may be."""


@dataclass
class _Asked:
    id: int
    """As the page counts."""
    hear: Hear
    timer: asyncio.TimerHandle


class Document:
    """One database that is open for one page; all but its making and `_send` happen on the server's loop.

    Args:
        file: the database.
        name: its path as the server's pages know it, which stands in messages in place of the file's.
        settings: the limits.
        loop: the server's.
        agent: also tell where a coding agent of this user looks.
    """

    def __init__(
        self,
        file: Path,
        name: str,
        settings: LgvizServer,
        loop: asyncio.AbstractEventLoop,
        agent: bool = False,
    ) -> None:
        from lgviz.backend import Backend  # when a first document is opened: it takes a second
        from lgviz.backend.glances import AgentWatch

        self._name = name
        self._settings, self._loop = settings, loop
        self._asked: dict[int, _Asked] = {}
        self._listeners: dict[Hear, Callable[[], None]] = {}
        self._numbers = itertools.count(_REFRESH + 1)
        self._stamp: Any = stamp_of(file)
        self._path = str(file)
        self._refreshing = False
        self._used = loop.time()
        self._closed = False
        try:
            self._file = PinnedFile(file)
            _check_size(file, settings.max_bundle_bytes)
            self._backend = Backend(str(file), self._send, name=repr(name), redact=settings.redact)
        except LgvizError as error:
            raise error.reworded(self._shown) from None
        self._watch = AgentWatch(self._backend.thread) if agent else None

    def close(self) -> None:
        """Cancel what was asked, and let go of the database."""
        if self._watch is not None:
            self._watch.close()
        for number in list(self._asked):
            self._fail(number, "source", *_CLOSED)
        self._closed = True
        self._backend.close()
        self._file.close()
        for end in list(self._listeners.values()):
            end()

    def listen(self, hear: Hear, end: Callable[[], None]) -> None:
        """Let what nobody asked for be heard too; ``end`` is called when the document is closed."""
        self._listeners[hear] = end

    def leave(self, hear: Hear) -> None:
        """Cancel what was asked by one who hears nothing any more."""
        self._listeners.pop(hear, None)
        self._used = self._loop.time()
        if self._closed:
            return
        for number, asked in list(self._asked.items()):
            if asked.hear == hear:
                self._backend.receive({"cancel": number})
                self._answered(number)

    def idle(self) -> float:
        """Seconds since anybody used it."""
        return 0.0 if self._listeners or self._asked else self._loop.time() - self._used

    def hear(self, message: Any, hear: Hear) -> None:
        """Take one message of a page: a request, which is answered exactly once, or a cancel."""
        self._used = self._loop.time()
        if not isinstance(message, dict):
            return
        if "cancel" in message:
            for number, asked in self._asked.items():
                if asked.hear == hear and asked.id == message["cancel"]:
                    self._backend.receive({"cancel": number})
            return
        if not isinstance(message.get("id"), int):
            return
        number = next(self._numbers)
        timer = self._loop.call_later(self._settings.request_seconds, self._late, number)
        busy = len(self._asked) >= self._settings.max_requests
        self._asked[number] = _Asked(message["id"], hear, timer)
        refusal = refusal_of(message.get("method"), message.get("params"))
        if self._closed:
            self._fail(number, "source", *_CLOSED)
        elif busy:
            self._fail(number, "refused", "Too much is asked at once.", "Ask again in a moment.")
        elif refusal is not None:
            self._fail(number, "refused", refusal.cause, refusal.remedy)
        elif not self._file.is_there():
            self._fail(number, "source", f"{self._name} was moved, deleted or replaced.", "Open it again.")
        else:
            self._backend.receive({**message, "id": number})

    def look(self) -> bool:
        """Tell who listens what others have written since; False: the file is another, or gone."""
        if not self._listeners:
            return True
        if not self._file.is_there():
            return False
        stamp = stamp_of(self._file.path)
        if not self._refreshing and stamp != self._stamp:
            newest = max((facts[1] for facts in stamp if facts), default=0)
            self._stamp = stamp if time.time_ns() - newest > _SETTLED_NS else None
            self._refreshing = True
            self._backend.receive({"id": _REFRESH, "method": "thread_refresh", "params": {}})
        return True

    def _send(self, message: Any, buffers: list[bytes]) -> None:
        """Take a message of the backend's, on any thread. What JSON cannot hold is its asker's error."""
        number = message.get("id")
        if number == _REFRESH:
            self._refreshing = False
            return
        if number is None:
            self._soon(self._tell, frame(message, buffers))
            return
        asked = self._asked.get(number)
        if asked is None:
            return
        if "error" in message:
            error = message["error"]
            shown = {part: self._shown(error[part]) for part in ("cause", "remedy")}
            message = {**message, "error": {**error, **shown}}
        last = "progress" not in message
        self._soon(self._answer, number, frame({**message, "id": asked.id}, buffers), last)

    def _soon(self, act: Callable[..., None], *args: Any) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(act, *args)

    def _tell(self, data: bytes) -> None:
        for hear in list(self._listeners):
            hear(data, False)

    def _answer(self, number: int, data: bytes, last: bool) -> None:
        asked = self._answered(number) if last else self._asked.get(number)
        if asked is not None:
            asked.hear(data, last)

    def _answered(self, number: int) -> _Asked | None:
        asked = self._asked.pop(number, None)
        if asked is not None:
            asked.timer.cancel()
        return asked

    def _fail(self, number: int, code: ErrorCode, cause: str, remedy: str) -> None:
        error = {"code": code, "cause": cause, "remedy": remedy}
        self._answer(number, frame({"id": self._asked[number].id, "error": error}), True)

    def _late(self, number: int) -> None:
        self._backend.receive({"cancel": number})
        seconds = f"{self._settings.request_seconds:g}"
        self._fail(number, "cancelled", f"This took longer than {seconds} seconds.", "Ask for less at once.")

    def _shown(self, text: str) -> str:
        """A text without the server's own folders."""
        return text.replace(self._path, self._name)


class OpenDocuments:
    """All that are open, by ids that cannot be guessed.

    Args:
        settings: the limits.
    """

    def __init__(self, settings: LgvizServer) -> None:
        self.settings = settings
        self._open: dict[str, Document] = {}
        self._opening = 0
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="lgviz-open")
        self._watching: asyncio.Task[None] | None = None

    async def open(self, file: Path, name: str, *, agent: bool = False) -> str:
        """Open a file; the id of its document. With ``agent`` it tells where a coding agent looks.

        Raises:
            SourceError: it holds no checkpoints.
            Full: too many are open, or it took too long.
        """
        if len(self._open) + self._opening >= self.settings.max_documents:
            raise Full(f"{self.settings.max_documents} documents are open.", "Close one of them.")
        self._opening += 1
        late, loop = threading.Event(), asyncio.get_running_loop()

        def make() -> Document:
            with interruptible(late.is_set):
                return Document(file, name, self.settings, loop, agent)

        making = self._threads.submit(make)
        try:
            document = await asyncio.wait_for(
                asyncio.shield(asyncio.wrap_future(making)), self.settings.request_seconds
            )
        except TimeoutError:
            late.set()
            making.add_done_callback(_close_late)
            raise Full(f"{name} could not be opened in time.", "Try again in a moment.") from None
        finally:
            self._opening -= 1
        made = secrets.token_urlsafe(16)
        self._open[made] = document
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch())
        return made

    def get(self, document: str) -> Document:
        """An open document.

        Raises:
            NotFound: it was closed, or never opened.
        """
        if document not in self._open:
            raise NotFound("This document is not open any more.", "Open it again.")
        return self._open[document]

    def close(self, document: str) -> None:
        """Close one, if it is open."""
        found = self._open.pop(document, None)
        if found is not None:
            found.close()

    async def _watch(self) -> None:
        """Look at all of them now and then, as long as there are any."""
        while self._open:
            await asyncio.sleep(self.settings.poll_seconds)
            for key, document in list(self._open.items()):
                if document.idle() > self.settings.idle_seconds or not document.look():
                    self.close(key)
        self._watching = None


def _check_size(file: Path, most: int) -> None:
    """A small file may hold much: it is unpacked into the server's room."""
    if is_bundle(file) and (size := read_manifest(file).bytes) > most:
        raise SourceError(
            f"{file} unpacks to {size:,} bytes, more than this server takes ({most:,}).",
            "Open it in a notebook, or raise c.LgvizServer.max_bundle_bytes.",
        )


def _close_late(making: Future[Document]) -> None:
    """Close what was opened when nobody waited for it any more."""
    if not making.cancelled() and making.exception() is None:
        making.result().close()
