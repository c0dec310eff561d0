"""A task's error is text to LangGraph, as with each of its savers; the exception and its traceback stay stored."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver as LangGraphMemory
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

import lgviz
from lgviz.persistence import ExactSerializer, MemorySaver, Placeholder, SqliteSaver, StoredError, migrate
from lgviz.persistence.savers import write as writes_module
from lgviz.session.overlay import OverlaySaver
from tests.support.savers import ALL, call, config, put, run

every = pytest.mark.parametrize("kind", ALL)


class Teapot(Exception):
    """An exception with a say of its own."""

    def __init__(self, code: int, detail: str = "") -> None:
        super().__init__(code)
        self.detail = detail

    def __repr__(self) -> str:
        return f"<teapot {self.args[0]}: {self.detail}>"


class Silent(Exception):
    def __repr__(self) -> str:
        raise RuntimeError("no words")


def raising(error: BaseException) -> StateGraph[Any, Any, Any, Any]:
    def brew(state: Any) -> Any:
        raise error

    builder: StateGraph[Any, Any, Any, Any] = StateGraph(TypedDict("S", {"x": int}))
    builder.add_node("brew", brew)
    builder.add_edge(START, "brew")
    return builder


def failed(saver: Any, error: BaseException) -> Any:
    graph = raising(error).compile(checkpointer=saver)
    with pytest.raises(type(error)):
        run(graph, saver, "invoke", {"x": 1}, config())
    return graph


def with_traceback() -> ValueError:
    def deep() -> None:
        raise ValueError("no")

    try:
        deep()
    except ValueError as error:
        return error


ERRORS: list[Callable[[], BaseException]] = [
    lambda: ValueError("no"),
    lambda: KeyError("ключ", 2),
    lambda: Teapot(418, "short and stout"),
    lambda: FileNotFoundError(2, "No such file", "a.txt"),
    lambda: ExceptionGroup("two", [ValueError(1), TypeError("t")]),
]


@every
@pytest.mark.parametrize("make", ERRORS)
def test_the_text_is_that_of_langgraphs_savers(
    make: Callable[[], BaseException], kind: str, make_saver: Any
) -> None:
    oracle = failed(LangGraphMemory(), make()).get_state(config()).tasks[0].error
    saver = make_saver(kind)
    graph = failed(saver, make())
    told = [
        run(graph, saver, "get_state", config()).tasks[0].error,
        run(graph, saver, "get_state_history", config())[0].tasks[0].error,
        next(value for _, name, value in call(saver, "get_tuple", config()).pending_writes if name == "__error__"),
        next(
            value
            for found in call(saver, "list", config())
            for _, name, value in found.pending_writes
            if name == "__error__"
        ),
    ]  # fmt: skip
    assert told == [oracle] * 4 and {type(error) for error in told} == {str}
    assert json.loads(json.dumps(told[0])) == oracle


@pytest.mark.parametrize("kind", ["memory", "sqlite", "postgres"])
def test_the_exception_and_its_traceback_are_read_from_a_history(kind: str, make_saver: Any) -> None:
    saver = make_saver(kind)
    graph = failed(saver, Teapot(418, "short and stout"))
    for what in (graph, saver):
        checkpoint = lgviz.history(what, thread_id="1").latest
        (error,) = checkpoint.errors.values()
        assert list(checkpoint.errors) == [checkpoint.tasks[0].id]
        assert checkpoint.error == checkpoint.tasks[0].error == error.text == "<teapot 418: short and stout>"
        assert (type(error.exception), error.exception.args, error.exception.detail) == (
            Teapot, (418,), "short and stout",
        )  # fmt: skip
        assert error.traceback.startswith("Traceback (most recent call last):\n")
        assert ", in brew\n" in error.traceback and "raise error" in error.traceback
    saver.copy_thread("1", "2")
    (copied,) = lgviz.history(saver, thread_id="2").latest.errors.values()
    assert (copied.text, copied.traceback) == (error.text, error.traceback)
    assert copied.exception.detail == "short and stout"


def test_a_file_alone_tells_it_too(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with SqliteSaver.from_conn_string(str(path)) as saver:
        failed(saver, ValueError("no"))
    checkpoint = lgviz.history(path, thread_id="1").latest
    (error,) = checkpoint.errors.values()
    assert (checkpoint.error, repr(error.exception)) == ("ValueError('no')", "ValueError('no')")
    assert ", in brew\n" in error.traceback


def test_of_langgraphs_savers_there_is_the_text() -> None:
    graph = failed(LangGraphMemory(), ValueError("no"))
    for what in (graph, graph.checkpointer):
        (error,) = lgviz.history(what, thread_id="1").latest.errors.values()
        assert error == StoredError("ValueError('no')", None, "")


def test_a_checkpoint_without_an_error_has_none() -> None:
    graph = failed(MemorySaver(), ValueError("no"))
    first = lgviz.history(graph, thread_id="1")["c0"]
    assert (first.error, first.errors) == (None, {})


@every
def test_what_cannot_be_kept_of_an_error_hides_nothing_else(kind: str, make_saver: Any) -> None:
    saver = make_saver(kind)
    error = with_traceback()
    error.args = ("bad", threading.Lock())
    place = put(saver, "1", {"x": 1})
    call(saver, "put_writes", place, [("__error__", error)], "t", "~1")
    text = call(saver, "get_tuple", config()).pending_writes[0][2]
    assert text.startswith("ValueError('bad', <unlocked _thread.lock object")
    (write,) = lgviz.open_source(saver).writes("1", "", "1")
    assert (write.value.text, write.value.exception) == (text, None)
    assert ", in deep\n" in write.value.traceback


def test_an_error_that_cannot_say_what_it_is() -> None:
    saver = MemorySaver()
    saver.put_writes(put(saver, "1", {}), [("__error__", Silent("x"))], "t")
    assert saver.get_tuple(config()).pending_writes == [("t", "__error__", "Silent(...)")]


def test_a_class_that_is_gone_still_tells_its_text(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = str(tmp_path / "a.db")
    with SqliteSaver.from_conn_string(path) as saver:
        saver.put_writes(put(saver, "1", {}), [("__error__", Teapot(418, "short"))], "t")
        # as savers stored it before there was a text beside it
        monkeypatch.setattr(writes_module, "write_error", lambda value, serde, write: write(value))
        saver.put_writes(put(saver, "2", {}), [("__error__", Teapot(418, "short"))], "t")
        saver.put_writes(put(saver, "3", {}), [("__error__", ValueError("no", 1))], "t")
        monkeypatch.undo()
        texts = [found.pending_writes[0][2] for found in saver.list(config())]
        assert texts == ["ValueError('no', 1)", "<teapot 418: short>", "<teapot 418: short>"]
    monkeypatch.delattr(f"{__name__}.Teapot")
    monkeypatch.setattr("lgviz.persistence.serde.trust._put", {})
    with SqliteSaver.from_conn_string(path) as saver:
        texts = [found.pending_writes[0][2] for found in saver.list(config())]
        assert texts == ["ValueError('no', 1)", "Teapot(418)", "<teapot 418: short>"]
        (write,) = lgviz.open_source(saver).writes("1", "", "1")
        assert type(write.value.exception) is Placeholder


@pytest.mark.parametrize("serde", [JsonPlusSerializer(), JsonPlusSerializer(pickle_fallback=True)])
def test_another_serializer_keeps_what_it_keeps(serde: Any) -> None:
    saver = MemorySaver(serde=serde)
    graph = failed(saver, ValueError("no"))
    assert graph.get_state(config()).tasks[0].error == "ValueError('no')"
    (error,) = lgviz.history(graph, thread_id="1").latest.errors.values()
    assert error.text == "ValueError('no')"


def test_under_encryption_all_of_it_is_kept() -> None:
    serde = EncryptedSerializer.from_pycryptodome_aes(ExactSerializer(), key=b"0123456789abcdef")
    graph = failed(MemorySaver(serde=serde), ValueError("no"))
    assert graph.get_state(config()).tasks[0].error == "ValueError('no')"
    (error,) = lgviz.history(graph, thread_id="1").latest.errors.values()
    assert repr(error.exception) == "ValueError('no')" and ", in brew\n" in error.traceback


def test_a_long_traceback_keeps_its_beginning_and_end() -> None:
    error = ValueError("x" * 300_000)
    try:
        raise error
    except ValueError:
        text = StoredError.of(error).traceback
    assert len(text) < 101_000 and text.startswith("Traceback") and text.endswith("xxx\n")


# -- copies and overlays


def test_migration_keeps_it_from_either_side(tmp_path: Path) -> None:
    theirs = failed(LangGraphMemory(), ValueError("no")).checkpointer
    ours = failed(MemorySaver(), ValueError("no")).checkpointer
    for source, kept in ((theirs, False), (ours, True)):
        target = MemorySaver()
        migrate(source, target, progress=False)
        assert target.get_tuple(config()).pending_writes[0][2] == "ValueError('no')"
        (error,) = lgviz.history(target, thread_id="1").latest.errors.values()
        assert (repr(error.exception) == "ValueError('no')", ", in brew\n" in error.traceback) == (kept, kept)
    # and back, by LangGraph's own interface
    back = LangGraphMemory()
    for found in reversed(list(ours.list(config()))):
        versions = found.checkpoint["channel_versions"]
        place = back.put(
            found.parent_config or config(checkpoint_ns=""), found.checkpoint, found.metadata, versions
        )
        for task_id, channel, value in found.pending_writes:
            back.put_writes(place, [(channel, value)], task_id)
    assert (
        raising(ValueError()).compile(checkpointer=back).get_state(config()).tasks[0].error
        == "ValueError('no')"
    )


@pytest.mark.parametrize("base", [LangGraphMemory, MemorySaver])
def test_an_overlay_tells_text_and_keeps_the_exception(base: Any) -> None:
    saver = base()
    overlay = OverlaySaver(saver)
    graph = failed(overlay, Teapot(418, "short"))
    assert graph.get_state(config()).tasks[0].error == "<teapot 418: short>"
    (history_error,) = lgviz.history(graph, thread_id="1").latest.errors.values()
    overlay.keep()
    assert saver.get_tuple(config()).pending_writes[0][2] == "<teapot 418: short>"
    (kept,) = lgviz.history(saver, thread_id="1").latest.errors.values()
    assert kept.text == history_error.text == "<teapot 418: short>"
    if base is MemorySaver:
        assert kept.exception.detail == "short" and ", in brew\n" in kept.traceback


@pytest.mark.parametrize("base", [LangGraphMemory, MemorySaver])
def test_an_overlay_takes_an_error_that_cannot_be_kept(base: Any) -> None:
    saver = base()
    overlay = OverlaySaver(saver)
    place = put(saver, "1", {"x": 1})
    overlay.put_writes(place, [("__error__", ValueError("bad", threading.Lock()))], "t")
    (write,) = overlay.get_tuple(config()).pending_writes
    assert write[2].startswith("ValueError('bad', <unlocked")


@pytest.mark.parametrize("base", [LangGraphMemory, MemorySaver])
def test_a_sandbox_tells_it(base: Any) -> None:
    graph = raising(ValueError("no")).compile(checkpointer=base())
    graph.update_state(config(), {"x": 1}, as_node="__start__")
    ran = lgviz.run(graph, "c0", thread_id="1", sandbox=True)
    assert ran.status == "failed" and ran.checkpoint is not None
    assert ran.checkpoint.tasks[0].error == ran.checkpoint.error == "ValueError('no')"
    ran.keep()
    assert graph.get_state(config()).tasks[0].error == "ValueError('no')"
    if base is MemorySaver:
        (error,) = lgviz.history(graph, thread_id="1").latest.errors.values()
        assert ", in brew\n" in error.traceback


def test_a_run_goes_on_from_the_text() -> None:
    """What LangGraph does with the error of an earlier run, it does with the text."""
    attempts: list[int] = []

    def flaky(state: Any) -> Any:
        attempts.append(1)
        if len(attempts) == 1:
            raise ValueError("no")
        return {"x": 2}

    builder: StateGraph[Any, Any, Any, Any] = StateGraph(TypedDict("S", {"x": int}))
    builder.add_node("flaky", flaky)
    builder.add_edge(START, "flaky")
    graph = builder.compile(checkpointer=MemorySaver())

    async def twice() -> Any:
        with pytest.raises(ValueError, match="no"):
            await graph.ainvoke({"x": 1}, config())
        assert (await graph.aget_state(config())).tasks[0].error == "ValueError('no')"
        return await graph.ainvoke(None, config())

    assert asyncio.run(twice()) == {"x": 2}
