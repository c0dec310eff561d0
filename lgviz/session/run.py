"""``run``: from a checkpoint on, off the calling thread, streamed, and stoppable."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any, Literal

from langchain_core.runnables import RunnableConfig
from markupsafe import Markup

from lgviz.analysis.html import page
from lgviz.errors import ActRefused, WrongLoop

from .at_server import at_server
from .effects import Act, adrive, drive, running_loop
from .ended import carried, opened
from .loaded import load
from .mixed import refuse_mixed
from .plan import Plan, plan_of
from .run_result import Run, RunEvent, Status
from .run_steps import Names, Only, Reuse, RunSpec, RunSteps, Until
from .saver_errors import as_refusals
from .target import GraphTarget, aperform, carrying, find, perform, refuse_busy, saver_loop, target_of

__all__ = ["RunHandle", "arun", "run", "run_in_thread", "run_plan", "start_run"]

_UNTIL_STORED = 5.0
"""Seconds that an interrupted call waits for what its cancelled run stores."""


class RunHandle:
    """A run on its way in a thread of its own; made by :func:`start_run`.

    Attributes:
        ended: set once it has ended.
    """

    def __init__(
        self,
        steps: RunSteps,
        work: Callable[[Callable[[Run], None]], Run],
        loop: asyncio.AbstractEventLoop | None,
        *,
        cancels: bool,
    ) -> None:
        self._steps = steps
        self._cancels = cancels
        self._work = work
        self._loop = loop
        self.ended = threading.Event()
        self._run: Run | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._main, name="lgviz-run", daemon=True)

    def begin(self) -> RunHandle:
        """Start it, if it is not started yet."""
        if self._thread.ident is None:
            self._thread.start()
        return self

    def __repr__(self) -> str:
        return f"<RunHandle {self.status}: {len(self.configs)} checkpoints>"

    def _repr_html_(self) -> str:
        return page("Run", Markup(), {self.status: f"{len(self.configs)} checkpoints"})

    @classmethod
    def of(cls, graph: Any, steps: RunSteps, loop: asyncio.AbstractEventLoop | None) -> RunHandle:
        """Start a run, on ``loop`` where the graph needs one."""
        here = target_of(graph)
        where = loop or saver_loop(here.saver)
        awaited = here.asynchronous
        home = where if awaited else None
        return cls(steps, lambda end: _work(here, steps, where, end), home, cancels=awaited).begin()

    @property
    def status(self) -> Literal["running", "stopping"] | Status:
        """Of the run; ``"failed"`` too where it could not begin (:meth:`result` raises why)."""
        if self.ended.is_set():
            return self._run.status if self._run is not None else "failed"
        return "stopping" if self._steps.control.drain_requested else "running"

    @property
    def nodes(self) -> list[str]:
        """The nodes at work now."""
        return list(self._steps.at_work.nodes.values())

    @property
    def configs(self) -> list[RunnableConfig]:
        """Configs of the checkpoints stored so far, in order."""
        return list(self._steps.made)

    @property
    def cannot_cancel(self) -> str | None:
        """Why the nodes at work cannot be cancelled; None where they can."""
        return (
            None if self._cancels else "The nodes of this graph are synchronous: a thread cannot be killed."
        )

    def stop(self) -> None:
        """Stop after the nodes at work (a synchronous node cannot be killed). Comes back at once."""
        self._steps.control.request_drain("stop")
        self._steps.tell(RunEvent("status"))

    def stop_now(self) -> None:
        """Cancel the asynchronous nodes at work. Comes back at once; finished nodes of the step keep what
        they wrote, and those cancelled run again where the run is resumed.

        Raises:
            ActRefused: :attr:`cannot_cancel` says why not.
        """
        if self.cannot_cancel is not None:
            raise ActRefused(self.cannot_cancel, "Call stop(): it ends after the nodes at work.")
        self._steps.cut()
        self.stop()

    def result(self, timeout: float | None = None) -> Run:
        """Wait for the end.

        Raises:
            TimeoutError: it still runs.
            WrongLoop: waiting here would block the loop that it runs on.
            LgvizError: it could not begin, as :func:`run` raises.
        """
        if self._loop is not None and self._loop is running_loop() and not self.ended.is_set():
            raise WrongLoop("The run goes on in the loop that waiting here would block.", "Await `wait()`.")
        if not self.ended.wait(timeout):
            raise TimeoutError("The run goes on.")
        if self._error is not None:
            raise self._error
        if self._run is None:
            raise RuntimeError("the run ended without a result")
        return self._run

    def interruptible(self) -> Run:
        """:meth:`result`, which an interrupt from the keyboard stops: it reaches the caller's thread only.

        A run that is not started yet is started here, where an interrupt cannot miss it.
        """
        try:
            return self.begin().result()
        except KeyboardInterrupt:
            if self._cancels:
                self.stop_now()
                self.ended.wait(_UNTIL_STORED)
            else:
                self.stop()
                self._steps.leave()
            raise

    async def wait(self) -> Run:
        """:meth:`result`, awaited."""
        await asyncio.to_thread(self.ended.wait)
        return self.result()

    def _main(self) -> None:
        try:
            self._end(self._work(self._end))
        except BaseException as error:
            self._error = error
            self.ended.set()
            self._steps.tell(RunEvent("status"))

    def _end(self, run: Run) -> None:
        if not self.ended.is_set():
            self._run = run
            self.ended.set()
            self._steps.tell(RunEvent("status"))


@at_server
def start_run(
    graph: Any,
    at: Any,
    input: Any = None,  # noqa: A002
    resume: Any = None,
    only: Only = "all",
    steps: int | None = None,
    until: Until = None,
    before: Names = (),
    after: Names = (),
    sandbox: bool = False,
    reuse: Reuse = False,
    *,
    thread_id: str | None = None,
    config: RunnableConfig | None = None,
    context: Any = None,
    record_models: bool | None = None,
    on_event: Callable[[RunEvent], None] | None = None,
    loop: asyncio.AbstractEventLoop | None = None,
) -> RunHandle:
    """Start a run in a thread of its own and come back at once.

    Args:
        graph, at, input, resume, only, steps, until, before, after, sandbox, reuse: see :func:`run`.
        thread_id, config, context, record_models: see :func:`run`.
        on_event: told what happens, from the thread that runs it.
        loop: where an asynchronous graph runs; None: where its saver lives, else a new one.

    Raises:
        ReadOnly, NoCheckpointer: the graph cannot run. What is wrong with the checkpoint,
            :meth:`RunHandle.result` raises.
    """
    more: Any = {"config": config, "context": context, "reuse": reuse, "record_models": record_models}
    spec = RunSpec(at, input, resume, only, steps, until, before, after, sandbox, thread_id, **more)
    return RunHandle.of(graph, RunSteps(spec, on_event), loop)


@at_server
def run(
    graph: Any,
    at: Any,
    input: Any = None,  # noqa: A002
    resume: Any = None,
    only: Only = "all",
    steps: int | None = None,
    until: Until = None,
    before: Names = (),
    after: Names = (),
    sandbox: bool = False,
    reuse: Reuse = False,
    *,
    thread_id: str | None = None,
    config: RunnableConfig | None = None,
    context: Any = None,
    record_models: bool | None = None,
    on_event: Callable[[RunEvent], None] | None = None,
) -> Run:
    """Run on from a checkpoint and wait for the end. What a node raises is kept in ``Run.error``, not raised;
    but a ``SystemExit`` or ``KeyboardInterrupt`` of a node is raised here, as by ``graph.invoke``.

    Without ``input`` and ``resume`` it runs what the checkpoint's ``next`` says, on a new branch. Interrupted
    from the keyboard it stops, and what it leaves can be resumed, also while a synchronous node is still at
    work: then that node runs again, and what it still does is lost.

    >>> import lgviz
    >>> from langgraph.checkpoint.memory import InMemorySaver
    >>> from lgviz.demos import two_nodes
    >>> two_nodes.seed(graph := two_nodes.build(InMemorySaver()))
    >>> run = lgviz.run(graph, "c1", steps=1, thread_id="1")
    >>> run.status, lgviz.run(graph, run.checkpoint, only="unfinished").status
    ('stopped', 'done')

    Args:
        graph, at, thread_id: a graph with a checkpointer; a ``Checkpoint``, a config, or a label or id.
        input: a new input to the graph at this checkpoint.
        resume: the answer to its interrupt, or a dict from interrupt id to answer. A question that was
            answered before is asked again on a fresh fork and gets the new answer.
        only: ``"unfinished"`` goes on at the checkpoint itself, which must have no child, with the tasks that
            failed, were stopped or never began; those that finished keep what they wrote.
        steps: super-steps to make at most; the one that only takes an input in is not counted.
        until: a node (stop before it runs) or a predicate on a ``Checkpoint`` (stop after its step).
        before, after: names of nodes to stop before and after, of subgraphs too (``"research|judge"``;
            ``"|judge"`` is the root graph's alone). A run that begins right before one passes it.
        sandbox: write nothing: checkpoints and memories stay over the untouched saver and store until
            ``Run.keep()``. Memory is read as of the checkpoint where the store keeps versions. What a node
            writes to a store that it holds by closure is written: a warning names it.
        reuse: do not run what was asked the same before (:mod:`lgviz.reuse`). True (so is {}), or a dict:
            ``"live"`` nodes or tasks run, ``"effects"`` never; ``"from_"`` threads; ``"within"`` seconds.
        config, context: of the run; ``configurable`` goes over what the checkpoint's metadata gives.
        record_models: keep what models answer in nodes (:class:`lgviz.ModelRecordings`); None: as configured.
        on_event: told what happens, in the run's thread; models stream as by ``stream_mode="messages"``.

    Raises:
        NothingToRun: nothing comes next, or no interrupt waits for the answer.
        NodeRefused, InvalidValue: ``until``, ``before`` or ``after`` names no node; ``steps`` is no number.
        ActRefused: the checkpoint to go on at has a child, or another run goes on there.
        SourceError, NotFound: there is no such checkpoint, or no checkpointer.
        WrongLoop: the graph's saver is busy on the loop that this call would block.
    """
    more: Any = {"config": config, "context": context, "reuse": reuse, "record_models": record_models}
    spec = RunSpec(at, input, resume, only, steps, until, before, after, sandbox, thread_id, **more)
    return run_in_thread(graph, RunSteps(spec, on_event))


def run_in_thread(graph: Any, steps: RunSteps) -> Run:
    """Run in a thread of its own, and wait for the end."""
    here = target_of(graph)
    loop = saver_loop(here.saver)
    blocked = loop is not None and loop is running_loop()
    if blocked:
        refuse_busy(here.saver)
    where = None if blocked else loop
    awaited = here.asynchronous
    runner = RunHandle(steps, lambda end: _work(here, steps, where, end), None, cancels=awaited)
    return runner.interruptible()


@at_server
async def arun(
    graph: Any,
    at: Any,
    input: Any = None,  # noqa: A002
    resume: Any = None,
    only: Only = "all",
    steps: int | None = None,
    until: Until = None,
    before: Names = (),
    after: Names = (),
    sandbox: bool = False,
    reuse: Reuse = False,
    *,
    thread_id: str | None = None,
    config: RunnableConfig | None = None,
    context: Any = None,
    record_models: bool | None = None,
    on_event: Callable[[RunEvent], None] | None = None,
) -> Run:
    """:func:`run`, awaited on the caller's loop."""
    more: Any = {"config": config, "context": context, "reuse": reuse, "record_models": record_models}
    spec = RunSpec(at, input, resume, only, steps, until, before, after, sandbox, thread_id, **more)
    work = RunSteps(spec, on_event)
    return await aperform(target_of(graph), work.act)


@at_server
def run_plan(graph: Any, at: Any, *, thread_id: str | None = None) -> Plan:
    """What :func:`run` from a checkpoint will do, before anything runs."""

    def act(here: GraphTarget) -> Act[Plan]:
        position = yield from find(here, at, thread_id)
        yield from refuse_mixed(at, position)
        loaded = yield from load(position)
        return (yield from plan_of(position, loaded.check("Nothing can run here: the state")))

    return perform(target_of(graph), act)


def _work(
    here: GraphTarget, steps: RunSteps, loop: asyncio.AbstractEventLoop | None, end: Callable[[Run], None]
) -> Run:
    """In the run's own thread: on ``loop``, if the graph needs one and this one runs, else on a new one.

    ``end`` is told how it ended before that loop is closed, which waits for nodes in threads.
    """

    async def alone() -> Run:
        run = await carried(adrive(steps.act(here.with_proxy(serial=True))))
        end(run)
        return run

    with as_refusals(), opened():
        if not here.asynchronous:
            return drive(steps.act(here))
        if loop is not None and loop.is_running():
            return asyncio.run_coroutine_threadsafe(carrying(here, steps.act), loop).result()
        return asyncio.run(alone())
