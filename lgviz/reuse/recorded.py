"""What the tasks of a thread were asked and what they wrote, as LangGraph stored it when they ran.

LangGraph keeps what each task wrote under the checkpoint that its step started from, and that checkpoint's
state is what the task was asked. So history answers any task whose node and input are the same.
"""

from __future__ import annotations

import copy
import threading
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import BaseMessage, convert_to_messages
from langgraph.channels.base import BaseChannel
from langgraph.constants import START
from langgraph.graph import add_messages
from langgraph.pregel import Pregel
from langgraph.types import CachePolicy, Command
from pydantic import BaseModel

from lgviz.analysis.fingerprint import Fingerprint, Fingerprints, Inexact, fingerprint, messages_in
from lgviz.analysis.history import History
from lgviz.analysis.loading import said_by
from lgviz.analysis.steps import Task, TreeRow, call_place
from lgviz.sources.base import StoredWrite, Undecodable
from lgviz.sources.places import (
    CONTROL_CHANNELS,
    PREVIOUS_CHANNEL,
    calls,
    configurable_of,
    innermost,
    node_path,
    within,
)

from .commands import command_of, doubt_of, given_writes, is_commanded, is_retried, taken_in

__all__ = ["Asked", "RecordedTask", "Recording", "asked_of", "config_digest", "is_graph", "policed"]

