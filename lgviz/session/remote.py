"""What is done to a thread on a LangGraph server: the server does it.

Functions here have the names of those that act on a graph in this process, which hand over to them
(:mod:`lgviz.session.at_server`). What has no namesake here cannot be done there. A server has no dry run:
previews are the local graph's, where one was given (:mod:`lgviz.session.local_graph`).
"""

from __future__ import annotations

import copy
import threading
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.constants import END, START

from lgviz.analysis.channels import ChannelInfo
from lgviz.analysis.checkpoint import Checkpoint
from lgviz.analysis.diff import diff_states
from lgviz.analysis.messages import is_message
from lgviz.errors import (
    ActRefused,
    InvalidValue,
    LgvizError,
    NodeRefused,
    NoDryRun,
    NothingToRun,
    ThreadExists,
    listed,
)
from lgviz.sources.places import MARK, by_channel, config_of, outermost, place_of, thread_of, unrooted
from lgviz.sources.remote import RemoteAssistant, is_uuid

from . import acts
from .acts import Option, Preview
from .halts import names_in
from .inputs import GraphInput
from .local_graph import as_sent, local_target
from .new_thread import NewThread
from .plan import Plan
from .run import RunHandle
from .run_result import CheckpointFinder, Run, RunError, RunEvent
from .run_steps import Names
from .streamed import AtWork
from .target import GraphTarget, named
from .update import Edit, Sibling
from .values import Set

__all__ = ["UNTOLD", "RemoteInput", "RemoteRun", "remote_channels"]

UNTOLD = "as the server's graph says"
"""The reducer of a channel, where the graph is a server's."""
_NO_SETTING = "A server sets no channel past its reducer."
_MODES: Any = ["tasks", "messages-tuple", "custom", "checkpoints"]


# ---------------------------------------------------------------- forks


def forked(
    assistant: RemoteAssistant,
    at: Any,
    edit: Edit,
    *,
    thread_id: str | None = None,
    config: RunnableConfig | None = None,
    context: Any = None,  # noqa: ARG001 - routers there have what the server gives them
    new: NewThread | None = None,
) -> RunnableConfig:
    place = place_of(named(assistant, at, thread_id, config))
    if new is not None and new.thread_id is not None:
        _refuse("fork into a new thread", "Fork it in its thread.")
    _check(edit)
    marks = {MARK + "as_node": edit.as_node, MARK + "note": edit.note}
    where: Any = {
        "thread_id": place.thread_id,
        "checkpoint_ns": place.ns or "",
        "checkpoint_id": place.checkpoint_id,
        **{name: mark for name, mark in marks.items() if mark},
    }
    with assistant.client.asking(_of_update):
        told: Any = assistant.client.sdk.threads.update_state(
            place.thread_id, edit.values, as_node=edit.as_node, checkpoint=where
        )
        made = told["checkpoint"]
        return config_of(place.thread_id, made.get("checkpoint_ns") or "", str(made["checkpoint_id"]))


def _check(edit: Edit) -> None:
    """Refuse what a server's update cannot say."""
    if edit.goto or edit.keep_siblings:
        _refuse("send an update on by goto=, or keep siblings", "Leave them out.")
    if sets := [name for name, value in _items(edit.values) if isinstance(value, Set)]:
        told_of = [
            {"channel": name, "path": [], "error": {"path": [], "message": _NO_SETTING}} for name in sets
        ]
        raise InvalidValue(f"{listed(sets)}: {_NO_SETTING}", "Give what the reducer takes.", told_of)


def _items(values: Any) -> list[tuple[str, Any]]:
    return list(values.items()) if isinstance(values, Mapping) else []


def _of_update(status: int, text: str) -> LgvizError | None:
    """What a refused update means: nothing was written."""
    if status == 400:
        return NodeRefused(f"The server refuses the update: {text}.", "Choose another node.")
    if status == 422:
        return InvalidValue(f"The server refuses the values: {text}.", "Give channels and their values.")
    if status >= 500:
        return InvalidValue(
            f"The graph on the server failed at this update ({status}).",
            "Give values that its reducers take; the server's log tells what it said.",
        )
    return None


def fork(
    assistant: RemoteAssistant,
    at: Any,
    values: Any,
    as_node: str | None = None,
    goto: str | None = None,
    note: str | None = None,
    new_thread: str | None = None,
    *,
    keep_siblings: bool = False,
    **where: Any,
) -> Checkpoint:
    edit = Edit(values, as_node, goto, keep_siblings, note)
    made = place_of(forked(assistant, at, edit, new=NewThread(new_thread), **where))
    return Checkpoint.unread(made, lambda: CheckpointFinder(assistant).history(made.thread_id))


