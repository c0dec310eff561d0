"""The steps of one run: what is streamed, what is recorded, and what it comes to."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast, get_args

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import Checkpoint as StoredCheckpoint
from langgraph.checkpoint.base import CheckpointMetadata, CheckpointTuple
from langgraph.constants import START
from langgraph.errors import GraphDrained
from langgraph.runtime import RunControl
from langgraph.types import Command, Interrupt, Send, StateSnapshot

from lgviz.analysis.checkpoint import Checkpoint
from lgviz.analysis.loading import cannot_load, remedy_of
from lgviz.errors import ActRefused, InvalidValue, NodeRefused, NothingToRun, listed
from lgviz.reuse.models import ModelCalls, hearing
from lgviz.reuse.serving import Serving
from lgviz.sources.places import BRANCH_TO, NULL_TASK_ID, TASKS_CHANNEL, config_of, node_path, place_of
from lgviz.sources.redact import Redactor

from .beginning import beginning, begins
from .claims import Claims
from .effects import Act, Brake, StreamCut, call
from .halts import Halts, StepCount, StopPoints, When
from .heads import as_latest, goes_on, went_on_besides
from .interrupts import BESIDE, Answer, answered_besides, answers_of, located, open_interrupts
from .loaded import load, snapshot_of
from .mixed import refuse_mixed
from .plan import begun_anew, plan_of, refreshed, replanted, root_of
from .reused import LookAhead, models_of, serving_of
from .run_result import CheckpointFinder, Run, RunError, RunEvent, Status
from .sandbox import Sandbox, sandbox_of
from .saver_errors import refusal
from .saver_proxy import SaverProxy
from .streamed import MODES, AtWork
from .target import GraphTarget, Position, find, threaded_nodes
from .update import siblings

__all__ = ["Only", "RunSpec", "RunSteps", "Until"]

logger = logging.getLogger(__name__)
Until = str | Callable[[Checkpoint], bool] | None
Only = Literal["all", "unfinished"]
Reuse = bool | Mapping[str, Any]
Names = str | Iterable[str]
Nodes = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RunSpec:
    """What is to be run; the arguments of :func:`lgviz.run`."""

    at: Any
    input: Any = None
    resume: Any = None
    only: Only = "all"
    steps: int | None = None
    until: Until = None
    before: Names = ()
    after: Names = ()
    sandbox: bool = False
    thread_id: str | None = None
    config: RunnableConfig | None = None
    context: Any = None
    begins: bool = False
    """Whether ``input`` begins a new thread, or the next turn of a finished one, in place of ``at``."""
    fresh: bool = False
    """Whether it must be a new thread."""
    reuse: Reuse = False
    record_models: bool | None = None
    """None: as it is set for all runs."""
    redactor: Redactor | None = None
    """What it masks in answers of models is not recorded; None: the redactor of the source of ``at``."""
    ahead: LookAhead | None = None
    """Given where it is only looked at, up to where a task would run that ``reuse`` does not answer."""


@dataclass
class RunSteps:
    """One run on its way. Its fields may be read from any thread.

    Attributes:
        control: asks LangGraph to stop after the nodes at work.
        brake: cancels the asynchronous nodes at work.
        at_work: the tasks at work.
        made: configs of the checkpoints stored so far.
        sandbox: the sandbox that it runs in; None: it runs in the open.
        passed: nodes with a breakpoint before them that it went past, for it stood there.
        serving: what answers its tasks from history; None: nothing does.
        models: hears the models that its tasks call; None: nothing does.
    """

    spec: RunSpec
    on_event: Callable[[RunEvent], None] | None = None
    control: RunControl = field(default_factory=RunControl)
    brake: Brake = field(default_factory=Brake)
    at_work: AtWork = field(default_factory=AtWork)
    made: list[RunnableConfig] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    sandbox: Sandbox | None = None
    passed: Nodes = ()
    serving: Serving | None = None
    models: ModelCalls | None = None
    _halts: Halts = field(init=False)
    _claims: Claims | None = None
    _synchronous: set[tuple[str, str]] = field(default_factory=set)
    _until: set[str] = field(default_factory=set)
    _error: Exception | None = None
    _failed: str | None = None
    _worked: bool = False
    _ran: list[str] = field(default_factory=list)
    _threaded: set[str] = field(default_factory=set)
    _step: list[str] = field(default_factory=list)
    _last: Nodes = ()
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def act(self, given: GraphTarget) -> Act[Run]:
        """Run it.

        Raises:
            NothingToRun: the checkpoint has no next node, or no interrupt waits for the answer.
            NodeRefused: ``until``, ``before`` or ``after`` names no node.
            InvalidValue: ``steps`` is no number from 1.
            CheckpointNotFound: there is no such checkpoint.
            ActRefused: LangGraph would start from what another branch wrote; the checkpoint is not the head
                to go on at that it has to be; another run goes on there.
        """
        spec = self.spec
        _check_only(spec)
        self._halts = self._halts_of(given.graph)
        self._synchronous = threaded_nodes(given.graph) if given.asynchronous else set()
        self.sandbox = sandbox_of(given.given)
        if self.sandbox is not None:
            self.sandbox.check()
        position = yield from self._from(given)
        base = given
        if spec.sandbox and self.sandbox is None:
            self.sandbox = yield from Sandbox(given, position).looked()
            self.warnings += self.sandbox.warnings
            base = self.sandbox.over_overlays(given)
        reader = CheckpointFinder(base.given)
        serial = isinstance(given.saver, SaverProxy) and given.saver.serial
        claims = self._claims = Claims(position.target.saver, self.sandbox, position.thread_id)
        self.serving = serving_of(spec.reuse, position, given, spec.config, **(spec.ahead or {}))
        masks = spec.redactor
        if masks is None and isinstance(spec.at, Checkpoint):
            masks = spec.at.history.source.redactor
        if not spec.ahead:
            self.models = models_of(spec.record_models, position, given, self.serving, masks)
        if self.serving is not None:
            base = replace(base, graph=self.serving.over(base.graph))
        here = base.with_proxy(
            lambda config, metadata: self._put(reader, claims, config, metadata),
            serial=serial,
            edited=lambda saved: self._edited(base, saved),
            lost=claims.lost,
            marks=self.serving,
        )
        position = Position(here, position.saved)
        in_place = spec.begins or spec.resume is not None or spec.only == "unfinished"
        with claims:
            if in_place:
                # who held it before may have changed it
                self.warnings += map(_lost, claims.begin(position))
                position = yield from self._still(position)
            start = yield from self._begin(position, reader)
            return (yield from self._outcome(position, base, start))

    def _from(self, given: GraphTarget) -> Act[Position]:
        """Where the run starts."""
        spec = self.spec
        if spec.begins:
            return (yield from beginning(given, str(spec.thread_id), fresh=spec.fresh))
        position = yield from find(given, spec.at, spec.thread_id, spec.config)
        yield from refuse_mixed(spec.at, position)
        return position

    def _still(self, position: Position) -> Act[Position]:
        """Where the run starts, as it is stored now."""
        if not self.spec.begins:
            return (yield from find(position.target, position, None))
        now = yield from beginning(position.target, position.thread_id, fresh=self.spec.fresh)
        if begins(now) != begins(position) or (begins(now) is None and now.id != position.id):
            raise ActRefused(
                f"Thread {position.thread_id!r} went on meanwhile.", "Look at what came, then send it again."
            )
        return now

    def _begin(self, position: Position, finder: CheckpointFinder) -> Act[RunnableConfig]:
        """Run, and give the config of where it started."""
        if (new := begins(position)) is not None:
            self._halts.steps.hidden = True
            yield from self._stream(position, new, self.spec.input)
            if not self.made:
                said = f"{type(self._error).__name__}: {self._error}" if self._error else "it stored nothing"
                raise InvalidValue(f"The graph does not take this input: {said}.", "") from self._error
            return new
        snapshot = (yield from load(position)).check("Nothing can run here: the state")
        self._stand_at(position, snapshot)
        if self.spec.resume is not None:
            return (yield from self._resume(position, snapshot, finder))
        if self.spec.input is not None:
            return (yield from self._input(position))
        if not snapshot.next:
            raise _nothing(position)
        if self.spec.only == "unfinished":
            return (yield from self._unfinished(position, finder))
        return (yield from self._on(position, snapshot))

    # ------------------------------------------------------------ three ways to run

    def _on(self, position: Position, snapshot: StateSnapshot) -> Act[RunnableConfig]:
        """What the checkpoint's ``next`` says."""
        plan = yield from plan_of(position, snapshot)
        self.warnings += plan.warnings
        start = yield from replanted(position)
        yield from self._stream(position, start, None)
        return start

    def _unfinished(self, position: Position, finder: CheckpointFinder) -> Act[RunnableConfig]:
        """What has not finished of the step that starts here, in place."""
        root = yield from root_of(position)
        done = siblings(root, (yield from snapshot_of(root)))
        root = yield from as_latest(position, {sibling.task_id for sibling in done}, finder)
        yield from self._stream(root, config_of(root.thread_id), None)
        self._besides(root, finder)
        return root.config

    def _input(self, position: Position) -> Act[RunnableConfig]:
        if position.namespace:
            raise NothingToRun("An input goes to the root graph, not into a subgraph.", "Run from the root.")
        yield from self._stream(position, position.config, self.spec.input)
        return position.config

    def _besides(self, root: Position, finder: CheckpointFinder) -> None:
        """Say what somebody else, whom no claim keeps off, made of the head meanwhile."""
        made = {str(place_of(config).checkpoint_id) for config in self.made}
        if said := went_on_besides(root, made, finder):
            self.warnings.append(said)

    def _resume(
        self, position: Position, snapshot: StateSnapshot, finder: CheckpointFinder
    ) -> Act[RunnableConfig]:
        """Answer interrupts; where an answer is stored already, on a fresh fork, for LangGraph would silently
        give that one again."""
        root = yield from root_of(position)
        above = snapshot if root is position else (yield from snapshot_of(root))
        asked = []
        for answer in answers_of(root, above, self.spec.resume):
            asked.append((yield from located(root, above, answer)))  # noqa: PERF401
        answers = [answer for _, answer in asked]
        if all(answer.waiting for answer in answers):
            head = yield from goes_on(position, finder)
            if head is None and any(answer.place == BESIDE for answer in answers):
                raise NothingToRun(
                    "A node that a Command(goto=...) sent along asked this, and the thread went on.",
                    "Answer what the checkpoint's own tasks asked, by the id of the question.",
                )
            start_at = config_of(root.thread_id) if head is not None else root.config
            told = _command((a.interrupt.id, a.value) for a in answers)
            yield from self._stream(head or root, start_at, told)
            if head is not None:
                self._besides(head, finder)
            return root.config
        if self.spec.only == "unfinished":
            raise ActRefused(
                "A question that was answered can be answered anew only on a branch of its own.",
                "Leave out only='unfinished'.",
            )
        start = asked[0][0] if len({where.id for where, _ in asked}) == 1 else root
        halted = len(siblings(root, above)) < len(above.tasks)  # finished siblings need not run again
        if start is root and halted and (copying := refreshed(root, above, _told(answers))) is not None:
            self.warnings += _anew(above, answers, kept=True)
            stood, root = root, (yield from copying)
            for where, answer in asked:
                if where.namespace and not answer.waiting:
                    yield from begun_anew(where, root)
            latest = config_of(root.thread_id)  # without an id: finished tasks keep what they wrote
            yield from self._stream(root, latest, None)
            left = [(a, [a.value] if a.own else [*a.before, a.value]) for a in answers]
            left += [(a, [a.value]) for a in answered_besides(stood, above, answers)]
            yield from self._reply(root, left, nested=False)
            return root.config
        self.warnings += _anew(above, answers, kept=False)
        if start is not root:
            inner = yield from snapshot_of(start)
            answers = answers_of(start, inner, {a.interrupt.id: a.value for a in answers})
        config = yield from replanted(start)
        yield from self._stream(start, config, None)
        yield from self._reply(root, [(a, [*a.before, a.value]) for a in answers], nested=start is not root)
        return config

    def _reply(self, root: Position, left: list[tuple[Answer, list[Any]]], nested: bool) -> Act[None]:
        """Give the answers to the questions that a fresh fork asks again, older questions of a task first."""
        given = [answer for answer, _ in left if not answer.besides]
        while any(queue for _, queue in left) and self._error is None and not self.control.drain_requested:
            head = yield from find(root.target, self._head(root.config), None)
            snapshot = yield from snapshot_of(head)
            waiting = {i.id for i in open_interrupts(head, snapshot)}
            replies = {}
            for place, task in enumerate(snapshot.tasks):
                for interrupt in task.interrupts:
                    # one question of one subgraph surfaces as the only one that waits
                    fitting = [(a, q) for a, q in left if q and (nested or a.place == place)]
                    queue = _fitting(interrupt, fitting) if interrupt.id in waiting else None
                    if queue:
                        replies[interrupt.id] = queue.pop(0)
            if not replies:
                if any(queue for answer, queue in left if answer in given):
                    self.warnings.append(
                        "The question was not asked again on the fork; the answer was not given."
                    )
                return
            yield from self._stream(head, head.config, _command(replies.items()))

    def _stream(self, position: Position, start: RunnableConfig, given: Any) -> Act[None]:
        graph, spec = position.target.graph, self.spec
        acting = position.acting(spec.config, None)
        conf = {k: v for k, v in acting["configurable"].items() if not k.startswith("checkpoint_")}
        acting["configurable"] = conf | start["configurable"]
        if self.serving is not None or self.sandbox is not None:
            acting["configurable"]["__pregel_cache"] = self.serving
        before, after = graph.interrupt_before_nodes, graph.interrupt_after_nodes
        streamed = call(
            graph,
            "stream",
            given,
            acting,
            context=spec.context,
            # Who does not listen gets no tokens: models are then called as they are without lgviz.
            stream_mode=MODES if self.on_event is not None else ["tasks"],
            subgraphs=True,
            durability="sync",
            interrupt_before=(before if before == "*" else [*before, *self._halts.before.root]) or None,
            interrupt_after=(after if after == "*" else [*after, *self._halts.after.root]) or None,
            control=self.control,
            sink=self._sink,
            brake=self.brake,
        )
        try:
            with hearing(self.models):
                yield from streamed
        except (GraphDrained, StreamCut):
            pass  # stopped, as it was asked to
        except Exception as error:
            if not self.made and (refused := refusal(error)) is not None:
                raise refused from error
            self._error = error
        if self.serving is not None:
            self._error = self.serving.stopped or self._error  # also where a node caught it

    def _edited(self, target: GraphTarget, saved: CheckpointTuple) -> CheckpointTuple:
        """A checkpoint as this run is to see it.

        LangGraph goes on from a breakpoint once it has marked all channels of the graph as seen. Those that
        the graph has lost since it leaves unmarked, and stops there again and again: they are marked here. An
        answer given for no question by name stays stored, and answers the next question that is asked: it is
        left out where new answers are given.
        """
        checkpoint, writes = saved.checkpoint, saved.pending_writes
        if self.spec.resume is not None and writes:
            writes = [w for w in writes if w[:2] != (NULL_TASK_ID, "__resume__")]
        try:
            known = target.graph_in(place_of(saved.config).ns or "").channels
        except NodeRefused:
            return saved._replace(pending_writes=writes)
        versions, seen = checkpoint["channel_versions"], checkpoint["versions_seen"]
        if lost := {name: version for name, version in versions.items() if name not in known}:
            passed = {**seen, "__interrupt__": {**seen.get("__interrupt__", {}), **lost}}
            checkpoint = cast("StoredCheckpoint", {**checkpoint, "versions_seen": passed})
        return saved._replace(checkpoint=checkpoint, pending_writes=writes)

    # ------------------------------------------------------------ what is heard

    def _sink(self, item: Any) -> None:
        where, mode, told = item
        with self._lock:
            event = self.at_work.heard("|".join(where), mode, told)
            if event is not None and event.kind == "started":
                self._worked = True
                self._ran.append(event.node or "")
                self._begun(event)
            elif event is not None and event.error is not None:
                self._failed = self._failed or event.node
        if event is not None:
            self.tell(event)

    def _begun(self, event: RunEvent) -> None:
        node = event.node or ""
        if (event.namespace and node_path(event.namespace), node) in self._synchronous:
            self._threaded.add(event.task_id or "")
        if not event.namespace:
            self._step.append(node)

    def _put(
        self, reader: CheckpointFinder, claims: Claims, config: RunnableConfig, metadata: CheckpointMetadata
    ) -> None:
        place = place_of(config)
        with self._lock:
            self.made.append(config)
            if not place.ns:
                self._last, self._step = tuple(self._step), []
        if not place.ns and not claims.at(str(place.checkpoint_id)):
            self.warnings.append(
                f"Another run goes on at checkpoint {place.checkpoint_id}: this one stopped."
            )
            self.control.request_drain("stop")
        self.tell(RunEvent("checkpoint", place.ns or "", checkpoint_id=place.checkpoint_id))
        self._halts.put(reader, config, metadata.get("source"))

    def cut(self) -> None:
        """Cancel the asynchronous nodes at work, and say of the others that they go on."""
        with self._lock:
            held = [name for task_id, name in self.at_work.nodes.items() if task_id in self._threaded]
        self.warnings += map(_lost, held)
        self.brake.pull()

    def leave(self) -> None:
        """Nobody waits for it any more: who goes on where it is need not wait either."""
        if self._claims is not None:
            self._claims.leave(lambda: list(self.at_work.nodes.values()))

    def tell(self, event: RunEvent) -> None:
        if self.on_event is None:
            return
        try:
            self.on_event(event)
        except Exception:
            logger.exception("A listener of the run raised; the run goes on.")

    # ------------------------------------------------------------ what it came to

    def _head(self, start: RunnableConfig) -> RunnableConfig:
        """The last root checkpoint made, else the one it started from."""
        with self._lock:
            made = [c for c in self.made if not place_of(c).ns]
        return made[-1] if made else start

    def _outcome(self, position: Position, base: GraphTarget, start: RunnableConfig) -> Act[Run]:
        head = yield from find(position.target, self._head(start), None)
        loaded = yield from load(head)
        snapshot = loaded.snapshot
        waiting = tuple(open_interrupts(head, snapshot))
        stood = self._stood(base.graph, snapshot)
        status = self._status(snapshot, bool(waiting), stood)
        self.warnings += self._halts.warnings
        if self.models is not None:
            self.warnings += self.models.warnings
        if loaded.refusals:
            self.warnings.append(
                f"The last state {cannot_load(loaded.refusals)}. {remedy_of(loaded.refusals)}"
            )
        self.at_work = AtWork()
        return Run(
            status=status,
            values=snapshot.values,
            interrupts=waiting,
            error=RunError.of(self._error, self._failed) if self._error is not None else None,
            warnings=list(self.warnings),
            config=head.config,
            configs=list(self.made),
            graph=base.given if self.sandbox is None else self.sandbox.graph,
            before=stood["before"] if status == "interrupted" else (),
            after=stood["after"] if status == "interrupted" else (),
            passed=self.passed,
            served=self.serving.served if self.serving is not None else Counter(),
            ran=self.serving.ran if self.serving is not None else Counter(self._ran),
            spared=self.serving.spared if self.serving is not None else None,
            answered=self.models.answered if self.models is not None else Counter(),
            sandbox=self.sandbox,
        )

    def _status(self, snapshot: StateSnapshot, asks: bool, stood: Mapping[When, Nodes]) -> Status:
        if self._error is not None:
            return "failed"
        if self.brake.pulled and snapshot.next:
            return "stopped"
        if asks:
            return "interrupted"
        if not snapshot.next:
            return "done"
        drained = self.control.drain_reason
        if drained in ("stop", "until", "steps") or self._until.intersection(stood["before"]):
            return "stopped"
        if not self._worked:
            self.warnings.append(f"LangGraph stopped before {', '.join(snapshot.next)} and ran nothing.")
        return "interrupted"

    def _stood(self, graph: Any, snapshot: StateSnapshot) -> dict[When, Nodes]:
        """Before and after which nodes a breakpoint stopped it; none where none did."""
        halts = self._halts
        if halts.stood:
            return {"before": (), "after": (), **halts.stood}
        return {
            "before": _at(snapshot.next, graph.interrupt_before_nodes, halts.before.root),
            "after": _at(self._last, graph.interrupt_after_nodes, halts.after.root),
        }

    # ------------------------------------------------------------ where it stops

    def _halts_of(self, graph: Any) -> Halts:
        spec, until = self.spec, self.spec.until
        if until is not None and not isinstance(until, str) and not callable(until):
            raise NodeRefused(
                f"until={until!r} names no node to stop before.", "Name one, or give a function."
            )
        named = [until] if isinstance(until, str) else []
        self._until = StopPoints.of(named, graph, "stop before").names
        given = [spec.before] if isinstance(spec.before, str) else spec.before
        return Halts(
            self.control,
            StopPoints.of([*given, *named], graph, "stop before"),
            StopPoints.of(spec.after, graph, "stop after"),
            StepCount.of(spec.steps),
            None if isinstance(until, str) else until,
        )

    def _stand_at(self, position: Position, snapshot: StateSnapshot) -> None:
        """Where it begins: a breakpoint right there is passed."""
        spec, path, steps = self.spec, node_path(position.namespace), self._halts.steps
        steps.path, steps.hidden = path, spec.input is not None or snapshot.next == (START,)
        if spec.input is None and spec.resume is None:
            nodes = dict.fromkeys(snapshot.next)
            self.passed = tuple(node for node in nodes if self._halts.before.has(path, node))
        if self.passed:
            self.warnings.append(f"It stood before {listed(self.passed)}: the breakpoint there was passed.")


