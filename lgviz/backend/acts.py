"""Answers what a view does: fork, preview, run, stop, copy as Python."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

from langgraph.constants import START

from lgviz import session
from lgviz.analysis.checkpoint import Checkpoint, state_of
from lgviz.analysis.diff import StateDiff, diff_states
from lgviz.analysis.history import open_history
from lgviz.analysis.tree import Flag
from lgviz.backend import code
from lgviz.backend.answers import checked_answers
from lgviz.backend.checkpoint_views import channels_at, graph_at, reducers_of
from lgviz.backend.diff_views import diff_view
from lgviz.backend.dispatch import RequestCall, handler
from lgviz.backend.forms import config_of, field_of, values_of
from lgviz.backend.live import LiveBoard
from lgviz.backend.memory import MemoryRequests
from lgviz.backend.open_thread import OpenThread
from lgviz.backend.part_code import fork_entries
from lgviz.backend.parts import edited_channels, part_form
from lgviz.backend.restored import refuse_mask, restored_channel, restored_config
from lgviz.backend.sandbox import SandboxSlot
from lgviz.backend.start import StartForms, StartInput, refused_start
from lgviz.errors import ActRefused, LgvizError, NoDryRun, NothingToRun, ThreadExists, described
from lgviz.protocol import (
    BreakpointsOf,
    BreakpointsSet,
    CheckpointParams,
    CodeRequest,
    CodeView,
    DryRunRequest,
    DryRunView,
    ForkForm,
    ForkRequest,
    ForkResult,
    PartForm,
    PartParams,
    PreviewView,
    RunRequest,
    RunStop,
    RunView,
    StartRequest,
)
from lgviz.sources.places import by_channel, node_path, place_of, within
from lgviz.sources.remote import RemoteAssistant

__all__ = ["Acts"]

Hear = Callable[[session.RunEvent], None]

LOOKED = 2.0
"""For how many seconds history is looked through for answers; whoever clicked waits meanwhile."""


class Acts:
    """The requests that act on a live graph.

    Args:
        thread: the open thread.
        sandbox: what is open over it.
        memory: writes the code of what is done to memory.
        starts: makes what was filled in to start.
        loop: the notebook's event loop, on which asynchronous graphs live; None outside of one.
        subject: the Python expression of what is debugged, for copied code.
    """

    def __init__(
        self,
        thread: OpenThread,
        sandbox: SandboxSlot,
        memory: MemoryRequests,
        starts: StartForms,
        loop: Any,
        subject: str,
    ) -> None:
        self._thread = thread
        self._starts = starts
        self._sandbox = sandbox
        self._memory = memory
        self._loop = loop
        self._subject = subject
        self._runs: dict[int, session.RunHandle] = {}
        self._numbers = itertools.count(1)

    def close(self) -> None:
        """Ask every run to stop."""
        for runner in self._runs.values():
            runner.stop()

    @handler("act")
    def fork_form(self, call: RequestCall, params: CheckpointParams) -> ForkForm:
        graph, at = self._live(params["checkpoint"])
        options = session.as_node_options(graph, at, **self._run_with(None))
        call.check()
        return {
            "checkpoint": at.id,
            "label": at.label,
            "fields": [field_of(channel, state_of(at)) for channel in channels_at(graph, at).values()],
            "as_node": [
                {
                    "node": o.node,
                    "next": list(o.next),
                    "disabled": o.disabled,
                    "needs_values": o.needs_values,
                    "goto": list(o.goto),
                }
                for o in options
            ],
            "inferred": session.inferred_as_node(graph, at),
            # Only an unfinished step has siblings to lose.
            "siblings": [s.node for s in session.finished_siblings(graph, at)]
            if Flag.PENDING in at.flags
            else [],
            "configurable": code.json_text(session.configurable_of(at.metadata)),
        }

    @handler("act")
    def part_form(self, call: RequestCall, params: PartParams) -> PartForm:
        graph, at = self._live(params["checkpoint"])
        return part_form(graph, at, params["channel"], params["path"], params.get("typed"))

    @handler("act")
    def fork_preview(self, call: RequestCall, params: ForkRequest) -> PreviewView:
        try:
            at, preview, diff = self.previewed(params)
        except NoDryRun as error:
            return self._without_dry_run(params, str(error))
        call.check()
        reducers = reducers_of(channels_at(graph_at(at, self._thread.source), at))
        return {
            "diff": diff_view(
                diff,
                before=at.label,
                after=None,
                reducers=reducers,
                states=(state_of(at), {}),
            ),
            "next": list(preview.next),
            "as_node": preview.as_node,
            "warnings": [self._thread.shown(warning) for warning in preview.warnings],
        }

    def _without_dry_run(self, params: ForkRequest, reason: str) -> PreviewView:
        """What can be said of a fork on a server: where its node leads, by the edges that are drawn."""
        graph, at = self._live(params["checkpoint"])
        node = params["as_node"] or session.inferred_as_node(graph, at) or ""
        leads = {option.node: list(option.next) for option in session.as_node_options(graph, at)}
        nothing = diff_view(diff_states({}, {}), before=at.label, after=None, reducers={}, states=({}, {}))
        return {
            "diff": nothing,
            "next": leads.get(node, []),
            "as_node": node,
            "warnings": [reason],
            "untried": True,
        }

    def previewed(self, params: ForkRequest) -> tuple[Checkpoint, session.Preview, StateDiff]:
        """What a fork would make, from where, and its difference as it may be shown.

        Raises:
            ActRefused: it cannot be made.
        """
        graph, at = self._live(params["checkpoint"])
        preview = session.preview(
            graph, at, **self._edit(graph, at, params), **self._run_with(params["configurable"], at)
        )
        return at, preview, self._previewed(at, preview)

    def update_of(self, params: ForkRequest) -> dict[str, Any]:
        """The update that a fork makes, as :func:`lgviz.preview` takes it.

        Raises:
            ActRefused: what was typed cannot be read.
        """
        graph, at = self._live(params["checkpoint"])
        edit = self._edit(graph, at, params)
        del edit["keep_siblings"]
        return edit | self._run_with(params["configurable"], at)

    @handler("run")
    def dry_run(self, call: RequestCall, params: DryRunRequest) -> DryRunView:
        graph, at = self._live(params["checkpoint"])
        if isinstance(graph, RemoteAssistant):
            return {"served": {}, "runs": {}, "reason": session.NO_DRY_RUN, "ends": False}
        edit = session.Edit(**self._edit(graph, at, params["fork"])) if params["fork"] else None
        told = session.dry_run(
            graph,
            at,
            edit,
            reuse={"within": LOOKED},
            **self._run_with(params["configurable"], at),
            check=call.check,
        )
        return {
            "served": dict(told.served),
            "runs": dict(told.runs),
            "reason": self._thread.shown(told.reason),
            "ends": told.ends,
        }

    @handler("act")
    def fork_commit(self, call: RequestCall, params: ForkRequest) -> ForkResult:
        graph, at = self._live(params["checkpoint"])
        edit = session.Edit(**self._edit(graph, at, params), note=params["note"] or None)
        new = self._new_thread(call, params)
        with self._sandbox.around(graph, at, wanted=params["sandbox"]) as graph:
            made_at = session.forked(graph, at, edit, **self._run_with(params["configurable"], at), new=new)
            self._thread.broadcast()
        thread_id, history = place_of(made_at).thread_id, self._thread.current()
        if thread_id != history.thread_id:
            history = open_history(self._thread.source, thread_id)
        made = history[str(place_of(made_at).checkpoint_id)]
        return {"thread_id": thread_id, "id": made.id, "label": made.label, "next": list(made.next)}

    @handler("run")
    def run_start(self, call: RequestCall, params: RunRequest) -> RunView:
        graph, at = self._live(params["checkpoint"])
        with self._sandbox.around(graph, at, wanted=params["sandbox"]) as graph:
            return self._run(graph, at, params)

    @handler("run")
    def thread_start(self, call: RequestCall, params: StartRequest) -> RunView:
        start = self._starts.made(params)
        try:
            return self._follow(start.thread_id, lambda on_event: self._begun(start, on_event), call)
        except ThreadExists as error:
            raise refused_start("thread", error.cause) from error

    @handler("act")
    def run_stop(self, call: RequestCall, params: RunStop) -> RunView:
        runner = self._runs.get(params["run"])
        if runner is None:
            raise NothingToRun("This run has ended already.")
        if params.get("now", False):
            runner.stop_now()
        else:
            runner.stop()
        return _view(params["run"], runner)

    @handler("act")
    def breakpoints_set(self, call: RequestCall, params: BreakpointsSet) -> BreakpointsOf:
        thread_id, wanted = params["thread_id"], params["breakpoints"]
        session.check_breakpoints(self._thread.live_graph(), wanted["before"], wanted["after"])
        self._thread.breakpoints[thread_id] = wanted
        body: BreakpointsOf = {"thread_id": thread_id, "breakpoints": wanted}
        self._thread.emit("breakpoints", body)
        return body

    @handler("read")
    def code_get(self, call: RequestCall, params: CodeRequest) -> CodeView:
        return {"code": self._code(params)}

    # ------------------------------------------------------------ helpers

    def _run(self, graph: Any, at: Checkpoint, params: RunRequest) -> RunView:
        thread_id = at.config["configurable"]["thread_id"]
        before, after = self._breakpoints(params, thread_id)
        return self._follow(
            thread_id,
            lambda on_event: session.start_run(
                graph,
                at,
                only=params.get("only", "all"),
                steps=params.get("steps"),
                before=before,
                after=after,
                resume=checked_answers(at, params["resume"]),
                until=self._until(graph, params["until"]),
                loop=self._loop,
                reuse=not isinstance(graph, RemoteAssistant) and _within(_reuse(at, params)),
                on_event=on_event,
                **self._run_with(params["configurable"], at),
            ),
        )

    def _begun(self, start: StartInput, on_event: Hear) -> session.RunHandle:
        """A run on its way that begins a new thread, or a thread's next turn."""
        kept = self._thread.breakpoints_of(start.thread_id)
        more: dict[str, Any] = {
            "config": start.config,
            "context": start.context,
            "before": kept["before"],
            "after": kept["after"],
            "loop": self._loop,
            "on_event": on_event,
        }
        if start.at is not None and not start.newest:
            return session.start_run(start.graph, start.at, start.input, **more)
        more |= {"fresh": start.at is None, "redactor": self._thread.redactor}
        return session.start_thread(start.graph, start.input, start.thread_id, **more)

    def _follow(
        self,
        thread_id: str,
        begin: Callable[[Hear], session.RunHandle],
        call: RequestCall | None = None,
    ) -> RunView:
        """Begin a run, tell of it until it has ended, and what came of it; to ``call`` also which checkpoint
        was the first."""
        number = next(self._numbers)
        board = LiveBoard(
            number, thread_id, lambda view: self._thread.emit("live", view), self._thread.redactor
        )
        runner = begin(lambda event: self._tell(number, board, event, call))
        self._runs[number] = runner
        self._thread.running.add(thread_id)
        view = _view(number, runner)
        try:
            self._thread.emit("run", view)
            if call is not None and runner.configs:  # made before it was known to this class
                call.progress(_view(number, runner))
            run = runner.result()
            self._remember(run)
            view = {
                **_view(number, runner),
                "status": run.status,
                "before": list(run.before),
                "after": list(run.after),
                "passed": list(run.passed),
                "warnings": [self._thread.shown(warning) for warning in run.warnings],
                "error": self._thread.shown(str(run.error)) if run.error else None,
            }
            if run.checkpoint is not None:
                view["checkpoint"] = run.checkpoint.id
            if run.served or run.answered:
                view["reused"] = {
                    "served": run.served.total(),
                    "ran": run.ran.total(),
                    "calls": run.answered.total(),
                    "tokens": run.spared.total if run.spared is not None else 0,
                }
        except LgvizError as error:
            view = {**view, "status": "failed", "error": self._thread.shown(error.cause)}
            raise
        except Exception as error:
            view = {**view, "status": "failed", "error": self._thread.shown(described(error))}
            raise
        except BaseException as error:  # a node's own, as sys.exit(): it ends the run, but not the kernel
            told = self._thread.shown(described(error))
            view = {**_view(number, runner), "status": "failed", "error": told}
        finally:
            self._thread.running.discard(thread_id)
            del self._runs[number]
            board.close()
            self._thread.emit("run", view)
            self._broadcast()
        return view

    def _live(self, checkpoint_id: str) -> tuple[Any, Checkpoint]:
        self._thread.live_graph()
        at = self._thread.at(checkpoint_id)
        return graph_at(at, self._thread.source), at

    def _new_thread(self, call: RequestCall, params: ForkRequest) -> session.NewThread:
        """The thread that a fork is to be made in; none, where it stays."""
        named = (params.get("new_thread") or "").strip()
        return session.NewThread(named or None, call.counted)

    def _edit(self, graph: Any, at: Checkpoint, request: ForkRequest) -> dict[str, Any]:
        parts = edited_channels(graph, at, request.get("edits", []))
        typed = {
            channel: session.Set(restored_channel(at, channel, value.value))
            if isinstance(value, session.Set)
            else self._unmasked(value, channel)
            for channel, value in values_of(request).items()
        }
        self._unmasked(request["note"], "note")
        values = typed | {channel: one.update for channel, one in parts.items()}
        return {
            "values": values or None,
            "as_node": request["as_node"],
            "goto": request["goto"] or None,
            "keep_siblings": request["keep_siblings"],
        }

    def _entries(self, at: Checkpoint, fork: ForkRequest) -> tuple[dict[str, str], bool]:
        """The code of each channel's value, and whether it speaks of the state before."""
        values = values_of(fork)
        if not fork.get("edits"):
            return fork_entries(values, {}), False
        graph, at = self._live(fork["checkpoint"])
        return fork_entries(values, edited_channels(graph, at, fork["edits"], shown=True)), True

    def _unmasked(self, value: Any, where: str) -> Any:
        return value if self._thread.redactor is None else refuse_mask(value, where)

    def _previewed(self, at: Checkpoint, preview: session.Preview) -> StateDiff:
        """What a fork would change, as it may be shown."""
        redactor = self._thread.redactor
        if redactor is None:
            return preview.diff
        return diff_states(state_of(at), redactor.state(by_channel(preview.values)))

    def _run_with(self, configurable: str | None, at: Checkpoint | None = None) -> dict[str, Any]:
        return {
            "config": restored_config(at, config_of(configurable, self._thread.config)),
            "context": self._thread.context,
        }

    def _breakpoints(self, request: RunRequest, thread_id: str) -> tuple[list[str], list[str]]:
        """Before and after which nodes it stops: as asked for, else as kept with the thread."""
        kept = self._thread.breakpoints_of(thread_id)
        return request.get("before", kept["before"]), request.get("after", kept["after"])

    def _until(self, graph: Any, text: str | None) -> Any:
        """A node of the graph by its name, else a condition on the state."""
        if not text or text in session.nodes_of(graph):
            return text or None
        return session.condition_of(text, list(session.channels_of(graph)))

    def _until_code(self, text: str | None) -> str | None:
        """Its Python code."""
        graph = self._thread.live_graph()
        if not text or text in session.nodes_of(graph):
            return repr(text) if text else None
        return session.condition_code(text, list(session.channels_of(graph)))

    def _tell(self, number: int, board: LiveBoard, event: session.RunEvent, call: RequestCall | None) -> None:
        board.hear(event)
        runner = self._runs.get(number)
        if runner is None or event.kind in ("message", "custom"):
            return
        if event.kind == "checkpoint":
            if call is not None:
                call.progress(_view(number, runner))
            self._broadcast()
            self._sandbox.told()
        self._thread.emit("run", _view(number, runner))

    def _broadcast(self) -> None:
        """Tell what is new in the open thread, if there is one."""
        if self._thread.history is not None:
            self._thread.broadcast()

    def _remember(self, run: session.Run) -> None:
        """Keep the traceback of what failed here: LangGraph's savers store only the exception's text."""
        if run.error is not None and run.error.node is not None and run.checkpoint is not None:
            known = self._thread.tracebacks.setdefault(run.checkpoint.id, {})
            known[run.error.node] = self._thread.shown(run.error.traceback)

    def _code(self, request: CodeRequest) -> str:
        if request["act"] == "start" and "start" in request:
            return self._starts.made(request["start"], shown=True).code(self._subject)
        at = self._thread.at(request["checkpoint"])
        if Flag.SANDBOX in at.flags:
            raise ActRefused(
                f"{at.label} is in this debugger's sandbox: no code finds it elsewhere.", "Keep it first."
            )
        thread_id = at.config["configurable"]["thread_id"]
        if request["act"] == "diff" and "other" in request:
            pair = sorted((at, self._thread.at(request["other"])), key=lambda one: one.row)
            return code.diff_code(self._subject, thread_id, *(one.label for one in pair))
        if request["act"] == "fork" and "fork" in request:
            fork = request["fork"]
            return code.fork_code(
                self._subject,
                thread_id,
                at.label,
                *self._entries(at, fork),
                as_node=fork["as_node"],
                goto=fork["goto"] or None,
                keep_siblings=fork["keep_siblings"],
                note=fork["note"] or None,
                new_thread=(fork.get("new_thread") or "").strip() or None,
                config=_typed(at, fork["configurable"]),
                sandbox=fork["sandbox"],
            )
        if request["act"] == "memory" and "memory" in request:
            return self._memory.code(request["memory"], self._subject, thread_id, at.label)
        if request["act"] == "run":
            run = request.get("run")
            before, after = self._breakpoints(run, thread_id) if run else ([], [])
            return code.run_code(
                self._subject,
                thread_id,
                at.label,
                only=run.get("only") if run else None,
                steps=run.get("steps") if run else None,
                before=before,
                after=after,
                resume=checked_answers(at, run["resume"]) if run else None,
                until=self._until_code(run["until"]) if run else None,
                config=_typed(at, run["configurable"] if run else None),
                sandbox=run["sandbox"] if run else False,
                reuse=_reuse(at, run) if run else False,
            )
        return code.select_code(self._subject, thread_id, at.label)


