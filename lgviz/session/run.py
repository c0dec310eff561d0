"""``run``: from a checkpoint on, off the calling thread, streamed, and stoppable."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any, Literal

from langchain_core.runnables import RunnableConfig
from markupsafe import Markup

from lgviz.analysis.html import page
from lgviz.errors import WrongLoop

from .effects import Act, adrive, drive, running_loop
from .loaded import load
from .mixed import refuse_mixed
from .plan import Plan, plan_of
from .run_result import Run, RunEvent, Status
from .run_steps import Only, RunSpec, RunSteps, Until
from .saver_errors import as_refusals
from .target import GraphTarget, aperform, find, perform, refuse_busy, saver_loop, target_of

__all__ = ["RunHandle", "arun", "run", "run_in_thread", "run_plan", "start_run"]


class RunHandle:
    """A run on its way in a thread of its own; made by :func:`start_run`."""

    def __init__(
        self, steps: RunSteps, work: Callable[[], Run], loop: asyncio.AbstractEventLoop | None
    ) -> None:
        self._steps = steps
        self._work = work
        self._loop = loop
        self._ended = threading.Event()
        self._run: Run | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._main, name="lgviz-run", daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return f"<RunHandle {self.status}: {len(self.configs)} checkpoints>"

    def _repr_html_(self) -> str:
        return page("Run", Markup(), {self.status: f"{len(self.configs)} checkpoints"})

    @classmethod
    def of(cls, graph: Any, steps: RunSteps, loop: asyncio.AbstractEventLoop | None) -> RunHandle:
        """Start a run, on ``loop`` where the graph needs one."""
        here = target_of(graph)
        where = loop or saver_loop(here.saver)
        return cls(steps, lambda: _work(here, steps, where), where if here.asynchronous else None)

    @property
    def status(self) -> Literal["running", "stopping"] | Status:
        """Of the run; ``"failed"`` too where it could not begin (:meth:`result` raises why)."""
        if self._ended.is_set():
            return self._run.status if self._run is not None else "failed"
        return "stopping" if self._steps.control.drain_requested else "running"

    @property
    def nodes(self) -> list[str]:
        """The nodes at work now."""
        return list(self._steps.working.values())

    @property
    def configs(self) -> list[RunnableConfig]:
        """Configs of the checkpoints stored so far, in order."""
        return list(self._steps.made)

    def stop(self) -> None:
        """Stop after the nodes at work (a synchronous node cannot be killed). Comes back at once."""
        self._steps.control.request_drain("stop")
        self._steps.tell(RunEvent("status"))

    def result(self, timeout: float | None = None) -> Run:
        """Wait for the end.

        Raises:
            TimeoutError: it still runs.
            WrongLoop: waiting here would block the loop that it runs on.
            LgvizError: it could not begin, as :func:`run` raises.
        """
        if self._loop is not None and self._loop is running_loop() and not self._ended.is_set():
            raise WrongLoop("The run goes on in the loop that waiting here would block.", "Await `wait()`.")
        if not self._ended.wait(timeout):
            raise TimeoutError("The run goes on.")
        if self._error is not None:
            raise self._error
        if self._run is None:
            raise RuntimeError("the run ended without a result")
        return self._run

    async def wait(self) -> Run:
        """:meth:`result`, awaited."""
        await asyncio.to_thread(self._ended.wait)
        return self.result()

    def _main(self) -> None:
        try:
            self._run = self._work()
        except BaseException as error:
            self._error = error
        finally:
            self._ended.set()
            self._steps.tell(RunEvent("status"))


def start_run(
    graph: Any,
    at: Any,
    input: Any = None,  # noqa: A002
    resume: Any = None,
    only: Only = "all",
    until: Until = None,
    sandbox: bool = False,
    *,
    thread_id: str | None = None,
    config: RunnableConfig | None = None,
    context: Any = None,
    on_event: Callable[[RunEvent], None] | None = None,
    loop: asyncio.AbstractEventLoop | None = None,
) -> RunHandle:
    """Start a run in a thread of its own and come back at once.

    Args:
        graph, at, input, resume, only, until, sandbox, thread_id, config, context: see :func:`run`.
        on_event: told what happens, from the thread that runs it.
        loop: where an asynchronous graph runs; None: where its saver lives, else a new one.

    Raises:
        ReadOnly, NoCheckpointer: the graph cannot run. What is wrong with the checkpoint,
            :meth:`RunHandle.result` raises.
    """
    steps = RunSteps(RunSpec(at, input, resume, only, until, sandbox, thread_id, config, context), on_event)
    return RunHandle.of(graph, steps, loop)


def run(
    graph: Any,
    at: Any,
    input: Any = None,  # noqa: A002
    resume: Any = None,
    only: Only = "all",
    until: Until = None,
    sandbox: bool = False,
    *,
    thread_id: str | None = None,
    config: RunnableConfig | None = None,
    context: Any = None,
    on_event: Callable[[RunEvent], None] | None = None,
) -> Run:
    """Run on from a checkpoint, on a new branch, and wait for the end.

    Without ``input`` and ``resume`` it runs exactly what the checkpoint's ``next`` says, also inside a
    subgraph. What a node raises ends the run as ``"failed"``; it is kept in ``Run.error``, never raised.

    Args:
        graph: a compiled graph with a checkpointer.
        at: a ``Checkpoint``, a config, or a label or id with ``thread_id=``.
        input: a new input to the graph at this checkpoint.
        resume: the answer to its interrupt, or a dict from interrupt id to answer. A question that was
            answered before is asked again on a fresh fork and gets the new answer.
        only: ``"all"`` runs all that ``next`` says, on a new branch. ``"unfinished"`` goes on at the
            checkpoint itself, which must have no child, and runs only the tasks that have not finished: what
            failed, was stopped, or never began. Finished tasks of its step keep what they wrote.
        until: a node (stop before it runs) or a predicate on a ``Checkpoint`` (stop after the step that
            made it).
        sandbox: write nothing: checkpoints and memories stay over the untouched saver and store until
            ``Run.keep()``, and no cache is used. Memory is read as of the checkpoint where the store keeps
            versions, else as it is now. What a node writes to a store that it holds by itself, as by a
            closure, is written; the warnings name such nodes, as far as it shows.
        thread_id: the thread of a label or id.
        config: its ``configurable`` goes over what the checkpoint's metadata gives; ``recursion_limit`` too.
        context: the run's context.
        on_event: told what happens, from the thread that runs it.

    Raises:
        NothingToRun: nothing comes next, or no interrupt waits for the answer.
        NodeRefused: ``until`` names no node.
        ReadOnly, NoCheckpointer, CheckpointNotFound, ThreadNotFound: as they say.
        WrongLoop: the graph's saver is busy on the loop that this call would block.
    """
    steps = RunSteps(RunSpec(at, input, resume, only, until, sandbox, thread_id, config, context), on_event)
    return run_in_thread(graph, steps)


def run_in_thread(graph: Any, steps: RunSteps) -> Run:
    """Run in a thread of its own, and wait for the end."""
    here = target_of(graph)
    loop = saver_loop(here.saver)
    blocked = loop is not None and loop is running_loop()
    if blocked:
        refuse_busy(here.saver)
    return RunHandle(steps, lambda: _work(here, steps, None if blocked else loop), None).result()


async def arun(
    graph: Any,
    at: Any,
    input: Any = None,  # noqa: A002
    resume: Any = None,
    only: Only = "all",
    until: Until = None,
    sandbox: bool = False,
    *,
    thread_id: str | None = None,
    config: RunnableConfig | None = None,
    context: Any = None,
    on_event: Callable[[RunEvent], None] | None = None,
) -> Run:
    """:func:`run`, awaited on the caller's loop."""
    steps = RunSteps(RunSpec(at, input, resume, only, until, sandbox, thread_id, config, context), on_event)
    return await aperform(target_of(graph), steps.act)


def run_plan(graph: Any, at: Any, *, thread_id: str | None = None) -> Plan:
    """What :func:`run` from a checkpoint will do, before anything runs."""

    def act(here: GraphTarget) -> Act[Plan]:
        position = yield from find(here, at, thread_id)
        yield from refuse_mixed(at, position)
        loaded = yield from load(position)
        return (yield from plan_of(position, loaded.check("Nothing can run here: the state")))

    return perform(target_of(graph), act)


def _work(here: GraphTarget, steps: RunSteps, loop: asyncio.AbstractEventLoop | None) -> Run:
    """In the run's own thread: on ``loop``, if the graph needs one and this one runs, else on a new one."""
    with as_refusals():
        if not here.asynchronous:
            return drive(steps.act(here))
        if loop is not None and loop.is_running():
            return asyncio.run_coroutine_threadsafe(aperform(here, steps.act), loop).result()
        return asyncio.run(adrive(steps.act(here.with_proxy(serial=True))))
