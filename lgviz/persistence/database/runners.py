"""Lets savers and stores run their operations whichever way they are called, sync or async.

A synchronous driver serves the ``a…`` methods from a thread, an asynchronous one serves the plain methods
from outside of its event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from typing import Any, TypeVar

from lgviz.errors import PersistenceError, WrongLoop

from .drivers import AsyncDriver, Driver
from .statements import Operation

R = TypeVar("R")


class OperationRunner:
    """What savers and stores share: they run operations on a driver."""

    def _run(self, make: Callable[[], Operation[R]]) -> R:
        raise NotImplementedError

    async def _arun(self, make: Callable[[], Operation[R]]) -> R:
        raise NotImplementedError

    def _tidy(self) -> None:
        raise NotImplementedError

    async def _atidy(self) -> None:
        raise NotImplementedError

    def _scrub(self, tables: Sequence[str]) -> None:
        raise NotImplementedError

    async def _ascrub(self, tables: Sequence[str]) -> None:
        raise NotImplementedError


class SyncRunner(OperationRunner):
    """Runs operations on a synchronous driver. The ``a…`` methods run in a thread."""

    driver: Driver

    def _run(self, make: Callable[[], Operation[R]]) -> R:
        return self.driver.run(make)

    async def _arun(self, make: Callable[[], Operation[R]]) -> R:
        return await asyncio.to_thread(self.driver.run, make)

    def _tidy(self) -> None:
        self.driver.tidy()

    async def _atidy(self) -> None:
        await asyncio.to_thread(self.driver.tidy)

    def _scrub(self, tables: Sequence[str]) -> None:
        self.driver.scrub(tables)

    async def _ascrub(self, tables: Sequence[str]) -> None:
        await asyncio.to_thread(self.driver.scrub, tables)

    def setup(self) -> None:
        """Make the tables now; otherwise the first use makes them."""
        _ = self.engine  # type: ignore[attr-defined]

    def close(self) -> None:
        """Close the connection, where it was opened here."""
        self.driver.close()

    def __enter__(self) -> Any:
        self.setup()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncRunner(OperationRunner):
    """Runs operations on an asynchronous driver. Plain methods work from any thread but an event loop's."""

    driver: AsyncDriver

    async def _arun(self, make: Callable[[], Operation[R]]) -> R:
        return await self.driver.run(make)

    async def _atidy(self) -> None:
        await self.driver.tidy()

    async def _ascrub(self, tables: Sequence[str]) -> None:
        await self.driver.scrub(tables)

    def _run(self, make: Callable[[], Operation[R]]) -> R:
        return self._wait(lambda: self.driver.run(make))

    def _tidy(self) -> None:
        self._wait(self.driver.tidy)

    def _scrub(self, tables: Sequence[str]) -> None:
        self._wait(lambda: self.driver.scrub(tables))

    def _wait(self, call: Callable[[], Coroutine[Any, Any, R]]) -> R:
        refuse_on_loop(type(self).__name__)
        return asyncio.run(call())

    async def setup(self) -> None:
        """Make the tables now; otherwise the first use makes them."""
        await self.aengine()  # type: ignore[attr-defined]

    async def close(self) -> None:
        """Close the connection, where it was opened here."""
        await self.driver.close()

    async def __aenter__(self) -> Any:
        try:
            await self.setup()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class LoopRunner(AsyncRunner):
    """Runs operations on a driver whose connections belong to the event loop that they were made on."""

    loop: asyncio.AbstractEventLoop | None = None

    async def _arun(self, make: Callable[[], Operation[R]]) -> R:
        if self.loop is None or not self.loop.is_running():
            self.loop = asyncio.get_running_loop()
        return await super()._arun(make)

    def _wait(self, call: Callable[[], Coroutine[Any, Any, R]]) -> R:
        refuse_on_loop(type(self).__name__)
        if self.loop is None or not self.loop.is_running():
            raise WrongLoop(
                f"The event loop of this {type(self).__name__} is not running.",
                "Call a method with an `a` in front, on a loop.",
            )
        return asyncio.run_coroutine_threadsafe(call(), self.loop).result()


@contextmanager
def closed_on_error(conn: Any) -> Iterator[None]:
    """A connection of our own does not outlive the error of the saver or store that was to have it."""
    try:
        yield
    except BaseException:
        conn.close()
        raise


def refuse_on_loop(name: str) -> None:
    """Blocking an event loop would hang it.

    Raises:
        WrongLoop: the caller runs on one.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise WrongLoop(
        f"A synchronous method of {name} was called on an event loop, which it would block.",
        "Await the method with an `a` in front (aget_tuple, aput, graph.ainvoke, graph.aget_state, …),"
        " or call it from another thread: await asyncio.to_thread(...).",
    )


def refuse_path(taker: object, conn: object) -> None:
    """A path or URL is easily given in the place of a connection.

    Raises:
        PersistenceError: it is one.
    """
    if isinstance(conn, (str, PathLike)):
        name = type(taker).__name__
        raise PersistenceError(
            f"{name} takes a connection, not a path or URL.", f"Use {name}.from_conn_string({str(conn)!r})."
        )
