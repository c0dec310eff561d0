"""The routes: each authenticates, bounds what it takes, and forwards."""

from __future__ import annotations

import asyncio
import contextlib
import json
from http import HTTPStatus
from typing import Any

from jupyter_server.auth.decorator import authorized, ws_authenticated
from jupyter_server.base.handlers import APIHandler, JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from jupyter_server.utils import ensure_async, url_path_join
from tornado import web
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from lgviz._version import __version__
from lgviz.errors import InvalidValue, LgvizError, MissingFile, NotFound
from lgviz.protocol import PROTOCOL_VERSION
from lgviz.server.documents import Document, Full, OpenDocuments
from lgviz.server.files import file_below

__all__ = ["routes"]

_READS = {"action": "read", "resource": "contents"}
"""What one must be allowed to do, by the server's own authorizer: to read its files."""
_VERSIONS = {"version": __version__, "protocol": PROTOCOL_VERSION}
"""Told with each answer to an opening, so that the page can say who is older."""


def routes(
    base_url: str, documents: OpenDocuments
) -> list[tuple[str, type[web.RequestHandler], dict[str, Any]]]:
    """The routes below ``base_url``."""
    document = r"lgviz/api/documents/([\w-]+)"
    given = {"documents": documents}
    handlers: dict[str, type[web.RequestHandler]] = {
        "lgviz/api": _About,
        "lgviz/api/documents": _Open,
        document: _Close,
        f"{document}/request": _Request,
        f"{document}/channel": _Channel,
    }
    return [(url_path_join(base_url, route), handler, given) for route, handler in handlers.items()]


def _status(error: LgvizError) -> HTTPStatus:
    match error:
        case Full():
            return HTTPStatus.SERVICE_UNAVAILABLE
        case NotFound() | MissingFile():
            return HTTPStatus.NOT_FOUND
        case _Disagreement():
            return HTTPStatus.CONFLICT
        case _TooLarge():
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        case InvalidValue():
            return HTTPStatus.BAD_REQUEST
    return HTTPStatus.UNPROCESSABLE_ENTITY


class _Disagreement(LgvizError):
    """The page and the server are of two versions of the protocol."""

    def __init__(self, theirs: Any) -> None:
        old = not isinstance(theirs, int) or theirs < PROTOCOL_VERSION
        super().__init__(
            f"The page speaks version {theirs} of lgviz's protocol, the server version {PROTOCOL_VERSION}.",
            "Reload the page."
            if old
            else "Upgrade lgviz in the Jupyter server's environment, and restart the server.",
        )


class _TooLarge(LgvizError):
    """A request of more bytes than are taken."""

    def __init__(self, most: int) -> None:
        super().__init__(f"The request has more than {most} bytes.", "Ask for less at once.")


@web.stream_request_body
class _Api(APIHandler):
    """A route whose body is bounded while it comes, and whose errors say what to do."""

    def initialize(self, documents: OpenDocuments) -> None:
        self.documents = documents
        self.body = bytearray()

    async def prepare(self) -> None:  # type: ignore[override]
        await super().prepare()
        if int(self.request.headers.get("Content-Length") or 0) > self._most:
            self._refuse(_TooLarge(self._most))

    def data_received(self, chunk: bytes) -> None:
        if len(self.body) <= self._most:
            self.body += chunk

    @property
    def _most(self) -> int:
        return int(self.documents.settings.max_message_bytes)

    def asked(self) -> dict[str, Any]:
        """The body, a JSON object.

        Raises:
            InvalidValue, _TooLarge: it is none, or has more bytes than are taken.
        """
        if len(self.body) > self._most:
            raise _TooLarge(self._most)
        try:
            found = json.loads(bytes(self.body))
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise InvalidValue("The body is no JSON object.", "Send one.")
        return found

    def _refuse(self, error: LgvizError) -> None:
        """Answer with what is wrong."""
        self.set_status(_status(error))
        kind = type(error).__name__
        said = {"message": str(error), "kind": kind, "cause": error.cause, "remedy": error.remedy}
        self.finish({**said, **_VERSIONS})


