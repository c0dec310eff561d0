"""The tokens of a step: each message once, removed ones too, and none that was bought before."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage
from langgraph.types import Overwrite

from lgviz.analysis.usage import message_ids, usage_of


def said(read: int, wrote: int, model: str | None = "m-1", message_id: str | None = None) -> AIMessage:
    usage: Any = {"input_tokens": read, "output_tokens": wrote, "total_tokens": read + wrote}
    told = {"model_name": model} if model else {}
    return AIMessage("…", id=message_id, usage_metadata=usage, response_metadata=told)


def totals(*written: Any, known: Any = ()) -> Any:
    used = usage_of(written, known)
    return used and (used.input, used.output, used.total, dict(used.by_model))


def test_of_messages_alone_in_lists_and_set_past_the_reducer() -> None:
    assert totals({"messages": said(10, 2)}) == (10, 2, 12, {"m-1": (10, 2)})
    assert totals({"messages": [HumanMessage("hi"), said(10, 2), said(5, 1)]}) == (
        15,
        3,
        18,
        {"m-1": (15, 3)},
    )
    assert totals({"messages": Overwrite([said(1, 1)])}) == (1, 1, 2, {"m-1": (1, 1)})
    assert totals({"messages": {"$writes": [[said(1, 1)], [said(2, 2)]]}}) == (3, 3, 6, {"m-1": (3, 3)})


def test_of_dicts_as_another_language_writes_them() -> None:
    usage = {"input_tokens": 3, "output_tokens": 4, "total_tokens": 9}
    message = {
        "role": "assistant",
        "content": "",
        "usage_metadata": usage,
        "response_metadata": {"model": "claude"},
    }
    assert totals({"messages": [message]}) == (3, 4, 9, {"claude": (3, 4)})


def test_several_models_and_one_that_is_not_named() -> None:
    used = usage_of(
        [{"messages": [said(1_000, 100, "a")]}, {"messages": [said(10, 1, "b"), said(5, 5, None)]}]
    )
    assert used is not None
    assert (used.models, dict(used.by_model)) == (("a", "b"), {"a": (1_000, 100), "b": (10, 1), "": (5, 5)})
    assert used.cost({"a": (1.0, 2.0), "b": (1.0, 2.0)}) is None
    assert used.cost({"a": (1.0, 2.0), "b": (10.0, 20.0), "": (0.0, 0.0)}) == pytest.approx(0.00132)


def test_a_message_counts_once_and_not_again_when_it_is_written_again() -> None:
    one = said(10, 2, message_id="1")
    assert totals({"messages": [one], "last": one}, {"messages": [one]}) == (10, 2, 12, {"m-1": (10, 2)})
    alone = said(10, 2)
    assert totals({"messages": [alone], "last": alone}) == (10, 2, 12, {"m-1": (10, 2)})
    before = {"messages": [HumanMessage("hi", id="0"), one]}
    assert message_ids(before) == {"0", "1"}
    whole = {"messages": [*before["messages"], said(20, 3, message_id="2")]}
    assert totals(whole, known=message_ids(before)) == (20, 3, 23, {"m-1": (20, 3)})


@pytest.mark.parametrize(
    "written",
    [
        {},
        {"messages": [HumanMessage("hi"), RemoveMessage("1")]},
        {"n": 3, "text": "…", "none": None},
        {"messages": [{"role": "ai", "content": "", "usage_metadata": "many"}]},
    ],
)
def test_none_where_no_message_tells(written: Any) -> None:
    assert totals(written) is None


def test_numbers_that_are_none_count_nothing() -> None:
    odd = {"input_tokens": "3", "output_tokens": -4, "total_tokens": None}
    assert totals({"m": [{"role": "ai", "content": "", "usage_metadata": odd}]}) == (0, 0, 0, {"": (0, 0)})
