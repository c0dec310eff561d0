"""What a store can do beyond LangGraph's interface: versions, reading the past, erasing, checking, expiry.

A store differs from another only in its driver, and in the order of ``search``.
"""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import Iterable
from concurrent.futures import Future
from datetime import datetime
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.store.base import BaseStore, Op, PutOp, Result, SearchItem

from lgviz.errors import ReadOnly
from lgviz.persistence.blocks.integrity import Problem
from lgviz.persistence.database.runners import AsyncRunner, SyncRunner

from .namespaces import Namespace, Place, check_key, check_namespace
from .past import ItemChange, Version
from .requests import check
from .store import Store
from .timestamps import END, When, as_datetime, read_when
from .ttl import ThreadSweeper, interval_of, sweep_forever


class VersionedStore(Store):
    """What all stores of lgviz share; each method is there once, for every database."""

    def list(self, namespace: Namespace) -> builtins.list[SearchItem]:
        """All items of a namespace and of those below it, in the order of search."""
        return self.search(namespace, limit=END)

    async def alist(self, namespace: Namespace) -> builtins.list[SearchItem]:
        """:meth:`list`, awaited."""
        return await self.asearch(namespace, limit=END)

    def history(self, namespace: Namespace, key: str) -> builtins.list[Version]:
        """All versions of an item, the oldest first; empty where it never was."""
        place = _place(namespace, key)
        engine = self.engine
        return self._run(lambda: engine.past.history(*place))

    async def ahistory(self, namespace: Namespace, key: str) -> builtins.list[Version]:
        """:meth:`history`, awaited."""
        place = _place(namespace, key)
        engine = await self.aengine()
        return await self._arun(lambda: engine.past.history(*place))

    def as_of(self, when: When | RunnableConfig, *, saver: Any = None) -> BaseStore:
        """The store as it was, to read from.

        Args:
            when: a time (a ``datetime``, an ISO text, seconds since 1970), something with a ``created_at`` (a
                checkpoint, a ``StateSnapshot``), or a config that names a checkpoint.
            saver: reads the time of a config's checkpoint; without one it is taken from the checkpoint's id,
                as LangGraph makes them.

        Raises:
            BadMoment: it names no time.
        """
        return AsOf(self, read_when(when, saver))

    def diff(
        self,
        a: When | RunnableConfig | None,
        b: When | RunnableConfig | None,
        namespace_prefix: Namespace = (),
    ) -> builtins.list[ItemChange]:
        """How items differ between two times (see :meth:`as_of`; None is now)."""
        before, after, prefix = _bound(a), _bound(b), check_namespace(namespace_prefix)
        engine = self.engine
        return self._run(lambda: engine.past.diff(before, after, prefix))

    async def adiff(
        self,
        a: When | RunnableConfig | None,
        b: When | RunnableConfig | None,
        namespace_prefix: Namespace = (),
    ) -> builtins.list[ItemChange]:
        """:meth:`diff`, awaited."""
        before, after, prefix = _bound(a), _bound(b), check_namespace(namespace_prefix)
        engine = await self.aengine()
        return await self._arun(lambda: engine.past.diff(before, after, prefix))

    def changes(
        self,
        thread_id: str | None = None,
        checkpoint_id: str | None = None,
        since: When | None = None,
    ) -> builtins.list[Version]:
        """The versions that were written by a thread, by the step that started from one of its checkpoints,
        or after a time; the oldest first."""
        after = None if since is None else read_when(since)
        engine = self.engine
        return self._run(lambda: engine.past.changes(thread_id, checkpoint_id, after))

    async def achanges(
        self,
        thread_id: str | None = None,
        checkpoint_id: str | None = None,
        since: When | None = None,
    ) -> builtins.list[Version]:
        """:meth:`changes`, awaited."""
        after = None if since is None else read_when(since)
        engine = await self.aengine()
        return await self._arun(lambda: engine.past.changes(thread_id, checkpoint_id, after))

    def reindex(self, progress: bool = True) -> int:
        """Embed all items anew: after the embedding or its dimensions changed, or where items were put before
        there was an index. One that was broken off goes on where it stopped.

        Args:
            progress: show a bar.

        Returns:
            How many items were embedded.

        Raises:
            InvalidIndex: the store has no index.
            EmbeddingFailed: the embedding failed; what was embedded until then is kept.
        """
        return self._run_plan(self.engine.reindex(progress))

    async def areindex(self, progress: bool = True) -> int:
        """:meth:`reindex`, awaited."""
        return await self._arun_plan((await self.aengine()).reindex(progress))

    def forget(self, namespace: Namespace, key: str | None = None) -> int:
        """Erase an item, or all items of exactly this namespace, with all of their versions.

        The file, or PostgreSQL's tables, are rewritten, so that no byte of them is left there: that takes
        time and locks in proportion to their size. What others copied stays: checkpoints of threads that read
        the value, backups, PostgreSQL's write-ahead log until it is recycled, and blocks that the file system
        has freed.

        Returns:
            How many versions there were.

        Raises:
            Unavailable: it is deleted, but open transactions keep its bytes; call it again.
        """
        place = check_namespace(namespace), None if key is None else check_key(key)
        engine = self.engine
        erased = self._run(lambda: engine.past.forget(*place))
        self._scrub(erased.tables)
        return erased.versions

    async def aforget(self, namespace: Namespace, key: str | None = None) -> int:
        """:meth:`forget`, awaited."""
        place = check_namespace(namespace), None if key is None else check_key(key)
        engine = await self.aengine()
        erased = await self._arun(lambda: engine.past.forget(*place))
        await self._ascrub(erased.tables)
        return erased.versions

    def compact(self, before: When | None = None) -> int:
        """Drop versions that were superseded before a time (now); how many. What is true now stays.

        Memory of a time at which one of them was true is no longer known: looking back to it, or comparing
        with it, raises ``BadMoment``.
        """
        at = _bound(before)
        engine = self.engine
        dropped = self._run(lambda: engine.past.compact(at))
        self._tidy()
        return dropped

    async def acompact(self, before: When | None = None) -> int:
        """:meth:`compact`, awaited."""
        at = _bound(before)
        engine = await self.aengine()
        dropped = await self._arun(lambda: engine.past.compact(at))
        await self._atidy()
        return dropped

    def check(self) -> builtins.list[Problem]:
        """Verify every version, vector, hash and reference; empty where all is whole."""
        return self._run(self.engine.integrity.check)

    async def acheck(self) -> builtins.list[Problem]:
        """:meth:`check`, awaited."""
        return await self._arun((await self.aengine()).integrity.check)


