"""Which node(s) ran to make a checkpoint, and which channels it changed.

LangGraph does not store that as such. What it stores, and which of it tells, changed with its versions:

* Since 2026 a write is stored with the path of its task, which ends in the name of its node:
  ``~__pregel_pull, plan``. A task made by a ``Send`` or a call has no name in its path
  (``~__pregel_push, 0000000000, 0000000000``), but its id is a hash that only the right name gives
  (:class:`~lgviz.analysis.steps.TaskIds`).
* From mid 2025 on there is no path: the id tells, or ``versions_seen``.
* Before, each node wrote to a channel of its own name, and ``metadata["writes"]`` held what it returned.
  Until July 2024 no write was stored, and ``versions_seen`` had an entry for each node of the graph, empty
  until it ran.

``versions_seen`` of a checkpoint says for each node at which version it last read the channels that trigger
it. Whoever reads anew from a checkpoint to the next has run in between; here ``plan``::

    c1  {"__input__": {}, "__start__": {"__start__": "…01.0.37"}}
    c2  {"__input__": {}, "__start__": {"__start__": "…01.0.37"}, "plan": {"branch:to:plan": "…02.00.59"}}

The index alone is asked first, for it opens no value; only where it does not tell all is the bookkeeping of
the checkpoint and its parent read. A name is certain, or it is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from lgviz.sources.base import Bookkeeping
from lgviz.sources.places import BRANCH_TO, TASKS_CHANNEL, is_internal, node_path

from .steps import Task, TaskIds, TreeRow, caller_of, ids_of, written_channels

__all__ = ["AS_NODE", "NOTE", "NO_NODES", "Naming", "really_seen"]

AS_NODE = "lgviz_as_node"
NOTE = "lgviz_note"
"""Metadata keys that lgviz writes when it forks."""

NO_NODES = frozenset({"__input__", "__interrupt__", "__snapshot_bumps__"})
_BUMPS = "__snapshot_bumps__"
NO_NODE_CHANNELS = 3
"""From this format on no node has a channel of its own name."""

LoadVersions = Callable[[str, Sequence[str]], Mapping[str, Bookkeeping]]
LoadSends = Callable[[str, str, bool], Sequence[str]]


class Naming:
    """Names the rows of one tree, as they come.

    Args:
        load_versions: bookkeeping of checkpoints, by namespace and ids.
        load_sends: node names of the ``Send``s that wait at a checkpoint, by namespace and id; of those that
            replaced them with an answer, if the third argument says so.
        triggers: of a graph that was given, each node's triggers (a node may occur in several graphs).
        calls: of a graph that was given, names of tasks that its nodes may call, for where no row tells.
    """

    def __init__(
        self,
        load_versions: LoadVersions,
        load_sends: LoadSends,
        triggers: Mapping[str, Iterable[tuple[str, ...]]] | None = None,
        calls: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        self._load_versions = load_versions
        self._load_sends = load_sends
        self._known: dict[str, list[tuple[str, ...]]] = {"__start__": [("__start__",)]}
        for name, ways in (triggers or {}).items():
            self._known.setdefault(name, []).extend(ways)
        self._rank = {name: number for number, name in enumerate(triggers or ())}
        self._load_calls = calls
        self._calls: Sequence[str] | None = None
        self._told: dict[str, list[Mapping[str, int]]] = {}
        self._asked: set[tuple[str, frozenset[str]]] = set()

    def name(self, rows: Iterable[TreeRow]) -> None:
        """Set ``nodes`` and ``changed`` (and what follows: ``expected``, ``sends``, ``joined``) of rows, the
        oldest first."""
        doubtful = []
        for row in rows:
            self._look_ahead(row)
            if not self._from_writes(row):
                doubtful.append(row)
        if doubtful:
            self._from_versions(doubtful)

    def name_task(self, row: TreeRow, task: Task, also: Iterable[str] = ()) -> str | None:
        """The node of a task of the step that starts at ``row``; None where it is not certain."""
        if task.name is None:
            self._identify(row, task, also)
        return task.name

    def read(self, row: TreeRow) -> dict[str, Mapping[str, Any]]:
        """What nodes have read up to a checkpoint; nothing where only a ``Send`` or a call ever ran them."""
        return really_seen(self._load_versions(row.namespace, [row.id]).get(row.id))

    def learn(self, name: str, seen: Mapping[str, Any]) -> None:
        """Take note of a node and the channels that it read."""
        self._learn(name, tuple(sorted(seen)))

    def places(
        self, row: TreeRow, names: Collection[str], versions: Bookkeeping | None = None
    ) -> Mapping[str, int]:
        """The places in the graph of nodes that a checkpoint triggers side by side; empty if they are not
        certain. The channels that trigger them tell, there or at any checkpoint of the same graph.

        Args:
            row: the checkpoint.
            names: the nodes.
            versions: its bookkeeping, where it is read already; else it is, once for the same nodes.
        """
        if len(names) < 2 or self._rank:
            return self._rank
        graph = node_path(row.namespace)
        told = self._told.setdefault(graph, [])
        known = next((places for places in told if places.keys() >= {*names}), None)
        if known is None and versions is None and (asked := (graph, frozenset(names))) not in self._asked:
            self._asked.add(asked)
            versions = self._load_versions(row.namespace, [row.id]).get(row.id)
        if known is None and versions and versions.in_order and versions.v >= NO_NODE_CHANNELS:
            led = [name[len(BRANCH_TO) :] for name in versions.channels if name.startswith(BRANCH_TO)]
            if {*names} <= {*led}:
                told.append(known := {name: number for number, name in enumerate(led)})
        return known or {}

    # ------------------------------------------------------------ what comes next

    def _look_ahead(self, row: TreeRow) -> None:
        """Which nodes the making of ``row`` leads to, so that a task without a trace is missed."""
        parent = row.parent
        row.expected, row.sends = None, 0
        if row.source == "input":
            row.expected = frozenset()
            return
        if parent is None or row.collapsed:
            return
        row.joined = parent.joined
        if row.source == "loop" and parent.step_work.resent:
            self._drop_replaced(parent)
        if row.source == "fork":
            row.expected, row.sends = parent.expected, parent.sends
            return
        makers = row.stored_updates() if row.source == "update" else parent.step_work.done()
        if not makers:
            return
        told = written_channels(_channels(makers, parent if row.source != "update" else None))
        row.expected, row.sends = told.targets, told.sends
        for name in told.targets:
            if name not in self._known:
                self._learn(name, (f"{BRANCH_TO}{name}",))
        if told.joins:
            joined = [self._join(row, parent, task, channel) for task in makers
                      for channel in written_channels(tuple(task.channels.values())).joins]  # fmt: skip
            row.expected = told.targets.union(*joined)

    def _done(self, parent: TreeRow, also: Iterable[str] = ()) -> list[Task]:
        """The tasks that the checkpoint after ``parent`` did not wait for. Where LangGraph of 2026 went on
        with a step that an older one had left, it ran nodes again under other ids: the later run counts."""
        work = parent.step_work
        tasks = work.done()
        for task in tasks:
            self.name_task(parent, task, also)
        again = {task.name for task in tasks if task.path and task.order[0] == 1}
        if again and (old := [task for task in tasks if not task.path and task.name in again]):
            work.dropped |= {task.id for task in old}
            tasks = work.done()
        return tasks

    def _drop_replaced(self, parent: TreeRow) -> None:
        """Find the tasks whose ``Send`` was replaced with an answer: what they wrote was dropped."""
        work = parent.step_work
        work.dropped = frozenset()
        sent = [task for task in work.done() if task.send_index is not None or not task.path]
        if sorted(task.send_index or 0 for task in sent) == list(range(work.resent)):
            return
        names = self._load_sends(parent.namespace, parent.id, True)
        right = {ids.sent(name, number) for ids in ids_of(parent) for number, name in enumerate(names)}
        for task in sent:
            self.name_task(parent, task, names)
        work.dropped = frozenset(task.id for task in sent if task.order[0] == 0 and task.id not in right)

    def _join(self, row: TreeRow, parent: TreeRow, task: Task, channel: str) -> set[str]:
        """Note that a task wrote to a join; the node behind it, if that was the last one awaited."""
        awaited, _, target = channel[len("join:") :].rpartition(":")
        joins = [way for way in self._known.get(target, []) if way[0].startswith(BRANCH_TO)]
        self._learn(target, (f"{BRANCH_TO}{target}",))
        for way in joins or [(f"{BRANCH_TO}{target}",)]:
            self._learn(target, tuple(sorted({*way, channel})))
        writer = self.name_task(parent, task)
        if row.joined is parent.joined:
            row.joined = dict(parent.joined)
        written = row.joined.get(channel, frozenset()) | {writer or task.id}
        if len(written) < awaited.count("+") + 1:
            row.joined[channel] = written
            return set()
        row.joined.pop(channel, None)
        return {target}

    def _learn(self, name: str, triggers: tuple[str, ...] | None = None) -> None:
        ways = self._known.setdefault(name, [])
        if triggers and triggers not in ways:
            ways.append(triggers)

    # ------------------------------------------------------------ one task

    def _identify(self, row: TreeRow, task: Task, also: Iterable[str] = ()) -> None:
        names = dict.fromkeys((*(row.expected or ()), *also, *self._known))
        dated = row.dated or any(child.dated for child in row.children)
        if dated and not task.path:
            told = (name for child in row.children for name in child.metadata.get("writes") or ())
            names.update(dict.fromkeys((*told, *_awaited(row))))
            names.update(dict.fromkeys(name for name in task.channels.values() if not is_internal(name)))
        caller = caller_of(task, row.step_work.tasks.values())
        if caller is not None and self.name_task(row, caller[0], also) is None:
            return
        # The hash of late 2024 is that of format 1, whoever goes on with it.
        for ids in ids_of(row, pathless=dated or not task.path):
            for name in names:
                if self._matches(row, ids, task, name, caller):
                    task.name = name
                    task.within = caller[0].namespace if caller else ""
                    self._learn(name)
                    return
        if dated and not task.path:
            self._identify_dated(row, task)
        elif caller is not None and self._calls is None:
            self._calls = self._load_calls()
            for name in self._calls:
                self._learn(name)
            self._identify(row, task, also)

    def _matches(
        self, row: TreeRow, ids: TaskIds, task: Task, name: str, caller: tuple[Task, str, int] | None
    ) -> bool:
        if caller is not None:
            origin, path, index = caller
            return task.id == (
                ids.handler(name, origin) if index < 0 else ids.called(name, origin, path, index)
            )
        if (number := task.send_index) is not None:
            return task.id == ids.sent(name, number)
        if task.path and not task.path.startswith("~__interrupt__"):
            return False
        return self._matches_without_path(row, ids, task, name)

    def _matches_without_path(self, row: TreeRow, ids: TaskIds, task: Task, name: str) -> bool:
        ways = self._known.get(name) or [(f"{BRANCH_TO}{name}",)]
        if row.dated:
            ways = [*ways, *_dated_ways(row, name)]
        if ids.are_pulled(task.id, name, ways):
            task.order = (1, name)
            return True
        for index in range(len(row.step_work.tasks) + row.sends):
            if task.id == ids.sent(name, index):
                task.order = (0, index)
                return True
        return False

    def _identify_dated(self, row: TreeRow, task: Task) -> None:
        """Before spring 2025 a node's task writes to a channel named like the node: where its id did not tell
        which, that is the only one of a node's name, else the first it wrote to (format 1) or the last before
        those that lead on (format 2)."""
        written = list(task.channels.values())
        if any(channel.startswith("start:") for channel in written):
            task.name, task.order = "__start__", (1, "__start__")
            return
        named = {
            *self._known,
            *(name for child in row.children for name in child.metadata.get("writes") or ()),
        }
        found = [channel for channel in written if channel in named]
        own = [channel for channel in written if not is_internal(channel) and not channel.startswith("__")]
        if len(found) != 1 and own:
            versions = self._load_versions(row.namespace, [row.id]).get(row.id)
            format_ = versions.v if versions else 0
            found = {1: own[:1], 2: own[-1:]}.get(format_, [])
        if len(found) == 1:
            task.name, task.order = found[0], (1, found[0])
            self._learn(found[0])

    # ------------------------------------------------------------ from stored writes

    def _from_writes(self, row: TreeRow) -> bool:
        """Name a row by stored writes; False where they do not tell all."""
        row.nodes = row.changed = ()
        if row.source == "input":
            return True
        if row.source == "update":
            return self._update_from_writes(row)
        parent = row.parent
        if row.source == "fork" or row.collapsed or parent is None:
            return row.parent is None and not row.collapsed
        tasks = self._done(parent)
        names = [self.name_task(parent, task) for task in tasks]
        row.nodes = self._ordered(parent, tasks)
        row.changed = _hide(row, written_channels(_channels(tasks, parent)).state)
        if row.dated:
            told = row.metadata.get("writes")
            complete = set(told) <= set(names) if isinstance(told, Mapping) else names == ["__start__"]
            return bool(names) and None not in names and complete
        pulled = {task.name for task in tasks if task.order[0] == 1}
        sent = sum(task.order[0] == 0 for task in tasks)
        sends = parent.step_work.resent or parent.sends
        return (
            bool(names)
            and None not in names
            and parent.expected is not None
            and parent.expected <= pulled
            and sent >= sends
            # A task that only asked or failed ran again, if its step was ended: with `durability="exit"`
            # what it wrote then is nowhere.
            and len(tasks) + len(parent.step_work.dropped) == len(parent.step_work.tasks)
            and not (bool(parent.step_work.updates) and not any(task.path for task in tasks))
        )

    def _update_from_writes(self, row: TreeRow) -> bool:
        recorded = row.metadata.get(AS_NODE)
        tasks = row.stored_updates()
        names = [self.name_task(row.parent, task) if row.parent else None for task in tasks]
        kept = row.metadata.get("writes")
        if isinstance(kept, Mapping) and kept:
            row.nodes = tuple(kept)
        elif isinstance(recorded, str):
            missing = names.count(None) if names else 1
            names = names or [None]
            row.nodes = tuple(name or recorded for name in names) if missing <= 1 else (recorded,)
        elif names and None not in names:
            row.nodes = tuple(name for name in names if name)
        if tasks:
            row.changed = _hide(row, written_channels(_channels(tasks)).state)
        return bool(row.nodes and tasks)

    # ------------------------------------------------------------ from bookkeeping

    def _from_versions(self, rows: Sequence[TreeRow]) -> None:
        wanted: dict[str, dict[str, None]] = {}
        for row in rows:
            ids = wanted.setdefault(row.namespace, {})
            ids[row.id] = None
            if row.parent is not None:
                ids[row.parent.id] = None
        found = {namespace: self._load_versions(namespace, list(ids)) for namespace, ids in wanted.items()}
        for row in rows:
            after = found[row.namespace].get(row.id)
            before = found[row.namespace].get(row.parent.id) if row.parent else None
            if after is None or (before is None and row.parent_id is not None):
                continue
            seen, seen_before = really_seen(after), really_seen(before)
            if after.v < NO_NODE_CHANNELS and not (row.parent and row.parent.step_work.tasks):
                # Who was sent reads nothing; what it returned tells.
                seen, seen_before = (
                    _without_idle(seen, row.metadata.get("writes")),
                    _without_idle(seen_before),
                )
                if row.parent and before and TASKS_CHANNEL in before.channels:
                    row.parent.sends = len(self._load_sends(row.namespace, row.parent.id, False))
            if row.source == "update":
                if not row.nodes:
                    row.nodes = self._as_nodes(row, seen, seen_before, before)
            elif row.source != "fork":
                row.nodes = self._ran(row, seen, seen_before, before)
            if row.source != "update" or not row.changed:
                row.changed = _changed(row, after, before)

    def _as_nodes(
        self,
        row: TreeRow,
        seen: Mapping[str, Any],
        seen_before: Mapping[str, Any],
        before: Bookkeeping | None,
    ) -> tuple[str, ...]:
        tasks = row.stored_updates()
        if tasks and row.parent is not None:
            for task in tasks:
                self.name_task(row.parent, task, seen)
        nameless = [task for task in tasks if task.name is None]
        if tasks and not nameless:
            return tuple(task.name for task in tasks if task.name)
        # Updating as a node that never ran leaves an empty entry; so does dropping a Send to one.
        if before is not None and TASKS_CHANNEL in before.channels:
            return ()
        named = {task.name for task in tasks}
        new = [name for name, versions in seen.items() if name not in seen_before and not versions]
        new = [name for name in new if name not in named]
        if len(new) != (len(nameless) if tasks else 1):
            return ()
        for task, name in zip(nameless, new, strict=False):  # both in the order the updates were given
            task.name = name
        return tuple(task.name for task in tasks if task.name) if tasks else tuple(new)

    def _ran(
        self,
        row: TreeRow,
        seen: Mapping[str, Mapping[str, Any]],
        seen_before: Mapping[str, Mapping[str, Any]],
        before: Bookkeeping | None,
    ) -> tuple[str, ...]:
        ran = {name: versions for name, versions in seen.items() if _is_anew(versions, seen_before.get(name))}
        for name, versions in ran.items():
            self.learn(name, versions)
        if row.collapsed and row.parent is not None and before is not None:
            ran = self._over_steps(row.parent, ran, before)
        if row.collapsed or row.parent is None:
            # By the version each read last; who was only sent to read none and comes at the end.
            return tuple(
                sorted(ran, key=lambda name: (not ran[name], sorted(map(str, ran[name].values()))[-1:], name))
            )
        parent = row.parent
        work = parent.step_work
        tasks = self._done(parent, seen)
        if work.updates and not any(task.path for task in tasks):
            tasks = [task for task in tasks if task.name is None or task.order[0] == 0 or task.name in ran]
        sent = [task for task in tasks if task.order[0] == 0]
        if len(sent) < (work.resent or parent.sends) or any(task.name is None for task in sent):
            names_sent = self._load_sends(parent.namespace, parent.id, bool(work.resent))
            sends = [Task("", "", name=name, order=(0, index)) for index, name in enumerate(names_sent)]
            if len(sends) >= len(sent):
                tasks = [task for task in tasks if task.order[0] != 0] + sends
        # Who ran has an entry, also if it read nothing; one that waited and was replaced may have none.
        tasks = [task for task in tasks if task.name is None or task.name in seen or task.called]
        names = {task.name for task in tasks}
        # Who read nothing was called.
        tasks += [
            Task("", "", name=name, order=(1, name) if read else (2, ""))
            for name, read in ran.items()
            if name not in names
        ]
        return self._ordered(parent, tasks)

    def _over_steps(
        self, parent: TreeRow, ran: dict[str, Mapping[str, Any]], before: Bookkeeping
    ) -> dict[str, Mapping[str, Any]]:
        """Those who ran in the steps that ``durability="exit"`` left out after a checkpoint.

        What was sent there ran first, unless the steps began with an input. That one dropped what waited: who
        was dropped has read what was new at the checkpoint, and nothing since.
        """
        old, last, resent = before.channel_versions, really_seen(before), bool(parent.step_work.resent)
        waited = resent or TASKS_CHANNEL in before.channels
        sent = self._load_sends(parent.namespace, parent.id, resent) if waited else ()
        if all(versions.get("__start__") in (None, old.get("__start__")) for versions in ran.values()):
            return ran | {name: {} for name in sent if name not in ran}
        return {
            name: versions
            for name, versions in ran.items()
            if (not versions and name not in sent)
            or any(
                version not in (old.get(channel), (last.get(name) or {}).get(channel))
                for channel, version in versions.items()
            )
        }

    def _ordered(self, parent: TreeRow, tasks: Sequence[Task]) -> tuple[str, ...]:
        """Names in LangGraph's order: who was sent by number, then nodes as the graph holds them (by name
        where nothing tells that), then calls."""
        if len(tasks) > 1:
            rank = self.places(parent, {task.name for task in tasks if task.name and task.order[0] == 1})
            last = len(rank)
            tasks = sorted(
                tasks,
                key=lambda task: (
                    task.order[0],
                    rank.get(task.name or "", last) if task.order[0] == 1 else 0,
                    task.order[1],
                ),
            )
        return tuple([task.name for task in tasks if task.name])


def _channels(tasks: Sequence[Task], also: TreeRow | None = None) -> tuple[str, ...]:
    """What tasks wrote to, and what was written to a checkpoint's step by no task."""
    if len(tasks) == 1 and (also is None or not also.step_work.null):
        return tuple(tasks[0].channels.values())
    names = [channel for task in tasks for channel in task.channels.values()]
    return (*names, *also.step_work.null.values()) if also is not None else tuple(names)


