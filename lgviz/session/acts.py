"""``preview`` and ``fork``, and what may be chosen for them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.constants import END, START
from langgraph.types import StateSnapshot
from markupsafe import Markup

from lgviz._visible import visible
from lgviz.analysis.checkpoint import Checkpoint
from lgviz.analysis.diff import StateDiff, diff_states
from lgviz.analysis.history import open_history
from lgviz.analysis.html import Room, diff_html, page, tag
from lgviz.analysis.loading import tolerant
from lgviz.analysis.shown import ShownByFields
from lgviz.errors import ActRefused, Unloadable
from lgviz.sources.places import by_channel, place_of

from .at_server import at_server
from .effects import Act
from .gotos import gotos_at
from .loaded import load, snapshot_of
from .mixed import mixed_at, refuse_mixed, remedy_of, said_of
from .new_thread import NewThread, copying
from .overlay import OverlaySaver
from .target import GraphTarget, Position, aperform, find, perform, target_of
from .update import Edit, Sibling, UpdateResult, inferred, siblings, update, warned
from .values import set_channels

__all__ = [
    "Edit",
    "Option",
    "Preview",
    "afork",
    "apreview",
    "as_node_options",
    "finished_siblings",
    "fork",
    "forked",
    "inferred_as_node",
    "preview",
]


@dataclass(frozen=True, slots=True, repr=False)
class Preview:
    """What a fork would make.

    >>> import lgviz
    >>> from langgraph.checkpoint.memory import InMemorySaver
    >>> from lgviz.demos import two_nodes
    >>> graph = two_nodes.build(InMemorySaver())
    >>> two_nodes.seed(graph)
    >>> would = lgviz.preview(graph, "c2", {"foo": "new"}, as_node="node_a", thread_id="1")
    >>> would.values, would.next
    ({'foo': 'new', 'bar': ['a']}, ('node_b',))

    Attributes:
        values: the state after the update.
        next: the nodes that would run next.
        diff: from the checkpoint to the state after the update.
        as_node: the node in whose name the update is made.
        warnings: what else to know before it is done.
    """

    values: Any
    next: tuple[str, ...]
    diff: StateDiff
    as_node: str
    warnings: list[str]

    def __repr__(self) -> str:
        head = f"<Preview as {self.as_node!r}, next {', '.join(map(repr, self.next)) or 'nothing'}>"
        return (
            visible("\n".join([head, *(f"  ! {warning}" for warning in self.warnings)])) + f"\n{self.diff!r}"
        )

    def _repr_html_(self) -> str:
        told = Markup().join(tag("div", warning, "lg-ask") for warning in self.warnings)
        facts = {"as": self.as_node, "next": ", ".join(self.next) or "nothing, the end"}
        return page("Preview", told + diff_html(self.diff, Room(60_000)), facts)


@dataclass(frozen=True, slots=True, repr=False)
class Option(ShownByFields):
    """A choice of ``as_node``.

    Attributes:
        node: its name; ``"__start__"`` and ``"__end__"`` are choices too.
        next: the nodes that would run next.
        disabled: why it cannot be chosen; None where it can.
        goto: where it may go by ``Command(goto=...)``: what the graph declares, and where its tasks went in
            this thread; empty where it does not route that way.
        needs_values: it is disabled for the state that it leads to: other values may make it possible.
    """

    node: str
    next: tuple[str, ...]
    disabled: str | None
    goto: tuple[str, ...]
    needs_values: bool = False


@at_server
def preview(
    graph: Any,
    at: Any,
    values: Any,
    as_node: str | None = None,
    goto: str | None = None,
    *,
    thread_id: str | None = None,
    config: RunnableConfig | None = None,
    context: Any = None,
    keep_siblings: bool = False,
) -> Preview:
    """What :func:`fork` with the same arguments would make. Nothing is written.

    The node's routers run, which are your code: off the main thread if they are slow.

    Args:
        graph: a compiled graph with a checkpointer.
        at: a ``Checkpoint``, a config, or a label or id with ``thread_id=``.
        values: as ``update_state`` takes them; ``lgviz.Set(x)`` sets past the reducer.
        as_node: the node in whose name; None: the one LangGraph infers.
        goto: where that node goes, if it routes by ``Command``.
        thread_id: the thread of a label or id.
        config: for routers; its ``configurable`` goes over what the checkpoint's metadata gives.
        context: for routers, as the run's ``context=``.
        keep_siblings: keep what finished siblings of ``as_node`` wrote in the same step.

    Raises:
        ActRefused: with the cause and the remedy (see :mod:`lgviz.errors` for its kinds).
        CheckpointNotFound: there is no such checkpoint.
    """
    edit = Edit(values, as_node, goto, keep_siblings)
    return perform(target_of(graph), lambda here: _preview(here, at, thread_id, edit, config, context))


@at_server
async def apreview(
    graph: Any,
    at: Any,
    values: Any,
    as_node: str | None = None,
    goto: str | None = None,
    *,
    thread_id: str | None = None,
    config: RunnableConfig | None = None,
    context: Any = None,
    keep_siblings: bool = False,
) -> Preview:
    """:func:`preview`, awaited on the caller's loop."""
    edit = Edit(values, as_node, goto, keep_siblings)
    return await aperform(target_of(graph), lambda here: _preview(here, at, thread_id, edit, config, context))