SEVERAL = "several runs went on from the checkpoint before, and what each wrote is not told apart"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a task is asked.

    Attributes:
        path: the node's, within the graph: ``"research|judge"``.
        fingerprint: of its input and config; None where it cannot be hashed exactly.
        value: the input.
        reason: why it cannot be hashed.
    """

    path: str
    fingerprint: Fingerprint | None
    value: Any = field(repr=False)
    reason: str = ""


@dataclass(slots=True)
class RecordedTask:
    """A task of a step.

    Attributes:
        asked: what it was asked.
        row: the row of the tree that its step started from.
        task: itself; it may have failed, or wait.
        inner: whether checkpoints of a subgraph that it called are stored.
        lasting: whether that has a history of its own, which goes on from task to task.
        certain: whether it was asked this for certain, also where a Command was given.
        used: how often it was served.
    """

    asked: Asked
    row: int
    task: Task
    inner: bool
    lasting: bool
    certain: bool = True
    used: int = 0


class Recording:
    """The tasks of one thread, read when they are first looked for.

    Args:
        history: the thread.
        graph: today's graph, which tells what a stored state means to a node.

    Attributes:
        fingerprints: made of what is recorded, which nobody changes.
    """

    def __init__(self, history: History, graph: Any) -> None:
        self.history = history
        self._heard: list[tuple[str, Any]] = []
        self._graph = policed(graph, self._listening)
        self.fingerprints = Fingerprints()
        self._read: dict[int, list[RecordedTask]] = {}
        self._rows: dict[str, list[int]] | None = None
        self._calls: dict[int, dict[str, dict[int, Task | None]]] = {}
        self._lasting: set[str] | None = None
        self.refused: dict[int, str] = {}
        """By row, why what was asked there is not known."""

    def rows_of(self, path: str) -> Sequence[int]:
        """The rows from which a node's task ran, oldest first; it may have failed, or wait."""
        if self._rows is None:
            self._rows = {}
            tree = self.history.tree
            for row in tree.rows:
                for task in row.step_work.tasks.values():
                    if not task.called and (name := tree.naming.name_task(row, task)) is not None:
                        self._rows.setdefault(within(node_path(row.namespace), name), []).append(row.index)
        return self._rows.get(path, ())

    def unused(self) -> None:
        """Another run begins: no task was served to it yet."""
        for tasks in self._read.values():
            for task in tasks:
                task.used = 0

    def at(self, row: int) -> list[RecordedTask]:
        """The tasks of the step that starts at a row."""
        found = self._read.get(row)
        if found is None:
            found = self._read[row] = list(self._tasks(self.history.tree.rows[row]))
        return found

    def writes(self, task: RecordedTask) -> list[tuple[str, Any]]:
        """What a task wrote, in objects that nobody else holds; messages have the ids that they were given.

        Raises:
            Inexact: a value cannot be decoded.
        """
        facts = self.history.tree.rows[task.row]
        written = self.written(task.row, task.task)
        own = [(channel, self._as_messages(facts, channel, value)) for channel, value in written]
        stored = self.history.reader.real_record(task.row).writes
        self._name_messages(facts, stored, [value for _, value in own])
        return own

    def written(self, row: int, task: Task) -> list[tuple[str, Any]]:
        """What a task of the step that starts at a row wrote, as it was stored, in objects that nobody else
        holds.

        Raises:
            Inexact: a value cannot be decoded.
        """
        written = _output(self.history.reader.real_record(row).writes, task.id)
        return [(w.channel, _handed(w.value, f"what it wrote to {w.channel!r}")) for w in written]

    def answers(self, row: int, task: Task) -> list[Any]:
        """What a task itself was answered, in order.

        Raises:
            Inexact: an answer cannot be decoded.
        """
        stored = self.history.reader.real_record(row).writes
        given = [w.value for w in stored if w.task_id == task.id and w.channel == "__resume__"]
        lists = [_handed(value, "what it was answered") for value in given]
        return [each for value in lists for each in (value if isinstance(value, list) else [value])]

    def calls_of(self, row: int, caller: Task) -> Mapping[int, Task | None]:
        """The calls that a task made, by position; None where several are stored for one."""
        return self._calls_at(row).get(caller.path, {}) if caller.path else {}

    def is_named(self, row: int, task: Task, name: str) -> bool:
        """Whether a task has a name, which may not be found in the code of the graph's nodes."""
        facts = self.history.tree.rows[row]
        return self.history.tree.naming.name_task(facts, task, [name]) == name

    def names_called(self, row: int, caller: Task) -> set[str | None]:
        """The names of what a task called, and what that called in turn; None: of one that is not known."""
        calls = self._calls_at(row)
        if "" in calls or (calls and not caller.path):
            return {None}
        paths, names = [caller.path], set[str | None]()
        for path in paths:  # grows
            for call in calls.get(path, {}).values():
                names.add(call.name if call is not None else None)
                paths += [call.path] if call is not None else []
        return names

    def is_lasting(self, row: int, task: Task) -> bool:
        """Whether a task called a graph with a history of its own, which goes on from task to task."""
        tree = self.history.tree
        if self._lasting is None:
            found = {each for each in set(tree.namespaces) if ":" not in innermost(each)[1]}
            self._lasting = {f"{node_path(each)}|" for each in found}
        own = node_path(within(tree.rows[row].namespace, task.namespace))
        return any(path.startswith(f"{own}|") for path in self._lasting)

    def is_left(self, task: RecordedTask) -> bool:
        """Whether a graph that is a node ended by a ``Command(graph=Command.PARENT)``. Of the node in it that
        returned that nothing is stored: what the Command gave is with what the graph wrote as a node."""
        tree = self.history.tree
        own = within(tree.rows[task.row].namespace, task.task.namespace)
        ends = [row for row in tree.inner.get(task.row, ()) if tree.namespaces[row] == own]
        ends = [row for row in ends if not tree.rows[row].children]
        return len(ends) == 1 and any(
            each.result is None and not each.error and not each.interrupts
            for each in self.history.checkpoint_at(ends[0]).tasks
        )

    def _calls_at(self, row: int) -> Mapping[str, Mapping[int, Task | None]]:
        """The calls of a step, named as far as their names are known: by the path of the task that made them,
        and by position. Those of which no path is stored are under ``""``."""
        found = self._calls.get(row)
        if found is None:
            found = self._calls[row] = {}
            facts = self.history.tree.rows[row]
            for task in facts.step_work.tasks.values():
                if task.called:
                    self.history.tree.naming.name_task(facts, task)
                    path, index = call_place(task.path) or ("", len(found.get("", ())))
                    own = found.setdefault(path, {})
                    own[index] = None if index in own else task
        return found

    def given(self, row: int) -> Any:
        """The input that was taken in at a row; its messages have the ids that they were given.

        Raises:
            Inexact: it is not stored, or cannot be decoded.
        """
        facts, held = self.history.tree.rows[row], self.history.reader.real_record(row).values
        if START not in held:
            raise Inexact("the input is not stored")
        value = _handed(held[START], "the input")
        if isinstance(value, BaseModel):  # LangGraph's serializer forgets which fields were left out
            tasks = facts.step_work.tasks.values()
            written = {channel for task in tasks for channel in task.channels.values()}
            value.__pydantic_fields_set__ &= written or value.model_fields_set
        if type(value) is dict:
            value = {name: self._as_messages(facts, name, each) for name, each in value.items()}
        self._name_messages(facts, (), [value])
        return value

    def command(self, row: int) -> Command[Any] | None:
        """The Command that was given to the graph at a row, without its answers; None where there was none.

        Raises:
            Inexact: a value of it cannot be decoded.
        """
        facts = self.history.tree.rows[row]
        if not is_commanded(facts):
            return None
        # Anew, for who tells a state gives ids to the messages that were written without one.
        stored = self.history.source.real.writes(self.history.thread_id, facts.namespace, facts.id)
        given = [
            (w.channel, _handed(w.value, f"what a Command wrote to {w.channel!r}"))
            for w in given_writes(stored)
        ]
        self._name_messages(facts, stored, [value for _, value in given])
        return command_of(given)

    # ------------------------------------------------------------ inside

    def _as_messages(self, row: TreeRow, channel: str, value: Any) -> Any:
        """What was given to a channel, as messages where ``add_messages`` took it in: a text cannot be given
        an id, and of the pair ``("user", "hi")`` LangGraph's serializer makes a list."""
        if getattr(self._channels(row).get(channel), "operator", None) is not add_messages:
            return value
        given = value if isinstance(value, list) else [value]
        if len(given) == 2 and all(isinstance(each, str) for each in given):
            child = next((child for child in row.children if child.source == "loop"), None)
            if child is None or not self._came(row, child, channel, given):
                given = [given]
        try:
            return convert_to_messages(given)
        except (ValueError, NotImplementedError):
            return value  # the run itself tells

    def _channels(self, row: TreeRow) -> Mapping[str, Any]:
        """The channels of the graph that a checkpoint is of; none where the graph has no such subgraph."""
        graph = self._graph
        for call in calls(row.namespace):
            node = graph.nodes.get(call.node)
            if node is None or not is_graph(node):
                return {}
            graph = node.bound
        channels: Mapping[str, Any] = graph.channels
        return channels

    def _came(self, row: TreeRow, child: TreeRow, channel: str, texts: Sequence[str]) -> bool:
        """Whether a step brought a message for each of some texts."""
        reader = self.history.reader
        before = {message.id for message in messages_in(reader.real_state(row.index).get(channel, ()))}
        after = messages_in(reader.real_state(child.index).get(channel, ()))
        came = Counter(str(message.content) for message in after if message.id not in before)
        return Counter(texts) <= came

    def _listening(self, path: str) -> CachePolicy[Any]:
        """LangGraph gives the input of a node to its policy, also where it only tells a state."""

        def heard(value: Any) -> str:
            self._heard.append((path, value))
            return ""

        return CachePolicy(key_func=heard)

    def _tasks(self, row: TreeRow) -> Iterator[RecordedTask]:
        tree = self.history.tree
        own_tasks = [task for task in row.step_work.tasks.values() if not task.called]
        stored_tasks = {task.id: task for task in sorted(own_tasks, key=lambda task: not task.finished)}
        if not stored_tasks:
            return
        if sum(child.source == "loop" for child in row.children) > 1:
            self.refused[row.index] = SEVERAL
            return
        doubt = doubt_of(row)
        if doubt and not is_retried(row):
            self.refused[row.index] = doubt
            return
        try:
            record = self.history.reader.real_record(row.index)
            begun = taken_in(self._graph, record) if is_commanded(row) else record
            self._heard.clear()
            snapshot = self.history.reader.told_by(self._graph, row.index, begun)
        except Exception as error:
            self.refused[row.index] = said_by(error)
            return
        if snapshot is None:
            return
        path, config = node_path(row.namespace), config_digest(_made_with(row))
        heard = iter(self._heard)
        calling = {tree.namespaces[inner] for inner in tree.inner.get(row.index, ())}
        for task in snapshot.tasks:
            if task.name == START:
                continue
            _, value = next(heard)
            stored = stored_tasks.get(task.id) or _in_place(stored_tasks.values(), task.name, task.path)
            if stored is None:
                continue
            own = within(row.namespace, f"{task.name}:{stored.id}")
            inner = any(n == own or n.startswith(f"{own}|") for n in calling)
            lasting = within(row.namespace, task.name) in calling or any(
                self.is_lasting(row.index, call)
                for calls in self._calls_at(row.index).values()
                for call in calls.values()
                if call is not None
            )
            asked = asked_of(within(path, task.name), value, config, self.fingerprints)
            yield RecordedTask(asked, row.index, stored, inner, lasting, certain=not doubt)

    def _name_messages(self, row: TreeRow, stored: Sequence[StoredWrite], values: Sequence[Any]) -> None:
        """Give messages without an id the one that the state has them under after the step."""
        nameless = [message for value in values for message in messages_in(value) if message.id is None]
        if not nameless:
            return
        child = next((child for child in row.children if child.source == "loop"), None)
        if child is None:
            return
        reader = self.history.reader
        before = {message.id for message in messages_in(reader.real_state(row.index))}
        given = {message.id for write in stored for message in messages_in(write.value) if message.id}
        left = [
            message
            for message in messages_in(reader.real_state(child.index))
            if message.id and message.id not in before and message.id not in given
        ]
        for message in nameless:
            if (same := _taken(left, message)) is not None:
                message.id = same.id