class _About(_Api):
    """Which versions answer here."""

    @web.authenticated
    @authorized(**_READS)
    async def get(self) -> None:
        self.finish(_VERSIONS)


class _Open(_Api):
    """Opens a file below the server's root."""

    @web.authenticated
    @authorized(**_READS)
    async def post(self) -> None:
        try:
            asked = self.asked()
            if asked.get("protocol") != PROTOCOL_VERSION:
                raise _Disagreement(asked.get("protocol"))
            path = asked.get("path")
            if not isinstance(path, str):
                raise InvalidValue("No path was given.", "Name a file as the file browser does.")
            file = await file_below(self.contents_manager, path)
            document = await self.documents.open(file, path, agent=asked.get("agent") is True)
        except LgvizError as error:
            self._refuse(error)
            return
        self.set_status(HTTPStatus.CREATED)
        self.finish({"document": document, **_VERSIONS})


class _Close(_Api):
    """Closes a document."""

    @web.authenticated
    @authorized(**_READS)
    async def delete(self, document: str) -> None:
        self.documents.close(document)
        self.set_status(HTTPStatus.NO_CONTENT)
        self.finish()


class _Request(_Api):
    """Answers one request: frames of progress, then one of the reply."""

    @web.authenticated
    @authorized(**_READS)
    async def post(self, document: str) -> None:
        try:
            asked, opened = self.asked(), self.documents.get(document)
            if type(asked.get("id")) is not int:
                raise InvalidValue("The request has no id.", "Send a whole number as its id.")
        except LgvizError as error:
            self._refuse(error)
            return
        parts: list[bytes] = []
        ended = asyncio.get_running_loop().create_future()

        def hear(data: bytes, last: bool) -> None:
            parts.append(data)
            if last and not ended.done():
                ended.set_result(None)

        def gone() -> None:
            if not ended.done():
                ended.set_result(None)

        self.gone = gone
        opened.hear({"id": asked["id"], "method": asked.get("method"), "params": asked.get("params")}, hear)
        await ended
        opened.leave(hear)
        self.set_header("Content-Type", "application/octet-stream")
        self.finish(b"".join(parts))

    def on_connection_close(self) -> None:
        super().on_connection_close()
        getattr(self, "gone", lambda: None)()


_ENDED = 4001
"""Closes a channel whose document was closed, as where its file is another one: a page opens it anew."""


class _Channel(WebSocketMixin, WebSocketHandler, JupyterHandler):
    """Requests in, frames out, and what nobody asked for too."""

    def initialize(self, documents: OpenDocuments) -> None:
        self.documents = documents
        self.opened: Document | None = None

    @property
    def max_message_size(self) -> int:
        return int(self.documents.settings.max_message_bytes)

    @ws_authenticated
    async def get(self, document: str) -> None:
        allowed = self.authorizer.is_authorized(self, self.current_user, "read", "contents")
        if not await ensure_async(allowed):
            raise web.HTTPError(HTTPStatus.FORBIDDEN)
        try:
            self.opened = self.documents.get(document)
        except NotFound as error:
            raise web.HTTPError(HTTPStatus.NOT_FOUND, str(error)) from None
        await super().get(document)

    def open(self, document: str) -> None:
        super().open(document)
        if self.opened is not None:
            self.opened.listen(self._tell, lambda: self.close(_ENDED, "The document was closed."))

    def on_message(self, message: str | bytes) -> None:
        try:
            asked = json.loads(message)
        except (ValueError, RecursionError):
            self.close(1007, "A message is no JSON.")
            return
        if self.opened is not None:
            self.opened.hear(asked, self._tell)

    def on_close(self) -> None:
        if self.opened is not None:
            self.opened.leave(self._tell)

    def _tell(self, data: bytes, _last: bool) -> None:
        # Of a page that left meanwhile, `on_close` tells.
        with contextlib.suppress(WebSocketClosedError):
            self.write_message(data, binary=True).add_done_callback(lambda written: written.exception())
