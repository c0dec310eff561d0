"""What waits at a checkpoint, told without a graph: the tasks of the step that starts there.

LangGraph plans a step from the checkpoint alone: one task for each ``Send`` that it holds, then one for each
node whose trigger is newer than what the node has read. The same is done here, as far as what is stored
tells the triggers: the names of channels (``branch:to:plan``), what nodes have read before, and the ids of
tasks that wrote something already. Left out is what no plan holds: calls of other tasks (``@task``), error
handlers, and what a ``Command`` sent along when the step was already waiting. So is what is not certain.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lgviz.sources.base import Bookkeeping, Record, Undecodable
from lgviz.sources.places import BRANCH_TO, TASKS_CHANNEL, is_internal

from .naming import NO_NODE_CHANNELS, Naming, really_seen
from .steps import JavaScriptTaskIds, Task, TaskIds, TreeRow, ids_of, written_channels

__all__ = ["LATER", "entry_of", "holding", "is_newer", "is_open", "pending_tasks", "triggers_at"]

_START = "__start__"
LATER = ("00000", "ffffffff-")
"""How the ids begin under which ``durability="exit"`` keeps, for delta channels, writes of steps that have no
checkpoint of their own: the number of the step, or beyond all others."""


def pending_tasks(row: TreeRow, record: Record, naming: Naming) -> list[Task]:
    """The tasks of the step that starts at a checkpoint, as far as they are certain, in LangGraph's order.

    A task that stored nothing yet has an empty id, but for one that was sent: there the name and the number
    make the id.
    """
    if record.bookkeeping is not None and not record.bookkeeping.channel_versions:
        return []  # nothing was ever written: LangGraph plans nothing
    sends = _sends(record)
    _identify(row, record, naming, sends)
    stored = [task for task in row.step_work.tasks.values() if not task.id.startswith(LATER)]
    # An update of the newest checkpoint is stored as a pending task's own: its result, to LangGraph.
    updated = [task for task in row.step_work.updates.values() if task.path]
    planned = _sent(row, record, sends, [*updated, *stored]) if sends else [t for t in stored if _is_sent(t)]
    pulled = {task.name: task for task in stored if task.name and task.order[0] == 1}
    if row.dated:  # there an id may not tell whether a task was sent
        pulled = {name: task for name, task in pulled.items() if name not in sends}
    known = {task.name: task for task in updated if task.name and not _is_sent(task)} | pulled
    for name in _pulled(row, record, sends, pulled, naming):
        planned.append(known.get(name) or Task("", "", name=name, order=(1, name)))
    pulled_names = {task.name for task in planned if task.name and task.order[0] == 1}
    places = naming.places(row, pulled_names, record.bookkeeping)
    return sorted(
        planned,
        key=lambda task: (
            *(task.order if task.order[0] == 0 else (1, places.get(task.name or "", len(places)))),
            task.name,
        ),
    )


def entry_of(row: TreeRow, versions: Bookkeeping | None) -> str | None:
    """Which task takes the input that waits at a checkpoint, None where nothing tells: ``__start__`` in a
    graph of nodes, in one made by ``@entrypoint`` that of its own name."""
    for name, seen in really_seen(versions).items():
        if _START in seen:
            return name
    stored = row.step_work.tasks.values()
    ids = ids_of(row)
    for task in stored:
        node = task.name if task.order[0] == 1 else None
        if node and any(each.are_pulled(task.id, node, [(_START,)]) for each in ids):
            return node
    started = {name for child in row.children for name in child.nodes if not child.collapsed}
    if _START in started:
        return _START
    shown = {*(versions.channel_versions if versions else ()), *row.step_work.null.values()}
    shown.update(row.metadata.get("counters_since_delta_snapshot") or ())
    shown.update(name for child in row.children for name in child.changed)
    # A functional graph has no channels of a state.
    return _START if any(not is_internal(name) and name != "__end__" for name in shown) else None


# ---------------------------------------------------------------- sent


def _sends(record: Record) -> list[str | None]:
    """The nodes of the ``Send``s that wait, by number; None for what cannot be read."""
    sends = record.values.get(TASKS_CHANNEL)
    if isinstance(sends, Undecodable) or not isinstance(sends, Sequence):
        return []
    return [send.node if isinstance(getattr(send, "node", None), str) else None for send in sends]


def _is_sent(task: Task) -> bool:
    return bool(task.name) and task.order[0] == 0


def _sent(row: TreeRow, record: Record, sends: Sequence[str | None], stored: Sequence[Task]) -> list[Task]:
    """The task of each ``Send``: the stored one whose id says so; before 2025, when ids were made otherwise,
    the only one of its name."""
    ids = [TaskIds(row), TaskIds(row, dated=True)][: 1 + row.dated]
    if record.bookkeeping is not None and record.bookkeeping.by_javascript:
        ids = [JavaScriptTaskIds(row)]
    by_id = {task.id: task for task in stored}
    found = []
    for number, name in enumerate(sends):
        if name is None:
            continue
        right = [each.sent(name, number) for each in ids]
        task = next((by_id[id_] for id_ in right if id_ in by_id), None)
        if task is None and row.dated and sends.count(name) == 1:
            task = next((each for each in stored if each.name == name), None)
        if task is None:
            task = Task("" if row.dated else right[0], "", name=name)
        task.name, task.order = name, (0, number)
        found.append(task)
    return found


# ---------------------------------------------------------------- pulled


def _identify(row: TreeRow, record: Record, naming: Naming, sends: Sequence[str | None]) -> None:
    names: dict[str, None] = dict.fromkeys(name for name in sends if name)
    for name, seen in really_seen(record.bookkeeping).items():
        naming.learn(name, seen)
        names[name] = None
    for task in (*row.step_work.tasks.values(), *row.step_work.updates.values()):
        naming.name_task(row, task, names)


def _pulled(
    row: TreeRow, record: Record, sends: Sequence[str | None], stored: Mapping[str, Task], naming: Naming
) -> set[str]:
    """The nodes that a channel triggers."""
    versions = record.bookkeeping
    entry = entry_of(row, versions)
    if row.source == "input" and entry not in (None, _START):
        return {entry}  # of an `@entrypoint`: all others are called
    triggered = set(_triggered(row, record)) if versions else set(row.expected or ())
    found = triggered | set(stored) | set(_callers(row)) | set(_ran(row, versions, sends, naming))
    # What a Command sent along came later than the step was planned.
    return found - (written_channels(tuple(row.step_work.null.values())).targets - triggered)


def _callers(row: TreeRow) -> Iterator[str]:
    """Nodes whose calls are stored though they themselves stored nothing yet."""
    for task in row.step_work.tasks.values():
        *_, caller = task.path.partition(", ~__pregel_pull, ")
        if task.path.startswith("~__pregel_push, ~") and caller:
            yield caller.partition(", ")[0]


def _ran(
    row: TreeRow, versions: Bookkeeping | None, sends: Sequence[str | None], naming: Naming
) -> Iterator[str]:
    """Nodes that ran from here to the next checkpoint, were neither sent nor called, nor handled an error."""
    child = next((child for child in row.children if child.source not in ("update", "fork", "input")), None)
    if child is None or child.collapsed:
        return
    others = [name for name in sends if name]
    others += [task.name for task in row.step_work.tasks.values() if task.name and task.order[0] != 1]
    if names := {*child.nodes}.difference(others):
        read = naming.read(child)
        for name in names:
            if name not in read or (read[name] and not _came_later(row, versions, name, read[name])):
                yield name


def _came_later(row: TreeRow, versions: Bookkeeping | None, name: str, read: Mapping[str, Any]) -> bool:
    """Whether a node ran by what a ``Command`` sent along, which ``durability="exit"`` keeps nowhere: no
    channel that leads to it had anything new yet."""
    if versions is None or row.dated or versions.v < NO_NODE_CHANNELS:
        return False
    held = set(versions.channels)
    return all(
        channel.startswith((BRANCH_TO, "join:"))
        and not (channel in held and is_newer(versions, channel, name))
        for channel in read
    )


def _triggered(row: TreeRow, record: Record) -> Iterator[str]:
    versions, values = record.bookkeeping, record.values
    if versions is None:
        return
    held = holding(row, versions)
    for name, trigger in triggers_at(row, versions):
        if trigger in held and is_newer(versions, trigger, name) and is_open(trigger, values.get(trigger)):
            yield name


def triggers_at(row: TreeRow, versions: Bookkeeping) -> set[tuple[str, str]]:
    """(node, channel that triggers it), by the channels' names and by what nodes have read before."""
    found = {(name, channel) for name, seen in really_seen(versions).items() for channel in seen}
    for channel in versions.channels:
        if channel.startswith(("branch:", "join:", "start:")):
            found.add((channel.rpartition(":")[2], channel))
        elif channel == _START and (entry := entry_of(row, versions)):
            found.add((entry, channel))
    return found


