"""One thread, done again into memory: each input, update, fork and answer, in the order of its creation."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.constants import START
from langgraph.store.base import BaseStore
from langgraph.types import StateSnapshot, StateUpdate

from lgviz.analysis.checkpoint import Checkpoint
from lgviz.analysis.fingerprint import Fingerprint, Fingerprints, Inexact, MadeUpIds
from lgviz.analysis.history import History
from lgviz.analysis.parting import fingerprint_of, parting
from lgviz.persistence import ExactSerializer, StoredError
from lgviz.persistence.stores.timestamps import KEPT
from lgviz.reuse.commands import before_commands, is_commanded
from lgviz.reuse.models import RecordedAnswers
from lgviz.reuse.recorded import SEVERAL, Recording
from lgviz.reuse.serving import Unanswered
from lgviz.session.effects import Act, call
from lgviz.session.saver_errors import within_saver
from lgviz.sources.base import Source
from lgviz.sources.langgraph.memory import MemorySource
from lgviz.sources.langgraph.tables import LangGraphTables
from lgviz.sources.places import (
    Address,
    by_channel,
    config_of,
    outermost,
    place_of,
    unrooted,
)
from lgviz.sources.redact import Redactor

from .leg_run import LegRun
from .legs import Leg, legs_of
from .said import names, said_of
from .standing import Standing
from .store import ReplayedStore
from .updates import Updates, copied_by
from .verdicts import BranchReplay, ThreadReplay, Verdict, worst

__all__ = ["ThreadActs"]

_AHEAD = 15
"""How many checkpoints are read along with one: a trip to the source costs more than most of them."""
_LASTING = "which state its subgraph with a history of its own went on from is not stored"


class ThreadActs:
    """Replays one thread.

    Args:
        graph: today's graph.
        history: the thread, without masks.
        live: whether a node of this path always runs.
        effects: whether a node of this path must not run.
        redactor: masks what is told of states.
        runs: whether nodes may run at all.
        strict: whether a branch ends where it parts, and parts also where another path leads to the same; no
            recorded model answers, for there are none on another machine.
        channels: of a strict replay, those that are compared; None: all.
    """

    def __init__(
        self,
        graph: Any,
        history: History,
        live: Callable[[str], bool],
        effects: Callable[[str], bool],
        redactor: Redactor | None = None,
        *,
        runs: bool = True,
        strict: bool = False,
        channels: Collection[str] | None = None,
    ) -> None:
        self._redactor, self._runs = redactor, runs
        self._strict, self._channels = strict, channels
        self._saver = InMemorySaver(serde=_serializer_of(history.source))
        self._graph = copy.copy(graph)
        self._graph.checkpointer = self._saver
        self._history, self._tree = history, history.tree
        history.reader.ahead = _AHEAD
        self._live, self._effects = live, effects
        self._recording = Recording(history, graph)
        self._answers = RecordedAnswers.of([history]) if runs and not strict else None
        self._answered: Counter[str] = Counter()
        self._warnings: dict[str, None] = {}
        self._at: dict[int, Standing] = {}
        self._alike: dict[tuple[Address, int], bool] = {}
        """By the place of a checkpoint that was made and a row, whether they are stored alike."""
        self._exact: dict[str, tuple[str, bytes]] = {}
        """The last value of each channel that could be told exactly, as it is stored."""
        self._ids = MadeUpIds()
        self._served: Counter[str] = Counter()
        self._ran: Counter[str] = Counter()
        self._tokens = 0
        self._memory = ReplayedStore(graph.store) if isinstance(graph.store, BaseStore) else None
        self._graph.store = self._memory
        self._has_deltas = any(isinstance(each, DeltaChannel) for each in graph.channels.values())
        self._updates = Updates(self._graph, history, self._recorded, self._standing)
        subgraphs = graph.get_subgraphs(recurse=True)
        self._lasting = {outermost(path) for path, each in subgraphs if each.checkpointer is True}

    def act(self) -> Act[ThreadReplay]:
        """Replay it."""
        for leg in legs_of(self._tree):
            yield from self._leg(leg)
        branches: list[BranchReplay] = []
        for row in self._tree.roots:
            if not self._tree.rows[row].children:
                branch = yield from self._branch(row)
                branches.append(branch)
        found = worst(branches)
        told = (found.parted_at, found.reason, found.diff, found.values, tuple(branches))
        masks = self._redactor
        warnings = tuple(text if masks is None else masks.text(text) for text in self._warnings)
        counts = (self._answered, self._tokens, warnings)
        return ThreadReplay(self._history.thread_id, found.verdict, self._served, self._ran, *told, *counts)

    def _branch(self, row: int) -> Act[BranchReplay]:
        at, values = self._at[row], None
        if at.config is not None:
            told = (yield from call(self._graph, "get_state", at.config)).values
            values = unrooted(self._masked(by_channel(told))) if self._redactor is not None else told
        reason = at.reason if self._redactor is None else self._redactor.text(at.reason)
        return BranchReplay(self._tree.labels[row], at.verdict, at.parted_at, reason, at.diff, values)

    def _masked(self, state: Mapping[str, Any]) -> Mapping[str, Any]:
        masks = self._redactor
        return state if masks is None else {name: masks.channel(name, v) for name, v in state.items()}

    # ------------------------------------------------------------ one leg

    def _leg(self, leg: Leg) -> Act[None]:
        before = self._at[leg.parent] if leg.parent >= 0 else Standing()
        if leg.parent >= 0 and before.config is None:
            self._stand(leg.rows, before)
        elif leg.doubt:
            self._unknown(leg, before, leg.doubt)
        elif leg.act == "update":
            self._at[leg.rows[0]] = yield from self._updates.act(leg, before)
        elif leg.act == "fork" and (copied := copied_by(leg, self._history)) is not None:
            yield from self._copy(leg, copied)
        else:
            try:
                given = None
                if leg.act == "input":
                    given = self._recording.given(leg.rows[0])
                elif leg.act == "on" and leg.parent >= 0:
                    given = self._recording.command(leg.parent)
            except Inexact as error:
                self._unknown(leg, before, str(error))
                return
            yield from self._run(leg, before, given)

    def _run(self, leg: Leg, before: Standing, given: Any) -> Act[None]:
        unchanged = before.verdict == "same"
        if unchanged and before.config is not None and self._channels is not None:
            unchanged = self._is_same(before.config, leg.parent)
        unsure = bool(leg.unsure) and before.verdict == "same"
        counts = self._counts if self._strict or unsure else None
        named = (self._live, self._effects)
        more: dict[str, Any] = {"runs": self._runs, "answers": self._answers, "counts": counts}
        run = LegRun(leg, self._recording, unchanged, self._is_same, *named, **more)
        if self._memory is not None:
            self._memory.look(lambda: self._moment(run.row), lambda: bool(run.serving.served))
        at = None
        if before.config is not None and (leg.act == "fork" or not self._is_newest(before.config)):
            at = place_of(before.config).checkpoint_id
        yield from run.act(self._graph, self._saver, given, at)
        self._served.update(run.serving.served)
        self._ran.update(run.serving.ran)
        if run.models is not None:
            self._answered.update(run.models.answered)
            self._warnings |= run.models.warnings
        if (spared := run.serving.spared) is not None:
            self._tokens += spared.total
        yield from self._compared(run, before)
        if unsure:
            for row in leg.rows:
                if (standing := self._at[row]).verdict != "same":
                    reason = f"{leg.unsure}; with what is stored, {standing.reason}"
                    self._at[row] = replace(standing, verdict="unknown", reason=reason)
        if self._memory is not None and self._memory.doubt:
            for row in leg.rows:
                self._at[row] = replace(self._at[row], verdict="unknown", reason=self._memory.doubt)

    def _is_newest(self, config: RunnableConfig) -> bool:
        newest = self._saver.get_tuple(config_of(self._history.thread_id))
        return newest is not None and place_of(newest.config) == place_of(config)

    def _counts(self, config: RunnableConfig, row: int) -> bool:
        """:meth:`_is_same`, of the channels that are compared."""
        return self._is_same(config, row, self._channels)

    def _is_same(self, config: RunnableConfig, row: int, channels: Collection[str] | None = None) -> bool:
        """Whether a checkpoint holds what a row held, as far as can be told: where that is uncertain, nothing
        is to run unasked. Delta channels are not looked at."""
        if self._is_stored_alike(config, row):
            return True
        saved = self._saver.get_tuple(config)
        held: Mapping[str, Any] = saved.checkpoint["channel_values"] if saved is not None else {}
        recorded = _of(self._recorded(row), channels)
        try:
            return self._are_equal(
                {name: value for name, value in recorded.items() if name in held},
                {name: held[name] for name in recorded if name in held},
            )
        except Inexact:
            return True

    def _is_stored_alike(self, config: RunnableConfig, row: int) -> bool:
        """Whether a checkpoint stores a state by the bytes that a row's would be stored by, ids included.
        Where it does not, the two may be equal all the same, but for their ids or by their delta channels."""
        place = place_of(config)
        if (known := self._alike.get((place, row))) is None:
            known = self._alike[place, row] = self._has_its_bytes(place, row)
        return known

    def _has_its_bytes(self, place: Address, row: int) -> bool:
        channels = self._graph.stream_channels_list
        stored = MemorySource(self._saver).encoded(place.thread_id, place.ns or "", str(place.checkpoint_id))
        held = self._history.reader.real_record(row).values
        recorded = {name: held[name] for name in channels if name in held}
        if self._has_deltas or recorded.keys() != stored.keys() & set(channels):
            return False
        try:
            if any(self._saver.serde.dumps_typed(v) != stored[name] for name, v in recorded.items()):
                return False
            new = {name: v for name, v in recorded.items() if self._exact.get(name) != stored[name]}
            self._fingerprint(new)  # or something in it cannot be told
            self._exact |= {name: stored[name] for name in new}
            return True
        except Exception:  # a value that the serializer does not take
            return False

    def _moment(self, row: int) -> datetime:
        """When the step that starts at a row began; past the recorded rows, when the last was made."""
        facts = self._tree.rows[row]
        moment = facts.metadata.get(KEPT) or self._history.checkpoint_at(facts.index).created_at
        return datetime.fromisoformat(str(moment))

    # ------------------------------------------------------------ how it compares

    def _compared(self, run: LegRun, before: Standing) -> Act[None]:
        standing, end = before, run.leg.rows[-1]
        pairs = list(_pairs(run))
        for (row, config), (_, after) in zip(pairs, [*pairs[1:], (end, None)], strict=True):
            if config is None:
                standing = self._ended(row, run.error, standing)
            elif standing.verdict == "same":
                # What a step was made from, the graph could load.
                alike = self._is_stored_alike(config, row)
                if after is None or not alike:
                    standing = yield from self._standing(row, config, last=row == end, alike=alike)
                else:
                    standing = Standing(config=config)
            else:
                standing = replace(standing, config=config)
            self._at[row] = standing
        if (error := run.error) is not None:
            verdict: Verdict = "unknown" if _is_no_evidence(error) else "failed"
            counts = standing.verdict == "same" if verdict == "unknown" else standing.verdict != "failed"
            if counts and not self._failed_then(end, error):
                self._at[end] = replace(standing, verdict=verdict, reason=said_of(error))
        elif len(run.made) > len(run.leg.steps) and standing.verdict == "same":
            reason = "it goes on now where it stopped then"
            self._at[end] = replace(
                standing, verdict="parted", parted_at=self._tree.labels[end], reason=reason
            )

    def _ended(self, row: int, error: Exception | None, before: Standing) -> Standing:
        """Of a checkpoint that was not made again."""
        if before.verdict != "same":
            return replace(before, config=None)
        label, ran = self._tree.labels[row], self._tree.nodes[row]
        if error is not None:
            verdict: Verdict = "unknown" if _is_no_evidence(error) else "failed"
            return Standing(verdict, label, said_of(error))
        if gone := [node for node in ran if node != START and node not in self._graph.nodes]:
            return Standing("parted", label, f"the graph has no node {names(gone)}, which ran then")
        return Standing("parted", label, f"it stops before {names(ran) or 'a step'}, which ran then")

    def _standing(
        self, row: int, config: RunnableConfig, *, last: bool, alike: bool = False
    ) -> Act[Standing]:
        """Of a checkpoint that was made again, after others that are the same; it may be stored alike."""
        at = Standing("unknown", self._tree.labels[row], config=config)
        now: StateSnapshot = yield from call(self._graph, "get_state", config)
        checkpoint = self._history.checkpoint_at(row)
        recorded = _of(self._recorded(row), self._channels)
        present = _of(by_channel(now.values), self._channels)
        if (why := checkpoint.unloadable) is not None:
            return replace(at, reason=f"the state {why}")
        try:
            equal = alike or self._are_equal(recorded, present, learn=True)
        except Inexact as error:
            return replace(at, reason=f"the states cannot be compared: {error}")
        made_by = self._tree.nodes[row]
        ran = (yield from self._ran_at(row)) if self._strict or not equal else None
        same_path = ran is None or sorted(ran) == sorted(self._not_called(row))
        if equal and (same_path or not self._strict):
            if not last or (now.next == checkpoint.next and self._asks_as_then(now, checkpoint)):
                return Standing(config=config)
            if now.next == checkpoint.next:
                return replace(at, verdict="parted", reason=f"{names(now.next)} asks something else")
            comes, came = names(now.next) or "nothing", names(checkpoint.next) or "nothing"
            return replace(at, verdict="parted", reason=f"{comes} comes next, where {came} came")
        if self._is_uncertain(row):
            return replace(at, reason=SEVERAL)
        if self._lasting.intersection(made_by) and len(self._history.heads) > 1:
            return replace(at, reason=_LASTING)
        diff, place = parting(self._masked(recorded), self._masked(present))
        reason = f"{names(made_by) or 'it'} gave another {place}"
        if ran is not None and not same_path:
            reason = f"{names(ran)} ran, where {names(made_by)} did"
        return replace(at, verdict="parted", reason=reason, diff=diff)

    def _asks_as_then(self, now: StateSnapshot, then: Checkpoint) -> bool:
        """Whether what ran past the last recorded step asks what it asked then; also where nothing ran."""
        asks, asked = ([each.value for each in one] for one in (now.interrupts, then.waiting))
        try:
            return not asks or self._are_equal({"asks": asked}, {"asks": asks})
        except Inexact:
            return False

    def _failed_then(self, row: int, error: Exception) -> bool:
        """Whether the step that starts at a row failed with the same error."""
        errors = self._history.checkpoint_at(row).errors.values()
        return any(StoredError.of(error).text == then.text for then in errors)

    def _ran_at(self, row: int) -> Act[Sequence[str] | None]:
        """The nodes that ran now to make what a row was; None where that is not known."""
        parent = self._tree.rows[row].parent
        before = self._at[parent.index].config if parent is not None else None
        if before is None or not self._tree.nodes[row] or self._tree.sources[row] != "loop":
            return None
        snapshot: StateSnapshot = yield from call(self._graph, "get_state", before)
        return [task.name for task in snapshot.tasks]

    def _not_called(self, row: int) -> Iterable[str]:
        """The nodes that made a row, without what those called (``@task``)."""
        parent = self._tree.rows[row].parent
        tasks = parent.step_work.tasks.values() if parent is not None else ()
        called = Counter(task.name for task in tasks if task.called and task.name is not None)
        return (Counter(self._tree.nodes[row]) - called).elements()

    def _recorded(self, row: int) -> dict[str, Any]:
        reader = self._history.reader
        if not is_commanded(self._tree.rows[row]):
            return reader.real_state(row)
        told = reader.told_by(self._history.source.graph, row, before_commands(reader.real_record(row)))
        return reader.real_state(row) if told is None else by_channel(told.values)

    def _are_equal(
        self, recorded: Mapping[str, Any], present: Mapping[str, Any], *, learn: bool = False
    ) -> bool:
        """Whether states differ at most in ids that were made up anew.

        Args:
            recorded, present: the states.
            learn: whether what those ids mean is known from now on: all that came before is.

        Raises:
            Inexact: that cannot be told.
        """
        before, after = self._fingerprint(recorded), fingerprint_of(present, Fingerprints())
        equal = before == after and self._ids.fit(before, after)
        if equal and learn:
            self._ids.learn(before, after)
        return equal

    def _fingerprint(self, recorded: Mapping[str, Any]) -> Fingerprint:
        """Of a recorded state, whose ids mean themselves.

        Raises:
            Inexact: it cannot be told.
        """
        made = fingerprint_of(recorded, self._recording.fingerprints)
        self._ids.learn(made, made)
        return made

    def _is_uncertain(self, row: int) -> bool:
        parent = self._tree.rows[row].parent
        return parent is not None and parent.index in self._recording.refused

    # ------------------------------------------------------------ copies

    def _copy(self, leg: Leg, copied: int) -> Act[None]:
        row, at = leg.rows[0], self._at[copied]
        if at.config is None:
            self._stand(leg.rows, at)
            return
        updates = [[StateUpdate(None, "__copy__")]]
        made: RunnableConfig = yield from call(self._graph, "bulk_update_state", at.config, updates)
        thread_id, namespace, checkpoint_id = place_of(made)
        config = config_of(thread_id, namespace or "", checkpoint_id)
        if at.verdict == "same":
            self._at[row] = yield from self._standing(row, config, last=not leg.steps)
        else:
            self._at[row] = replace(at, config=config)
        if leg.steps:
            yield from self._leg(Leg("on", row, None, leg.steps, halts=leg.halts))

    # ------------------------------------------------------------ inside

    def _unknown(self, leg: Leg, before: Standing, reason: str) -> None:
        """Of a leg that cannot be made again."""
        self._stand(leg.rows, before.unknown(self._tree.labels[leg.rows[0]], reason))

    def _stand(self, rows: Sequence[int], at: Standing) -> None:
        for row in rows:
            self._at[row] = replace(at, config=None)


def _of(state: Mapping[str, Any], channels: Collection[str] | None) -> dict[str, Any]:
    """Some channels of a state; None: all."""
    return {name: value for name, value in state.items() if channels is None or name in channels}


def _serializer_of(source: Source) -> Any:
    """What kept the recorded states: another would change other types."""
    if source.saver is not None:
        return source.saver.serde
    return None if isinstance(source, LangGraphTables) else ExactSerializer()


def _is_no_evidence(error: Exception) -> bool:
    """Whether an error says nothing of the graph: history lacks an answer, or memory cannot keep a value."""
    return isinstance(error, Unanswered) or within_saver(error)


def _pairs(run: LegRun) -> Iterator[tuple[int, RunnableConfig | None]]:
    """Each recorded row with the checkpoint that was made for it."""
    if run.leg.own is not None:
        yield run.leg.own, run.own[0] if run.own else None
    for number, row in enumerate(run.leg.steps):
        yield row, run.made[number] if number < len(run.made) else None
