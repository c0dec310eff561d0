"""What the tests of hosts share: the cell that makes a thread, and how a server is started."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["SEED", "Serve"]

SEED = """
import lgviz
from lgviz.demos import agent
from lgviz.persistence import MemorySaver
graph = agent.build(MemorySaver())
agent.seed(graph, thread_id="1")
"""

Serve = Callable[..., str]
"""``serve(program, *args)``: starts a server of the hosts' environment; its address, once it listens."""
