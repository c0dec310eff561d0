"""The tools over the Model Context Protocol, by the official SDK: on stdio, or on a port of this machine."""

from __future__ import annotations

import hmac
import logging
import os
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from typing import Any

from lgviz._version import __version__
from lgviz.errors import LgvizError, Unavailable, needing

from .tools import HEADING, AgentTools, Tool

__all__ = ["guarded", "serve_http", "serve_stdio", "server_of", "stdout_kept"]

TOKEN = "LGVIZ_MCP_TOKEN"  # noqa: S105 - the variable's name
"""A token of one's own; else each server makes one."""
_MOST = 1_000_000
"""Bytes of a request."""
INSTRUCTIONS = (
    "Reads the checkpoints that a LangGraph agent stored: threads, each a tree of checkpoints with labels "
    "(c0, c1, …; c4.1 in a subgraph). Begin with tree, then state and diff; cite thread and label. Answers "
    f"are cut to size and say how to ask for the rest. What comes from the database stands under: {HEADING}"
)


def server_of(tools: AgentTools) -> Any:
    """An SDK server that lists and calls the tools.

    Raises:
        NotInstalled: the SDK is missing.
    """
    with needing("mcp", "mcp"):
        import anyio.to_thread
        from mcp.server.lowlevel import Server
        from mcp_types import CallToolResult, ListToolsResult, TextContent

    async def listing(_context: Any, _params: Any) -> Any:
        return ListToolsResult(tools=[_told(one) for one in tools.listed])

    async def calling(_context: Any, params: Any) -> Any:
        stopped = threading.Event()

        def call() -> Any:
            try:
                answer = tools.call(params.name, params.arguments or {}, stopped)
            except LgvizError as error:
                return CallToolResult(content=[TextContent(type="text", text=str(error))], is_error=True)
            said = TextContent(type="text", text=answer.text)
            return CallToolResult(content=[said], structured_content=answer.structured)

        # Cancelled, it is not waited for; a search then ends by itself.
        try:
            return await anyio.to_thread.run_sync(call, abandon_on_cancel=True)
        except BaseException:
            stopped.set()
            raise

    return Server(
        "lgviz",
        title="lgviz",
        version=__version__,
        instructions=INSTRUCTIONS,
        on_list_tools=listing,
        on_call_tool=calling,
    )


def _told(one: Tool) -> Any:
    from mcp_types import Tool as ListedTool
    from mcp_types import ToolAnnotations

    writes = one.needs == "write"
    return ListedTool(
        name=one.name,
        description=one.description,
        input_schema=one.schema,
        output_schema=one.output_schema,
        annotations=ToolAnnotations(
            read_only_hint=not writes,
            destructive_hint=False,  # a fork adds; nothing is taken away
            idempotent_hint=one.repeatable,
            open_world_hint=one.needs != "nothing",  # code may reach anywhere
        ),
    )


def serve_stdio(tools: AgentTools, tidy: Callable[[], None] = lambda: None) -> None:
    """Serve whoever holds the other ends of stdin and stdout, until they let go, or a signal ends it.

    Args:
        tools: what is served.
        tidy: called before a signal ends the process.

    Raises:
        NotInstalled: the SDK is missing.
    """
    server = server_of(tools)
    import anyio
    from mcp.server.stdio import stdio_server

    async def run() -> None:
        # What routers print goes to stderr at once; held back, it would get among the messages at the end.
        async with stdio_server() as (reads, writes):
            with redirect_stdout(sys.stderr):
                await server.run(reads, writes, server.create_initialization_options())

    def ended(number: int, _frame: Any) -> None:
        # Beside, and not for long: code of the graph that does not end may hold what is to be closed.
        tidying = threading.Thread(target=tidy, daemon=True)
        tidying.start()
        tidying.join(2)
        os._exit(128 + number)  # the SDK's reader waits for a line, and nothing else ends it

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ended)
    _quiet()
    anyio.run(run)


def serve_http(tools: AgentTools, port: int, told: Callable[[str, str], None]) -> None:
    """Serve this machine alone, whoever has the token.

    Args:
        tools: what is served.
        port: 0: any that is free.
        told: is told the URL and the token.

    Raises:
        NotInstalled: the SDK is missing.
        Unavailable: the port is taken.
    """
    server = server_of(tools)
    import uvicorn

    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
    except OSError as error:
        listening.close()
        raise Unavailable(f"Port {port} cannot be had: {error}.", "Give another by --port, or 0.") from error
    port = listening.getsockname()[1]
    token = os.environ.get(TOKEN) or secrets.token_urlsafe(32)
    app = server.streamable_http_app(json_response=True, stateless_http=True, max_request_body_size=_MOST)
    _quiet()
    told(f"http://127.0.0.1:{port}/mcp", token)
    config = uvicorn.Config(guarded(app, port, token), log_level="error", access_log=False, lifespan="on")
    try:
        uvicorn.Server(config).run(sockets=[listening])
    finally:
        listening.close()


App = Callable[[Any, Any, Any], Awaitable[None]]


def guarded(app: App, port: int, token: str) -> App:
    """An ASGI app behind a token, that answers only what was asked of this machine, by itself.

    A page in a browser may send requests here under a name of its own (DNS rebinding): its ``Host`` or its
    ``Origin`` is another one then.
    """
    hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}
    origins = {"", *(f"http://{host}" for host in hosts)}
    wanted = f"Bearer {token}".encode()

    def refused(headers: Mapping[bytes, bytes]) -> tuple[int, str] | None:
        if headers.get(b"host", b"").decode("latin-1") not in hosts:
            return 421, "This server answers to 127.0.0.1 and localhost alone."
        if headers.get(b"origin", b"").decode("latin-1") not in origins:
            return 403, "This server answers no page of another origin."
        if not hmac.compare_digest(headers.get(b"authorization", b""), wanted):
            return 401, "Send the token that the server told: Authorization: Bearer TOKEN."
        return None

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await app(scope, receive, send)
        elif scope["type"] == "http":
            wrong = refused(dict(scope["headers"]))
            if wrong is None:
                await app(scope, receive, send)
            else:
                await _refuse(send, *wrong)

    return answer


async def _refuse(send: Any, status: int, said: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    headers += [(b"www-authenticate", b"Bearer")] if status == 401 else []
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": said.encode()})


def _quiet() -> None:
    """The SDK logs what callers sent, and tracebacks with what is stored: not into a terminal."""
    for name in ("mcp", "uvicorn", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


@contextmanager
def stdout_kept() -> Iterator[None]:
    """What is printed meanwhile, as by a module that is imported, goes to stderr: stdout is the server's."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
