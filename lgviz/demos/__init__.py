"""Graphs to try lgviz on: no key, no network, the same history every time (floor 6).

Every module has ``build(checkpointer)``, which compiles the graph, and ``seed(graph, thread_id)``, which
runs it so that the thread has a history worth looking at: several heads, an update, an error, an answered
interrupt. ``python -m lgviz.demos demos.db`` seeds all of them in one SQLite database.

Some show one thing each: ``two_nodes`` (checkpoints), ``chat`` (branches), ``fan_out`` (parallel nodes, an
error), ``subgraph``, ``approval`` (an interrupt), ``memory`` (a store), ``agent`` (tools, replay). Others do
what people have agents do, by real tools over small tables. Their model is scripted (``scripted.py``); a real
one takes its place by ``build(saver, model=init_chat_model("openai:gpt-5"))``, with ``langchain`` installed:

* ``trips`` books flights and hotels by a company's policy, and misreads a date.
* ``expenses`` checks reports by rules and asks a person; a mail that should go out once.
* ``mail`` triages an inbox, all mails at once, by what its reader prefers; one service fails once.
* ``files`` renames a function by edits, and a reviewer finds the file that was forgotten.
"""

from __future__ import annotations

from types import ModuleType

from langgraph.checkpoint.base import BaseCheckpointSaver

from . import agent, approval, chat, expenses, fan_out, files, mail, memory, subgraph, trips, two_nodes

__all__ = [
    "DEMOS",
    "agent",
    "approval",
    "chat",
    "fan_out",
    "memory",
    "seed_all",
    "subgraph",
    "trips",
    "two_nodes",
]

DEMOS: dict[str, ModuleType] = {
    "two_nodes": two_nodes,
    "chat": chat,
    "fan_out": fan_out,
    "subgraph": subgraph,
    "approval": approval,
    "memory": memory,
    "agent": agent,
    "trips": trips,
    "expenses": expenses,
    "mail": mail,
    "files": files,
}
"""The demos by name, the simplest first."""


def seed_all(checkpointer: BaseCheckpointSaver[str]) -> list[str]:
    """Seed every demo in its own thread of one checkpointer; the thread is named after the demo.

    Returns:
        The thread ids, in the order they were made.
    """
    for name, demo in DEMOS.items():
        demo.seed(demo.build(checkpointer), thread_id=name)
    return list(DEMOS)
