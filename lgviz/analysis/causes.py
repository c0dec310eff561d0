"""Why the tasks of a step ran: the channels that triggered each, who wrote to them, and by which way.

LangGraph runs a node when a channel that triggers it holds something newer than what the node has read
(``versions_seen`` against ``channel_versions``). Who wrote it, the writes of the step before tell by the
names of their channels: ``branch:to:plan`` leads to ``plan``, ``join:a+b:c`` from ``a`` and ``b`` to ``c``.
Whether an edge, a router or a ``Command`` wrote to ``branch:to:plan``, the graph alone tells
(:class:`~lgviz.analysis.routes.Routes`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lgviz.sources.base import Undecodable
from lgviz.sources.places import BRANCH_TO, NULL_TASK_ID, TASKS_CHANNEL

from .answers import askers_of
from .begun import Begun, begun
from .checkpoint import Checkpoint
from .naming import NO_NODE_CHANNELS
from .routes import Route, Routes
from .shown import ShownByFields
from .steps import PULL, PUSH, Task, TreeRow, caller_of
from .values import line
from .waiting import holding, is_newer, is_open, triggers_at
from .writes import makers

__all__ = ["Cause", "StepCauses", "Trigger", "Via", "listed_and"]

Via = Literal["input", "edge", "branch", "join", "send", "goto", "call", "resume", "unknown"]
_START = "__start__"
_SHORT = 60
_FARTHEST = 20_000
"""So many checkpoints back it is looked who wrote to what gathers."""


@dataclass(frozen=True, slots=True, repr=False)
class Trigger(ShownByFields):
    """One write that triggered a task.

    Attributes:
        channel: where it was written; ``__pregel_tasks`` holds what was sent, ``__pregel_push`` calls.
        version: the channel's version that the task read; None where it is not stored.
        checkpoint: the one that the write went into; None where that is not certain, or no longer stored.
        node: who wrote it; None where nobody in the graph did (an input), or where it is not certain.
        via: how it led to the task, as in a :class:`Cause`.
        router: the function that chose, or sent, where the graph tells.
        choices: what that may choose among.
    """

    channel: str
    version: Any
    checkpoint: Checkpoint | None
    node: str | None
    via: Via = "unknown"
    router: str | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Cause(ShownByFields):
    """Why a task ran.

    Attributes:
        node: its node; empty where it is not certain.
        task_id: its id; None where it is not stored.
        triggers: what triggered it: of a join a trigger for each half.
        via: how: ``"input"``, ``"edge"``, ``"branch"`` (a router chose), ``"join"``, ``"send"``, ``"goto"``
            (a ``Command``), ``"call"`` (of another task, or to handle its error), ``"resume"`` (it asked, and
            went on when it was answered; ``triggers`` tell what began it), ``"unknown"``.
        text: in words.
        sent: what a ``Send`` gave it, in short.
        begun: of a task that asked, how often it was begun.
        deferred: whether its node waits until all others have ended.
        failed_before: whether an earlier run of it failed.
    """

    node: str
    task_id: str | None
    triggers: list[Trigger]
    via: Via
    text: str
    sent: str | None = None
    begun: Begun | None = None
    deferred: bool = False
    failed_before: bool = False


@dataclass(slots=True)
class _Reason:
    """One way that led to a task; ``words`` complete "`plan` ran …"."""

    triggers: list[Trigger]
    words: str
    sent: str | None = None


class StepCauses:
    """The causes of the tasks of the step that starts at a checkpoint.

    Args:
        at: the checkpoint.
        graph: the graph that made it, where the history has none.
    """

    def __init__(self, at: Checkpoint, graph: Any = None) -> None:
        history = at.history
        self._history = history
        self._row: TreeRow = history.tree.rows[at.row]
        self._record = history.reader.real_record(at.row)
        self._shown = history.reader.record(at.row)
        self.routes = Routes(history.reader.graph_at(at.row, graph))
        self.askers = askers_of((w.task_id, w.channel, w.value) for w in self._shown.writes)
        self._gathers: dict[str, tuple[dict[str | None, TreeRow], bool]] = {}
        self._written: TreeRow = self._row
        while self._written.source == "fork" and self._written.parent is not None:
            self._written = self._written.parent  # a copy holds what was written to make the original

    def of(self, node: str, task: Task, read: Mapping[str, Any], verb: str = "ran") -> Cause:
        """The cause of one task.

        Args:
            node: its node; empty where it is not certain.
            task: what is stored of it, its ``order`` at least.
            read: the channel versions that its node has read in this step, where they are known.
            verb: what its text says that the task did.
        """
        reasons = [reason for reason in self._reasons(node, task, read) if reason.triggers]
        triggers = [trigger for reason in reasons for trigger in reason.triggers]
        asked = self.asked(node, task)
        answered = task.finished and (task.interrupted or asked is not None)
        return Cause(
            node,
            task.id or None,
            triggers,
            "resume" if answered else triggers[0].via if triggers else "unknown",
            self._text(node, task, verb, [reason.words for reason in reasons], asked),
            reasons[0].sent if reasons else None,
            asked,
            self.routes.is_deferred(node),
            task.failed and task.finished,
        )

    def sent(self) -> list[str | None]:
        """The nodes of the ``Send``s that the step began with, by number."""
        return [getattr(send, "node", None) for send in self._sends()]

    def asked(self, node: str, task: Task) -> Begun | None:
        """How often a task that asked was begun; None for others, and where what it called asked."""
        asker = self.askers.get(task.id)
        if asker is None or not node:
            return None
        around = "|".join(part for part in (self._row.namespace, task.within) if part)
        if not asker.answers and asker.place_of(asker.asked[-1], node, around) is None:
            return None
        question = {one.id for one in asker.asked}  # who called it asks the same
        others = [each for each in self.askers.values() if question.isdisjoint(one.id for one in each.asked)]
        alone = not others and not task.failed
        return begun(asker, alone=alone, node=self.routes.node(node))

    def came(self, channel: str, node: str, version: Any = None) -> list[Trigger]:
        """Who wrote to a channel that gathers (of a join, of a deferred node) up to here, oldest first."""
        found, _ = self._gathered(channel, node)
        return [self._trigger(channel, row, writer, node, version) for writer, row in found.items()]

    def missing(self, channel: str, node: str, held: Any) -> frozenset[str] | None:
        """The nodes that a join waits for; None where nothing came yet, or it is not certain what did.

        The writes are asked first: LangGraph may store a join while the next step adds to it already.
        """
        awaited = self.routes.awaited(channel)
        found, certain = self._gathered(channel, node)
        if certain:
            came = {writer for writer in found if writer is not None}
        else:
            came = {*held} if isinstance(held, (set, frozenset, list, tuple)) else set()
        return awaited - came if came else None

    def _gathered(self, channel: str, node: str) -> tuple[dict[str | None, TreeRow], bool]:
        """Who wrote to a channel since its node last took what was in it, and whether that is certain."""
        if channel not in self._gathers:
            self._gathers[channel] = self._gather(channel, node)
        return self._gathers[channel]

    def _gather(self, channel: str, node: str) -> tuple[dict[str | None, TreeRow], bool]:
        awaited = self.routes.awaited(channel) if channel.startswith("join:") else frozenset()
        path, certain = self._since_taken(channel, node, awaited)
        found: dict[str | None, TreeRow] = {}
        for row in reversed(path):
            if node in row.nodes and awaited <= found.keys():
                found, certain = {}, True
            for writer in self._wrote(row, channel):
                found.setdefault(writer, row)
            known = row.source in ("input", "fork") or bool(makers(row) or row.nodes)
            certain = certain and known and not row.collapsed
        return found, certain and None not in found

    def _since_taken(self, channel: str, node: str, awaited: frozenset[str]) -> tuple[list[TreeRow], bool]:
        """The rows from here back to one whose node surely took what a channel held, for all that was awaited
        had come since it ran before; and whether there is one, or all rows are there."""
        path: list[TreeRow] = []
        ran, came = 0, set[str | None]()
        row: TreeRow | None = self._written
        while row is not None and len(path) < _FARTHEST:
            path.append(row)
            if node in row.nodes:
                ran, came = len(path), set()
            elif ran:
                came.update(self._wrote(row, channel))
            if ran and awaited <= came:
                return path[:ran], True
            row = row.parent
        return path, row is None and path[-1].parent_id is None

    def labelled(self, trigger: Trigger) -> str:
        """A trigger's writer and checkpoint in words: ``` `plan` (c2)```."""
        at = f" ({trigger.checkpoint.label})" if trigger.checkpoint is not None else ""
        return (f"`{trigger.node}`" if trigger.node else "a node whose name is not certain") + at

    # ------------------------------------------------------------ reasons

    def _reasons(self, node: str, task: Task, read: Mapping[str, Any]) -> Iterator[_Reason]:
        if task.order[0] == 0:
            yield self._sent(task)
            return
        if task.called or (task.order[0] == 2 and task.path):
            yield self._called(task)
            return
        for channel, version in self._fired(node, read):
            if channel in self._row.step_work.null.values() and channel.startswith(BRANCH_TO):
                given = f'as the run was given `Command(goto="{node}")` at {self._label()}'
                yield _Reason([Trigger(channel, version, self._at(self._row), None, "goto")], given)
            elif channel == _START:
                trigger = Trigger(channel, version, self._at(self._written), None, "input")
                yield _Reason([trigger], f"as an input came in at {self._label(self._written)}")
            elif channel.startswith("join:"):
                yield self._joined(channel, node, version)
            else:
                yield from self._led(channel, node, version)

    def _fired(self, node: str, read: Mapping[str, Any]) -> list[tuple[str, Any]]:
        """The channels that triggered a node, with the version that it read."""
        versions = self._record.bookkeeping
        null = [name for name in self._row.step_work.null.values() if name == f"{BRANCH_TO}{node}"]
        if versions is None:
            tasks = makers(self._written)
            names = {name for task in tasks for name in task.channels.values() if name.endswith(f":{node}")}
            return [(name, None) for name in sorted(names)]
        held = holding(self._row, versions)
        by_name = {channel for name, channel in triggers_at(self._row, versions) if name == node}
        for known in (self.routes.triggers(node) or (), {*read, *by_name}):
            fired = [
                name for name in sorted(known)
                if name in held and is_newer(versions, name, node) and self._is_open(name)
            ]  # fmt: skip
            if fired:
                return [(name, read.get(name, versions.channel_versions.get(name))) for name in fired]
        return [(name, read.get(name)) for name in dict.fromkeys(null)]

    def _is_open(self, channel: str) -> bool:
        value = self._record.values.get(channel)
        if channel.startswith("join:") and self.missing(channel, channel.rpartition(":")[2], None):
            return False  # what is stored of it may be ahead
        if isinstance(value, Undecodable):  # it holds something, which is all that these need
            return channel == _START or channel.startswith(BRANCH_TO)
        told = self.routes.is_open(channel, value)
        return is_open(channel, value) if told is None else told

    def _led(self, channel: str, node: str, version: Any) -> Iterator[_Reason]:
        """What wrote to a node's own channel, by the ways that led there."""
        pair = isinstance(self._record.values.get(channel), (list, tuple))
        if channel.startswith(BRANCH_TO) and (pair or self.routes.is_deferred(node)):
            triggers = self.came(channel, node, version)
        else:  # the step wrote it that the checkpoint was made by: it holds for one step
            wrote = self._wrote(self._written, channel) or [None]
            triggers = [self._trigger(channel, self._written, by, node, version) for by in wrote]
        ways: dict[tuple[Any, ...], list[Trigger]] = {}
        for one in triggers or [Trigger(channel, version, None, None)]:
            chosen = one.router is not None or one.via == "branch"
            own = one.node if chosen or one.node in (None, _START) else ""
            ways.setdefault((one.via, own), []).append(one)
        for several in ways.values():
            yield _Reason(several, self._by_route(several))

    def _route(self, channel: str, writer: str | None, node: str) -> Route:
        """How a node that wrote to a channel led to another by it."""
        if writer is None:
            return Route("unknown")
        _, _, router = channel.removesuffix(f":{node}").partition(f"branch:{writer}:")
        if router:  # before mid 2025 the channel of a conditional edge named its router
            return Route("branch", router)
        if channel == f"start:{node}":
            return Route("edge")
        versions = self._record.bookkeeping
        dated = versions is not None and versions.v < NO_NODE_CHANNELS
        if dated and channel in (writer, f"{BRANCH_TO}{node}"):
            return Route("edge" if channel == writer else "goto")
        if channel.startswith(BRANCH_TO):
            return self.routes.of(writer, node)
        return Route("edge" if self.routes.node(node) is not None else "unknown")

    def _by_route(self, triggers: Sequence[Trigger]) -> str:
        """How writes of one kind led to a node, in words."""
        one = triggers[0]
        at = f" ({one.checkpoint.label})" if one.checkpoint is not None else ""
        if one.node is None and one.checkpoint is not None and one.checkpoint.source == "update":
            return f"after the update {one.checkpoint.label}; as which node that was made is not certain"
        if one.node is None:
            return f"because `{one.channel}` was written{at}; by whom is not certain"
        start = one.node == _START
        several = listed_and([self.labelled(each) for each in triggers])
        words = f"at the start of the run{at}" if start else f"after {several}"
        if one.via == "goto":
            return f"{words}, which went there by a `Command`"
        if one.router is not None or one.via == "branch":
            doubt = " or by a `Command`: its code allows both" if one.via == "unknown" else ""
            return f"{words}, chosen by {_router(one)}{doubt}"
        if one.via == "unknown":
            doubt = "how is not certain" if self.routes.known else "how, only the graph tells"
            return words if start else f"{words}, which led there: {doubt}"
        if not one.channel.startswith(("branch:", "start:")) and one.channel != one.node:
            return f"{words}, which wrote `{one.channel}`"
        many = "edges that lead from them" if len(triggers) > 1 else "edge that leads from it"
        return f"{words}, by the {'edge from START' if start else many}"

    def _joined(self, channel: str, node: str, version: Any) -> _Reason:
        came = self.came(channel, node, version)
        named = {half.node for half in came}
        came += [Trigger(channel, version, None, name, "join")
                 for name in sorted(self.routes.awaited(channel) - named) if None not in named]  # fmt: skip
        told = listed_and([self.labelled(half) for half in came])
        return _Reason(came, f"when all that it waited for had come: {told}")

    def _sent(self, task: Task) -> _Reason:
        number, sends = task.order[1], self._sends()
        send = sends[number] if number in range(len(sends)) else None
        what = line(send.arg, _SHORT) if send is not None and hasattr(send, "arg") else None
        given = f" {what}" if what is not None else ""
        if self._row.step_work.resent:
            trigger = Trigger(TASKS_CHANNEL, None, self._at(self._row), None, "send")
            words = f"as the run was given `Command(goto=Send(…))` at {self._label()}, with{given}"
            return _Reason([trigger], words, what)
        writer = self._sender(number, len(sends))
        route = Route("unknown") if writer is None else self.routes.sender(writer)
        versions = self._record.bookkeeping
        version = None if versions is None else versions.channel_versions.get(TASKS_CHANNEL)
        at = self._at(self._written)
        trigger = Trigger(TASKS_CHANNEL, version, at, writer, "send", route.router, route.choices)
        by = f" ({_router(trigger)})" if route.kind == "branch" else ""
        words = f"because {self.labelled(trigger)} sent it{given} by `Send`{by}"
        return _Reason([trigger], words, what)

    def _sends(self) -> Sequence[Any]:
        """The step's ``Send``s: those that a ``Command`` gave in their place, else those that were stored."""
        if self._row.step_work.resent:
            mine = (NULL_TASK_ID, TASKS_CHANNEL)
            return [write.value for write in self._shown.writes if (write.task_id, write.channel) == mine]
        stored = self._shown.values.get(TASKS_CHANNEL)
        return stored if isinstance(stored, (list, tuple)) else ()

    def _sender(self, number: int, count: int) -> str | None:
        """Who sent the step's ``Send`` with a number: LangGraph keeps them in the order of tasks' paths."""
        row = self._written
        tasks = sorted(makers(row), key=_path) if row.source != "update" else makers(row)
        sent = [(task.name, name) for task in tasks for name in task.channels.values()]
        senders = [node for node, channel in sent if channel == TASKS_CHANNEL]
        if len(set(senders)) == 1:
            return senders[0]
        if not senders and len(set(row.nodes)) == 1:
            return row.nodes[0]
        return senders[number] if len(senders) == count and number < count and not row.dated else None

    def _called(self, task: Task) -> _Reason:
        tasks = list(self._row.step_work.tasks.values())
        found = caller_of(task, tasks)
        others = [each for each in tasks if not each.called and each.name] if not task.path else []
        caller = found[0] if found else others[0] if len(others) == 1 else None
        if caller is None or caller is task:
            return _Reason([], "")
        trigger = Trigger(PUSH, None, self._at(self._row), caller.name, "call")
        did = "failed: it handles that" if found is not None and found[2] < 0 else "called it"
        return _Reason([trigger], f"because `{caller.name}` {did}")

    # ------------------------------------------------------------ who wrote

    def _wrote(self, row: TreeRow, channel: str) -> list[str | None]:
        """The nodes that wrote to a channel in the step that made a checkpoint."""
        if row.source in ("input", "fork") or row.collapsed:
            return []
        tasks = makers(row)
        if tasks:
            only = row.nodes[0] if row.source == "update" and len(row.nodes) == 1 else None
            found = [task.name or only for task in tasks if channel in task.channels.values()]
            return list(dict.fromkeys(found))
        if channel.startswith("join:"):
            return [name for name in dict.fromkeys(row.nodes) if name in self.routes.awaited(channel)]
        return list(row.nodes) if len(row.nodes) == 1 and row is self._written else []

    def _trigger(self, channel: str, row: TreeRow, writer: str | None, node: str, version: Any) -> Trigger:
        """A write to a channel of a node, in the step that made a row."""
        if channel.startswith("join:"):
            return Trigger(channel, version, self._at(row), writer, "join")
        route = self._route(channel, writer, node)
        return Trigger(channel, version, self._at(row), writer, route.kind, route.router, route.choices)

    def _at(self, row: TreeRow) -> Checkpoint:
        at: Checkpoint = self._history.checkpoint_at(row.index)
        return at

    def _label(self, row: TreeRow | None = None) -> str:
        return str(self._history.tree.labels[(row or self._row).index])

    def _text(self, node: str, task: Task, verb: str, words: Iterable[str], asked: Begun | None) -> str:
        named = f"`{node}`" if node else "A task whose node is not certain"
        told = listed_and(list(dict.fromkeys(words))) or "for a reason that is not stored"
        sentences = [f"{named} {verb} {told}."]
        if self.routes.is_deferred(node):
            sentences.append("It is deferred: it runs when all others have ended.")
        if task.finished and (task.interrupted or asked is not None):
            counted = f": {asked.text(node)}" if asked is not None else ""
            sentences.append(f"It asked, and went on when it was answered{counted}.")
        if task.failed and task.finished:
            sentences.append("It failed before, and ran again.")
        return " ".join(sentences)


def _path(task: Task) -> str:
    """The path by which LangGraph sorts a task, also where none is stored."""
    if task.path or task.order[0] == 2:
        return task.path
    return f"~{PULL}, {task.name}" if task.order[0] == 1 else f"~{PUSH}, {task.order[1]:010d}"


def _router(led: Trigger) -> str:
    """The function that chose, in words; a function without a name LangGraph calls ``condition``."""
    named = "its router" if led.router in (None, "condition") else f"its router `{led.router}`"
    names = listed_and(["END" if name == "__end__" else f"`{name}`" for name in led.choices], "or")
    return f"{named} (of {names})" if len(led.choices) > 1 else named


def listed_and(parts: Sequence[str], word: str = "and") -> str:
    """``a, b and c``."""
    return f" {word} ".join(part for part in (", ".join(parts[:-1]), *parts[-1:]) if part)
