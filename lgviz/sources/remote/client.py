"""Asks a LangGraph server, by LangGraph's own client; what goes wrong is a sentence, and holds no key."""

from __future__ import annotations

import copy
import ipaddress
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx
from langgraph_sdk import get_sync_client
from langgraph_sdk.client import SyncLangGraphClient

from lgviz.errors import LgvizError, ServerError

__all__ = ["RemoteClient"]

_PATIENCE = httpx.Timeout(60, connect=5)
"""Seconds that a question may take: of a run, whose stream is silent while a node works, see ``running``."""
_PLAIN = {"accept", "accept-encoding", "connection", "content-type", "host", "user-agent"}
"""Headers that hold no secret."""
_SECRET = 4
"""A shorter value of a header would be found in any text."""
_OTHER_ANSWERS = (ValueError, TypeError, LookupError, AttributeError, RecursionError)
"""What reading an answer raises that is none of LangGraph's API: no JSON, other keys, other types."""
_MOST = 300
"""Characters of what a server says of an error."""

_SAID: dict[int, tuple[str, str]] = {
    401: (
        "does not accept the key",
        "Give it: RemoteGraph(name, url=…, api_key=…), or set LANGGRAPH_API_KEY.",
    ),
    403: (
        "does not allow this",
        "Ask who runs it, or give another key: RemoteGraph(name, url=…, api_key=…).",
    ),
    404: ("does not have what was asked for", "It may have been deleted: refresh, and check the URL."),
    409: ("is busy with this thread", "Wait until the run ends, or stop it."),
    422: ("does not take what was asked", "Check the ids and values: threads are named by UUIDs."),
    429: ("is asked too often", "Wait a moment, and refresh."),
}


class RemoteClient:
    """A server's threads, runs, assistants and store, through ``langgraph_sdk``.

    Args:
        sdk: the client to ask by.

    Attributes:
        sdk: the same, for what takes as long as a question may.
        running: for what streams: it waits for as long as the client that was given does.
        place: the server's scheme, host and path: no user, no password, no query.
    """

    def __init__(self, sdk: SyncLangGraphClient) -> None:
        self.running = sdk
        client = sdk.http.client
        impatient = copy.copy(client)  # on the same connections
        impatient.timeout = _PATIENCE
        self.sdk = SyncLangGraphClient(impatient)
        url = client.base_url
        self.place = str(url.copy_with(username=None, password=None, query=None, fragment=None)).rstrip("/")
        self._secrets = [
            value for name, value in client.headers.items() if name not in _PLAIN and len(value) >= _SECRET
        ]
        self._secrets += [part for part in (url.password, url.username) if len(part) >= _SECRET]

    def __repr__(self) -> str:
        return f"<RemoteClient {self.place}>"

    @classmethod
    def of_url(cls, url: str) -> RemoteClient:
        """A client of the server at a URL. The key of the environment, which LangGraph's own clients read
        (``LANGGRAPH_API_KEY``), is sent where nobody on the way can read it: by https, or on this machine."""
        try:
            where = httpx.URL(url)
            closed = _is_here(where.host) or where.scheme == "https"
            known = get_sync_client(url=url) if closed else get_sync_client(url=url, api_key=None)
        except (httpx.InvalidURL, ValueError):
            raise ServerError("This is no URL of a server.", "Give one as http://localhost:2024.") from None
        headers = known.http.client.headers
        known.close()
        # LangGraph's own would try for seven seconds to reach a server that is not there.
        patience = httpx.Timeout(300, connect=5)
        own = httpx.Client(base_url=url, headers=headers, transport=httpx.HTTPTransport(), timeout=patience)
        made = cls(SyncLangGraphClient(own))
        weakref.finalize(made, own.close)  # an act that names a URL leaves no connection behind
        return made

    @classmethod
    def of_graph(cls, graph: Any) -> RemoteClient:
        """The client of a ``RemoteGraph``.

        Raises:
            ServerError: it has none that can be asked from here.
        """
        if graph.sync_client is None:
            raise ServerError(
                "This RemoteGraph has an asynchronous client alone.",
                "Give it a synchronous one too: RemoteGraph(name, url=…), or sync_client=….",
            )
        return cls(graph.sync_client)

    @contextmanager
    def asking(self, refused: Callable[[int, str], LgvizError | None] = lambda *_: None) -> Iterator[None]:
        """Whatever a question and the reading of its answer raise, as a sentence.

        Args:
            refused: another error for a status and the text that came with it.

        Raises:
            ServerError: the server refuses, cannot be reached, or gives no answer of LangGraph's API.
        """
        try:
            yield
        except LgvizError:
            raise
        except httpx.TimeoutException:
            raise ServerError(
                f"{self.place} does not answer in time.", "Try again, or ask for less."
            ) from None
        except Exception as error:
            status = getattr(getattr(error, "response", None), "status_code", None)
            if isinstance(status, int):
                text = self._told(error)
                raise refused(status, text) or self._error(status, text) from None
            if isinstance(error, (httpx.TransportError, OSError)):
                raise ServerError(
                    f"{self.place} cannot be reached ({type(error).__name__}).",
                    "Check the URL, and that the server runs: langgraph dev.",
                ) from None
            if not isinstance(error, _OTHER_ANSWERS):
                raise
            raise ServerError(
                f"{self.place} does not answer as a LangGraph server does.",
                "Check the URL: that of `langgraph dev` is http://localhost:2024.",
            ) from None

    def read(self, question: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """The answer to a question that changes nothing: it is asked again where the connection had been kept
        and the server has closed it, as it does after it failed."""
        try:
            return question(*args, **kwargs)
        except (httpx.ReadError, httpx.RemoteProtocolError):
            return question(*args, **kwargs)

    def close(self) -> None:
        """End its connections."""
        self.running.close()

    def hidden(self, text: str) -> str:
        """A text without the key, should a server repeat it."""
        for secret in self._secrets:
            text = text.replace(secret, "…")
        return text

    def _error(self, status: int, text: str) -> ServerError:
        said, remedy = _SAID.get(
            status,
            ("failed", "Its log tells why.")
            if status >= 500
            else ("refuses this", "Check the URL, and what was asked."),
        )
        more = f": {text}" if text else ""
        return ServerError(f"{self.place} {said} ({status}){more}.", remedy)

    def _told(self, error: Exception) -> str:
        """What a server says of an error."""
        body: Any = getattr(error, "body", None)
        if isinstance(body, Mapping):
            found = next((body[key] for key in ("detail", "message", "error") if body.get(key)), "")
            body = found if isinstance(found, str) else ""
        text = body if isinstance(body, str) and not body.lstrip().startswith("<") else ""
        return self.hidden(text[:_MOST]).strip().rstrip(".")


def _is_here(host: str) -> bool:
    """Whether a host is this machine.

    Raises:
        ValueError: it is none.
    """
    if not host:
        raise ValueError("no host")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