def _lost(node: str) -> str:
    return f"{node!r} is synchronous and still at work: its effects may happen, its result is lost."


def _at(nodes: Iterable[str], own: Sequence[str] | str, given: Sequence[str]) -> Nodes:
    return tuple(dict.fromkeys(node for node in nodes if own == "*" or node in own or node in given))


def _check_only(spec: RunSpec) -> None:
    if spec.only not in get_args(Only):
        raise ActRefused(f"A run cannot run only {spec.only!r}.", "Give only='all' or only='unfinished'.")
    if spec.only == "unfinished" and spec.input is not None:
        raise ActRefused(
            "An input starts a step of its own: it does not go on with the one that has not finished.",
            "Give an input, or only='unfinished'.",
        )


def _nothing(position: Position) -> NothingToRun:
    gone = ", ".join(map(repr, _gone(position)))
    return NothingToRun(
        f"This graph has no node {gone}, which was to run next at this checkpoint."
        if gone
        else "Nothing comes next at this checkpoint.",
        "Fork it as another node, or run it with an input.",
    )


def _gone(position: Position) -> list[str]:
    """The nodes that edges or ``Send``s of this checkpoint lead to, and that its graph does not have."""
    values = position.saved.checkpoint["channel_values"]
    led = [name.removeprefix(BRANCH_TO) for name in values if name.startswith(BRANCH_TO)]
    sends = values.get(TASKS_CHANNEL) or ()
    led += [send.node for send in sends if isinstance(send, Send)] if isinstance(sends, (list, tuple)) else []
    return [name for name in dict.fromkeys(led) if name not in position.graph.nodes]


