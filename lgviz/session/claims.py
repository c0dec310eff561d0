"""Who goes on at a checkpoint in place: one run at a time, in this process and in others."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver

from lgviz.errors import ActRefused
from lgviz.sources.claims import held
from lgviz.sources.places import place_of

from .saver_proxy import below
from .target import Position

__all__ = ["claimed", "thread_claimed"]

_claims: set[tuple[int, str, str]] = set()
_lock = threading.Lock()


@contextmanager
def claimed(position: Position, sandbox: object | None) -> Iterator[None]:
    """Nobody else goes on at this checkpoint in place meanwhile, or begins this thread.

    Args:
        position: the checkpoint; inside a subgraph the one that its call started from counts.
        sandbox: what holds the run's checkpoints, for this process alone; None: it runs in the open.

    Raises:
        ActRefused: somebody does.
    """
    root = position.saved.metadata.get("parents", {}).get("", position.id)
    id_ = (root if position.namespace else place_of(position.saved.config).checkpoint_id) or ""
    what = f"Another run goes on at checkpoint {id_} already." if id_ else ""
    with _claimed(position.target.saver, sandbox, position.thread_id, id_, what):
        yield


@contextmanager
def thread_claimed(saver: BaseCheckpointSaver[Any], thread_id: str) -> Iterator[None]:
    """Nobody else begins this thread meanwhile.

    Raises:
        ActRefused: somebody does.
    """
    with _claimed(saver, None, thread_id, ""):
        yield


@contextmanager
def _claimed(
    saver: BaseCheckpointSaver[Any], sandbox: object | None, thread_id: str, id_: str, what: str = ""
) -> Iterator[None]:
    saver = below(saver)
    refused = ActRefused(
        what or f"Thread {thread_id!r} is being begun already.", "Wait until that ends, or stop it."
    )
    claim = (id(saver) if sandbox is None else id(sandbox), thread_id, id_)
    with _lock:
        if claim in _claims:
            raise refused
        _claims.add(claim)
    try:
        if sandbox is not None:
            yield
            return
        with held(saver, f"{thread_id}\n{id_}") as free:
            if not free:
                raise refused
            yield
    finally:
        with _lock:
            _claims.discard(claim)