def holding(row: TreeRow, versions: Bookkeeping) -> set[str]:
    """The channels that hold something at a checkpoint. A delta channel's value may not be stored there; then
    LangGraph counts in the metadata how far it is from the last that is."""
    return {*versions.channels, *(row.metadata.get("counters_since_delta_snapshot") or ())}


def is_newer(versions: Bookkeeping, channel: str, name: str) -> bool:
    version = versions.channel_versions.get(channel)
    seen: Mapping[str, Any] = versions.versions_seen.get(name) or {}
    if version is None or channel not in seen:
        return version is not None
    try:
        return bool(version > seen[channel])
    except TypeError:
        return bool(version != seen[channel])


def is_open(channel: str, value: Any) -> bool:
    """Whether a channel that holds something triggers, for certain: a join waits for all, a deferred node for
    the end, a ``Topic`` for a value."""
    if isinstance(value, Undecodable):
        return False
    pair = isinstance(value, (list, tuple)) and len(value) == 2 and isinstance(value[1], bool)
    if channel.startswith("join:"):
        finished = True
        if pair:
            value, finished = value
        awaited = channel[len("join:") :].rpartition(":")[0].split("+")
        return finished and isinstance(value, (set, frozenset, list, tuple)) and set(awaited) <= set(value)
    if channel.startswith("branch:"):
        return value[1] if pair else True
    if channel == _START:
        return True
    # Of another channel only the graph knows the kind: nothing in it yet, or a barrier that waits for more.
    empty = isinstance(value, (list, tuple)) and not value
    return not (pair or empty or isinstance(value, (set, frozenset)))