def _reuse(at: Checkpoint, run: RunRequest) -> bool | dict[str, list[str]]:
    """What a run is to be answered, as :func:`lgviz.run` takes it."""
    if run.get("reuse") != "rest":
        return run.get("reuse") == "all"
    path = node_path(at.namespace)
    live = [within(path, node) for node in dict.fromkeys(at.next) if node != START]
    return {"live": live} if live else False  # the input is taken in anew: so is all that follows


def _within(reuse: bool | dict[str, list[str]]) -> bool | dict[str, Any]:
    """What a run is to be answered, found within the seconds that a person waits."""
    return reuse and {**(reuse if isinstance(reuse, dict) else {}), "within": LOOKED}


def _typed(at: Checkpoint, configurable: str | None) -> Mapping[str, Any] | None:
    """The config for copied code: only what was typed, for the rest comes from the checkpoint."""
    known = session.configurable_of(at.metadata)
    typed = config_of(configurable, None).get("configurable", {})
    typed = {key: value for key, value in typed.items() if key not in known or known[key] != value}
    return {"configurable": typed} if typed else None


def _view(number: int, runner: session.RunHandle) -> RunView:
    made = runner.configs
    return {
        "run": number,
        "status": runner.status,
        "nodes": runner.nodes,
        "before": [],
        "after": [],
        "passed": [],
        "cannot_cancel": runner.cannot_cancel,
        "warnings": [],
        "checkpoint": made[-1]["configurable"]["checkpoint_id"] if made else None,
        "error": None,
        "reused": None,
    }
