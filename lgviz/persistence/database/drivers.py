"""How operations are run: the loop, sync and async, that every driver shares, and what a driver has."""

from __future__ import annotations

import asyncio
import itertools
import random
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, Protocol, TypeVar

from lgviz.errors import Unavailable

from .statements import Conflict, Operation, Rows, Step

R = TypeVar("R")

GRACE = 2.0
"""Seconds that an operation has to come to its end when its caller is cancelled."""
ATTEMPTS = 12
"""How often an operation is run that other writers come in the way of: for about two seconds."""


def not_erased() -> Unavailable:
    """What :meth:`Driver.scrub` raises."""
    return Unavailable(
        "It is deleted, but its bytes are still in the database: a transaction that is open keeps them.",
        "End that transaction, then call forget again.",
    )


def rest(attempt: int) -> float:
    """Seconds to wait before an operation is run again: longer each time, and so that of several that came in
    each other's way one is first."""
    return random.uniform(0, min(0.005 * 2**attempt, 0.5))  # noqa: S311


def crowded() -> Unavailable:
    """What is raised after :data:`ATTEMPTS`."""
    return Unavailable(
        f"Other writers came in the way {ATTEMPTS} times; nothing was written.",
        "Call it again, with fewer writers at once.",
    )


def forked() -> Unavailable:
    """What a driver raises in a process that was forked while it was in use."""
    return Unavailable(
        "The connection belongs to the process that this one was forked from.", "Make it after the fork."
    )


_savepoints = itertools.count(1)


def savepoint_name() -> str:
    """A name for a savepoint that no other in this process has: a caller's transaction may hold several."""
    return f"lgviz_{next(_savepoints)}"


class TransactionSession(Protocol):
    """One connection, on which one operation at a time is run."""

    def perform(self, step: Step) -> Rows:
        """Carry out one step of an operation."""

    def atomic(self) -> AbstractContextManager[None]:
        """What is begun in here is committed at the end, or undone where anything is raised."""


class AsyncTransactionSession(Protocol):
    """A :class:`TransactionSession` whose methods are awaited."""

    async def perform(self, step: Step) -> Rows: ...

    def atomic(self) -> AbstractAsyncContextManager[None]: ...


class Driver(Protocol):
    """Runs operations and waits for them."""

    def run(self, make: Callable[[], Operation[R]]) -> R:
        """Run an operation in its transaction; again where another writer came between."""

    def tidy(self) -> None:
        """Give the space of what was deleted back to the file system."""

    def scrub(self, tables: Sequence[str]) -> None:
        """Rewrite some tables, so that no byte of what was deleted from them is left.

        Raises:
            Unavailable: others, or the caller's own transaction, keep it from that; it may be tried again.
        """

    def close(self) -> None:
        """Close what the driver itself opened."""


class AsyncDriver(Protocol):
    """A :class:`Driver` whose methods are awaited."""

    def run(self, make: Callable[[], Operation[R]]) -> Coroutine[Any, Any, R]: ...

    def tidy(self) -> Coroutine[Any, Any, None]: ...

    def scrub(self, tables: Sequence[str]) -> Coroutine[Any, Any, None]: ...

    async def close(self) -> None: ...


def drive(make: Callable[[], Operation[R]], session: TransactionSession) -> R:
    """Run one operation on a session: all of it is committed, or nothing."""
    for attempt in itertools.count(1):
        operation, rows = make(), None
        try:
            with session.atomic():
                while True:
                    try:
                        step = operation.send(rows)  # type: ignore[arg-type]
                    except StopIteration as stop:
                        return stop.value  # type: ignore[no-any-return]
                    rows = session.perform(step)
        except Conflict as conflict:
            if attempt == ATTEMPTS:
                raise crowded() from conflict
        finally:
            operation.close()
        time.sleep(rest(attempt))
    raise AssertionError("unreachable")


async def adrive(make: Callable[[], Operation[R]], session: AsyncTransactionSession) -> R:
    """Run one operation on a session: all is committed, or nothing, also where its task is cancelled."""
    for attempt in itertools.count(1):
        operation, rows = make(), None
        try:
            async with session.atomic():
                while True:
                    try:
                        step = operation.send(rows)  # type: ignore[arg-type]
                    except StopIteration as stop:
                        return stop.value  # type: ignore[no-any-return]
                    rows = await session.perform(step)
        except Conflict as conflict:
            if attempt == ATTEMPTS:
                raise crowded() from conflict
        finally:
            operation.close()
        await asyncio.sleep(rest(attempt))
    raise AssertionError("unreachable")


async def whole(work: Coroutine[Any, Any, R]) -> R:
    """The result of an operation. Where the caller is cancelled, it comes to its end first.

    A request to cancel it in the server may arrive late, and hit the operation that comes next.
    One that takes longer than :data:`GRACE` is cancelled all the same.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        try:
            await asyncio.wait([task], timeout=GRACE)
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait([task])
            elif not task.cancelled():
                task.exception()  # it is looked at: the caller is told of its own cancellation
        raise


def run_async(make: Callable[[], Coroutine[Any, Any, R]]) -> R:
    """The result of a coroutine, run to its end on a loop of its own in a helper thread."""
    outcome: list[R] = []
    failure: list[BaseException] = []

    def work() -> None:
        try:
            outcome.append(asyncio.run(make()))
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=work, name="lgviz-async", daemon=True)
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return outcome[0]
