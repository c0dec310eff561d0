"""LangGraph's store interface over the engine: each method once, for every database, sync and async."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, TypeVar

from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.store.base import (
    NOT_PROVIDED,
    BaseStore,
    GetOp,
    IndexConfig,
    Item,
    ListNamespacesOp,
    NamespacePath,
    NotProvided,
    Op,
    PutOp,
    Result,
    SearchItem,
    SearchOp,
    TTLConfig,
)

from lgviz.persistence.database.dialect import Dialect
from lgviz.persistence.database.runners import OperationRunner
from lgviz.persistence.serde.exact import ExactSerializer

from .engine import StoreEngine
from .items import NOW, ItemView, unexpired
from .namespaces import Namespace, check_key, check_namespace, check_place
from .requests import Fields, check, conditions
from .vectors.plans import EmbeddingPlan, arun_plan, run_plan

R = TypeVar("R")


class Store(OperationRunner, BaseStore):
    """What LangGraph's ``BaseStore`` can; see there for the methods.

    Args:
        dialect: of the database.
        serde: serializer of the values.
        ttl: LangGraph's ``TTLConfig``.
        index: LangGraph's ``IndexConfig``: what of an item is embedded, and by what.
        newest_first: the order of search; else by the namespaces' ages, then the items'.
    """

    supports_ttl = True

    def __init__(
        self,
        dialect: Dialect,
        *,
        serde: SerializerProtocol | None = None,
        ttl: TTLConfig | None = None,
        index: IndexConfig | None = None,
        newest_first: bool = True,
    ) -> None:
        self.ttl_config = ttl
        self.index_config = index
        self._engine = StoreEngine(
            dialect, serde or ExactSerializer(), newest_first=newest_first, index=index
        )
        self._ready = self._beside = False

    @property
    def engine(self) -> StoreEngine:
        """The engine, set up (synchronously)."""
        if not self._ready:
            self._ready = self._run(lambda: self._engine.prepare(beside=self._beside))
        return self._engine

    async def aengine(self) -> StoreEngine:
        """The engine, set up (asynchronously)."""
        if not self._ready:
            self._ready = await self._arun(lambda: self._engine.prepare(beside=self._beside))
        return self._engine

    # -- LangGraph's interface

    def batch(self, ops: Iterable[Op]) -> builtins.list[Result]:
        """Run operations as one: all read what was before, then all changes are made, or none."""
        checked = [check(op) for op in ops]
        return self._run_plan(self.engine.answer(checked, self.view()))

    async def abatch(self, ops: Iterable[Op]) -> builtins.list[Result]:
        """:meth:`batch`, awaited."""
        checked = [check(op) for op in ops]
        engine = await self.aengine()
        return await self._arun_plan(engine.answer(checked, self.view()))

    def _run_plan(self, plan: EmbeddingPlan[R]) -> R:
        return run_plan(plan, self._engine.embedder, self._run)

    async def _arun_plan(self, plan: EmbeddingPlan[R]) -> R:
        return await arun_plan(plan, self._engine.embedder, self._arun)

    def view(self) -> ItemView:
        """The items that are seen: all, or those that have not expired."""
        return unexpired() if self.ttl_config and self.ttl_config.get("omit_expired") else NOW

    def _refresh(self, refresh_ttl: bool | None) -> bool:
        if refresh_ttl is None and self.ttl_config:
            return self.ttl_config.get("refresh_on_read", True)
        return refresh_ttl is not False

    def _ttl(self, ttl: float | NotProvided | None) -> float | None:
        if isinstance(ttl, NotProvided):
            return self.ttl_config.get("default_ttl") if self.ttl_config else None
        return ttl

    def get(self, namespace: Namespace, key: str, *, refresh_ttl: bool | None = None) -> Item | None:
        """One item, or None."""
        op = GetOp(check_namespace(namespace), check_key(key), self._refresh(refresh_ttl))
        engine = self.engine
        return engine.items.cached(op) or self._run(partial(engine.get, op, self.view()))

    async def aget(self, namespace: Namespace, key: str, *, refresh_ttl: bool | None = None) -> Item | None:
        """:meth:`get`, awaited."""
        op = GetOp(check_namespace(namespace), check_key(key), self._refresh(refresh_ttl))
        engine = await self.aengine()
        return engine.items.cached(op) or await self._arun(partial(engine.get, op, self.view()))

    def put(
        self,
        namespace: Namespace,
        key: str,
        value: Mapping[str, Any],
        index: Fields = None,
        *,
        ttl: float | NotProvided | None = NOT_PROVIDED,
    ) -> None:
        """Make a value true: a new version.

        Raises:
            BadNamespace, BadKey, BadItem: they are not what LangGraph allows.
            NotKept: the value could not be read back equal.
            InvalidIndex, EmbeddingFailed, IndexChanged: it could not be embedded.
        """
        check_place(namespace)
        self.batch([PutOp(namespace, key, value, index, self._ttl(ttl))])

    async def aput(
        self,
        namespace: Namespace,
        key: str,
        value: Mapping[str, Any],
        index: Fields = None,
        *,
        ttl: float | NotProvided | None = NOT_PROVIDED,
    ) -> None:
        """:meth:`put`, awaited."""
        check_place(namespace)
        await self.abatch([PutOp(namespace, key, value, index, self._ttl(ttl))])

    def delete(self, namespace: Namespace, key: str) -> None:
        """Delete an item; its versions stay until they are forgotten."""
        self.batch([PutOp(namespace, key, None)])

    async def adelete(self, namespace: Namespace, key: str) -> None:
        """:meth:`delete`, awaited."""
        await self.abatch([PutOp(namespace, key, None)])

    def search(
        self,
        namespace_prefix: Namespace,
        /,
        *,
        query: str | None = None,
        filter: dict[str, Any] | None = None,
        limit: int = 10,
        offset: int = 0,
        refresh_ttl: bool | None = None,
    ) -> builtins.list[SearchItem]:
        """Items whose namespace begins so and that pass the filter."""
        op = SearchOp(namespace_prefix, filter, limit, offset, query, self._refresh(refresh_ttl))
        return self.batch([op])[0]  # type: ignore[return-value]

    async def asearch(
        self,
        namespace_prefix: Namespace,
        /,
        *,
        query: str | None = None,
        filter: dict[str, Any] | None = None,
        limit: int = 10,
        offset: int = 0,
        refresh_ttl: bool | None = None,
    ) -> builtins.list[SearchItem]:
        """:meth:`search`, awaited."""
        op = SearchOp(namespace_prefix, filter, limit, offset, query, self._refresh(refresh_ttl))
        return (await self.abatch([op]))[0]  # type: ignore[return-value]

    def list_namespaces(
        self,
        *,
        prefix: NamespacePath | None = None,
        suffix: NamespacePath | None = None,
        max_depth: int | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> builtins.list[Namespace]:
        """Namespaces that hold items, sorted; ``*`` in prefix and suffix stands for any label."""
        op = ListNamespacesOp(conditions(prefix, suffix), max_depth, limit, offset)
        return self.batch([op])[0]  # type: ignore[return-value]

    async def alist_namespaces(
        self,
        *,
        prefix: NamespacePath | None = None,
        suffix: NamespacePath | None = None,
        max_depth: int | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> builtins.list[Namespace]:
        """:meth:`list_namespaces`, awaited."""
        op = ListNamespacesOp(conditions(prefix, suffix), max_depth, limit, offset)
        return (await self.abatch([op]))[0]  # type: ignore[return-value]