class AsOf(BaseStore):
    """A store as it was at a time, to read from. Reading never puts off an item's expiry.

    Args:
        store: the store.
        at: the time, in microseconds since 1970.
    """

    supports_ttl = True

    def __init__(self, store: Store, at: int) -> None:
        self.store = store
        self._at = at

    @property
    def at(self) -> datetime:
        """The time."""
        return as_datetime(self._at)

    def batch(self, ops: Iterable[Op]) -> builtins.list[Result]:
        """Answer operations that only read.

        Raises:
            ReadOnly: one of them changes something.
        """
        checked = self._check(ops)
        return self.store._run_plan(self.store.engine.answer_as_of(checked, self._at))

    async def abatch(self, ops: Iterable[Op]) -> builtins.list[Result]:
        """:meth:`batch`, awaited."""
        checked = self._check(ops)
        engine = await self.store.aengine()
        return await self.store._arun_plan(engine.answer_as_of(checked, self._at))

    def list(self, namespace: Namespace) -> builtins.list[SearchItem]:
        """All items of a namespace and of those below it, in the order of search."""
        return self.search(namespace, limit=END)

    async def alist(self, namespace: Namespace) -> builtins.list[SearchItem]:
        """:meth:`list`, awaited."""
        return await self.asearch(namespace, limit=END)

    def _check(self, ops: Iterable[Op]) -> builtins.list[Op]:
        checked = [check(op) for op in ops]
        if any(isinstance(op, PutOp) for op in checked):
            raise ReadOnly("The past cannot be written to.", "Put into the store itself.")
        return checked


class SyncStore(SyncRunner, VersionedStore):
    """A store over a synchronous driver. Its ``a…`` methods run in a thread."""

    _sweeper: ThreadSweeper | None = None

    def sweep_ttl(self) -> int:
        """Delete what is expired; how many items that were."""
        return self._run(self.engine.writes.delete_expired)

    def start_ttl_sweeper(self, sweep_interval_minutes: float | None = None) -> Future[None]:
        """Sweep from time to time, in a thread; cancelling the future stops it.

        Without a ``TTLConfig`` nothing is swept, as in LangGraph's stores.
        """
        seconds = interval_of(self.ttl_config, sweep_interval_minutes)
        if seconds is None:
            done: Future[None] = Future()
            done.set_result(None)
            return done
        if self._sweeper is None or self._sweeper.future.done():
            self._sweeper = ThreadSweeper(self, seconds)
        return self._sweeper.future

    def stop_ttl_sweeper(self, timeout: float | None = None) -> bool:
        """Stop sweeping; whether the thread has ended within ``timeout`` seconds."""
        stopped = self._sweeper is None or self._sweeper.stop(timeout)
        if stopped:
            self._sweeper = None
        return stopped

    def close(self) -> None:
        """Stop sweeping, and close the connection where it was opened here."""
        self.stop_ttl_sweeper()
        super().close()


class AsyncStore(AsyncRunner, VersionedStore):
    """A store over an asynchronous driver. Its plain methods work from any thread but an event loop's."""

    _sweeper: asyncio.Task[None] | None = None

    async def sweep_ttl(self) -> int:
        """Delete what is expired; how many items that were."""
        return await self._arun((await self.aengine()).writes.delete_expired)

    async def start_ttl_sweeper(self, sweep_interval_minutes: float | None = None) -> asyncio.Task[None]:
        """Sweep from time to time, in a task; cancelling it stops it.

        Without a ``TTLConfig`` nothing is swept, as in LangGraph's stores.
        """
        seconds = interval_of(self.ttl_config, sweep_interval_minutes)
        if seconds is None:
            return asyncio.create_task(asyncio.sleep(0))
        if self._sweeper is None or self._sweeper.done():
            self._sweeper = asyncio.create_task(sweep_forever(self, seconds), name="lgviz-ttl-sweeper")
        return self._sweeper

    async def stop_ttl_sweeper(self, timeout: float | None = None) -> bool:  # noqa: ASYNC109 - LangGraph's
        """Stop sweeping; whether the task has ended within ``timeout`` seconds."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            _, pending = await asyncio.wait([self._sweeper], timeout=timeout)
            if pending:
                return False
            self._sweeper = None
        return True

    async def close(self) -> None:
        """Stop sweeping, and close the connection where it was opened here."""
        await self.stop_ttl_sweeper()
        await super().close()


def _place(namespace: Namespace, key: str) -> Place:
    return check_namespace(namespace), check_key(key)


def _bound(when: When | RunnableConfig | None) -> int:
    return END if when is None else read_when(when)
