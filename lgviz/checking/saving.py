"""Rules of saving: a checkpointer, there and open; a thread, named, one user's and of bounded size."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver

from lgviz.analysis.history import History, open_history
from lgviz.analysis.types import bare, members
from lgviz.errors import LgvizError, NoCheckpoints, ThreadNotFound, listed
from lgviz.export.sizes import size_text
from lgviz.persistence.savers.saver import Saver
from lgviz.sources import Source, open_source
from lgviz.sources.base import Undecodable

from .effects import InterruptWalk
from .findings import Finding
from .subject import CheckSubject
from .values import fields_by_channel

__all__ = ["no_checkpointer", "no_thread", "saver_not_open", "stored_thread"]

_LONG = 100
"""Checkpoints from which a thread is looked at for its size."""
_LARGE = 1_000_000
"""Bytes from which a thread is large."""
_MUCH = 10
"""How many times the newest state a thread may take before it is told."""
_THREAD = 'config = {"configurable": {"thread_id": "1"}}'


def no_checkpointer(subject: CheckSubject) -> Iterator[Finding]:
    """A graph that stores nothing."""
    if subject.graph.checkpointer not in (None, False):
        return
    asks = next((one for one in subject.functions if one.code and InterruptWalk(one.code).interrupts), None)
    named = subject.thread_id is not None
    comes = (
        f"the interrupt of node {asks.node!r} cannot be answered"
        if asks
        else f"nothing of thread {subject.thread_id!r} is kept"
        if named
        else "no step is kept, and nothing can be resumed (a LangGraph server adds one)"
    )
    yield Finding(
        "no-checkpointer",
        "error" if asks or named else "warning",
        f"The graph was compiled without a checkpointer: {comes}.",
        "graph = builder.compile(checkpointer=InMemorySaver())",
        **(asks.place if asks else {}),
    )


def saver_not_open(subject: CheckSubject) -> Iterator[Finding]:
    """A saver whose connection was closed, as behind the end of its ``with`` block, or never opened."""
    saver: Any = subject.graph.checkpointer
    if saver in (None, True, False):
        return
    if not isinstance(saver, BaseCheckpointSaver):
        yield Finding(
            "saver-not-entered",
            "error",
            f"The checkpointer is a {type(saver).__name__}, no saver: from_conn_string() must be entered.",
            'with SqliteSaver.from_conn_string("checkpoints.db") as checkpointer:',
        )
    elif _is_closed(getattr(saver, "conn", None)):
        yield Finding(
            "saver-closed",
            "error",
            f"The connection of the {type(saver).__name__} is closed: its with block has ended before "
            "the graph is used.",
            'with SqliteSaver.from_conn_string("checkpoints.db") as checkpointer:  # use the graph inside',
        )


def _is_closed(conn: Any) -> bool:
    if isinstance(conn, sqlite3.Connection):
        try:
            conn.total_changes  # noqa: B018 - raises where it is closed
        except sqlite3.ProgrammingError:
            return True
        return False
    return getattr(conn, "closed", False) is True  # psycopg's connection and pool


def no_thread(subject: CheckSubject) -> Iterator[Finding]:
    """A config that names no thread where a checkpointer needs one."""
    if subject.config is None or subject.saver is None or subject.thread_id is not None:
        return
    comes = (
        "all runs with None share one thread"
        if "thread_id" in subject.configurable
        else "LangGraph raises ValueError"
    )
    yield Finding("no-thread-id", "error", f"The config names no thread: {comes}.", _THREAD)


# ---------------------------------------------------------------- what is stored of the thread


def stored_thread(subject: CheckSubject) -> Iterator[Finding]:
    """What is wrong with the thread that the config names, as it is stored."""
    if subject.thread_id is None or subject.saver is None or _is_closed(getattr(subject.saver, "conn", None)):
        return
    try:
        with closing(open_source(subject.graph)) as source:
            history = open_history(source, subject.thread_id)
            yield from _shared(subject, history)
            yield from _otherwise(subject, history)
            yield from _growing(subject, history, source)
    except (NoCheckpoints, ThreadNotFound):
        return  # a new thread
    except LgvizError as error:
        yield Finding("thread-unreadable", "error", error.cause, error.remedy)


def _shared(subject: CheckSubject, history: History) -> Iterator[Finding]:
    """A thread whose runs were of several users."""
    stored = [row.metadata.get("user_id") for row in history.tree.rows]
    named = [*stored, subject.configurable.get("user_id")]
    users = dict.fromkeys(user for user in named if isinstance(user, str | int))
    if len(users) > 1:
        yield Finding(
            "thread-shared",
            "error",
            f"Thread {history.shown_id!r} holds runs of {listed(users)}: each user meets what others said.",
            'config = {"configurable": {"thread_id": f"{user_id}-{conversation}", "user_id": user_id}}',
        )


def _otherwise(subject: CheckSubject, history: History) -> Iterator[Finding]:
    """A value of the newest checkpoint that is not of its annotation's type."""
    values = history.latest.values
    for channel, hint in fields_by_channel(subject.graphs[0]).items():
        wanted = [getattr(bare(one), "__origin__", bare(one)) for one in members(hint)]
        value = values.get(channel) if hasattr(values, "get") else None
        if (
            value is None
            or isinstance(value, Undecodable)
            or not all(isinstance(one, type) for one in wanted)
        ):
            continue
        if not any(_is_a(value, one) for one in wanted):
            names = " | ".join(one.__name__ for one in wanted)
            yield Finding(
                "stored-as-other",
                "warning",
                f"{channel!r} holds a {type(value).__name__} in the newest checkpoint of thread "
                f"{history.shown_id!r}; its annotation says {names}.",
                'checkpointer = lgviz.persistence.SqliteSaver.from_conn_string("checkpoints.db")',
                channel=channel,
            )


def _is_a(value: Any, kind: Any) -> bool:
    if hasattr(kind, "__total__"):
        return isinstance(value, dict)
    if kind in (float, complex) and isinstance(value, int):
        return True
    try:
        return isinstance(value, kind)
    except TypeError:  # a protocol that is none at run time
        return True


def _growing(subject: CheckSubject, history: History, source: Source) -> Iterator[Finding]:
    """A thread that takes many times its newest state, because each step stores the state again."""
    if isinstance(subject.saver, Saver) or len(history) < _LONG:
        return
    taken = (
        next((one.bytes for one in source.thread_facts() if one.thread_id == history.thread_id), None) or 0
    )
    kept = source.channels(history.thread_id, "", history.latest.id)
    state = len(subject.saver.serde.dumps_typed(kept)[1]) if subject.saver is not None else 0
    if taken < _LARGE or taken < _MUCH * state:
        return
    yield Finding(
        "saver-grows",
        "warning",
        f"Thread {history.shown_id!r} takes {size_text(taken)} in {len(history):,} checkpoints, its newest "
        f"state {size_text(state)}: {type(subject.saver).__name__} never removes a checkpoint.",
        'checkpointer = lgviz.persistence.SqliteSaver.from_conn_string("checkpoints.db")'
        "  # checkpointer.prune([thread_id])",
    )
