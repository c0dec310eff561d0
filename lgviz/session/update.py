"""One update of the state at one checkpoint, as ``preview``, ``fork`` and the choice of nodes all make it."""

from __future__ import annotations

import itertools
import traceback
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from langchain_core.runnables import RunnableConfig
from langgraph.constants import END
from langgraph.errors import InvalidUpdateError
from langgraph.types import Command, Send, StateSnapshot, StateUpdate

from lgviz.analysis.loading import cannot_load, channel_of, in_filling, remedy_of, said_by, tolerant
from lgviz.analysis.shown import ShownByFields
from lgviz.errors import AmbiguousUpdate, InvalidValue, LgvizError, NodeRefused, Unloadable, listed
from lgviz.sources.places import BRANCH_TO, MARK, ROOT_CHANNEL, config_of, is_internal, place_of

from .effects import Act, call
from .loaded import snapshot_of
from .saver_errors import within_saver
from .target import Position
from .values import channels_of, delta_channels, to_update

__all__ = ["Edit", "Sibling", "UpdateResult", "goto_targets", "inferred", "siblings", "update", "warned"]

INPUT = "__input__"
INTERRUPT = "__interrupt__"
_CONTROL = {"__error__", "__error_source_node__", "__interrupt__", "__resume__", "__scheduled__"}


@dataclass(frozen=True, slots=True, repr=False)
class Edit(ShownByFields):
    """What an update says; the arguments of :func:`lgviz.fork`."""

    values: Any
    as_node: str | None = None
    goto: str | None = None
    keep_siblings: bool = False
    note: str | None = None
    threads: tuple[str, str] | None = None
    """The thread that it leaves, and the new one that it is made in; None where it stays."""


class Went(Protocol):
    """Where tasks of a node went in the thread (see :class:`~lgviz.session.gotos.Gotos`)."""

    def seen(self, node: str) -> tuple[str, ...]: ...

    def sends(self, node: str) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class UpdateResult:
    """The checkpoint that an update made."""

    config: RunnableConfig
    as_node: str


@dataclass(frozen=True, slots=True, repr=False)
class Sibling(ShownByFields):
    """A task of the next step that finished already, with what it wrote.

    Attributes:
        node: its node.
        task_id: its id.
        writes: channel and value, in order.
    """

    node: str
    task_id: str
    writes: list[tuple[str, Any]]


def update(position: Position, edit: Edit, config: RunnableConfig | None, context: Any) -> Act[UpdateResult]:
    """Make the update.

    Raises:
        AmbiguousUpdate: LangGraph cannot tell the node and none was named.
        NodeRefused: no such node, or its router raised.
        InvalidValue, UnknownChannel: the values do not fit the channels.
    """
    graph = position.graph
    node = edit.as_node or inferred(position)
    if node is None:
        raise AmbiguousUpdate(
            "LangGraph cannot tell which node made this update.",
            f"Name it with as_node=: {listed([*graph.nodes, END], last='or')}.",
        )
    check_node(graph, node, edit)
    values = to_update(graph, edit.values, node)
    if edit.goto is not None:
        values = Command(update=values if values is not None else {}, goto=edit.goto)
    updates = [StateUpdate(values, node, (yield from _task_id(position, node)))]
    if edit.keep_siblings:
        before = yield from snapshot_of(position)
        updates = _with_siblings(position, before, node, values)
    marks = {MARK + "as_node": node, MARK + "goto": edit.goto, MARK + "note": edit.note}
    if edit.threads is not None:
        marks[MARK + "from_thread"], marks[MARK + "new_thread"] = edit.threads
    acting = position.acting(config, context, marks={k: v for k, v in marks.items() if v}, runtime=True)
    made = yield from _applied(position, acting, updates, node)
    thread_id, namespace, checkpoint_id = place_of(made)
    return UpdateResult(config_of(thread_id, namespace or "", checkpoint_id), node)


