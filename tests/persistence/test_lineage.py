"""Threads that continue the path of another: LangGraph and everybody else see them as threads of their own."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest
from langgraph.checkpoint.conformance import checkpointer_test, validate

from lgviz.persistence import MemorySaver
from tests.support.lineage import Worker, answer, copied, told
from tests.support.savers import call, config


def forked(saver: Any, thread: str, at: tuple[str, str], new: str) -> None:
    made = call(saver, "fork_thread", config(thread, checkpoint_ns=at[0], checkpoint_id=at[1]), new)
    assert made == config(new, checkpoint_ns=at[0], checkpoint_id=at[1])


@pytest.mark.parametrize("kind", ["memory", "aiosqlite", "postgres"])
def test_langgraphs_conformance_suite_passes_on_such_threads(
    kind: str, make_saver: Callable[..., Any]
) -> None:
    """After each put the thread is made anew, as one that continues the path of a thread that is deleted."""

    async def factory() -> AsyncGenerator[Any, None]:
        saver = make_saver(kind)
        renewed = 0

        class Renewing(type(saver)):  # type: ignore[misc]
            async def aput(self, *args: Any) -> Any:
                nonlocal renewed
                made = await super().aput(*args)
                thread = made["configurable"]["thread_id"]
                before = [found async for found in self.alist(config(thread))]
                await self.afork_thread(made, "between")
                after = [found async for found in self.alist(config("between"))]
                if len(after) == len(before):
                    await self.adelete_thread(thread)
                    made = await self.afork_thread(
                        {"configurable": {**made["configurable"], "thread_id": "between"}}, thread
                    )
                    renewed += 1
                await self.adelete_thread("between")
                return made

        saver.__class__ = Renewing
        yield saver
        assert renewed
        if hasattr(saver, "__aexit__"):
            await saver.close()

    results = asyncio.run(validate(checkpointer_test(name=kind)(factory))).results
    assert {name: result.failures for name, result in results.items() if result.failures} == {}
    assert results["prune"].tests_passed >= 8 and results["list"].tests_passed >= 16


@pytest.mark.parametrize("seed", range(8))
def test_it_answers_as_a_thread_copied_for_real(seed: int) -> None:
    compare(random.Random(seed), MemorySaver(), MemorySaver(), 30)


@pytest.mark.parametrize("kind", ["sqlite", "aiosqlite", "postgres", "aiopostgres"])
def test_it_answers_so_on_every_database(kind: str, make_saver: Callable[..., Any]) -> None:
    compare(random.Random(100), make_saver(kind), MemorySaver(), 25)


def compare(rng: random.Random, saver: Any, other: Any, steps: int) -> None:
    worker = Worker(rng, {forked: saver, copied: other})
    done = [worker.grow("t0") for _ in range(4)]
    for n in range(steps):
        done.append(worker.step())
        for thread in worker.threads if n % 3 == 0 else worker.threads[-1:]:
            for name, args, kwargs in worker.questions(thread):
                asked = name, args, kwargs
                assert answer(saver, *asked) == answer(other, *asked), (done, asked)
            assert told(saver, thread) == told(other, thread), done
        assert call(saver, "check") == [], done
    counts = [{name: many for name, many, _ in call(each, "threads")} for each in (saver, other)]
    assert counts[0] == counts[1]
    assert call(saver, "stats").prune_frees >= 0
    for thread in worker.threads:
        call(saver, "delete_thread", thread)
    left = call(saver, "stats")
    assert (left.bytes, left.blocks, call(saver, "check")) == (0, 0, [])