def fork(
    graph: Any,
    at: Any,
    values: Any,
    as_node: str | None = None,
    goto: str | None = None,
    note: str | None = None,
    new_thread: str | None = None,
    *,
    thread_id: str | None = None,
    config: RunnableConfig | None = None,
    context: Any = None,
    keep_siblings: bool = False,
) -> Checkpoint:
    """Make a new branch from a checkpoint by an update of its state.

    >>> import lgviz
    >>> from langgraph.checkpoint.memory import InMemorySaver
    >>> from lgviz.demos import two_nodes
    >>> graph = two_nodes.build(InMemorySaver())
    >>> two_nodes.seed(graph)
    >>> lgviz.fork(graph, "c2", {"foo": "new"}, as_node="node_a", note="try it", thread_id="1")
    <Checkpoint c6 node_a, step 2>

    The node and the note are recorded in the new checkpoint's metadata (``lgviz_as_node``, ``lgviz_note``,
    ``lgviz_goto``), whatever the saver.

    Args:
        note: why, for whoever reads the tree later.
        new_thread: the id of a new thread to make the branch in: it begins with the path to the checkpoint,
            and the old thread's newest checkpoint stays its newest. In lgviz's own tables the two share the
            path, however long it is; in any other saver it is copied.
        graph, at, values, as_node, goto, thread_id, config, context, keep_siblings: see :func:`preview`.

    Returns:
        The new ``Checkpoint``. Its history is read when it is first asked for more than its ``config``.

    Raises:
        ActRefused: nothing was written; with the cause and the remedy.
        CheckpointNotFound: there is no such checkpoint.
        ThreadExists: ``new_thread`` has checkpoints already.
    """
    edit = Edit(values, as_node, goto, keep_siblings, note)
    with copying(new_thread) as new:
        made = forked(graph, at, edit, thread_id=thread_id, config=config, context=context, new=new)
    return _made_at(graph, made)


@at_server
async def afork(
    graph: Any,
    at: Any,
    values: Any,
    as_node: str | None = None,
    goto: str | None = None,
    note: str | None = None,
    new_thread: str | None = None,
    *,
    thread_id: str | None = None,
    config: RunnableConfig | None = None,
    context: Any = None,
    keep_siblings: bool = False,
) -> Checkpoint:
    """:func:`fork`, awaited on the caller's loop."""
    edit, target = Edit(values, as_node, goto, keep_siblings, note), target_of(graph)
    with copying(new_thread) as new:
        try:
            made = await aperform(target, lambda here: _fork(here, at, thread_id, edit, config, context, new))
        except BaseException:
            await aperform(target, new.undo)
            raise
    return _made_at(graph, made.config)


def _made_at(graph: Any, config: RunnableConfig) -> Checkpoint:
    place = place_of(config)
    return Checkpoint.unread(place, lambda: open_history(graph, thread_id=place.thread_id))


@at_server
def forked(
    graph: Any,
    at: Any,
    edit: Edit,
    *,
    thread_id: str | None = None,
    config: RunnableConfig | None = None,
    context: Any = None,
    new: NewThread | None = None,
) -> RunnableConfig:
    """:func:`fork` for whoever holds a history already: returns the new checkpoint's config only."""
    target, new = target_of(graph), new or NewThread(None)
    try:
        return perform(target, lambda here: _fork(here, at, thread_id, edit, config, context, new)).config
    except BaseException:
        perform(target, new.undo)
        raise


