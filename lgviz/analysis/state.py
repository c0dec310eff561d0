"""What one thread holds at each row of its tree: states as LangGraph itself tells them, and writes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.serde.types import ERROR
from langgraph.types import Interrupt, StateSnapshot

from lgviz._visible import visible
from lgviz.persistence.savers.branches import DOUBTS, DROPPED
from lgviz.persistence.serde.stored_error import StoredError
from lgviz.sources.as_saver import SourceSaver
from lgviz.sources.base import Bookkeeping, Record, Source, StoredWrite, Undecodable
from lgviz.sources.deltas import GONE, DeltaHistories, DeltaHistory
from lgviz.sources.places import NULL_TASK_ID, by_channel, calls, config_of, is_internal
from lgviz.sources.redacted import masked_record, masked_snapshot

from .called import names_called
from .loading import Refusal, cannot_load, refused_channels, tolerant
from .naming import really_seen
from .rebuilt import Fold, overwritten, unwrapped
from .same import same
from .steps import TreeRow
from .stored_state import stored_snapshot
from .tree import Tree
from .writes import Writes, derived_write, makers, stored_writes

__all__ = ["StateReader", "triggers_of"]

_KEPT = 32
"""The checkpoints looked at last are kept whole."""

_NAME = 200
"""Characters of a class's name: a file may give it any."""

_UNRULY = "a value that LangGraph stored is another than its rule gives"


class _Opened:
    """A checkpoint read whole, and what LangGraph made of it once that was asked for.

    ``record`` and ``told`` are real, ``shown`` and ``snapshot`` are masked.
    """

    __slots__ = ("folds", "record", "shown", "snapshot", "stamp", "told", "unloadable")

    def __init__(self, stamp: tuple[int, ...], record: Record, shown: Record) -> None:
        self.stamp = stamp
        self.record = record
        self.shown = shown
        self.snapshot: StateSnapshot | None = None
        self.told: StateSnapshot | None = None
        self.folds: dict[str, Fold] | None = None
        self.unloadable: str | None = None


