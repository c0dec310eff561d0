"""What a learner may write as an answer: each form brings what was written and the key to one shape."""

from __future__ import annotations

import ast
import dataclasses
import math
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from langchain_core.messages import BaseMessage
from pydantic import BaseModel

from lgviz.analysis.causes import listed_and
from lgviz.analysis.checkpoint import Checkpoint
from lgviz.analysis.same import same
from lgviz.analysis.values import line

__all__ = [
    "Form", "count_of", "is_left_open", "name_of", "node_counts", "node_set", "nodes_text",
    "plain_value", "value_text",
]  # fmt: skip

Form = Callable[[Any], Any]
"""Brings an answer and the key to one shape, in which ``==`` tells whether they are one."""

_NOTHING = {"", "end", "__end__", "nothing", "none", "()", "[]"}
_LONGEST = 160
_FEW = 3
"""Items of a list that are told one by one."""


def is_left_open(answer: Any) -> bool:
    """Whether ``...`` still stands where an answer belongs, or in it.

    >>> is_left_open(...), is_left_open({"bar": [...]}), is_left_open("c2")
    (True, True, False)
    """
    if isinstance(answer, Mapping):
        return any(is_left_open(value) for value in answer.values())
    if isinstance(answer, (list, tuple, set, frozenset)):
        return any(map(is_left_open, answer))
    return answer is ...


def node_counts(answer: Any) -> Counter[str]:
    """Nodes with how often each runs, in whatever order and form.

    >>> node_counts("a, b") == node_counts(["b", "a"]) == node_counts({"a": 1, "b": 1})
    True
    >>> node_counts("END"), node_counts(None)
    (Counter(), Counter())

    Raises:
        TypeError: it names no nodes, as a number.
    """
    if isinstance(answer, Mapping):
        return +Counter({str(name): int(times) for name, times in answer.items()})
    if isinstance(answer, str):
        answer = answer.strip().strip("()[]").split(",")
    names = [str(name).strip().strip("'\"`") for name in (() if answer is None else answer)]
    return Counter(name for name in names if name.lower() not in _NOTHING)


def node_set(answer: Any) -> frozenset[str]:
    """Nodes, each counted once: :func:`node_counts` without the counts."""
    return frozenset(node_counts(answer))


def count_of(answer: Any) -> Any:
    """A number, also where it was typed as text.

    >>> count_of(" 3 "), count_of(3), count_of("three")
    (3, 3, 'three')
    """
    try:
        return int(answer)
    except (TypeError, ValueError):
        return answer


def name_of(answer: Any) -> str:
    """A name, of a node or a checkpoint; of a checkpoint that is given itself its label.

    >>> name_of(" `c2` "), name_of("node_a")
    ('c2', 'node_a')
    """
    return answer.label if isinstance(answer, Checkpoint) else str(answer).strip(" `'\"")


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class PlainValue:
    """A value of a channel; equal to another that says the same in another form."""

    value: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PlainValue) and _agree(self.value, other.value)

    __hash__ = None  # type: ignore[assignment]


def plain_value(answer: Any) -> PlainValue:
    """A value without what does not count: a tuple is a list, and ids of messages are left out.

    >>> plain_value(("a", 1)) == plain_value(["a", 1.0])
    True
    """
    return PlainValue(_plain(answer))


def _plain(value: Any) -> Any:
    if isinstance(value, BaseMessage):
        calls = [(call["name"], _plain(call["args"])) for call in getattr(value, "tool_calls", ())]
        return ("message", value.type, value.content, calls)
    if isinstance(value, BaseModel):
        return _plain({name: getattr(value, name) for name in type(value).model_fields})
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value


def _agree(left: Any, right: Any) -> bool:
    """Whether two plain values are one; of text that was typed for a value, what it spells."""
    if isinstance(left, str) != isinstance(right, str):
        text, value = (left, right) if isinstance(left, str) else (right, left)
        try:
            return _agree(_plain(ast.literal_eval(text)), value)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return False
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_agree(left[key], right[key]) for key in left)
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        return len(left) == len(right) and all(map(_agree, left, right))
    numbers = isinstance(left, (int, float)) and isinstance(right, (int, float))
    if numbers and isinstance(left, bool) == isinstance(right, bool):
        return math.isclose(left, right, rel_tol=1e-6) or same(left, right)
    return same(left, right)


# ---------------------------------------------------------------- in words


def nodes_text(nodes: Any) -> str:
    """Nodes as a choice shows them.

    >>> nodes_text(["b", "a"]), nodes_text({"model": 2}), nodes_text(())
    ('`a` and `b`', '`model` twice', 'no node: the run ends')
    """
    counted = sorted(node_counts(nodes).items())
    return listed_and([f"`{name}`{_times(times)}" for name, times in counted]) or "no node: the run ends"


def _times(times: int) -> str:
    return {1: "", 2: " twice"}.get(times, f" {times} times")


def value_text(value: Any, before: Any = None) -> str:
    """A value as a choice shows it; one of a long list by how it differs from what the channel holds.

    >>> value_text(["a"]), value_text([1, 2, 3, 4, 5], before=[1, 2, 3, 4])
    ('["a"]', 'the 4 items that it holds, then [5]')
    """
    if isinstance(value, list) and isinstance(before, list) and len(before) > _FEW:
        return _list_text(value, before)
    return line(value, _LONGEST)


def _list_text(value: list[Any], before: list[Any]) -> str:
    old, new, count = _plain(before), _plain(value), len(before)
    held = f"the {count} items that it holds"
    if new == old:
        return f"{held}, as they are"
    if new[:count] == old:
        return f"{held}, then {line(value[count:], _LONGEST)}"
    if new[-count:] == old:
        return f"{line(value[:-count], _LONGEST)}, then {held}"
    if len(new) >= count:
        other = [place for place in range(count) if old[place] != new[place]]
        if len(other) == 1:
            more = f", then {line(value[count:], _LONGEST)}" if len(new) > count else ""
            return f"{held}, but as item {other[0] + 1} {line(value[other[0]], _LONGEST)}{more}"
    return line(value, _LONGEST)