def _awaited(row: TreeRow) -> set[str]:
    """The nodes that joins name which the step's tasks wrote to."""
    joins = [join for task in row.step_work.tasks.values()
             for join in written_channels(tuple(task.channels.values())).joins]  # fmt: skip
    return {name for join in joins for name in join[len("join:") :].rpartition(":")[0].split("+")}


def _dated_ways(row: TreeRow, name: str) -> Iterator[tuple[str, ...]]:
    """What may have triggered a node before spring 2025: a channel that the step before wrote to for it, or
    the own channel of a node that ran then."""
    tasks = row.parent.step_work.tasks.values() if row.parent else ()
    for channel in {*row.nodes, *(channel for task in tasks for channel in task.channels.values())}:
        if channel in row.nodes or channel.rpartition(":")[2] == name:
            yield (channel,)
            yield tuple(sorted({channel, f"{BRANCH_TO}{name}"}))


def _hide(row: TreeRow, channels: tuple[str, ...]) -> tuple[str, ...]:
    """Without the channels that nodes had for themselves, before mid 2025."""
    return tuple(name for name in channels if name not in row.nodes) if row.dated else channels


def _without_idle(
    seen: Mapping[str, Mapping[str, Any]], returned: Any = None
) -> dict[str, Mapping[str, Any]]:
    """The entries of nodes that read something, or returned something."""
    returned = returned if isinstance(returned, Mapping) else {}
    return {name: versions for name, versions in seen.items() if versions or name in returned}


