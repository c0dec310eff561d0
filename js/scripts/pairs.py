"""Pairs of values of many kinds, and what Python tells of their differences.

A saved page compares any two checkpoints itself: it must tell the same.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Any, NamedTuple

from langchain_core.messages import AIMessage, HumanMessage

from lgviz.analysis.diff import diff_states
from lgviz.backend.diff_views import diff_view
from lgviz.page.parts import Parts
from lgviz.page.whole import WholeValues

_LINES = [f"Line {n} of a long report, which says what {n * 7} says." for n in range(60)]
_REPORT = "\n".join(_LINES)
_PROSE = "The train to Porto leaves at nine, and the seats by the window are taken"
_SMILES = " ".join(["\U0001f600 smiles"] * 60 + ["here"] + ["\U0001f680 flies"] * 60)
_JAPANESE = "東京から京都まで新幹線で二時間半ほどかかりますので座席を"


@dataclass
class Seat:
    """An object with fields."""

    car: int
    place: str


class Stop(NamedTuple):
    """A tuple with names."""

    city: str
    minutes: int


def _said(*texts: str, first: int = 0) -> list[Any]:
    kinds = (HumanMessage, AIMessage)
    return [kinds[n % 2](text, id=f"m{n}") for n, text in enumerate(texts, first)]


def _changed(at: int, text: str) -> str:
    return "\n".join([*_LINES[:at], text, *_LINES[at + 1 :]])


PAIRS: dict[str, tuple[Any, Any]] = {
    "number": (1, 2),
    "number and text": (1, "1"),
    "nothing and something": (None, 0),
    "word": ("Rome", "Braga"),
    "prose": (_PROSE, _PROSE.replace("nine", "ten").replace("window", "door")),
    "phrase": (_PROSE, _PROSE.replace("by the window are", "in the middle row were all")),
    "report, a line": (_REPORT, _changed(30, "This line was written anew.")),
    "report, its ends": (_REPORT, "\n".join(["A new beginning.", *_LINES[1:-1], "And a new end."])),
    "report, all": (_REPORT, "\n".join(reversed(_LINES))),
    "Japanese": (_JAPANESE, _JAPANESE.replace("東京", "大阪").replace("二時間半", "二時間")),
    "beyond two bytes": (_SMILES, _SMILES.replace("here", "there")),
    "long word": ("a" * 300, "a" * 150 + "b" + "a" * 150),
    "bytes": (b"abc", b"abd"),
    "dict": ({"a": 1, "gone": 2, "b": {"c": 3}}, {"b": {"c": 4}, "a": 1, "new": 5}),
    "dict, order": ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    "dict, keys": ({"x y": 1, (1, 2): 2, "1": 3, 1: 4}, {"x y": 2, (1, 2): 3, "1": 4, 1: 5}),
    "dict, key of another type": ({1: "a"}, {"1": "a"}),
    "ordered": (OrderedDict(a=1, b=2), OrderedDict(b=2, a=1)),
    "list, end": ([1, 2], [1, 2, 3]),
    "list, moved on": (["a", "b", "c", "d"], ["b", "c", "d", "e"]),
    "list, middle": (["a", "b", "c"], ["a", "x", "c"]),
    "list, order": (["a", "b", "c"], ["c", "b", "a"]),
    "list, twice": (["a", "a", "b"], ["a", "b", "b", "a"]),
    "list of dicts": ([{"n": 1, "of": "a"}, {"n": 2}], [{"n": 1, "of": "b"}, {"m": 3}, {"n": 2}]),
    "list of lists": ([[1, 2], [3]], [[1, 2, 9], [3], []]),
    "long list": (list(range(300)), [*range(120), "x", *range(140, 320)]),
    "list and tuple": ([1], (1,)),
    "tuple": ((1, 2), (1, 3)),
    "deque": (deque([1, 2]), deque([2, 3])),
    "set": ({"a", "b", "c"}, {"a", "c", "x y"}),
    "set of numbers": ({1, 2}, {2, 3}),
    "object": (Seat(2, "a"), Seat(3, "a")),
    "named": (Stop("Porto", 3), Stop("Porto", 5)),
    "object of another type": (Seat(2, "a"), Stop("Porto", 3)),
    "messages, a turn": (_said("Hello", "Good day"), _said("Hello", "Good day", "And now?", "Now this.")),
    "messages, edited": (_said(_PROSE, "Yes"), _said(_PROSE.replace("nine", "ten"), "Yes")),
    "messages, removed": (_said("Hello", "Good day", "So"), [*_said("Hello"), *_said("So", first=2)]),
    "messages, order": (_said("One", "Two", "Three"), _said("One", "Two", "Three")[::-1]),
    "messages, from none": ([], _said("Hello")),
    "messages without ids": (
        [HumanMessage("Hello"), AIMessage("Good day")],
        [HumanMessage("Hello"), AIMessage("Good evening"), HumanMessage("So")],
    ),
    "messages, some with ids": (
        [*_said("Hello"), AIMessage("Good day")], [*_said("Hello there"), AIMessage("Good day")]
    ),
    "message": (AIMessage("Yes", id="1"), AIMessage("No", id="1")),
    "message with calls": (
        AIMessage("", id="1", tool_calls=[{"name": "find", "args": {"q": 1}, "id": "t"}]),
        AIMessage("", id="1", tool_calls=[{"name": "find", "args": {"q": 2}, "id": "t"}]),
    ),
    "deep": ({"a": [{"b": {"c": [1, {"d": _PROSE}]}}]}, {"a": [{"b": {"c": [1, {"d": _PROSE + "."}]}}]}),
    "equal": ({"a": [1, {"b"}]}, {"a": [1, {"b"}]}),
}  # fmt: skip


def differences() -> list[dict[str, Any]]:
    """Each pair as a page holds it, and what Python tells of it."""
    exchanges = []
    for number, (name, (before, after)) in enumerate(PAIRS.items(), 1):
        parts = Parts()
        values = WholeValues(parts)
        old, new = {"x": before}, {"x": after}
        told = diff_view(diff_states(old, new), "c1", "c2", states=(old, new))
        held = [values.held(value).part for value in (before, after)]
        result = {"pair": held, "parts": parts.table, "diff": told}
        asked = {"id": number, "method": "diff_get", "params": {"pair": name}}
        exchanges.append({"ask": asked, "say": [{"id": number, "result": result}]})
    return exchanges