def _task_id(position: Position, node: str) -> Act[str | None]:
    """The task that an update is stored as; None: the one that LangGraph takes.

    That may have written here already, as where the checkpoint had a child in the thread that a new one was
    copied from. Savers keep the first of two writes of a task: what an update gives a delta channel would be
    lost. What it gives another channel is in the checkpoint that it makes.
    """
    if not delta_channels(position.graph):
        return None
    written = {
        task_id for task_id, channel, _ in position.saved.pending_writes or () if channel not in _CONTROL
    }
    if not written or node not in position.graph.nodes:
        return None
    named = [task.id for task in (yield from snapshot_of(position)).tasks if task.name == node]
    new = (f"{INTERRUPT}:{n}" if n else INTERRUPT for n in itertools.count())
    ids = itertools.chain(named, (str(uuid.uuid5(uuid.UUID(position.id), name)) for name in new))
    return next(task_id for task_id in ids if task_id not in written)


def _applied(
    position: Position, acting: RunnableConfig, updates: list[StateUpdate], node: str
) -> Act[RunnableConfig]:
    """The update by LangGraph. A channel that refuses what is stored, and is given a new value, counts as
    never written; a node that would refuse its input is none of the update's."""
    graph, _ = tolerant(position.target.graph)
    try:
        made: RunnableConfig = yield from call(graph, "bulk_update_state", acting, [updates])
    except LgvizError:
        raise
    except Exception as error:
        refused = in_filling(error, position.graph, position.saved.checkpoint)
        if not refused:
            if (meant := _refusal(error, node)) is not None:
                raise meant from error
            raise
        written = {name for one in updates for name in _written(one.values)}
        if lost := [r for r in refused if not is_internal(r.name) and r.name not in written]:
            raise Unloadable(f"The state {cannot_load(lost)}.", remedy_of(lost)) from error
        kept = position.without(refusal.name for refusal in refused)
        return (yield from _applied(kept, acting, updates, node))
    return made


def _written(values: Any) -> Iterable[str]:
    """The channels that an update gives a value."""
    update = values.update if isinstance(values, Command) else values
    if isinstance(update, list):
        return [str(pair[0]) for pair in update]
    return map(str, update) if isinstance(update, Mapping) else (ROOT_CHANNEL,)


def inferred(position: Position) -> str | None:
    """The node that LangGraph itself would take for an update here; None where it cannot tell."""
    found: str | None = position.graph._infer_as_node(position.saved.checkpoint["versions_seen"])
    return found


def goto_targets(graph: Any, node: str) -> list[str]:
    """Where a node says that it may go by ``Command(goto=...)``."""
    builder = getattr(graph, "builder", None)
    spec = builder.nodes.get(node) if builder is not None else None
    return list(spec.ends) if spec is not None and spec.ends else []


def siblings(position: Position, snapshot: StateSnapshot, node: str | None = None) -> list[Sibling]:
    """The finished tasks of the next step, in LangGraph's order, but the one that ``node`` stands for."""
    ours = _task_of(position, snapshot, node)
    found = ((task, _writes(position, task.id)) for task in snapshot.tasks if task.id != ours)
    return [Sibling(task.name, task.id, writes) for task, writes in found if writes]


def check_node(graph: Any, node: str, edit: Edit) -> None:
    """Refuse a node or goto that the graph does not have, before anything runs."""
    if node not in (END, INPUT) and (node not in graph.nodes or not graph.nodes[node].flat_writers):
        raise NodeRefused(
            f"The graph has no node {node!r} to update as.",
            f"Choose {listed([*graph.nodes, END], last='or')}.",
        )
    if node == END and (edit.values or edit.goto):
        raise NodeRefused(
            "An update as '__end__' takes no values: it only ends the tasks that wait.",
            "Leave the values empty, or choose another node.",
        )
    if edit.goto is not None and edit.goto != END and edit.goto not in graph.nodes:
        raise NodeRefused(
            f"The graph has no node {edit.goto!r} to go to.",
            f"Choose {listed([*graph.nodes, END], last='or')}.",
        )


def _with_siblings(position: Position, before: StateSnapshot, node: str, values: Any) -> list[StateUpdate]:
    ours = _task_of(position, before, node)
    if ours is None:
        raise NodeRefused(
            f"Node {node!r} is not one of the pending nodes, so there are no siblings of it to keep.",
            "Keep no siblings" + (f", or choose {listed(before.next, last='or')}." if before.next else "."),
        )
    kept = {s.task_id: s for s in siblings(position, before, node)}
    return [
        StateUpdate(values, node, ours)
        if task.id == ours
        else StateUpdate(_replayed(position.graph, kept[task.id]), task.name, task.id)
        for task in before.tasks
        if task.id == ours or task.id in kept
    ]


