"""What an act starts from: a graph that can act, the checkpoint meant, and the config to act with."""

from __future__ import annotations

import asyncio
import copy
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypedDict, TypeVar, Unpack, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, Checkpoint, CheckpointTuple
from langgraph.pregel import Pregel
from langgraph.runtime import Runtime

from lgviz.analysis.history import open_history
from lgviz.analysis.tree import LABEL
from lgviz.errors import (
    CheckpointNotFound,
    NodeRefused,
    ReadOnly,
    ThreadNotFound,
    WrongLoop,
)
from lgviz.sources import no_checkpointer
from lgviz.sources.places import MARK, config_of, configurable_of, node_path, place_of, thread_of
from lgviz.sources.remote import assistant_of

from .effects import Act, adrive, call, drive, run_sync, running_loop
from .ended import carried, opened
from .old_langgraph import refuse_wrong_forks
from .overlay import OverlaySaver
from .saver_errors import as_refusals
from .saver_proxy import Edited, Latest, Marks, OnPut, SaverProxy, is_async_only, is_sync_only

__all__ = [
    "GraphTarget",
    "Position",
    "aperform",
    "carrying",
    "configurable_of",
    "find",
    "named",
    "perform",
    "target_of",
    "threaded_nodes",
]

T = TypeVar("T")


class ProxyOptions(TypedDict, total=False):
    """What a proxy of a saver may do besides (see :class:`SaverProxy`)."""

    known: CheckpointTuple | None
    edited: Edited | None
    latest: Latest | None
    lost: threading.Event | None
    marks: Marks | None


@dataclass(frozen=True, slots=True)
class GraphTarget:
    """A compiled graph with a checkpointer.

    Attributes:
        graph: as it was given, or a copy with another saver.
        saver: its checkpointer.
        asynchronous: only its async methods work: the saver lives on a loop, or a node has no sync form.
        given: the graph as it was given; histories are read from it, for a source knows its saver.
    """

    graph: Any
    saver: BaseCheckpointSaver[Any]
    asynchronous: bool
    given: Any

    def with_saver(self, saver: BaseCheckpointSaver[Any]) -> GraphTarget:
        """A copy of the graph with another saver; the given graph is left alone."""
        graph = copy.copy(self.graph)
        graph.checkpointer = saver
        return replace(self, graph=graph, saver=saver)

    def with_proxy(
        self, on_put: OnPut | None = None, *, serial: bool = False, **more: Unpack[ProxyOptions]
    ) -> GraphTarget:
        """A copy whose saver passes everything on (arguments as :class:`SaverProxy` takes them)."""
        return self.with_saver(SaverProxy(self.saver, on_put, serial=serial, **more))

    def graph_in(self, namespace: str) -> Any:
        """The graph of a checkpoint namespace: this one, or one of its subgraphs.

        Raises:
            NodeRefused: LangGraph does not know the subgraph, as one that a node calls by itself.
        """
        if not namespace:
            return self.graph
        path = node_path(namespace)
        for _, subgraph in self.graph.get_subgraphs(namespace=path, recurse=True):
            return subgraph
        raise NodeRefused(
            f"LangGraph cannot address the subgraph {path!r}.",
            "Act on the checkpoint that its call started from.",
        )


