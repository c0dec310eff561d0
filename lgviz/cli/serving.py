"""The command that serves a coding agent: ``mcp`` (floor 6)."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from .app import OpenedDatabase, command
from .printing import complain

__all__ = ["mcp"]


@command("lgviz mcp checkpoints.db --graph app:graph", answers=False)
def mcp(
    database: OpenedDatabase,
    graph: Annotated[
        str | None,
        typer.Option(
            "--graph",
            metavar="MODULE:GRAPH",
            help="The graph, as app:graph or app.py:graph: adds preview and replay, which run its routers.",
        ),
    ] = None,
    allow_write: Annotated[
        bool, typer.Option("--allow-write", help="With --graph: adds fork, which writes checkpoints.")
    ] = False,
    http: Annotated[
        bool, typer.Option("--http", help="Serve on 127.0.0.1 with a token, not on stdin and stdout.")
    ] = False,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="With --http; 0: any.")] = 8931,
) -> None:
    """Serve the threads to a coding agent, by MCP.

    The Model Context Protocol. Its tools read, in bounded answers; what --redact masks they never tell.
    """
    from lgviz.backend.glances import GlanceFile
    from lgviz.errors import LgvizError, needing
    from lgviz.mcp import AgentTools, ToolDesk
    from lgviz.mcp.graphs import backend_of, name_of
    from lgviz.mcp.serving import serve_http, serve_stdio, stdout_kept
    from lgviz.session.graph_names import load_graph, module_of

    with needing("mcp", "mcp"):
        import mcp  # noqa: F401 - told before a client waits for it
    with stdout_kept():
        loaded = None if graph is None else load_graph(graph)
    if allow_write and loaded is None:
        complain("--allow-write adds nothing without --graph: a fork goes through the graph's reducers.")
    where, options = database.where, database.options
    if graph is not None:  # whose code runs anyway
        options |= {"trust": [*options["trust"], module_of(graph)], "graph": loaded}
    desk = ToolDesk(lambda held: backend_of(held, where, write=allow_write, **options))
    seen = GlanceFile(name_of(where))
    tools = AgentTools(desk, graph=loaded is not None, write=allow_write, told=seen.look)

    def tidy() -> None:
        seen.close()
        tools.close()

    try:
        desk.open()
    except LgvizError as error:  # it may be there when it is asked for; until then each answer says so
        complain(str(error))
    try:
        if http:
            serve_http(
                tools, port, lambda url, token: complain(f"{url} Authorization: Bearer {token}", mark="")
            )
        else:
            if sys.stdin.isatty():
                said = (
                    "Waiting for a coding agent on stdin, which starts this command itself. Ctrl-C ends it."
                )
                complain(said, mark="")
            serve_stdio(tools, tidy)
    finally:
        tidy()
