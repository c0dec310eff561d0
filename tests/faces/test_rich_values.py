"""Values as what they are: content blocks, tables, arrays, pictures; bounded and quick whatever they hold."""

from __future__ import annotations

import json
import sqlite3
import time
from pathlib import Path
from typing import Annotated, Any, TypedDict

import numpy as np
import pandas as pd
import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages

from lgviz.backend.value_views import message_view, value_node
from lgviz.persistence import SqliteSaver as OwnSaver
from tests.support.pictures import PNG, SVG, uri
from tests.support.view import View


def blocks(message: Any) -> list[tuple[str, str, list[int] | None]]:
    return [(one["kind"], one["text"], one["path"]) for one in message_view(message)["blocks"]]


def test_the_parts_of_a_message() -> None:
    asked = HumanMessage(
        [
            "Look:",
            {"type": "image_url", "image_url": {"url": uri("image/png", PNG)}},
            {"type": "text", "text": "What is it?"},
            {"type": "image", "url": "https://a.example/b.png"},
            {"type": "odd", "n": 1},
        ]
    )
    view = message_view(asked)
    assert blocks(asked) == [
        ("text", "Look:", [0, 0]),
        ("media", "", [0, 1]),
        ("text", "What is it?", [0, 2, 1]),
        ("media", "", [0, 3]),
        ("other", "", [0, 4]),
    ]
    picture, elsewhere = view["blocks"][1]["media"], view["blocks"][3]["media"]
    assert picture == {
        "kind": "image",
        "mime": "image/png",
        "name": None,
        "size": len(PNG),
        "pixels": [3, 2],
        "where": None,
    }
    assert elsewhere is not None and elsewhere["where"] == "https://a.example/b.png"
    odd = view["blocks"][4]["value"]
    assert odd is not None and odd["text"] == '{type: "odd", n: 1}'


@pytest.mark.parametrize(
    ("message", "thought", "path"),
    [
        (AIMessage([{"type": "thinking", "thinking": "Hm.", "signature": "s"}, "A"]), "Hm.", [0, 0, 1]),
        (AIMessage([{"type": "reasoning", "reasoning": "Hm."}, "A"]), "Hm.", [0, 0, 1]),
        (AIMessage([{"type": "reasoning", "summary": [{"text": "H"}, {"text": "m."}]}, "A"]), "H\nm.", None),
        (AIMessage([{"type": "reasoning", "summary": []}, "A"]), "", None),
        (AIMessage([{"type": "reasoning_content", "reasoning_content": {"text": "Hm."}}, "A"]), "Hm.", None),
        (AIMessage("A", additional_kwargs={"reasoning_content": "Hm."}), "Hm.", [1, 0]),
        ({"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm."}, "A"]}, "Hm.", [0, 0, 1]),
    ],
)
def test_what_a_model_thought(message: Any, thought: str, path: list[int] | None) -> None:
    first, answer = blocks(message)
    assert first == ("reasoning", thought, path)
    assert answer[:2] == ("text", "A")


def test_plain_text_and_calls_need_no_parts() -> None:
    call = {"type": "tool_use", "id": "1", "name": "look", "input": {}}
    assert blocks(AIMessage("A")) == blocks(AIMessage(["A", {"type": "text", "text": "B"}])) == []
    said = AIMessage(["A", call], tool_calls=[{"name": "look", "args": {}, "id": "1"}])
    assert blocks(said) == [] and message_view(said)["tool_calls"][0]["name"] == "look"


def test_calls_that_could_not_be_read_tokens_and_an_end() -> None:
    told = AIMessage(
        "",
        invalid_tool_calls=[{"name": "look", "args": '{"at": ', "id": "1", "error": "It ends."}],
        usage_metadata={"input_tokens": 3, "output_tokens": 4, "total_tokens": 7},
        response_metadata={"model_name": "m", "finish_reason": "length"},
    )
    view = message_view(told)
    assert view["invalid_tool_calls"] == [{"name": "look", "args": '{"at": ', "error": "It ends."}]
    assert view["usage"] == {"input": 3, "output": 4, "total": 7, "models": ["m"], "cost": None}
    assert view["finish"] == "length"
    failed = message_view(ToolMessage("no", tool_call_id="1", status="error"))
    assert (failed["status"], failed["usage"], failed["finish"]) == ("error", None, None)


def test_a_frame_is_a_table() -> None:
    frame = pd.DataFrame({"city": ["Rome", 'a "b"', None], "n": [1, 2, 3]}, index=pd.Index(["x", "y", "z"]))
    node = value_node(frame)
    assert node.get("table") == {
        "columns": ["city", "n"],
        "dtypes": [str(frame.dtypes["city"]), "int64"],
        "index": ["x", "y", "z"],
        "rows": [["Rome", "1"], ['a \\"b\\"', "2"], [str(frame.iat[2, 0]), "3"]],
        "width": 2,
    }
    assert (node["size"], node["more"], "items" in node) == (3, 0, False)


def test_pages_of_a_table() -> None:
    frame = pd.DataFrame({"n": range(1_000)})
    first, later = value_node(frame), value_node(frame, offset=990, limit=50)
    assert len(first["table"]["rows"]) == 8 and first["more"] == 992
    assert later["table"]["rows"] == [[str(n)] for n in range(990, 1_000)] and later["more"] == 0


def test_a_table_that_is_asked_for_comes_with_more_columns() -> None:
    frame = pd.DataFrame({f"c{n}": [n, -n] for n in range(300)})
    first, asked = value_node({"frame": frame})["items"][0]["value"], value_node(frame, offset=1, limit=5)
    assert (len(first["table"]["columns"]), len(first["table"]["rows"][1]), first["table"]["width"]) == (
        20,
        20,
        300,
    )
    assert asked["table"]["columns"] == [f"c{n}" for n in range(200)]
    assert asked["table"]["rows"] == [[str(-n) for n in range(200)]]