class StateReader:
    """Reads what the checkpoints of one thread hold, each in one trip, and keeps the last few.

    LangGraph, reducers and delta channels work on real values; all that it gives is masked by the source's
    rules, but for :meth:`real_state`.

    Args:
        source: where the thread is read from.
        thread_id: the thread.
        tree: its tree; rows are numbered by it.

    Attributes:
        ahead: how many rows are read along with one, for who goes through them in order.
    """

    def __init__(self, source: Source, thread_id: str, tree: Tree) -> None:
        self._source = source.real
        self._shown = source
        self._thread_id = thread_id
        self._tree = tree
        self._deltas = DeltaHistories(self._source, thread_id, self._children)
        self._counters: dict[str, set[str]] = {}
        self._counted = 0
        self._contradicted: dict[tuple[str, str, str], bool] = {}
        self._named: dict[int, dict[str, dict[str, bool]]] = {}
        self._kept: OrderedDict[int, _Opened] = OrderedDict()
        self._lock = threading.Lock()
        self.ahead = 0

    def forget(self) -> None:
        """Rows have other numbers now."""
        with self._lock:
            self._kept.clear()
            self._deltas.forget()
            self._counters.clear()
            self._contradicted.clear()
            self._named.clear()
            self._counted = 0

    # ------------------------------------------------------------ the checkpoint

    def record(self, row: int) -> Record:
        """All that is stored of a checkpoint.

        Raises:
            CheckpointNotFound: it was deleted meanwhile.
        """
        return self._opened(row).shown

    def snapshot(self, row: int) -> StateSnapshot:
        """What ``graph.get_state`` says of a checkpoint named by its id; without a graph, as far as what is
        stored tells it.

        Raises:
            CheckpointNotFound: it was deleted meanwhile.
        """
        opened = self._opened(row)
        if opened.snapshot is None:
            told, redactor = self._told_at(row), self._shown.redactor
            opened.snapshot = told if redactor is None else masked_snapshot(told, redactor)
        return opened.snapshot

    def told_by(self, graph: Any, row: int, record: Record | None = None) -> StateSnapshot | None:
        """What another graph than the source's says of a checkpoint (or of ``record`` in its place), without
        masks: for acts. None where the graph has no subgraph that fits. Raises what LangGraph raises where it
        cannot load the state."""
        facts, record = self._tree.rows[row], record or self._opened(row).record
        found = _graph_of(graph, facts, record.bookkeeping)
        if found is None:
            return None
        snapshot: StateSnapshot = found.get_state(self._through(facts, record))
        return snapshot if snapshot.metadata is not None else None

    def real_state(self, row: int) -> dict[str, Any]:
        """The values by channel without masks: for acts, which go on with them. Never to be shown."""
        return by_channel(self._told_at(row).values)

    def real_record(self, row: int) -> Record:
        """All that is stored of a checkpoint, without masks: for acts, which change none of it. Never to be
        shown."""
        return self._opened(row).record

    def real_metadata(self, row: int) -> Mapping[str, Any]:
        """A checkpoint's metadata without masks: for acts. Never to be shown."""
        return self._opened(row).record.metadata

    def graph_at(self, row: int, graph: Any = None) -> Any:
        """The graph that ran in a checkpoint's namespace, of the source's or of one that is given; None where
        there is none, or it is not certain."""
        whole = self._source.graph if graph is None else graph
        return _graph_of(whole, self._tree.rows[row], self._opened(row).record.bookkeeping)

    def rebuilt(self, row: int) -> dict[str, str]:
        """By delta channel how its value was rebuilt, where no graph told it."""
        self.snapshot(row)
        opened = self._opened(row)
        if opened.folds is None:
            return {}
        folds = self._rebuilt(self._tree.rows[row], opened)
        return {name: fold.told for name, fold in folds.items() if name not in opened.record.values}

    def doubts(self, row: int) -> dict[str, str]:
        """By channel of a checkpoint, why its value may not be what the graph had."""
        self.snapshot(row)
        folds = self._opened(row).folds or {}
        known = self._deltas.doubts.get((self._tree.namespaces[row], self._tree.ids[row]), {})
        lost = {name: fold.lost for name, fold in folds.items() if fold.lost in DOUBTS}
        return self._degraded(row) | lost | known

    def _degraded(self, row: int) -> dict[str, str]:
        """By channel that is read, or was stored again, as what an object of it was made of: the class."""
        own = self._classes(row)
        found = {
            channel: f"read as plain data: {visible(name[:_NAME])} cannot be built here"
            for channel, classes in own.items()
            for name, plain in classes.items()
            if plain
        }
        if self._source.rewrites:
            for channel in self._opened(row).record.values.keys() - own.keys():
                setter = self._setter(row, channel)
                for name in self._classes(setter).get(channel, ()):
                    was = f"{visible(name[:_NAME])} in {self._tree.labels[setter]}"
                    found[channel] = f"stored as plain data: it was {was}"
        return found

    def _setter(self, row: int, channel: str) -> int:
        """The last checkpoint up to one that changed a channel; the first of its namespace where none did."""
        tree = self._tree
        while channel not in tree.changed[row]:
            before = tree.parent[row]
            if before < 0 or tree.namespaces[before] != tree.namespaces[row]:
                break
            row = before
        return row

    def _classes(self, row: int) -> dict[str, dict[str, bool]]:
        if row not in self._named:
            place = self._thread_id, self._tree.namespaces[row], self._tree.ids[row]
            self._named[row] = self._source.classes(*place)
        return self._named[row]

    def unloadable(self, row: int) -> str | None:
        """Why LangGraph cannot load a checkpoint into its graph; None where it can, or there is no graph."""
        self.snapshot(row)
        why, redactor = self._opened(row).unloadable, self._shown.redactor
        return why if why is None or redactor is None else redactor.text(why)

    def state(self, row: int) -> dict[str, Any]:
        """The values by channel, also where the state is no dict."""
        return by_channel(self.snapshot(row).values)

    def deltas(self, row: int) -> dict[str, Any]:
        """The state's delta channels at a checkpoint; a thread without any is not read."""
        names = self._delta_channels(self._tree.namespaces[row])
        return {name: value for name, value in self.state(row).items() if name in names} if names else {}

    def delta_histories(self, row: int, channels: Sequence[str]) -> dict[str, DeltaHistory]:
        """What delta channels of a checkpoint that stores no value of them are made of."""
        namespace, id_ = self._tree.namespaces[row], self._tree.ids[row]
        return self._deltas.collect(namespace, self._ancestors(namespace, id_), channels, id_)

    def new_in_deltas(self, rows: Iterable[TreeRow]) -> dict[int, dict[str, list[Any]]]:
        """By row and delta channel that it changed: the value where it is stored there, else what was written
        to make it. Read for all rows at once."""
        by_namespace: dict[str, list[TreeRow]] = {}
        for row in rows:
            if not self._delta_channels(row.namespace).isdisjoint(row.changed):
                by_namespace.setdefault(row.namespace, []).append(row)
        found: dict[int, dict[str, list[Any]]] = {}
        for namespace, some in by_namespace.items():
            names = self._delta_channels(namespace)
            held = self._deltas.held(namespace, [row.id for row in some])
            parents = {row.id: row.parent.id for row in some if row.parent is not None}
            written = self._deltas.written(namespace, parents, names)
            for row in some:
                stored = sorted(names & set(row.changed) & held.get(row.id, frozenset()))
                values = self._source.channels(self._thread_id, namespace, row.id, stored) if stored else {}
                new = {name: [unwrapped(value)] for name, value in values.items()}
                for name, writes in written.get(row.id, {}).items():
                    if name in row.changed and name not in stored:
                        new[name] = [overwritten(w.value)[1] or w.value for w in writes]
                found[row.index] = self._masked(new)
        return found

    def _masked(self, written: dict[str, list[Any]]) -> dict[str, list[Any]]:
        redactor = self._shown.redactor
        if redactor is None:
            return written
        return {
            name: [redactor.channel(name, value, written=True) for value in values]
            for name, values in written.items()
        }

    def channel_reader(self, row: int, channel: str) -> Callable[[Sequence[int]], dict[int, Any]]:
        """Reads one channel at many rows of a namespace, without masks: to compare, never to be shown.

        Args:
            row: one of them; where its state is another than what is stored, states are read whole.
            channel: of the state.

        Returns:
            A function that takes rows and gives the values by row, without those that hold none.
        """
        namespace, ids = self._tree.namespaces[row], self._tree.ids

        def told(rows: Sequence[int]) -> dict[int, Any]:
            states = {each: self.real_state(each) for each in rows}
            gone = Undecodable(GONE, 0, "delta channel")
            return {
                each: gone if self.doubts(each).get(channel) == GONE else state[channel]
                for each, state in states.items()
                if channel in state
            }

        read = self._source.channel_reader(self._thread_id, namespace, channel)

        def stored(rows: Sequence[int]) -> dict[int, Any]:
            by_id = {ids[each]: each for each in rows}
            found = read(list(by_id))
            return {row: unwrapped(found[id_]) for id_, row in by_id.items() if id_ in found}

        if channel in self._delta_channels(namespace):
            return told
        held, state = self._opened(row).record.values, self.real_state(row)
        plain = channel in held and channel in state and same(unwrapped(held[channel]), state[channel])
        return stored if plain else told

    def written_to(self, rows: Iterable[TreeRow], channel: str) -> dict[int, list[Any]]:
        """By row of one namespace, what its tasks wrote to a channel to make it, in LangGraph's order,
        without masks: to compare. Rows for which no write is stored are missing. Where a step ran twice from
        one checkpoint, these may be the other run's: who relies on them compares what they make."""
        by_parent: dict[str, list[TreeRow]] = {}
        for row in rows:
            if row.parent is not None and row.source != "fork":
                by_parent.setdefault(row.parent.id, []).append(row)
        if not by_parent:
            return {}
        namespace = next(iter(by_parent.values()))[0].namespace
        stored = self._source.writes_to(self._thread_id, namespace, list(by_parent), [channel])
        found: dict[int, list[Any]] = {}
        for parent, children in by_parent.items():
            for row in children:
                tasks = {task.id for task in makers(row)} | (
                    {NULL_TASK_ID} if row.source == "loop" else set()
                )
                writes = stored.get(parent, ())
                by_place = {(w.task_id, w.idx): w.value for w in writes if w.task_id in tasks}
                if by_place:
                    found[row.index] = list(by_place.values())
        return found

    def created_at(self, row: int) -> str | None:
        """When a checkpoint was made, as stored; None where that cannot be read."""
        kept = self._kept.get(row)
        if kept is not None:
            known = kept.record.bookkeeping
        else:
            id_ = self._tree.ids[row]
            known = self._source.bookkeeping(self._thread_id, self._tree.namespaces[row], [id_]).get(id_)
        return None if known is None else known.ts

    # ------------------------------------------------------------ writes

    def writes(self, row: int) -> Writes:
        """What the tasks that made a checkpoint wrote, else what they must have written."""
        facts = self._tree.rows[row]
        tasks = makers(facts)
        if tasks and facts.parent is not None:
            return Writes(stored_writes(facts, tasks, self._stored(facts.parent)))
        alone = len(facts.nodes) == 1 and not facts.collapsed and facts.parent is not None
        begun = facts.parent is not None or not facts.collapsed
        if not (begun if facts.source == "update" else alone):
            return Writes({})
        before = self.state(facts.parent.index) if facts.parent is not None else {}
        write = derived_write(before, self.state(row), facts.changed)
        if not write:
            return Writes({}, derived=True)
        return Writes({name: [write] for name in facts.nodes[:1] or ("",)}, derived=True)

    def errors(self, row: int) -> dict[str, StoredError]:
        """By task, what the step that starts at a checkpoint raised, but for what its caller caught or a
        handler took over."""
        facts = self._tree.rows[row]
        failed = {task.id for task in facts.step_work.tasks.values() if not (task.called or task.handled)}
        return {
            write.task_id: StoredError.of(write.value)
            for write in self._own_writes(facts)
            if write.channel == ERROR and write.task_id in failed
        }

    def interrupts(self, row: int, *, waiting: bool) -> list[Interrupt]:
        """What the step that starts at a checkpoint asked; ``waiting``: only what waits for an answer."""
        facts = self._tree.rows[row]
        tasks = facts.step_work.tasks
        for task in tasks.values():
            self._tree.naming.name_task(facts, task)
        own = [write for write in self._own_writes(facts) if write.channel == "__interrupt__"]
        place = {task.id: number for number, task in enumerate(self.snapshot(row).tasks)} if own[1:] else {}
        own.sort(key=lambda write: (place.get(write.task_id, len(place)), tasks[write.task_id].order))
        found: list[Interrupt] = []
        for write in own:
            task = tasks[write.task_id]
            if task.called or (waiting and task.finished):
                continue
            found.extend(write.value if isinstance(write.value, (list, tuple)) else [write.value])
        # Before 2026 nothing tells a called task that waits from its caller, but the question is the same.
        return list({getattr(asked, "id", None) or id(asked): asked for asked in found}.values())

    # ------------------------------------------------------------ inside

    def _told_at(self, row: int) -> StateSnapshot:
        """What LangGraph tells of a checkpoint, or what is stored does."""
        opened = self._opened(row)
        if opened.told is None:
            facts = self._tree.rows[row]
            told, opened.unloadable = self._told(facts, opened.record)
            if told is None:
                rebuilt = {name: fold.shown() for name, fold in self._rebuilt(facts, opened).items()}
                naming = self._tree.naming
                told = stored_snapshot(self._thread_id, facts, opened.record, naming, rebuilt)
            opened.told = told
        return opened.told

    def _opened(self, row: int) -> _Opened:
        facts = self._tree.rows[row]
        stamp = _stamp(facts)
        with self._lock:
            kept = self._kept.get(row)
            if kept is not None and kept.stamp == stamp:
                self._kept.move_to_end(row)
                return kept
        end = min(row + 1 + self.ahead, len(self._tree.rows))
        after = [each for each in range(row + 1, end) if each not in self._kept]
        places = [(self._tree.namespaces[each], self._tree.ids[each]) for each in (row, *after)]
        first, *others = self._source.records(self._thread_id, places)
        for each, record in zip(after, others, strict=True):
            if record is not None:
                self._keep(each, record)
        return self._keep(row, first or self._source.record(self._thread_id, facts.namespace, facts.id))

    def _keep(self, row: int, record: Record) -> _Opened:
        redactor = self._shown.redactor
        shown = record if redactor is None else masked_record(record, redactor)
        opened = _Opened(_stamp(self._tree.rows[row]), record, shown)
        with self._lock:
            self._kept[row] = opened
            self._kept.move_to_end(row)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return opened

    def _told(self, facts: TreeRow, record: Record) -> tuple[StateSnapshot | None, str | None]:
        """What LangGraph makes of a record, and what keeps the graph from loading it.

        The snapshot is None where there is no graph, or LangGraph makes nothing certain of the record.
        """
        if record.told is not None:
            return record.told, None
        graph = _graph_of(self._source.graph, facts, record.bookkeeping)
        if graph is None:
            return None, None
        reading, refused = tolerant(graph)
        try:
            snapshot: StateSnapshot = reading.get_state(self._through(facts, record))
        except Exception as error:
            channels = refused_channels(graph, record.values)
            return self._without(facts, record, reading, channels), cannot_load([*channels, *refused], error)
        told = snapshot if snapshot.metadata is not None else None
        return told, cannot_load(refused) if refused else None

    def _without(
        self, facts: TreeRow, record: Record, graph: Any, refused: list[Refusal]
    ) -> StateSnapshot | None:
        """A snapshot in which state channels that refuse their values hold them as they are stored. A channel
        of LangGraph's own tells what comes next: where one refuses, only what is stored is certain."""
        names = {refusal.name for refusal in refused}
        if not names or any(map(is_internal, names)):
            return None
        loadable = replace(record, values={n: v for n, v in record.values.items() if n not in names})
        try:
            snapshot: StateSnapshot = graph.get_state(self._through(facts, loadable))
        except Exception:  # told already, by the error of the first try
            return None
        if snapshot.metadata is None or not isinstance(snapshot.values, dict):
            return None
        return snapshot._replace(
            values={**snapshot.values, **{n: unwrapped(record.values[n]) for n in names}}
        )

    def _through(self, facts: TreeRow, record: Record) -> RunnableConfig:
        """The config by which LangGraph reads a record."""
        config = config_of(self._thread_id, facts.namespace, facts.id)
        saver = SourceSaver(self._source, self._deltas, self._ancestors, record)
        config["configurable"]["__pregel_checkpointer"] = saver
        return config

    def _folds(self, facts: TreeRow, opened: _Opened) -> dict[str, Fold]:
        """The delta channels of a checkpoint, as far as they follow from what is stored."""
        if opened.folds is None:
            record, known = opened.record, opened.record.bookkeeping
            versions: Mapping[str, Any] = known.channel_versions if known is not None else {}
            names = [name for name in versions if name in self._delta_channels(facts.namespace)]
            self._deltas.know(facts.namespace, record)
            folds = {name: Fold.of(record.values[name]) for name in names if name in record.values}
            opened.folds = folds | self._replayed(facts, [name for name in names if name not in folds])
        return opened.folds

    def _replayed(self, facts: TreeRow, names: Sequence[str]) -> dict[str, Fold]:
        """Channels without a stored value: from those of the parent, where that is kept."""
        kept = self._kept.get(facts.parent.index) if facts.parent is not None else None
        before = (kept.folds if kept is not None else None) or {}
        found: dict[str, Fold] = {}
        for near in (True, False):
            some = [name for name in names if (name in before) is near]
            if not some:
                continue
            path: Iterable[str] = self._ancestors(facts.namespace, facts.id)
            for name, history in self._deltas.collect(
                facts.namespace, islice(path, 1) if near else path, some, facts.id
            ).items():
                fold = before[name] if near else Fold()
                doubt = history.doubt
                if history.seed_id is not None:
                    fold = self._trusted(Fold.of(history.seed), facts.namespace, history.seed_id, name)
                elif history.lost is not None:
                    lost = f"checkpoint {history.lost}" if history.lost else "the checkpoint"
                    fold = replace(fold, lost=f"{lost} before it is no longer stored")
                elif fold.lost in DOUBTS and doubt in ("", DROPPED):
                    doubt = fold.lost  # as where the whole path is read
                fold = fold.step(write.value for _, writes in history.steps for write in writes)
                found[name] = replace(fold, lost=doubt) if doubt else fold
        return found

    def _trusted(self, fold: Fold, namespace: str, id_: str, name: str) -> Fold:
        """What begins with a stored value, for the writes after it: not by a rule that it contradicts. Those
        stored before it are not asked: all of a long thread would cost many times what a checkpoint does."""
        return replace(fold, unruly=_UNRULY) if self._is_contradicted(namespace, id_, name) else fold

    def _is_contradicted(self, namespace: str, id_: str, name: str) -> bool:
        """Whether the writes before a stored value do not give it, where it is certain that they made it: a
        reducer that trims, sorts or adds is found out so."""
        key = (namespace, id_, name)
        if key not in self._contradicted:
            row = self._tree.rows[self._tree.row_of(id_, namespace)]
            loop = row.source == "loop" and not row.collapsed and row.parent is not None
            fold = Fold()
            if loop and row.parent is not None and len(row.parent.children) == 1:
                history = self._deltas.collect(namespace, self._ancestors(namespace, id_), [name])[name]
                if history.lost is None:
                    fold = Fold.of(history.seed) if history.seed_id is not None else fold
                    fold = fold.step(write.value for _, writes in history.steps for write in writes)
            stored = self._source.channels(self._thread_id, namespace, id_, [name]).get(name)
            self._contradicted[key] = fold.contradicts(unwrapped(stored))
        return self._contradicted[key]

    def _rebuilt(self, facts: TreeRow, opened: _Opened) -> dict[str, Fold]:
        """The delta channels, and what was written to them by no task, which LangGraph counts as of here."""
        begun = self._folds(facts, opened)
        folds = dict(begun)
        for write in opened.record.writes:
            if write.task_id == NULL_TASK_ID and (fold := folds.get(write.channel)) is not None:
                if fold is begun[write.channel] and write.channel in opened.record.values:
                    fold = self._trusted(fold, facts.namespace, facts.id, write.channel)
                folds[write.channel] = fold.step([write.value])
        return folds

    def _delta_channels(self, namespace: str) -> set[str]:
        """The delta channels of a namespace: LangGraph counts in the metadata how far each is from its last
        stored value."""
        rows = self._tree.rows
        while self._counted < len(rows):
            row = rows[self._counted]
            counters = row.metadata.get("counters_since_delta_snapshot")
            if isinstance(counters, Mapping):
                self._counters.setdefault(row.namespace, set()).update(counters)
            self._counted += 1
        return self._counters.get(namespace, set())

    def _children(self, namespace: str, checkpoint_id: str) -> list[tuple[str, str]]:
        """Id and source of each child of a checkpoint, in order of creation."""
        number = self._tree.row_of(checkpoint_id, namespace)
        return [(child.id, child.source) for child in self._tree.rows[number].children] if number >= 0 else []

    def _ancestors(self, namespace: str, checkpoint_id: str) -> Iterator[str]:
        """The ids of a checkpoint's ancestors, the parent first; also of one that is no longer stored: ``""``
        where not even its id is."""
        number = self._tree.row_of(checkpoint_id, namespace)
        row = self._tree.rows[number] if number >= 0 else None
        while row is not None:
            if row.parent_id or row.collapsed:
                yield row.parent_id or ""
            row = row.parent

    def _stored(self, facts: TreeRow) -> Sequence[StoredWrite]:
        kept = self._kept.get(facts.index)
        if kept is not None and kept.stamp == _stamp(facts):
            return kept.shown.writes
        return self._shown.writes(self._thread_id, facts.namespace, facts.id)

    def _own_writes(self, facts: TreeRow) -> list[StoredWrite]:
        """The writes of the tasks of the step itself, without those of updates made on the checkpoint."""
        tasks = facts.step_work.tasks
        return [
            write
            for write in self._stored(facts)
            if write.task_id in tasks and write.task_path in ("", tasks[write.task_id].path)
        ]


