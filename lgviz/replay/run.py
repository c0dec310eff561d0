"""``replay``: today's code on yesterday's threads, answered from what is stored."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from tqdm.auto import tqdm

from lgviz.analysis.history import History
from lgviz.session.effects import drive
from lgviz.session.halts import StopPoints
from lgviz.sources import open_source

from .results import Replay, ThreadReplay
from .thread import ThreadActs

__all__ = ["replay"]


def replay(
    graph: Any,
    source: Any,
    threads: str | Iterable[str] | None = None,
    live: Iterable[str] = (),
    effects: Iterable[str] = (),
    executor: Any = None,
) -> Replay:
    del executor
    opened = copy.copy(open_source(source).real)
    opened.graph = graph  # states are told as today's graph tells them
    names = [threads] if isinstance(threads, str) else threads
    wanted = [t.thread_id for t in opened.threads()] if names is None else list(names)
    is_live = StopPoints.of(live, graph, "for, as live")
    has_effects = StopPoints.of(effects, graph, "for, as having effects")
    found: dict[str, ThreadReplay] = {}
    for thread_id in tqdm(wanted, unit="thread", disable=None, leave=False):
        with opened.sharing():
            acts = ThreadActs(graph, History(opened, thread_id), lambda p: is_live.has(*_split(p)), lambda p: has_effects.has(*_split(p)))
            found[thread_id] = drive(acts.act())
    return Replay(found)


def _split(path: str) -> tuple[str, str]:
    around, _, node = path.rpartition("|")
    return around, node