def _replayed(graph: Any, sibling: Sibling) -> Any:
    """An update that makes a task's writes again. Its edges and routers run anew; what they cannot make, the
    targets of its ``Command``, is said explicitly."""
    node = sibling.node
    builder = getattr(graph, "builder", None)
    state = channels_of(graph)
    routed = builder is not None and node in builder.branches
    fixed = {end for start, end in builder.edges if start == node} if builder is not None else set()
    goto: list[str | Send] = []
    if not routed:
        targets = [c.removeprefix(BRANCH_TO) for c, _ in sibling.writes if c.startswith(BRANCH_TO)]
        goto += [target for target in targets if target not in fixed]
        goto += [value for _, value in sibling.writes if isinstance(value, Send)]
    return Command(update=[(c, v) for c, v in sibling.writes if c in state], goto=goto)


def _task_of(position: Position, snapshot: StateSnapshot, node: str | None) -> str | None:
    """The pending task that an update as ``node`` stands for: the first unfinished one of its name."""
    named = [task.id for task in snapshot.tasks if task.name == node]
    unfinished = [task_id for task_id in named if not _writes(position, task_id)]
    return next(iter(unfinished or named), None)


def _writes(position: Position, task_id: str) -> list[tuple[str, Any]]:
    stored = position.saved.pending_writes or ()
    return [(c, v) for task, c, v in stored if task == task_id and c not in _CONTROL]


def warned(
    position: Position, edit: Edit, node: str, before: StateSnapshot, after: StateSnapshot, gotos: Went
) -> Iterator[str]:
    """What to know of an update as ``node`` that led from one state to another."""
    if edit.goto is None and not after.next:
        yield from _not_gone(position, node, gotos)
    if node == END and (done := siblings(position, before)):
        yield f"What {', '.join(s.node for s in done)} wrote in the next step is applied first."
    names = [task.name for task in before.tasks]
    if node in names and len(names) > 1 and not edit.keep_siblings:
        names.remove(node)
        yield f"This drops the other pending tasks: {', '.join(names)}."


def _not_gone(position: Position, node: str, gotos: Went) -> Iterator[str]:
    """Where the node would have gone by ``Command``, which an update of its values does not."""
    if targets := goto_targets(position.graph, node):
        yield f"{node!r} routes by Command: without goto= ({', '.join(targets)}) nothing runs next."
    elif seen := gotos.seen(node):
        yield (
            f"In this thread {node!r} went to {', '.join(seen)} by no edge of this graph, as "
            "Command(goto=...) does: without goto= nothing runs next."
        )
    if sent := gotos.sends(node):
        yield f"In this thread {node!r} sent to {', '.join(sent)} by Send, which goto= cannot do."


def _refusal(error: Exception, node: str) -> LgvizError | None:
    """What an error of an update means; None where it is none of the update's (a database that is gone)."""
    frames = traceback.extract_tb(error.__traceback__)
    where = [frame.filename.replace("\\", "/") for frame in frames]
    called = {frame.name for frame in frames}
    said = said_by(error)

    def within(part: str) -> bool:
        return any(part in place for place in where)

    if called & {"dumps_typed", "dumps"} and within_saver(error):
        return InvalidValue(f"The value cannot be stored: {said}.", "Give a value that the serializer knows.")
    if within_saver(error):
        return None
    if (channel := channel_of(error)) is not None:
        return InvalidValue(
            f"Channel {channel!r} refuses the value: {said}.",
            "Give what its reducer expects, or use Set.",
            [{"channel": channel, "path": [], "error": {"path": [], "message": f"{said}."}}],
        )
    if "do_read" in called:  # a router's input, before the router
        return Unloadable(
            f"The router of node {node!r} refuses the state after this update: {said}.",
            "Give values that its model takes.",
        )
    if within("langgraph/graph/_branch.py"):
        return NodeRefused(
            f"The router of node {node!r} raised {said}.", "Choose another node, or values that it can route."
        )
    if isinstance(error, InvalidUpdateError) or within("langgraph/pregel/_write.py"):
        return InvalidValue(f"LangGraph refuses the update: {said}.", "Give a mapping of channels to values.")
    return NodeRefused(f"LangGraph cannot update as {node!r} here: {said}.", "Choose another node.")