def _handed(value: Any, what: str) -> Any:
    """A stored value to hand to a graph, which may change it.

    Raises:
        Inexact: it cannot be decoded, or not be copied.
    """
    if isinstance(value, Undecodable):
        raise Inexact(f"{what} cannot be decoded: {value.reason}")
    try:
        return copy.deepcopy(value)
    except Exception as error:
        raise Inexact(f"{what} cannot be copied: {said_by(error)}") from error


def _taken(left: list[BaseMessage], message: BaseMessage) -> BaseMessage | None:
    """The first of some messages that equals one but for its id; it is taken out."""
    try:
        wanted = fingerprint(message)
        for place, other in enumerate(left):
            if fingerprint(other.model_copy(update={"id": None})) == wanted:
                return left.pop(place)
    except Inexact:
        pass
    return None


def asked_of(path: str, value: Any, config: bytes, fingerprints: Fingerprints) -> Asked:
    """What a node is asked, with its fingerprint where that is exact."""
    try:
        made = fingerprints.of(value)
    except Inexact as error:
        return Asked(path, None, value, str(error))
    return Asked(path, Fingerprint(made.digest + config, made.ids), value)


def config_digest(configurable: Mapping[str, Any]) -> bytes:
    """A hash of what a run's ``configurable`` adds to what its nodes are asked."""
    return fingerprint(dict(sorted(configurable.items()))).digest if configurable else b""


