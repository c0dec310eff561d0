"""What is written once and taken over later is what would be written now, whatever happened to the object."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage
from pydantic import BaseModel, ConfigDict, PrivateAttr

from lgviz.persistence.blocks.memo import MEMO_BYTES, SerializationMemo
from lgviz.persistence.blocks.merkle import Block, MerkleCodec, Part
from lgviz.persistence.serde.exact import ExactSerializer


class Loose(BaseModel):
    model_config = ConfigDict(extra="allow")
    text: str = "x" * 100
    many: list[int] = []
    flag: Any = 1
    _hidden: int = PrivateAttr(default=0)


class Plain(BaseModel):
    text: str = "x" * 100
    flag: Any = 1


class Plainer(Plain):
    pass


def _set(name: str, value: Any) -> Any:
    return lambda one: one.__dict__.__setitem__(name, value)


CHANGES: list[Any] = [
    lambda one: None,
    lambda one: setattr(one, next(iter(one.__dict__)), "y" * 100),
    _set("flag", True),
    _set("flag", 1.0),
    _set("content", ["y" * 100]),
    _set("additional_kwargs", {}),
    lambda one: one.__dict__.get("additional_kwargs", {}).update(a=1),
    lambda one: one.__dict__.get("tool_calls", []).append({"name": "f", "args": {}, "id": "1"}),
    lambda one: one.__dict__.get("many", []).append(1),
    lambda one: (one.__pydantic_extra__ or {}).update(more=1) if one.__pydantic_extra__ is not None else None,
    lambda one: object.__setattr__(one, "__pydantic_extra__", {"more": 1}),
    lambda one: object.__setattr__(one, "__pydantic_extra__", None),
    lambda one: one.__pydantic_fields_set__.add("flag"),
    lambda one: one.__pydantic_fields_set__.clear(),
    lambda one: object.__setattr__(one, "__pydantic_private__", {"_hidden": 2}),
    lambda one: one.__dict__.update(flag=one.__dict__.pop("flag", 1)),
    lambda one: one.__dict__.update(last=one.__dict__.popitem()[1]),
    lambda one: object.__setattr__(one, "__class__", Plainer) if type(one) is Plain else None,
]


def written(part: Part) -> Any:
    if isinstance(part, Block):
        return part.hash, part.part if isinstance(part.part, bytes) else written(part.part or b"")
    return [written(entry) if not isinstance(entry, int) else entry for entry in part] if part else part


def things() -> list[BaseModel]:
    return [HumanMessage("h" * 99), AIMessage("a" * 99), Loose(), Plain(), Plain(text="t" * 99)]


def check(changed: list[BaseModel], changes: Any) -> None:
    codec = MerkleCodec(ExactSerializer())
    codec.encode(changed)
    for which, change in changes:
        change(changed[which])
        assert written(codec.encode(changed)) == written(MerkleCodec(ExactSerializer()).encode(changed))


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("which", range(5))
def test_any_one_change_is_seen(which: int, change: Any) -> None:
    check(things(), [(which, change)])


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from(CHANGES)), max_size=12))
def test_changes_of_changes_are_seen(changes: Any) -> None:
    check(things(), changes)


def test_an_unchanged_message_is_not_serialized_again() -> None:
    calls = []

    class Counting(ExactSerializer):
        def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
            calls.append(obj)
            return super().dumps_typed(obj)

    codec = MerkleCodec(Counting())
    messages = [HumanMessage("h" * 99), AIMessage("a" * 99)]
    codec.encode(messages)
    assert len(calls) == 2
    codec.encode([*messages, AIMessage("b" * 99)])
    assert len(calls) == 3


def test_a_message_that_is_given_its_id_while_it_is_written() -> None:
    """A task's writes are stored beside the reducer, which gives a message its id: the state has it."""

    class Beside(ExactSerializer):
        def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
            written = super().dumps_typed(obj)
            obj.id = "given meanwhile"
            return written

    codec, message = MerkleCodec(Beside()), HumanMessage("h" * 99)
    codec.encode([message])
    assert written(codec.encode([message])) == written(MerkleCodec(ExactSerializer()).encode([message]))


def test_memory_is_bounded() -> None:
    memo = SerializationMemo()
    for _ in range(40):
        message = HumanMessage("x")
        memo.keep(message, memo.seen(message), b"name", bytes(1 << 20))
    assert len(memo._written) <= MEMO_BYTES >> 20
