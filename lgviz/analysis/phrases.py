"""Sentences with holes: written in English here, in the reader's language by a view.

The English text of a sentence is its key, as with gettext; what fills its holes says what it is, so that a
view can draw a name as a name and a value as a value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .checkpoint import Checkpoint
from .messages import is_message, read_message
from .values import clean, line

__all__ = ["Hole", "HoleKind", "Phrase", "clauses", "label", "named", "number", "say", "shown"]

HoleKind = Literal["names", "values", "label", "number", "clauses"]

_MOST = 40
"""Names in one hole; the others are counted."""
_FEW = 4
"""Values in one hole."""
_ENDS = {'"': '"', "{": "}", "[": "]", "(": ")"}
"""How what begins so ends, also where it was cut."""


@dataclass(frozen=True, slots=True)
class Hole:
    """What fills a hole of a sentence.

    Attributes:
        kind: ``"names"`` (of nodes, channels, functions), ``"values"``, the ``"label"`` of a checkpoint, a
            ``"number"`` or ``"clauses"``.
        texts: one for each name or value, already cut and cleaned.
        clauses: of the kind ``"clauses"``, sentences that go on the sentence around them.
        more: how many others are left out.
    """

    kind: HoleKind
    texts: tuple[str, ...] = ()
    clauses: tuple[Phrase, ...] = ()
    more: int = 0


@dataclass(frozen=True, slots=True)
class Phrase:
    """A sentence: its English, and what fills its holes.

    >>> str(say("{who} wrote {what}.", who=named("a", "b"), what=shown(["x"])))
    '`a` and `b` wrote ["x"].'
    """

    text: str
    holes: Mapping[str, Hole] = field(default_factory=dict)

    def pieces(self) -> Iterator[tuple[HoleKind | Literal["words"], str]]:
        """The sentence in English, piece by piece, each with what it is."""
        rest = self.text
        while rest:
            words, _, rest = rest.partition("{")
            if words:
                yield "words", words
            name, _, rest = rest.partition("}")
            if name:
                yield from _filled(self.holes[name])

    def __str__(self) -> str:
        return "".join(f"`{text}`" if kind == "names" else text for kind, text in self.pieces())


def _filled(hole: Hole) -> Iterator[tuple[HoleKind | Literal["words"], str]]:
    parts: list[str | Phrase] = [*hole.texts, *hole.clauses]
    comma, last = ("; ", "; and ") if hole.clauses else (", ", " and ")
    for place, part in enumerate(parts):
        if place:
            yield "words", last if place == len(parts) - 1 and not hole.more else comma
        if isinstance(part, Phrase):
            yield from part.pieces()
        else:
            yield hole.kind, part
    if hole.more:
        yield "words", f"{last}{hole.more:,} more"


def say(text: str, **holes: Hole) -> Phrase:
    """A sentence. Its text is written out where this is called: catalogues are made by reading the code."""
    return Phrase(text, holes)


def named(*names: str) -> Hole:
    """Names of nodes, channels or functions, each once."""
    each = [clean(name) for name in dict.fromkeys(names)]
    return Hole("names", tuple(each[:_MOST]), more=max(0, len(each) - _MOST))


def shown(*values: Any, limit: int = 60) -> Hole:
    """Values, each in one line of at most ``limit`` characters."""
    lines = tuple(_line(each, limit) for each in values[:_FEW])
    return Hole("values", lines, more=max(0, len(values) - _FEW))


def _line(value: Any, limit: int) -> str:
    if is_message(value):
        message = read_message(value)
        called = [clean(f"{call.name}(…)") for call in message.tool_calls[:_FEW]]
        text = clean(" ".join(message.text.split()))
        said = [f"“{text if len(text) <= limit else text[: limit - 1] + '…'}”"] if text or not called else []
        return f"{clean(message.role)}: {' → '.join([*said, *called])}"
    text = line(value, limit)
    return text + _ENDS.get(text[:1], "") if text.endswith("…") else text


def label(checkpoint: Checkpoint) -> Hole:
    """A checkpoint by its label."""
    return Hole("label", (checkpoint.label,))


def number(count: int) -> Hole:
    """A number of things."""
    return Hole("number", (str(count),))


def clauses(parts: Iterable[Phrase], most: int = 12) -> Hole:
    """What goes on a sentence, part by part."""
    every = tuple(parts)
    return Hole("clauses", clauses=every[:most], more=max(0, len(every) - most))