@dataclass(frozen=True, slots=True)
class Position:
    """The one checkpoint meant by an act."""

    target: GraphTarget
    saved: CheckpointTuple

    @property
    def thread_id(self) -> str:
        return place_of(self.saved.config).thread_id

    @property
    def namespace(self) -> str:
        return place_of(self.saved.config).ns or ""

    @property
    def id(self) -> str:
        return str(self.saved.checkpoint["id"])

    @property
    def graph(self) -> Any:
        """The graph of its namespace."""
        return self.target.graph_in(self.namespace)

    @property
    def config(self) -> RunnableConfig:
        """Names exactly this checkpoint."""
        return config_of(self.thread_id, self.namespace, self.id)

    def overlaid(self) -> Position:
        """This checkpoint on an overlay that reads the saver once, and holds what is put into it."""
        over = OverlaySaver(self.target.saver, {})
        over.learn(self.saved)
        return replace(self, target=self.target.with_saver(over))

    def without(self, channels: Iterable[str]) -> Position:
        """This checkpoint as if these channels had never been written."""
        left_out = set(channels)

        def edited(found: CheckpointTuple) -> CheckpointTuple:
            if found.checkpoint["id"] != self.id:
                return found
            checkpoint = {
                **found.checkpoint,
                "channel_values": _but(found.checkpoint["channel_values"], left_out),
                "channel_versions": _but(found.checkpoint["channel_versions"], left_out),
            }
            return found._replace(checkpoint=cast("Checkpoint", checkpoint))

        return Position(self.target.with_proxy(edited=edited), edited(self.saved))

    def acting(
        self,
        config: RunnableConfig | None,
        context: Any,
        *,
        marks: Mapping[str, str] | None = None,
        runtime: bool = False,
    ) -> RunnableConfig:
        """The config to act with here.

        Args:
            config: the caller's; its ``configurable`` goes over what the checkpoint's metadata gives.
            context: the run's context.
            marks: what to add to the metadata of checkpoints made with this config.
            runtime: whether routers must find ``context`` and store in it (a run brings its own).
        """
        given: dict[str, Any] = dict(config or {})
        conf = {**configurable_of(self.saved.metadata), **given.pop("configurable", {})}
        for key in [k for k in conf if k.startswith("checkpoint_")]:
            del conf[key]
        conf |= self.config["configurable"]
        if runtime:
            conf["__pregel_runtime"] = Runtime(
                context=_context(self.target.graph, context), store=self.target.graph.store
            )
        metadata = {k: v for k, v in given.pop("metadata", {}).items() if not k.startswith(MARK)}
        return cast(
            "RunnableConfig", {**given, "configurable": conf, "metadata": {**metadata, **(marks or {})}}
        )


def target_of(graph: Any) -> GraphTarget:
    """A graph that can act.

    Raises:
        ReadOnly: a path or a bare saver was given.
        NoCheckpointer: the graph was compiled without one.
    """
    if isinstance(graph, GraphTarget):
        return graph
    if assistant_of(graph) is not None:
        raise ReadOnly(
            "This cannot be done on a LangGraph server, which has no dry run.",
            "It forks, runs, resumes and starts threads; for the rest open the graph itself, with a saver.",
        )
    if not isinstance(graph, Pregel):
        kind = "a saver" if isinstance(graph, BaseCheckpointSaver) else f"{type(graph).__name__!r}"
        raise ReadOnly(
            f"Only a compiled graph can fork and run, and this is {kind}.",
            "Pass the graph: builder.compile(checkpointer=saver).",
        )
    if not isinstance(graph.checkpointer, BaseCheckpointSaver):
        raise no_checkpointer(graph)
    saver = graph.checkpointer
    return GraphTarget(graph, saver, is_async_only(saver) or _async_only(graph), graph)


def find(
    here: GraphTarget, at: Any, thread_id: str | None, config: RunnableConfig | None = None
) -> Act[Position]:
    """The checkpoint that ``at`` names: a ``Checkpoint``, a config, or a label or id of a thread.

    Raises:
        ThreadNotFound: a label or id without its thread.
        CheckpointNotFound: there is none, or it was deleted meanwhile.
        OldLangGraph: the installed one would mix its branches.
    """
    refuse_wrong_forks(here.graph)
    place = place_of(named(here.given, at, thread_id, config))
    wanted = config_of(place.thread_id, place.ns or "", place.checkpoint_id)
    saved = yield from call(here.saver, "get_tuple", wanted)
    if saved is None:
        which = place.checkpoint_id
        raise CheckpointNotFound(
            f"Thread {place.thread_id!r} has no checkpoint {which!r}." if which
            else f"Thread {place.thread_id!r} has no checkpoint.",
            "It may have been deleted meanwhile: read the history again.",
        )  # fmt: skip
    return Position(here, saved)


def named(given: Any, at: Any, thread_id: str | None, config: RunnableConfig | None) -> Mapping[str, Any]:
    """The config of the checkpoint that ``at`` names in a thread of a graph (see :func:`find`).

    Raises:
        ThreadNotFound: a label or id without its thread.
        CheckpointNotFound: it names none.
    """
    if isinstance(at, Position):
        return at.config
    if hasattr(at, "config") and not isinstance(at, Mapping):
        at = at.config
    if isinstance(at, Mapping):
        if thread_of(at) is None:
            raise ThreadNotFound("The config names no thread_id.", "Give {'configurable': {'thread_id': …}}.")
        return at
    if not isinstance(at, (str, int)):
        raise CheckpointNotFound(
            f"A {type(at).__name__} names no checkpoint.", "Give a Checkpoint, a config, or a label or id."
        )
    if thread_id is None:
        thread_id = thread_of(config)
    if thread_id is None:
        raise ThreadNotFound(f"{at!r} names a checkpoint of some thread.", "Say which: thread_id=….")
    if isinstance(at, str) and not LABEL.fullmatch(at):
        return config_of(str(thread_id), checkpoint_id=at)
    found: Mapping[str, Any] = open_history(given, thread_id=str(thread_id))[at].config
    return found