def test_a_series_and_a_matrix_are_tables() -> None:
    assert value_node(pd.Series([1.5, 2.0], name="fare"))["table"] == {
        "columns": ["fare"], "dtypes": ["float64"], "index": ["0", "1"], "rows": [["1.5"], ["2.0"]], "width": 1,
    }  # fmt: skip
    node = value_node(np.array([[1, 2], [3, 4]]))
    assert node["table"]["rows"] == [["1", "2"], ["3", "4"]] and node["table"]["dtypes"] == []


@pytest.mark.parametrize(
    ("array", "told"),
    [
        (np.array([1.0, np.nan, 4.0]), ("float64", [3], "1", "4", "2.5", 1)),
        (np.array([[1, 2], [3, 6]], dtype="i4"), ("int32", [2, 2], "1", "6", "3", 0)),
        (np.array([True, False]), ("bool", [2], "False", "True", "0.5", 0)),
        (np.array([np.nan]), ("float64", [1], None, None, None, 1)),
        (np.array([]), ("float64", [0], None, None, None, None)),
        (np.array(["a"]), ("<U1", [1], None, None, None, None)),
        (np.array([object()]), ("object", [1], None, None, None, None)),
        (np.array(7.0), ("float64", [], "7", "7", "7", 0)),
        (np.array([1 + 2j]), ("complex128", [1], None, None, None, None)),
        (np.array([1e308, 1e308]), ("float64", [2], "1e+308", "1e+308", "inf", 0)),
        (np.zeros(3_000_000), ("float64", [3_000_000], None, None, None, None)),
    ],
)
def test_an_array_as_a_whole(array: Any, told: Any) -> None:
    view = value_node(array)["array"]
    assert tuple(view.values()) == told


class Odd:
    def __repr__(self) -> str:
        raise RuntimeError("no")


HOSTILE: dict[str, Any] = {
    "a text of 50 MB": "x" * 50_000_000,
    "bytes of 50 MB": b"\x89PNG\r\n\x1a\n" + b"x" * 50_000_000,
    "a picture of 50 MB": uri("image/png", PNG + b"x" * 36_000_000),
    "a million columns": pd.DataFrame(np.zeros((2, 1_000_000))),
    "a million rows": pd.DataFrame({"n": range(1_000_000)}),
    "cells that raise": pd.DataFrame({"n": [Odd(), Odd()]}),
    "names that raise": pd.DataFrame([[1]], columns=pd.Index([Odd()], dtype=object)),
    "columns of one name": pd.DataFrame([[1, 2]], columns=["a", "a"]),
    "many levels": pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")])),
    "no rows": pd.DataFrame({"a": []}),
    "no columns": pd.DataFrame(index=range(3)),
    "an array of objects": np.array([[Odd(), Odd()]], dtype=object),
    "a wide array": np.zeros((3, 2_000_000)),
    "records": np.zeros((3, 2), dtype=[("a", "i4"), ("b", "f8")]),
    "many arrays": [np.zeros(900_000) for _ in range(40)],
    "very many parts": HumanMessage([{"type": "image_url", "image_url": {"url": uri("image/png", PNG)}}] * 5_000),
    "odd parts": AIMessage([{"type": "thinking"}, {"type": "reasoning", "summary": 3}, {}, {"type": None}]),
    "hidden letters": HumanMessage([{"type": "image", "url": "https://a\u202egnp.exe"}]),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_whatever_is_in_it_a_message_stays_small(name: str) -> None:
    value = HOSTILE[name]
    started = time.perf_counter()
    node = value_node(value)
    assert len(json.dumps(node)) < 120_000
    assert time.perf_counter() - started < 5


class State(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]
    blob: bytes


def saved(graph: Any) -> None:
    config = {"configurable": {"thread_id": "1"}}
    graph.update_state(
        config, {"messages": [HumanMessage([{"type": "image", "url": "x"}, {"type": "image_url", "image_url": uri("image/png", PNG)}], id="m")]}, "n"
    )  # fmt: skip
    graph.update_state(config, {"blob": SVG}, "n")


@pytest.mark.parametrize("kind", ["langgraph memory", "langgraph sqlite", "lgviz sqlite"])
def test_bytes_come_from_where_they_are(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "a.db"
    if kind == "langgraph memory":
        saver: Any = InMemorySaver()
    else:
        made = SqliteSaver if kind == "langgraph sqlite" else OwnSaver
        saver = made(sqlite3.connect(file, check_same_thread=False))
    builder = StateGraph(State)
    builder.add_node("n", lambda _: {})
    builder.add_edge(START, "n")
    graph = builder.compile(checkpointer=saver)
    saved(graph)
    sources = [(graph, False), (saver, False)] + ([] if kind == "langgraph memory" else [(str(file), True)])
    for what, untrusted in sources:
        view = View(what, "1")
        opened = view.ask("thread_open", thread_id="1")
        assert opened["untrusted"] is untrusted
        for channel, path, mime, data in (
            ("messages", [0, 0, 1], "image/png", PNG),
            ("blob", [], "image/svg+xml", SVG),
        ):
            asked = view.reply(
                view.send("media_get", checkpoint=opened["selected"], channel=channel, path=path)
            )
            assert asked["result"] == {"mime": mime, "buffer": 0}
            assert bytes(view.buffers[asked["id"]][0]) == data
        refused = view.reply(
            view.send("media_get", checkpoint=opened["selected"], channel="messages", path=[0, 0, 0])
        )
        assert refused["error"]["code"] == "not_found"
        view.close()