def _told(answers: list[Answer]) -> dict[int, list[Any]]:
    """By position the tasks that are asked again, with the answers to their earlier questions."""
    return {a.place: a.before if a.own else [] for a in answers}


def _fitting(interrupt: Interrupt, left: list[tuple[Answer, list[Any]]]) -> list[Any] | None:
    """Of the answers that a task may be given, those to this question; else those whose turn it is. None
    where several may be meant: an answer is given to no other question."""
    for answer, queue in left:
        if len(queue) == 1 and _equal(answer.interrupt.value, interrupt.value):
            return queue
    older = [queue for _, queue in left if len(queue) > 1]
    return older[0] if older else left[0][1] if len(left) == 1 else None


def _equal(one: Any, other: Any) -> bool:
    try:
        return bool(one == other)
    except Exception:  # whatever a question's value says of that
        return False


def _anew(snapshot: StateSnapshot, answers: list[Answer], *, kept: bool) -> Iterator[str]:
    """What is asked and run again where questions are answered anew."""
    for answer in answers:
        if not answer.waiting and answer.before:
            count = len(answer.before)
            said = "1 earlier answer is" if count == 1 else f"{count} earlier answers are"
            yield f"{snapshot.tasks[answer.place].name} is asked anew on a fork; its {said} given again."
        if kept and not answer.own:
            yield f"All that {snapshot.tasks[answer.place].name} calls runs again on the fork."
    asked = {a.place for a in answers}
    for place, task in enumerate(snapshot.tasks):
        if place in asked:
            continue
        if not kept and (task.result is not None or task.state is not None):
            yield f"{task.name} runs again on the fork."
        elif kept and task.result is None and task.interrupts:
            yield f"{task.name} is asked again on the fork."


def _command(answers: Iterable[tuple[str, Any]]) -> Command[Any]:
    return Command(resume=dict(answers))