def triggers_of(graph: Any) -> dict[str, list[tuple[str, ...]]]:
    """Of a graph and its subgraphs: node to its triggers, as task ids are made of them."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for each in _graphs(graph):
        for name, node in each.nodes.items():
            found.setdefault(name, []).append(tuple(sorted(node.triggers)))
    return found


def calls_of(graph: Any) -> list[str]:
    """Names of tasks (``@task``) that the nodes of a graph and its subgraphs may call."""
    return names_called(_graphs(graph))


def _stamp(facts: TreeRow) -> tuple[int, ...]:
    """Changes with what is stored under a checkpoint."""
    work = facts.step_work
    tasks = [*work.tasks.values(), *work.updates.values()]
    return len(facts.children), len(work.null), sum(len(task.channels) for task in tasks)


def _graphs(graph: Any) -> Iterator[Any]:
    if graph is None or not hasattr(graph, "nodes"):
        return
    yield graph
    for _, subgraph in graph.get_subgraphs(recurse=True):
        yield subgraph


def _graph_of(graph: Any, facts: TreeRow, versions: Bookkeeping | None) -> Any:
    """The graph that ran in a checkpoint's namespace; None where there is none or LangGraph does not find it.

    Of several that the code of a node calls it finds one; that is another where the checkpoint names nodes or
    channels that it has not. A subgraph that is a node itself is that one, also after its code changed.
    """
    by_code = False
    for call in calls(facts.namespace):
        node = getattr(graph, "nodes", {}).get(call.node)
        if node is None or not node.subgraphs:
            return None
        graph = node.subgraphs[0]
        by_code = by_code or node.bound is not graph
    if not by_code or versions is None or not hasattr(graph, "channels"):
        return graph
    nodes = {name for name, read in really_seen(versions).items() if read}
    channels = set(versions.channel_versions)
    for task in facts.step_work.tasks.values():
        nodes.update([task.name] if task.name and task.order[0] == 1 else ())
        channels.update(name for name in task.channels.values() if not name.startswith("__"))
    return graph if nodes <= graph.nodes.keys() and channels <= graph.channels.keys() else None