@at_server
def as_node_options(
    graph: Any,
    at: Any,
    values: Any = None,
    *,
    thread_id: str | None = None,
    config: RunnableConfig | None = None,
    context: Any = None,
) -> list[Option]:
    """Every node that an update at a checkpoint may be made as, each with the ``next`` it leads to.

    Each is tried on an overlay of its own, so its routers run. Nothing is written. An option that cannot be
    chosen says why; one leads to a state that the graph cannot load where ``needs_values`` is set.
    """

    def act(here: GraphTarget) -> Act[list[Option]]:
        position = yield from find(here, at, thread_id, config)
        over = position.overlaid()
        gotos = gotos_at(here, at, position)
        options = []
        for node in [START, *(name for name in position.graph.nodes if name != START), END]:
            goto = gotos.targets(node)
            try:
                _, after = yield from _tried(_afresh(over), Edit(values, node), config, context)
                options.append(Option(node, after.next, None, goto))
            except ActRefused as refused:
                options.append(Option(node, (), refused.cause, goto, isinstance(refused, Unloadable)))
        return options

    return perform(target_of(graph), act)


@at_server
def inferred_as_node(graph: Any, at: Any, *, thread_id: str | None = None) -> str | None:
    """The node LangGraph itself would take for an update; None: ``as_node`` must be named."""

    def act(here: GraphTarget) -> Act[str | None]:
        return inferred((yield from find(here, at, thread_id)))

    return perform(target_of(graph), act)


@at_server
def finished_siblings(
    graph: Any, at: Any, as_node: str | None = None, *, thread_id: str | None = None
) -> list[Sibling]:
    """Tasks of the next step that finished already, whose writes an update as ``as_node`` drops."""

    def act(here: GraphTarget) -> Act[list[Sibling]]:
        position = yield from find(here, at, thread_id)
        return siblings(position, (yield from snapshot_of(position)), as_node)

    return perform(target_of(graph), act)


def _afresh(over: Position) -> Position:
    """The checkpoint, as it is stored, on an overlay that holds nothing yet."""
    saver = over.target.saver
    return (
        replace(over, target=over.target.with_saver(saver.fresh()))
        if isinstance(saver, OverlaySaver)
        else over
    )


def _tried(
    over: Position, edit: Edit, config: RunnableConfig | None, context: Any
) -> Act[tuple[UpdateResult, StateSnapshot]]:
    """An update on an overlay, and the state that it leads to.

    Raises:
        Unloadable: the graph could not go on from that state.
    """
    made = yield from update(over, edit, config, context)
    after = yield from load((yield from find(over.target, made.config, None)))
    return made, after.check("The state after this update")


def _preview(
    here: GraphTarget, at: Any, thread_id: str | None, edit: Edit, config: RunnableConfig | None, context: Any
) -> Act[Preview]:
    position = yield from find(here, at, thread_id, config)
    over = position.overlaid()
    before = yield from load(over)
    made, after = yield from _tried(over, edit, config, context)
    old = by_channel(before.snapshot.values) | before.stored(position)
    diff = diff_states(old, by_channel(after.values))
    gotos = gotos_at(here, at, position)
    warnings = list(warned(over, edit, made.as_node, before.snapshot, after, gotos))
    given = set_channels(edit.values)
    if mixed := [name for name in (yield from mixed_at(at, position)) if name not in given]:
        warnings.append(f"This fork is refused: {said_of(mixed)} {remedy_of(mixed)}")
    return Preview(after.values, after.next, diff, made.as_node, warnings)


def _fork(
    here: GraphTarget,
    at: Any,
    thread_id: str | None,
    edit: Edit,
    config: RunnableConfig | None,
    context: Any,
    new: NewThread,
) -> Act[UpdateResult]:
    position = yield from find(here, at, thread_id, config)
    yield from refuse_mixed(at, position, set_channels(edit.values))
    if tolerant(here.graph)[0] is not here.graph:  # its nodes look at the state before they run
        yield from _tried(position.overlaid(), edit, config, context)
    if new.thread_id is not None:
        edit = replace(edit, threads=(position.thread_id, new.thread_id))
        position = yield from new.make(position)
    # LangGraph asks for the checkpoint again: it is given what was read.
    handed = replace(position, target=position.target.with_proxy(known=position.saved))
    made = yield from update(handed, edit, config, context)
    new.last_word()
    return made