def really_seen(versions: Bookkeeping | None) -> dict[str, Mapping[str, Any]]:
    """``versions_seen`` as the nodes read it: what a delta channel's snapshot advanced is put back, and what
    a node has only by one is left out."""
    if versions is None:
        return {}
    seen = {node: read for node, read in versions.versions_seen.items() if node not in NO_NODES}
    marks = versions.versions_seen.get(_BUMPS)
    if not marks:
        return seen
    result: dict[str, Mapping[str, Any]] = {}
    for node, read in seen.items():
        advanced = {channel for channel, version in read.items() if marks.get(f"{node}|{channel}") == version}
        result[node] = {
            channel: marks[f"{node}:{channel}"] if channel in advanced else version
            for channel, version in read.items()
            if channel not in advanced or f"{node}:{channel}" in marks
        }
    return result


def _is_anew(versions: Mapping[str, Any], before: Mapping[str, Any] | None) -> bool:
    """Whether a node read again. By versions and not by channels: LangGraph of 2025 gave the channels of 2024
    other names, in every node's entry, where it continued an older thread."""
    if before is None:
        return True
    known = list(before.values())
    return any(version not in known for version in versions.values())


def _changed(row: TreeRow, after: Bookkeeping, before: Bookkeeping | None) -> tuple[str, ...]:
    names: Iterable[str]
    if after.updated_channels is not None and not row.collapsed and row.source != "fork":
        names = after.updated_channels
    else:
        old = before.channel_versions if before else {}
        names = [name for name, version in after.channel_versions.items() if old.get(name) != version]
    state = written_channels(tuple(names)).state
    dated = row.dated or after.v < NO_NODE_CHANNELS
    return tuple(name for name in state if name not in after.versions_seen) if dated else state
