"""A node that ends the process, as by ``sys.exit()``: it ends its run, not the event loop that it runs on.

An event loop ends itself with a ``SystemExit`` or ``KeyboardInterrupt`` of any of its tasks, and the loop
that an asynchronous graph runs on may be the kernel's. So the tasks of an act carry these in an
:class:`EndsProcess`, which is opened where the act's caller is.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

__all__ = ["EndsProcess", "carried", "opened", "original"]

T = TypeVar("T")
_acting: contextvars.ContextVar[bool] = contextvars.ContextVar("lgviz_acting", default=False)


class EndsProcess(BaseException):
    """Carries a ``SystemExit`` or ``KeyboardInterrupt`` past an event loop.

    Args:
        error: what was raised.
    """

    def __init__(self, error: BaseException) -> None:
        super().__init__(error)
        self.error = error

    def __repr__(self) -> str:
        return repr(self.error)


async def carried(work: Awaitable[T]) -> T:
    """Await work; what it raises to end the process comes carried, from the tasks that it makes too."""
    loop = asyncio.get_running_loop()
    told = _acting.set(True)
    try:
        with _carrying(loop):
            return await _carrier(work)
    finally:
        _acting.reset(told)


@contextmanager
def opened() -> Iterator[None]:
    """Raises what was carried as it was raised."""
    try:
        yield
    except EndsProcess as error:
        raise error.error  # noqa: B904 - as if it had never been carried


def original(value: Any) -> Any:
    """A value, or what it carries."""
    return value.error if isinstance(value, EndsProcess) else value


async def _carrier(work: Awaitable[T]) -> T:
    try:
        return await work
    except (SystemExit, KeyboardInterrupt) as error:
        raise EndsProcess(error) from error


class _TaskFactory:
    """Makes a loop's tasks as before, those of acts so that they carry.

    Args:
        before: the loop's factory until then.
    """

    def __init__(self, before: Callable[..., Any] | None) -> None:
        self.before = before
        self.acts = 0

    def __call__(self, loop: asyncio.AbstractEventLoop, work: Any, **how: Any) -> Any:
        context = how.get("context")
        acting = _acting.get() if context is None else context.get(_acting, False)
        work = _carrier(work) if acting else work
        return asyncio.Task(work, loop=loop, **how) if self.before is None else self.before(loop, work, **how)


@contextmanager
def _carrying(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """While an act is on its way on a loop."""
    before = loop.get_task_factory()
    factory = before if isinstance(before, _TaskFactory) else _TaskFactory(before)
    loop.set_task_factory(factory)
    factory.acts += 1
    try:
        yield
    finally:
        factory.acts -= 1
        if not factory.acts and loop.get_task_factory() is factory:
            loop.set_task_factory(factory.before)
