"""One thread, done again into memory: each input, update, fork and answer, in the order of its creation."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointMetadata
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import GraphDrained
from langgraph.runtime import RunControl
from langgraph.types import Command, StateSnapshot

from lgviz.analysis.checkpoint import Checkpoint
from lgviz.analysis.diff import diff_states
from lgviz.analysis.history import History
from lgviz.analysis.loading import said_by
from lgviz.analysis.same import same
from lgviz.analysis.steps import TreeRow
from lgviz.errors import LgvizError, listed
from lgviz.reuse.fingerprint import Fingerprint, Fingerprints, Inexact
from lgviz.reuse.recorded import SEVERAL, Recording
from lgviz.reuse.serving import Serving
from lgviz.session.effects import Act, call
from lgviz.session.saver_proxy import SaverProxy
from lgviz.session.target import find, target_of
from lgviz.session.update import Edit, update
from lgviz.session.values import Set
from lgviz.sources.base import Undecodable
from lgviz.sources.places import by_channel, config_of, configurable_of, place_of

from .legs import Leg, legs_of
from .results import BranchReplay, ThreadReplay, Verdict, worst

__all__ = ["ThreadActs"]

_MOST_ANSWERS = 1000
"""A graph that asks for ever is stopped."""


@dataclass(slots=True)
class _Standing:
    """How things stand at a checkpoint that was made again: as a branch of it inherits."""

    verdict: Verdict = "same"
    parted_at: str | None = None
    reason: str = ""
    diff: Any = None
    config: RunnableConfig | None = None
    """Where it is in memory; None: nothing can go on from there."""


@dataclass
class ThreadActs:
    """Replays one thread.

    Args:
        graph: today's graph.
        history: the thread, without masks.
        live: whether a node of this path always runs.
        effects: whether a node of this path must not run.
    """

    graph: Any
    history: History
    live: Callable[[str], bool] = lambda _path: False
    effects: Callable[[str], bool] = lambda _path: False
    control: RunControl = field(default_factory=RunControl)
    _served: Counter[str] = field(default_factory=Counter)
    _ran: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._saver = InMemorySaver()
        self._recording = Recording(self.history, self.graph)
        self._at: dict[int, _Standing] = {}
        self._tree = self.history.tree
        self._fingerprints = Fingerprints()
        self._lasting = {
            name.partition("|")[0]
            for name, subgraph in self.graph.get_subgraphs(recurse=True)
            if subgraph.checkpointer is True
        }

    def act(self) -> Act[ThreadReplay]:
        """Replay it."""
        for leg in legs_of(self._tree):
            yield from self._leg(leg)
        heads = [row for row in self._tree.roots if not self._tree.rows[row].children]
        branches = []
        for row in heads:
            branches.append((yield from self._branch(row)))
        found = worst(branches)
        return ThreadReplay(
            self.history.thread_id,
            found.verdict,
            self._served,
            self._ran,
            found.parted_at,
            found.reason,
            found.diff,
            found.values,
            tuple(branches),
        )

    def _branch(self, row: int) -> Act[BranchReplay]:
        at = self._at[row]
        values = None
        if at.config is not None:
            values = (yield from call(self._graph(), "get_state", at.config)).values
        return BranchReplay(self._tree.labels[row], at.verdict, at.parted_at, at.reason, at.diff, values)

    # ------------------------------------------------------------ one leg

    def _leg(self, leg: Leg) -> Act[None]:
        before = self._at.get(leg.parent, _Standing()) if leg.parent >= 0 else _Standing()
        if leg.parent >= 0 and before.config is None:
            self._stand(leg.rows, before)
            return
        if leg.doubt:
            self._unknown(leg.rows, leg.doubt)
            return
        if leg.act == "update":
            yield from self._update(leg, before)
            return
        given, doubt = self._given(leg)
        if doubt:
            self._unknown(leg.rows, doubt)
            return
        yield from self._run(leg, before, given)

    def _given(self, leg: Leg) -> tuple[Any, str]:
        """What the graph was given, or why that is not known."""
        start = self._tree.rows[leg.own if leg.own is not None else leg.parent]
        if leg.act != "input":
            return None, ""
        source, thread = self.history.source.real, self.history.thread_id
        held = source.channels(thread, "", start.id, ["__start__"])
        if "__start__" not in held:
            return None, "the input is not stored"
        if isinstance(value := held["__start__"], Undecodable):
            return None, f"the input cannot be decoded: {value.reason}"
        return value, ""

    def _run(self, leg: Leg, before: _Standing, given: Any) -> Act[None]:
        first = self._tree.rows[leg.rows[0]]
        configurable = configurable_of(first.metadata)
        made: list[RunnableConfig] = []
        done = iter([leg.parent if leg.own is None else leg.own, *leg.steps])
        expected = [next(done)]
        control = RunControl()
        serving = Serving([self._recording], configurable, self.live, self.effects, lambda: expected)

        def on_put(config: RunnableConfig, metadata: CheckpointMetadata) -> None:
            if place_of(config).ns:
                return
            if metadata.get("source") == "loop":
                made.append(config)
                expected[:] = [next(done, -1)]
                if len(made) == len(leg.steps) and not serving.ran:
                    control.request_drain("end")
            elif not leg.steps:
                control.request_drain("end")
            if metadata.get("source") != "loop":
                own.append(config)

        own: list[RunnableConfig] = []
        graph = serving.over(self.graph)
        graph.checkpointer = SaverProxy(self._saver, on_put)
        graph.interrupt_before_nodes, graph.interrupt_after_nodes = [], []
        if graph.store is not None:
            graph.store = None
        where = config_of(self.history.thread_id)
        conf = configurable | where["configurable"]
        if before.config is not None and (leg.act == "fork" or not self._is_newest(before.config)):
            conf["checkpoint_id"] = place_of(before.config).checkpoint_id
        conf["__pregel_cache"] = serving
        failed = yield from self._stream(graph, given, {"configurable": conf}, control)
        asked = 0
        conf = configurable | where["configurable"] | {"__pregel_cache": serving}
        while failed is None and not control.drain_requested and asked < _MOST_ANSWERS:
            head = (own + made)[-1] if own + made else before.config
            answer = yield from self._answer(graph, head, leg, len(made))
            if answer is None:
                break
            asked += 1
            failed = yield from self._stream(graph, answer, {"configurable": conf}, control)
        self._served.update(serving.served)
        self._ran.update(serving.ran)
        yield from self._compared(leg, before, own, made, failed)

    def _is_newest(self, config: RunnableConfig) -> bool:
        newest = self._saver.get_tuple(config_of(self.history.thread_id))
        return newest is not None and place_of(newest.config) == place_of(config)

    def _stream(
        self, graph: Any, given: Any, config: Mapping[str, Any], control: RunControl
    ) -> Act[Exception | None]:
        try:
            yield from call(
                graph,
                "stream",
                given,
                config,
                stream_mode=["tasks"],
                durability="sync",
                control=control,
                sink=lambda _item: None,
            )
        except GraphDrained:
            return None
        except Exception as error:
            return error
        return None

    def _answer(
        self, graph: Any, head: RunnableConfig | None, leg: Leg, steps: int
    ) -> Act[Command[Any] | None]:
        """The answers that were given to what the graph asks now; None where there are none."""
        if head is None:
            return None
        snapshot: StateSnapshot = yield from call(graph, "get_state", config_of(self.history.thread_id))
        rows = [leg.own if leg.own is not None else leg.parent, *leg.steps]
        if not any(task.interrupts for task in snapshot.tasks) or steps >= len(rows):
            return None
        row = self._tree.rows[rows[steps]]
        source = self.history.source.real
        told: dict[str, list[Any]] = {}
        for write in source.writes(self.history.thread_id, "", row.id):
            if write.channel == "__resume__":
                value = write.value if isinstance(write.value, list) else [write.value]
                told[write.task_id] = value
        named = {t.id: self._tree.naming.name_task(row, t) for t in row.step_work.tasks.values()}
        answers: dict[str, Any] = {}
        for task in snapshot.tasks:
            for asked in task.interrupts:
                fitting = [told[i] for i, name in named.items() if name == task.name and told.get(i)]
                if fitting:
                    answers[asked.id] = fitting[0].pop(0)
        return Command(resume=answers) if answers else None

    # ------------------------------------------------------------ how it compares

    def _compared(
        self,
        leg: Leg,
        before: _Standing,
        own: Sequence[RunnableConfig],
        made: Sequence[RunnableConfig],
        failed: Exception | None,
    ) -> Act[None]:
        pairs: list[tuple[int, RunnableConfig | None]] = []
        if leg.own is not None:
            pairs.append((leg.own, own[0] if own else None))
        pairs += [(row, made[n] if n < len(made) else None) for n, row in enumerate(leg.steps)]
        standing = before
        for number, (row, config) in enumerate(pairs):
            if config is None:
                standing = self._ended(row, failed, standing)
            elif standing.verdict == "same":
                last = number == len(pairs) - 1
                standing = yield from self._standing(row, config, last=last)
            else:
                standing = replace(standing, config=config)
            self._at[row] = standing
        if failed is not None and pairs and self._at[pairs[-1][0]].verdict != "failed":
            at = self._at[pairs[-1][0]]
            self._at[pairs[-1][0]] = replace(at, verdict="failed", reason=_said(failed))
        elif len(made) > len(leg.steps) and pairs and self._at[pairs[-1][0]].verdict == "same":
            row, config = pairs[-1]
            reason = "it goes on now where it stopped then"
            self._at[row] = _Standing("parted", self._tree.labels[row], reason, None, config)

    def _ended(self, row: int, failed: Exception | None, before: _Standing) -> _Standing:
        """A checkpoint that was not made again."""
        if before.verdict != "same":
            return replace(before, config=None)
        label = self._tree.labels[row]
        if failed is not None:
            return _Standing("failed", label, _said(failed))
        nodes = listed(map(repr, self._tree.rows[row].nodes)) if self._tree.rows[row].nodes else "a step"
        return _Standing("parted", label, f"it stops before {nodes}, which ran then")

    def _standing(self, row: int, config: RunnableConfig, *, last: bool) -> Act[_Standing]:
        label = self._tree.labels[row]
        now: StateSnapshot = yield from call(self._graph(), "get_state", config)
        try:
            checkpoint = self.history.checkpoint_at(row)
            recorded, present = self._recorded(row), by_channel(now.values)
            if (why := checkpoint.unloadable) is not None:
                return _Standing("unknown", label, f"the state {why}", None, config)
            if self._fingerprint(recorded) == self._fingerprint(present):
                if not last or tuple(now.next) == tuple(checkpoint.next):
                    return _Standing(config=config)
                reason = f"it goes on to {_names(now.next)} and went on to {_names(checkpoint.next)}"
                return _Standing("parted", label, reason, None, config)
        except Inexact as error:
            return _Standing("unknown", label, f"the states cannot be compared: {error}", None, config)
        if self._doubtful(row):
            return _Standing("unknown", label, SEVERAL, None, config)
        if self._lasting.intersection(self._tree.nodes[row]) and len(self._at) >= len(self.history.path(checkpoint)):
            reason = "which state its subgraph with a history of its own went on from is not stored"
            return _Standing("unknown", label, reason, None, config)
        diff = diff_states(recorded, present)
        where = next(iter(diff), None)
        what = f"`{_path(where)}`" if where is not None else "the state"
        nodes = self._tree.nodes[row]
        by = f" in {listed(f'`{n}`' for n in dict.fromkeys(nodes))}" if nodes else ""
        reason = f"parted at {label}{by} because of {what}"
        return _Standing("parted", label, reason, diff, config)

    def _recorded(self, row: int) -> dict[str, Any]:
        return self.history.reader.real_state(row)

    def _doubtful(self, row: int) -> bool:
        parent = self._tree.rows[row].parent
        return parent is not None and parent.index in self._recording.refused

    def _fingerprint(self, state: Mapping[str, Any]) -> Fingerprint:
        return self._fingerprints.of(dict(sorted(state.items())))

    # ------------------------------------------------------------ updates

    def _update(self, leg: Leg, before: _Standing) -> Act[None]:
        row = self._tree.rows[leg.rows[0]]
        checkpoint: Checkpoint = self.history.checkpoint_at(row.index)
        as_node, writes = checkpoint.as_node, checkpoint.writes
        if as_node is None:
            self._unknown(leg.rows, "as which node the update was made is not certain")
            return
        derived = writes.derived or len(writes.get(as_node, ())) != 1
        values = self._led_to(row) if derived and before.verdict == "same" else writes.get(as_node, [{}])[0]
        edit = Edit(values, as_node, row.metadata.get("lgviz_goto"))
        where = before.config or config_of(self.history.thread_id)
        config: RunnableConfig = {"configurable": configurable_of(row.metadata)}
        label = self._tree.labels[row.index]
        try:
            position = yield from find(target_of(self._graph()), where, None)
            made = yield from update(position, edit, config, None)
        except Exception as error:
            self._at[row.index] = _Standing("failed", label, f"the update as `{as_node}`: {_said(error)}")
            return
        if before.verdict != "same":
            self._at[row.index] = replace(before, config=made.config)
            return
        at = yield from self._standing(row.index, made.config, last=True)
        if derived and at.verdict == "parted":
            at = replace(at, verdict="unknown", reason="what the update wrote is not stored")
        self._at[row.index] = at

    def _led_to(self, row: TreeRow) -> dict[str, Any]:
        """What sets a state to the one that an update led to, whatever it wrote."""
        before = self._recorded(row.parent.index) if row.parent is not None else {}
        after = self._recorded(row.index)
        return {name: Set(value) for name, value in after.items() if not same(before.get(name), value)}

    # ------------------------------------------------------------ inside

    def _graph(self) -> Any:
        graph = copy.copy(self.graph)
        graph.checkpointer = self._saver
        return graph

    def _unknown(self, rows: Sequence[int], reason: str) -> None:
        label = self._tree.labels[rows[0]]
        self._stand(rows, _Standing("unknown", label, reason))

    def _stand(self, rows: Sequence[int], at: _Standing) -> None:
        for row in rows:
            self._at[row] = replace(at, config=None)


def _said(error: Exception) -> str:
    return str(error.cause) if isinstance(error, LgvizError) else f"it raised {said_by(error)}"


def _names(nodes: Sequence[str]) -> str:
    return listed(f"`{node}`" for node in dict.fromkeys(nodes)) if nodes else "its end"


def _path(change: Any) -> str:
    text = change.channel
    for part in change.path:
        text += f"[{part!r}]" if isinstance(part, int) else f".{part}"
    return text

