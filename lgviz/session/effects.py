"""One act, written once, made through LangGraph's sync or async methods; and which loop the async ones use.

An act is a generator that yields :class:`Effect` and is sent each call's result, so that no act is written
twice. :func:`drive` makes the calls, :func:`adrive` awaits their ``a…`` twins.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from contextlib import aclosing, closing
from dataclasses import dataclass, field
from typing import Any, TypeVar

from lgviz.errors import WrongLoop, said

from .ended import opened

__all__ = [
    "Act",
    "Brake",
    "Effect",
    "StreamCut",
    "adrive",
    "call",
    "drive",
    "in_new_thread",
    "run_sync",
    "running_loop",
]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Effect:
    """A method to call on a graph or saver. ``list`` gives a list; ``stream`` hands each item to ``sink``;
    where it is awaited, a ``brake`` cuts it."""

    target: Any
    name: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)


Act = Generator[Effect, Any, T]
"""An act: yields calls, is sent their results, returns a ``T``."""


class StreamCut(Exception):
    """A stream was cut by its brake."""


class Brake:
    """Cuts an awaited stream, from any thread, also before it began."""

    def __init__(self) -> None:
        self.pulled = False
        self._lock = threading.Lock()
        self._task: asyncio.Future[None] | None = None

    def pull(self) -> None:
        """Cut it: what it awaits is cancelled. Comes back at once."""
        with self._lock:
            self.pulled, task = True, self._task
        if task is not None:
            task.get_loop().call_soon_threadsafe(task.cancel)

    async def watch(self, work: Coroutine[Any, Any, None]) -> None:
        """Await work that :meth:`pull` cancels.

        Raises:
            StreamCut: it did.
        """
        task = asyncio.ensure_future(work)
        with self._lock:
            self._task = task
        if self.pulled:
            task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            if self.pulled and task.cancelled():
                raise StreamCut from None
            raise
        finally:
            with self._lock:
                self._task = None


def call(target: Any, name: str, *args: Any, **kwargs: Any) -> Act[Any]:
    """``yield from call(graph, "get_state", config)``."""
    return (yield Effect(target, name, args, kwargs))


def drive(steps: Act[T]) -> T:
    """Make an act's calls through the sync methods."""
    made, failed = None, None
    with closing(steps):
        while True:
            try:
                wanted = steps.throw(failed) if failed is not None else steps.send(made)
            except StopIteration as done:
                value: T = done.value
                return value
            made, failed = None, None
            try:
                kwargs = dict(wanted.kwargs)
                sink, _ = kwargs.pop("sink", None), kwargs.pop("brake", None)
                args = _with_room(wanted) if wanted.name == "stream" else wanted.args
                made = getattr(wanted.target, wanted.name)(*args, **kwargs)
                if wanted.name == "list":
                    made = list(made)
                elif sink is not None:
                    with closing(made):
                        for item in made:
                            sink(item)
            except Exception as error:
                failed = error


def _with_room(stream: Effect) -> tuple[Any, ...]:
    """The arguments of ``graph.stream`` with a thread more than nodes may take: one of them only waits for
    what is streamed, and LangGraph never comes back where there is no other."""
    given, config = stream.args
    limit = config.get("max_concurrency") or (stream.target.config or {}).get("max_concurrency")
    return given, {**config, "max_concurrency": limit + 1} if limit else config


async def adrive(steps: Act[T]) -> T:
    """Make an act's calls through the async methods."""
    made, failed = None, None
    with closing(steps):
        while True:
            try:
                wanted = steps.throw(failed) if failed is not None else steps.send(made)
            except StopIteration as done:
                value: T = done.value
                return value
            made, failed = None, None
            try:
                kwargs = dict(wanted.kwargs)
                sink, brake = kwargs.pop("sink", None), kwargs.pop("brake", None) or Brake()
                made = getattr(wanted.target, f"a{wanted.name}")(*wanted.args, **kwargs)
                if wanted.name == "list":
                    made = [item async for item in made]
                elif sink is not None:
                    await brake.watch(_poured(made, sink))
                else:
                    made = await made
            except Exception as error:
                failed = error


async def _poured(stream: AsyncIterator[Any], sink: Callable[[Any], None]) -> None:
    async with aclosing(stream):  # type: ignore[type-var]
        async for item in stream:
            sink(item)


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The loop that runs in this thread now."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def in_new_thread(work: Callable[[], T]) -> T:
    """Do work in a thread of its own and wait for it."""
    outcome: concurrent.futures.Future[T] = concurrent.futures.Future()

    def target() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:
            outcome.set_exception(error)

    thread = threading.Thread(target=target, name="lgviz-loop", daemon=True)
    thread.start()
    try:
        return outcome.result()
    finally:
        thread.join()


def run_sync(
    coroutine: Callable[[], Coroutine[Any, Any, T]], loop: asyncio.AbstractEventLoop | None = None
) -> T:
    """Run a coroutine to its end from synchronous code.

    Args:
        coroutine: makes the coroutine.
        loop: where to run it, if it runs in another thread (the loop that a saver lives on). From that
            loop's own thread, as in a notebook's cell, a thread with a new loop does it instead.

    Raises:
        WrongLoop: something in it belongs to another loop.
    """
    here = running_loop()
    try:
        with opened():
            if loop is not None and loop.is_running() and loop is not here:
                return asyncio.run_coroutine_threadsafe(coroutine(), loop).result()
            if here is None:
                return asyncio.run(coroutine())
            return in_new_thread(lambda: asyncio.run(coroutine()))
    except RuntimeError as error:
        if is_wrong_loop(error):
            raise wrong_loop(error) from error
        raise


def is_wrong_loop(error: BaseException) -> bool:
    """Whether an error says that something belongs to another event loop."""
    text = said(error).lower()
    return isinstance(error, RuntimeError) and ("different loop" in text or "different event loop" in text)


def wrong_loop(error: BaseException) -> WrongLoop:
    """An error of :func:`is_wrong_loop`, in words that help."""
    return WrongLoop(
        f"An asynchronous client belongs to another event loop ({said(error)}).",
        "From a notebook cell use `await lgviz.afork(...)`, `apreview` or `arun`, which stay on its loop.",
    )
