"""LangGraph's own conformance suite: every capability detected, and every test of it passes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.conformance.capabilities import Capability

EXPECTED = {
    "put": 17,
    "put_writes": 10,
    "get_tuple": 10,
    "list": 16,
    "delete_thread": 5,
    "delete_for_runs": 7,
    "copy_thread": 8,
    "prune": 8,
}


@pytest.mark.parametrize(
    "kind", ["memory", "sqlite", "aiosqlite", "postgres", "aiopostgres", "postgreslike", "aiopostgreslike"]
)
def test_every_capability_passes(kind: str, make_saver: Callable[..., Any]) -> None:
    async def run() -> Any:
        @checkpointer_test(name=kind)
        async def factory() -> AsyncGenerator[Any, None]:
            saver = make_saver(kind)
            yield saver
            if hasattr(saver, "__aexit__"):
                await saver.close()

        return await validate(factory)

    results = asyncio.run(run()).results
    assert {capability.value for capability in Capability} <= results.keys()
    assert {name: result.failures for name, result in results.items() if result.failures} == {}
    for name, result in results.items():
        assert result.detected, name
        assert result.tests_passed >= EXPECTED.get(name, 1), name
