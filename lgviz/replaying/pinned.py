"""``check_pin``: what a test that :func:`lgviz.pin` wrote calls."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from lgviz._visible import visible
from lgviz.errors import UnknownChannel, listed
from lgviz.persistence import InMemoryStore, MemorySaver
from lgviz.session.graph_names import load_graph, module_of
from lgviz.session.halts import names_in
from lgviz.sources import open_source
from lgviz.transfer.bundles import open_bundle

from .offline import offline
from .verdicts import ThreadReplay
from .work import Names, ThreadWork

__all__ = ["check_pin"]


def check_pin(
    graph: Any,
    recording: str | os.PathLike[str],
    live: Names = (),
    effects: Names = (),
    values: Names | None = None,
    trust: Names = (),
    keys: Names = (),
) -> None:
    """Replay a recorded thread with today's graph, to the checkpoint at which it was pinned.

    What history holds is not asked of a model or tool; nothing outside of this machine is reached. The replay
    ends at the first difference.

    >>> import lgviz
    >>> from lgviz.demos import two_nodes
    >>> from lgviz.persistence import MemorySaver
    >>> two_nodes.seed(graph := two_nodes.build(MemorySaver()))
    >>> _ = lgviz.save_bundle(graph, "1", "thread.lgviz", at="c3")
    >>> lgviz.check_pin("lgviz.demos.two_nodes:build", "thread.lgviz", live=["node_a"])

    Args:
        graph: a compiled graph, or its name: ``"app:graph"``, ``"src/app.py:graph"``.
        recording: the bundle that was written beside the test.
        live: names of nodes that run.
        effects: names of nodes that must not run.
        values: the channels that are compared; None: all. The nodes that run always are.
        trust: modules whose classes recorded values may be built into, beside the graph's own package and
            its schemas.
        keys: environment variables that the graph's module wants to be set; those that are not get a text
            that opens nothing.

    Raises:
        AssertionError: another path or another value; the text says where and how it differs.
        SourceError: there is no such graph, or the recording cannot be read.
        NodeRefused, UnknownChannel: the graph has no such node or channel.
    """
    __tracebackhide__ = True
    missing = {name: "none" for name in names_in(keys) if name not in os.environ}
    with patch.dict(os.environ, missing), offline() as asked:
        found = _replayed(graph, recording, (live, effects), values, names_in(trust))
    if found.verdict != "same":
        raise AssertionError(_told(found, asked))


def _replayed(
    graph: Any, recording: Any, nodes: tuple[Names, Names], values: Names | None, trust: list[str]
) -> ThreadReplay:
    today = load_graph(graph) if isinstance(graph, str) else graph
    channels = None if values is None else frozenset(names_in(values))
    if unknown := sorted((channels or frozenset()) - today.channels.keys()):
        raise UnknownChannel(f"The graph has no channel {listed(unknown)}.", "Name others, or pin again.")
    own = [module_of(graph).partition(".")[0]] if isinstance(graph, str) else []
    bundle = open_bundle(recording, trust=[*own, *trust])
    if bundle.manifest.items:
        today = copy.copy(today)
        today.store = InMemoryStore()
        with MemorySaver() as saver:
            bundle.import_into(saver, store=today.store)
    with closing(open_source(bundle.path, trust=[*own, *trust])) as source:
        work = replace(ThreadWork.of(today, source, None, *nodes), strict=True, channels=channels)
        return work.replayed(next(iter(work.threads)))


def _told(found: ThreadReplay, asked: Iterable[str]) -> str:
    at = f" at {found.parted_at}" if found.parted_at else ""
    lines = [f"{found.verdict}{at}: {found.reason}"]
    if asked:
        hosts = listed(dict.fromkeys(asked))
        lines.append(f"A pinned test has no network, and {hosts} was asked for: give the live node a fake.")
    if found.diff is not None:
        lines.append(repr(found.diff))
    return visible("\n".join(lines))
