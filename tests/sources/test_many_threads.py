"""Threads by pages and by a part of their id: the database looks for them, and reads no other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres import PostgresSaver as LangGraphPostgres
from langgraph.checkpoint.sqlite import SqliteSaver as LangGraphSqlite

from lgviz.persistence import MemorySaver, PostgresSaver, SqliteSaver
from lgviz.sources import open_source
from lgviz.sources.base import Source, ThreadBatch
from lgviz.sources.langgraph.any_saver import ListedSource

SAVERS = ("memory", "listed", "lgviz", "lgviz postgres", "langgraph", "langgraph postgres")


@pytest.fixture(params=SAVERS)
def saver(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    with ExitStack() as stack:
        if request.param in ("memory", "listed"):
            yield InMemorySaver()
            return
        own = request.param.startswith("lgviz")
        if request.param.endswith("postgres"):
            make: Callable[[], str] = request.getfixturevalue("postgres_uri")
            kind: Any = PostgresSaver if own else LangGraphPostgres
            made = stack.enter_context(kind.from_conn_string(make()))
        else:
            kind = SqliteSaver if own else LangGraphSqlite
            made = stack.enter_context(kind.from_conn_string(str(tmp_path / "threads.db")))
        made.setup()
        yield made


@pytest.fixture
def source(saver: Any, request: pytest.FixtureRequest) -> Iterator[Source]:
    listed = "listed" in request.node.callspec.id
    opened = ListedSource(saver) if listed else open_source(saver)
    yield opened
    opened.close()


def put(saver: Any, *threads: str) -> None:
    for thread in threads:
        config: Any = {"configurable": {"thread_id": thread, "checkpoint_ns": ""}}
        saver.put(config, empty_checkpoint(), {"source": "input", "step": -1, "parents": {}}, {})


def ids(batch: ThreadBatch) -> list[str]:
    return [thread.thread_id for thread in batch.threads]


def test_pages_are_the_list_also_while_threads_are_written(saver: Any, source: Source) -> None:
    assert source.find_threads() == ThreadBatch([], 0, None)
    put(saver, *"abcdefg", "b")
    whole = source.threads()
    assert [one.thread_id for one in whole] == [*"bgfedca"]
    first = source.find_threads(limit=3)
    assert (list(first.threads), first.total) == (whole[:3], 7)
    put(saver, "new", "d")  # `d` is among the newest by now, and not told a second time
    second = source.find_threads(limit=3, after=first.after)
    assert (ids(second), second.total) == (["e", "c", "a"], 8)
    rest = source.find_threads(limit=3, after=second.after) if second.after else None
    assert rest is None or (ids(rest), rest.after) == ([], None)
    assert ids(source.find_threads(limit=2)) == ["d", "new"]
    assert source.find_threads(limit=1).threads[0].count == 2


def test_all_threads_are_read_as_they_are_asked_for(saver: Any, source: Source) -> None:
    put(saver, *(f"t{number}" for number in range(120)))
    whole = source.threads()
    assert [*source.iter_threads()] == whole
    told = source.iter_threads()
    assert next(told) == whole[0]
    saver.delete_thread("t0")  # of a page that nobody asked for yet
    assert [*told] == whole[1:-1]


def test_a_text_is_looked_for_in_upper_and_lower_case_and_as_it_is(saver: Any, source: Source) -> None:
    put(saver, "user-1", "USER_2", "50% off", "50!", "ärger", "ÄRGER", "x'; DROP TABLE checkpoints; --")
    found = {
        text: sorted(ids(source.find_threads(text)))
        for text in ("user", "r_", "%", "!", "Ä", "'; drop", "no")
    }
    assert found == {
        "user": ["USER_2", "user-1"], "r_": ["USER_2"], "%": ["50% off"], "!": ["50!"], "Ä": ["ÄRGER", "ärger"],
        "'; drop": ["x'; DROP TABLE checkpoints; --"], "no": [],
    }  # fmt: skip
    page = source.find_threads("r", limit=2)
    again = source.find_threads("r", limit=9, after=page.after)
    assert (
        sorted(ids(page) + ids(again)) == sorted(ids(source.find_threads("r")))
        and page.total == again.total == 5
    )


def test_a_thread_that_continues_another_is_found_where_it_was_made() -> None:
    saver = MemorySaver()
    put(saver, "first", "second")
    saver.copy_thread("first", "copy")
    put(saver, "third")
    source = open_source(saver)
    whole = [one.thread_id for one in source.threads()]
    pages, after = list[str](), None
    for _ in whole:
        batch = source.find_threads(limit=1, after=after)
        pages += ids(batch)
        after = batch.after
    assert pages == whole == ["third", "copy", "second", "first"]