def _made_with(row: TreeRow) -> Mapping[str, Any]:
    child = next((child for child in row.children if child.source == "loop"), None)
    return configurable_of((child or row).metadata)


def _output(stored: Iterable[StoredWrite], task_id: str) -> list[StoredWrite]:
    """What a task wrote, in its order."""
    own = {w.idx: w for w in stored if w.task_id == task_id and w.channel not in CONTROL_CHANNELS}
    return [own[idx] for idx in sorted(own)]


def _in_place(done: Iterable[Task], name: str, path: Any) -> Task | None:
    """The stored task of a node whose edges changed since, so that LangGraph gives its task another id."""
    if len(path) > 1 and isinstance(path[1], str):
        return next((task for task in done if task.name == name and task.order == (1, name)), None)
    return next((task for task in done if task.order == (0, path[1])), None) if len(path) > 1 else None


def is_graph(node: Any) -> bool:
    """Whether a node is a graph itself, whose own nodes can be served."""
    return isinstance(node.bound, Pregel)


def policed(graph: Any, policy: Any, path: str = "", calls: CachePolicy[Any] | None = None) -> Any:
    """A copy of a graph, and of the graphs that are its nodes, in which every node has a cache policy.

    Args:
        graph: a compiled graph; it is left alone.
        policy: makes the policy of a node of its path.
        path: where the graph is in another one.
        calls: the policy of the tasks (``@task``) that its nodes call; None: that of the graph.
    """
    made = copy.copy(graph)
    made.nodes = {}
    if calls is not None:
        made.cache_policy = calls
    managed = {name for name, each in graph.channels.items() if not isinstance(each, BaseChannel)}
    for name, node in graph.nodes.items():
        if name == START:
            made.nodes[name] = node.copy({"cache_policy": None}) if node.cache_policy else node
            continue
        own = within(path, name)
        own_policy = policy(own)
        if managed.intersection(node.channels):
            own_policy = _without(managed, own_policy)
        update: dict[str, Any] = {"cache_policy": own_policy}
        if is_graph(node):
            update["bound"] = policed(node.bound, policy, own, calls)
            update["subgraphs"] = [update["bound"]]
        if node.channels == START and PREVIOUS_CHANNEL in graph.channels:
            update |= _with_previous(own_policy)
        made.nodes[name] = node.copy(update)
    return made


def _without(managed: Collection[str], policy: CachePolicy[Any]) -> CachePolicy[Any]:
    """A policy that is not told managed values, as ``remaining_steps``: they tell of a run, not a state."""

    def key(value: Any) -> str | bytes:
        fields = value if isinstance(value, dict) else vars(value)
        held = {name: each for name, each in fields.items() if name not in managed}
        asked: str | bytes = policy.key_func(held)
        return asked

    return CachePolicy(key_func=key)


def _with_previous(policy: CachePolicy[Any]) -> dict[str, Any]:
    """What lets the policy of an ``@entrypoint`` know what it returned in the turn before, which its function
    is given beside its input. LangGraph maps a node's channels to its input, and then asks the policy."""
    held = threading.local()

    def mapped(channels: dict[str, Any]) -> Any:
        held.previous = channels.get(PREVIOUS_CHANNEL)
        return channels[START]

    def key(value: Any) -> str | bytes:
        asked: str | bytes = policy.key_func({"input": value, "previous": held.previous})
        return asked

    return {
        "channels": [START, PREVIOUS_CHANNEL],
        "mapper": mapped,
        "cache_policy": CachePolicy(key_func=key),
    }