def perform(here: GraphTarget, act: Callable[[GraphTarget], Act[T]]) -> T:
    """Do an act from synchronous code, whatever loop the graph needs.

    Raises:
        WrongLoop: the graph's saver is busy on the loop that this very call blocks.
    """
    if not here.asynchronous:
        with as_refusals():
            return drive(act(here))
    loop = getattr(here.saver, "loop", None)
    elsewhere = (
        isinstance(loop, asyncio.AbstractEventLoop) and loop.is_running() and loop is not running_loop()
    )
    if not elsewhere:
        refuse_busy(here.saver)
    relayed = here.with_proxy(serial=True) if not elsewhere or is_sync_only(here.saver) else here
    with as_refusals():
        return run_sync(lambda: carried(adrive(act(relayed))), loop)


async def aperform(here: GraphTarget, act: Callable[[GraphTarget], Act[T]]) -> T:
    """:func:`perform`, awaited on the caller's loop.

    Raises:
        WrongLoop: the graph's saver lives on another loop.
    """
    with opened():
        return await carrying(here, act)


async def carrying(here: GraphTarget, act: Callable[[GraphTarget], Act[T]]) -> T:
    """:func:`aperform` for whoever is on another loop.

    Raises:
        EndsProcess: carries what was raised to end the process.
    """
    loop = saver_loop(here.saver)
    foreign = loop is not None and loop is not running_loop()
    relayed = here.with_proxy(serial=foreign) if foreign or is_sync_only(here.saver) else here
    with as_refusals():
        return await carried(adrive(act(relayed)))


def saver_loop(saver: BaseCheckpointSaver[Any]) -> asyncio.AbstractEventLoop | None:
    """The event loop that a saver lives on, if it lives on one."""
    loop = getattr(saver, "loop", None)
    return loop if isinstance(loop, asyncio.AbstractEventLoop) else None


def refuse_busy(saver: BaseCheckpointSaver[Any]) -> None:
    """Refuse to wait for a lock whose holder waits for us."""
    lock = getattr(saver, "lock", None)
    if isinstance(lock, asyncio.Lock) and lock.locked():
        raise WrongLoop(
            "The asynchronous saver is at work on the event loop that this call would block.",
            "Use `await lgviz.afork(...)`, `apreview` or `arun`.",
        )


def _but(mapping: Mapping[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in mapping.items() if name not in names}


def _context(graph: Any, context: Any) -> Any:
    """A context given as a dict, in the graph's own class, as a run makes it."""
    schema = getattr(graph, "context_schema", None)
    if schema is None or not isinstance(context, dict) or issubclass(schema, dict):
        return context
    return schema(**context)


def threaded_nodes(graph: Any) -> set[tuple[str, str]]:
    """By path of their graph and name, the nodes that have no asynchronous form: awaited, they run in a
    thread, which cannot be killed."""
    graphs = {"": graph, **dict(graph.get_subgraphs(recurse=True))}
    return {
        (path, name)
        for path, one in graphs.items()
        for name, node in one.nodes.items()
        if _sync_only(node.bound)
    }


def _sync_only(runnable: Any) -> bool:
    if getattr(runnable, "func", None) is not None:
        awaited = getattr(
            runnable, "afunc", None
        )  # LangGraph gives a function a form that runs it in a thread
        return awaited is None or getattr(getattr(awaited, "func", None), "__name__", "") == "run_in_executor"
    parts = getattr(runnable, "steps", None) or [getattr(runnable, "bound", None)]
    return any(_sync_only(part) for part in parts if part is not None)


def _async_only(runnable: Any) -> bool:
    """Whether some node or router below has no sync form."""
    if isinstance(runnable, Pregel):
        builder = getattr(runnable, "builder", None)
        branches = builder.branches.values() if builder is not None else ()
        routers = [branch.path for named in branches for branch in named.values()]
        return any(_async_only(part) for part in [*(n.bound for n in runnable.nodes.values()), *routers])
    if getattr(runnable, "afunc", None) is not None:
        return getattr(runnable, "func", None) is None
    parts = getattr(runnable, "steps", None) or [getattr(runnable, "bound", None)]
    return any(_async_only(part) for part in parts if part is not None)
