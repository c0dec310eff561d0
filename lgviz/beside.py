"""What JupyterLab's panel asks a kernel: graphs and savers of its variables, and a debugger of one (floor 6).

JupyterLab calls :func:`serve` in the kernel, silently, and opens comms: one that is told after each cell
what there is (``{"variables": [...]}``), and for each debugger one that names a variable and carries the
protocol's messages. Either is told which versions it talks to, as soon as it is listened to.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from comm import get_comm_manager
from IPython.core.getipython import get_ipython

from lgviz._version import __version__
from lgviz._visible import visible
from lgviz.protocol import PROTOCOL_VERSION

__all__ = ["TARGET", "serve", "variables_of"]

TARGET = "lgviz"
_MOST = 200
"""Variables that are told of."""


def serve() -> None:
    """Answer JupyterLab in this kernel from now on; a second time does no harm."""
    shell = get_ipython()
    if shell is None:
        return
    try:
        loop = asyncio.get_running_loop()  # of the cells: comms are served by other threads
    except RuntimeError:
        loop = None

    def opened(comm: Any, message: Any) -> None:
        asked = message["content"]["data"]
        if asked.get("protocol") == PROTOCOL_VERSION:  # who asked says what is to be done where it is not
            name = asked.get("name")
            if name is None:
                _tell(comm, shell)
            else:
                _debug(comm, shell, str(name), loop, agent=asked.get("agent") is True)
        comm.send({"version": __version__, "protocol": PROTOCOL_VERSION})

    get_comm_manager().register_target(TARGET, opened)


def variables_of(namespace: dict[str, Any]) -> list[dict[str, Any]]:
    """The graphs that keep a history, and the savers, each once, in the order they were made.

    >>> from lgviz.demos import two_nodes
    >>> from lgviz.persistence import MemorySaver
    >>> graph = two_nodes.build(MemorySaver())
    >>> found = variables_of({"graph": graph, "again": graph, "saver": graph.checkpointer, "n": 3})
    >>> [(each["name"], each["kind"], each["type"]) for each in found]
    [('graph', 'graph', 'CompiledStateGraph'), ('saver', 'saver', 'MemorySaver')]

    What shares a saver, and so its threads, has the same ``saver``:

    >>> found[0]["saver"] == found[1]["saver"] == id(graph.checkpointer)
    True
    """
    if "langgraph.pregel" not in sys.modules and "langgraph.checkpoint.base" not in sys.modules:
        return []  # nothing is imported that nobody uses
    from langgraph.checkpoint.base import BaseCheckpointSaver
    from langgraph.pregel import Pregel

    found: dict[int, dict[str, Any]] = {}
    for name, value in list(namespace.items()):
        saver = value.checkpointer if isinstance(value, Pregel) else value
        if name.startswith("_") or id(value) in found or not isinstance(saver, BaseCheckpointSaver):
            continue
        kind = "saver" if saver is value else "graph"
        about = {"name": name, "kind": kind, "type": visible(type(value).__name__)}
        found[id(value)] = {**about, "key": id(value), "saver": id(saver)}
    return list(found.values())[:_MOST]


def _tell(comm: Any, shell: Any) -> None:
    """Tell what variables there are, now and after each cell, as long as somebody listens."""

    def tell(*_: Any) -> None:
        comm.send({"variables": variables_of(shell.user_ns)})

    def closed(_message: Any) -> None:
        shell.events.unregister("post_run_cell", tell)

    shell.events.register("post_run_cell", tell)
    comm.on_close(closed)
    tell()


def _debug(comm: Any, shell: Any, name: str, loop: Any, *, agent: bool) -> None:
    """Answer the protocol about one variable; with ``agent``, tell also where a coding agent looks."""
    from lgviz.backend import Backend
    from lgviz.backend.glances import AgentWatch
    from lgviz.backend.watches import WatchRequests
    from lgviz.errors import LgvizError, NotFound

    def send(message: Any, buffers: list[bytes]) -> None:
        comm.send(message, None, buffers)

    try:
        if name not in shell.user_ns:
            raise NotFound(f"There is no variable {name} any more.", "Run the cell that makes it.")
        backend = Backend(shell.user_ns[name], send, variables=shell.user_ns, loop=loop)
        backend.answer_by(WatchRequests(backend.thread))
    except LgvizError as error:
        comm.send({"refused": {"code": "source", "cause": error.cause, "remedy": error.remedy}})
        return
    comm.on_msg(lambda message: backend.receive(message["content"]["data"]))
    watch = AgentWatch(backend.thread) if agent else None

    def closed(_message: Any) -> None:
        if watch is not None:
            watch.close()
        backend.close()

    comm.on_close(closed)
