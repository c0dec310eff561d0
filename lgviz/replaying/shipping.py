"""Threads that other processes replay: what travels to a worker, and what comes back."""

from __future__ import annotations

import io
import pickle
import sys
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import uuid4

from langgraph.pregel import Pregel

from lgviz.analysis.loading import said_by
from lgviz.errors import ActRefused, LgvizError, needing
from lgviz.session.graph_names import load_graph
from lgviz.sources import open_source
from lgviz.sources.base import Source, SourceOrigin
from lgviz.sources.langgraph.detect import is_url

from .store import AbsentStore
from .work import ThreadWork

__all__ = ["Shipped", "packed"]

_HERE = "Use a ThreadPoolExecutor, which stays in this process."


@dataclass(frozen=True, slots=True)
class Shipped:
    """Work that the workers of an executor do, in processes of their own.

    A worker gets the graph, or the name that it is loaded by, and opens the database itself, once.

    Attributes:
        packed: all that a worker needs.
    """

    packed: bytes

    @classmethod
    def through(cls, executor: Executor, work: ThreadWork) -> Shipped:
        """Work that the workers of an executor can begin: one has tried.

        Raises:
            ActRefused: the graph or the source cannot travel, or a worker cannot take them.
            NotInstalled: cloudpickle is not here.
        """
        origin = _origin(work.source)
        shipped = cls(packed((uuid4().hex, work.travelling(), work.name or work.graph, origin)))
        try:
            executor.submit(shipped.check).result()
        except Exception as error:
            said = error.cause if isinstance(error, LgvizError) else f"It raised {said_by(error)}."
            raise ActRefused(f"A worker of the executor cannot begin. {said}", _HERE) from error
        return shipped

    def check(self) -> None:
        """Open the work, or raise why that cannot be."""
        _unpacked(self.packed)

    def replayed(self, thread_id: str) -> bytes:
        """One thread, to be sent back; :func:`pickle.loads` opens it."""
        import cloudpickle

        found: bytes = cloudpickle.dumps(_unpacked(self.packed).replayed(thread_id))
        return found


def _origin(source: Source) -> SourceOrigin:
    """Where another process opens a source."""
    if source.origin is None:
        raise ActRefused(
            f"Other processes cannot open {source.description}: it was not given by a path or a URL.",
            f"Give those of its database. {_HERE}",
        )
    place, options = source.origin.place, source.origin.options
    return SourceOrigin(place if is_url(place) else str(Path(place).absolute()), options)


def packed(what: Any) -> bytes:
    """Bytes of an object, for :func:`pickle.loads` in another process; of its graphs without their savers,
    stores and caches, which stay here.

    Raises:
        ActRefused: something in it cannot be sent.
    """
    with needing("cloudpickle", "processes"):
        import cloudpickle

    class Packer(cloudpickle.Pickler):  # type: ignore[misc]
        def reducer_override(self, obj: Any) -> Any:
            if type(obj) is object and (place := _place_of(obj)) is not None:
                return _at, place
            if not isinstance(obj, Pregel):
                return super().reducer_override(obj)
            lasting = obj.checkpointer if isinstance(obj.checkpointer, bool) else None
            store = None if obj.store is None else AbsentStore()
            held = {**vars(obj), "checkpointer": lasting, "store": store, "cache": None}
            return object.__new__, (type(obj),), held

    file = io.BytesIO()
    try:
        Packer(file).dump(what)
    except Exception as error:
        raise ActRefused(
            f"The graph cannot be sent to another process: {said_by(error)}.",
            f'Give the name that a process loads it by, as "app:graph". {_HERE}',
        ) from error
    return file.getvalue()


def _place_of(mark: object) -> tuple[str, str] | None:
    """The module that a mark is an attribute of, and its name: LangGraph knows its own by their identity."""
    for module in list(sys.modules.values()):
        for name, each in list(getattr(module, "__dict__", {}).items()):
            if each is mark:
                return module.__name__, name
    return None


def _at(module: str, name: str) -> object:
    mark: object = getattr(import_module(module), name)
    return mark


@lru_cache(maxsize=1)
def _unpacked(packed: bytes) -> ThreadWork:
    """The work, which a worker opens once; it keeps the database open until it does other work."""
    _, work, graph, origin = pickle.loads(packed)  # noqa: S301 - packed by the replay that asks
    graph = load_graph(graph) if isinstance(graph, str) else graph
    arrived: ThreadWork = work.arrived(graph, open_source(origin.place, **origin.options))
    return arrived