def preview(
    assistant: RemoteAssistant,
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
    _check(Edit(values, as_node, goto, keep_siblings))
    here = at if isinstance(at, Checkpoint) else _read(assistant, at, thread_id, config)
    as_node = as_node or inferred_as_node(assistant, here)
    target = _local(assistant, here)
    made = acts.preview(target, here, values, as_node, config=config, context=context)
    old, new = here.history.reader.real_state(here.row), as_sent(by_channel(made.values))
    # What is unchanged stays as the server sent it.
    new |= {name: old[name] for name in made.diff.unchanged if name in old}
    return replace(made, values=unrooted(new), diff=diff_states(old, new))


def as_node_options(
    assistant: RemoteAssistant,
    at: Any,
    values: Any = None,
    *,
    thread_id: str | None = None,
    config: RunnableConfig | None = None,
    context: Any = None,
) -> list[Option]:
    here = at if isinstance(at, Checkpoint) else _read(assistant, at, thread_id, config)
    try:
        target = _local(assistant, here)
    except NoDryRun:
        return _by_edges(assistant, here)
    options = acts.as_node_options(target, here, values, config=config, context=context)
    return [replace(option, goto=()) for option in options]


def _local(assistant: RemoteAssistant, at: Checkpoint) -> GraphTarget:
    """The graph here that previews, of the assistant or of the history that the checkpoint belongs to.

    Raises:
        NoDryRun: there is none.
    """
    if assistant.local is None:
        local = getattr(at.history.source.graph, "local", None)
        assistant = RemoteAssistant(assistant.client, assistant.assistant_id, local)
    if assistant.local is not None:
        assistant = assistant.of_thread(at.history.thread_id)
    return local_target(assistant, at)


def _read(
    assistant: RemoteAssistant, at: Any, thread_id: str | None, config: RunnableConfig | None
) -> Checkpoint:
    """The checkpoint that ``at`` names, as its thread is now."""
    place = place_of(named(assistant, at, thread_id, config))
    found = CheckpointFinder(assistant).history(place.thread_id)
    return found[place.checkpoint_id] if place.checkpoint_id else found.latest


def _by_edges(assistant: RemoteAssistant, at: Checkpoint) -> list[Option]:
    """The nodes, each with what the drawn edges tell of where it leads."""
    edges = {} if at.namespace else assistant.edges()
    return [
        Option(name, () if any(conditional for _, conditional in leads) else _nodes(leads), None, ())
        for name, leads in edges.items()
        if name != END
    ]


def _nodes(leads: list[tuple[str, bool]]) -> tuple[str, ...]:
    return tuple(target for target, _ in leads if target != END)


def inferred_as_node(_: RemoteAssistant, at: Any, **__: Any) -> str | None:
    """The only node that made it, which LangGraph takes."""
    nodes = set(at.nodes) if isinstance(at, Checkpoint) else set()
    return nodes.pop() if len(nodes) == 1 else None


def finished_siblings(*_: Any, **__: Any) -> list[Sibling]:
    return []


def remote_channels(state: Mapping[str, Any]) -> dict[str, ChannelInfo]:
    """The channels of a state on a server, which does not tell their reducers."""
    return {name: ChannelInfo(name, UNTOLD, _is_chat(value), settable=False) for name, value in state.items()}


def _is_chat(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(is_message, value))


# ---------------------------------------------------------------- runs


def run_plan(_: RemoteAssistant, at: Any, **__: Any) -> Plan:
    return Plan(tuple(getattr(at, "next", ())), (), [])


def start_run(
    assistant: RemoteAssistant,
    at: Any,
    input: Any = None,  # noqa: A002
    resume: Any = None,
    only: str = "all",  # noqa: ARG001 - a server goes on at the thread's newest checkpoint in place
    steps: Any = None,
    until: Any = None,
    before: Names = (),
    after: Names = (),
    sandbox: bool = False,
    reuse: Any = False,
    *,
    thread_id: str | None = None,
    config: RunnableConfig | None = None,
    context: Any = None,
    record_models: bool | None = None,  # noqa: ARG001 - models answer there
    on_event: Callable[[RunEvent], None] | None = None,
    loop: Any = None,  # noqa: ARG001 - nothing of it runs here
) -> RunHandle:
    if sandbox or steps is not None or until is not None:
        _refuse(
            "run a few steps, until a condition, or in a sandbox", "Stop it by before= or after=, or run on."
        )
    if reuse and resume is None:
        _refuse("answer a run from history", "Run without reuse.")
    here = _read(assistant, at, thread_id, config)
    found = here.history
    if input is None and resume is None and not here.next:
        raise NothingToRun(f"Nothing comes next at {here.label}.", "Give an input, or fork it first.")
    if resume is not None and not here.interrupts:
        raise NothingToRun(
            f"No interrupt waits at {here.label}.", "Run on without resume=, or choose the one that asked."
        )
    given: dict[str, Any] = {"input": input, "command": None if resume is None else {"resume": resume}}
    if here.id != found.latest.id:
        given["checkpoint"] = {"checkpoint_ns": here.namespace, "checkpoint_id": here.id}
    runner = assistant.of_thread(found.thread_id)
    return RemoteRun(runner, found.thread_id, given, set(found.tree.ids), on_event).begun(
        config, context, before, after
    )


def run(assistant: RemoteAssistant, at: Any, *args: Any, **kwargs: Any) -> Run:
    return start_run(assistant, at, *args, **kwargs).interruptible()


def start_thread(
    assistant: RemoteAssistant,
    input: Any,  # noqa: A002
    thread_id: str | None = None,
    *,
    fresh: bool = False,
    config: RunnableConfig | None = None,
    context: Any = None,
    until: Any = None,
    before: Names = (),
    after: Names = (),
    record_models: bool | None = None,  # noqa: ARG001
    on_event: Callable[[RunEvent], None] | None = None,
    redactor: Any = None,  # noqa: ARG001
    loop: Any = None,  # noqa: ARG001
) -> RunHandle:
    if until is not None:
        _refuse("run until a condition", "Stop it by before= or after=, or run on.")
    named_ = thread_id if thread_id is not None else thread_of(config)
    wanted = str(uuid.uuid4()) if named_ is None else str(named_)
    if not is_uuid(wanted):
        raise InvalidValue(
            f"A LangGraph server names its threads by UUIDs, and {wanted!r} is none.",
            "Leave the id out: a new one is made.",
        )
    client = assistant.client
    if fresh:
        taken = ThreadExists(f"Thread {wanted!r} exists already.", "Take a new thread id.")
        with client.asking(lambda status, _: taken if status == 409 else None):
            client.sdk.threads.create(thread_id=wanted)
    runner = assistant.certain() if fresh or named_ is None else assistant.of_thread(wanted)
    asked = {"input": input, "if_not_exists": "create"}
    return RemoteRun(runner, wanted, asked, on_event=on_event).begun(config, context, before, after)


def start(assistant: RemoteAssistant, *args: Any, **kwargs: Any) -> Run:
    return start_thread(assistant, *args, **kwargs).interruptible()


def nodes_of(assistant: RemoteAssistant) -> set[str]:
    return set(assistant.edges()) - {START, END}


def check_breakpoints(assistant: RemoteAssistant, before: Names, after: Names) -> None:
    known = nodes_of(assistant)
    if known and (unknown := [name for name in (*names_in(before), *names_in(after)) if name not in known]):
        raise NodeRefused(f"The graph has no node {listed(unknown)}.", f"It has {listed(sorted(known))}.")


@dataclass
class RemoteRun:
    """One run on a server, for a :class:`RunHandle`. Its fields may be read from any thread.

    Attributes:
        assistant: what runs.
        thread_id: where.
        asked: what the run is given, as LangGraph's client takes it.
        known: ids of the checkpoints that are there already; a server tells of that which it goes on from.
        on_event: told what happens.
        at_work: the tasks at work.
        made: configs of the checkpoints stored so far.
        drain_requested: whether it was asked to stop.
    """

    assistant: RemoteAssistant
    thread_id: str
    asked: dict[str, Any]
    known: Collection[str] = ()
    on_event: Callable[[RunEvent], None] | None = None
    at_work: AtWork = field(default_factory=AtWork)
    made: list[RunnableConfig] = field(default_factory=list)
    drain_requested: bool = False
    _before: tuple[str, ...] = ()
    _after: tuple[str, ...] = ()
    _run_id: str | None = None
    _failed: Mapping[str, Any] | None = None

    @property
    def control(self) -> RemoteRun:
        """What asks it to stop."""
        return self

    def begun(self, config: RunnableConfig | None, context: Any, before: Names, after: Names) -> RunHandle:
        """It on its way, in a thread of its own."""
        given: dict[str, Any] = dict(config or {})
        conf = given.get("configurable", {})
        given["configurable"] = {
            k: v for k, v in conf.items() if k != "thread_id" and not k.startswith("checkpoint_")
        }
        self._before, self._after = tuple(names_in(before)), tuple(names_in(after))
        self.asked |= {
            "config": given,
            "context": context,
            "interrupt_before": list(self._before) or None,
            "interrupt_after": list(self._after) or None,
        }
        run = RunHandle(self, lambda _: self._work(), None, cancels=True)  # type: ignore[arg-type]
        return run.begin()

    def tell(self, event: RunEvent) -> None:
        """Tell who listens."""
        if self.on_event is not None:
            self.on_event(event)

    def request_drain(self, _: str) -> None:
        """Ask the server to end it; comes back at once."""
        self.drain_requested = True
        threading.Thread(target=self._cancel, name="lgviz-cancel", daemon=True).start()

    def cut(self) -> None:
        """As :meth:`request_drain`: a server knows one way to stop a run."""

    leave = cut

    def _cancel(self) -> None:
        if self._run_id is not None:
            with self.assistant.client.asking():
                self.assistant.client.sdk.runs.cancel(self.thread_id, self._run_id)

    def _work(self) -> Run:
        for event in self._events():
            self._hear(event.event, event.data)
        history = CheckpointFinder(self.assistant).history(self.thread_id)
        roots = [str(place_of(config).checkpoint_id) for config in self.made if not place_of(config).ns]
        last = history[roots[-1]] if roots and roots[-1] in history else history.latest
        error = self._error_at(last)
        asks, status = last.waiting, "done"
        if error is not None:
            status = "failed"
        elif self.drain_requested and last.next:
            status = "stopped"
        elif asks or (last.next and (self._before or self._after)):
            status = "interrupted"
        return Run(
            status,  # type: ignore[arg-type]
            last.values,
            asks,
            error,
            [],
            last.config,  # type: ignore[arg-type]
            list(self.made),
            self.assistant,
            before=() if asks else tuple(name for name in last.next if name in self._before),
            after=() if asks else tuple(name for name in last.nodes if last.next and name in self._after),
        )

    def _error_at(self, last: Checkpoint) -> RunError | None:
        if self._failed is None or self.drain_requested:
            return None
        kind, said = (
            self.assistant.client.hidden(str(self._failed.get(key) or "")) for key in ("error", "message")
        )
        node = next((task.name for task in last.tasks if task.error), None)
        return RunError(kind or "Error", said, f"{kind}: {said}\n", node, ActRefused(said))

    def _events(self) -> Iterator[Any]:
        client = self.assistant.client
        runs: Any = client.running.runs  # whose overloads do not know what is asked here in one dict
        stream: Any = None
        while True:
            with client.asking(self._refused):
                if stream is None:
                    stream = runs.stream(
                        self.thread_id,
                        self.assistant.assistant_id,
                        stream_mode=_MODES,
                        stream_subgraphs=True,
                        stream_resumable=True,  # goes on where a connection was lost
                        multitask_strategy="reject",
                        **self.asked,
                    )
                event = next(stream, None)
            if event is None:
                return
            yield event

    def _refused(self, status: int, text: str) -> LgvizError | None:
        if status not in (404, 409, 422):
            return None
        busy = "Wait until the run that is under way ends, or stop it." if status == 409 else ""
        return ActRefused(
            f"The server refuses the run: {text}.", busy or "Check the thread, the graph and the input."
        )

    def _hear(self, name: str, data: Any) -> None:
        mode = outermost(name)  # what follows is the namespace
        path = name[len(mode) + 1 :]
        if not isinstance(data, (Mapping, list)) and mode != "custom":
            return
        if mode == "metadata":
            self._run_id = str(data.get("run_id"))
            if self.drain_requested:
                self._cancel()
        elif mode == "error":
            self._failed = data
        elif mode == "checkpoints":
            place = place_of(data.get("config") or {})
            if place.checkpoint_id in self.known:
                return
            made = config_of(self.thread_id, place.ns or "", str(place.checkpoint_id))
            self.made.append(made)
            self.tell(RunEvent("checkpoint", place.ns or "", checkpoint_id=place.checkpoint_id))
        elif (
            event := self.at_work.heard(path, mode, tuple(data) if mode == "messages" else data)
        ) is not None:
            self.tell(event)


# ---------------------------------------------------------------- inputs


@dataclass(frozen=True, slots=True, repr=False)
class RemoteInput(GraphInput):
    """What a graph on a server takes in, by the JSON schema that it gives."""

    schema: Any = True

    def json_schema(self) -> dict[str, Any] | bool:
        if self.fields is None:
            return True
        properties = {name: self.schema["properties"][name] for name in self.fields}
        if self.chat is not None:
            properties[self.chat] = True  # messages are given in several forms
        return copy.deepcopy({**self.schema, "properties": properties, "required": []})

    def is_chat(self, name: str) -> bool:
        return name == self.chat

    def made(self, typed: Any) -> tuple[Any, list[Any]]:
        return typed, []

    def refusals(self, values: Any, state: Mapping[str, Any]) -> list[Any]:  # noqa: ARG002 - the server tries it
        return []


def input_of(assistant: RemoteAssistant) -> RemoteInput:
    """What a graph there takes in; anything, where the server does not tell."""
    schema = assistant.schema("input_schema")
    fields = schema.get("properties") if isinstance(schema, dict) else None
    names = dict.fromkeys(fields, Any) if isinstance(fields, dict) else None
    chat = "messages" if names and "messages" in names else None
    return RemoteInput(assistant, Any, names, chat, schema)


def _refuse(what: str, remedy: str) -> None:
    raise ActRefused(f"A LangGraph server cannot {what}.", remedy)
