"""A question about a thread, and what an answer to it comes to."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from lgviz._visible import visible
from lgviz.analysis.html import named, page, tag

from .forms import Form, is_left_open
from .tally import TALLY

__all__ = ["AnswerKey", "Choice", "Graded", "LearnQuestion", "choices_of", "your_turn"]

_MOST = 5
_TITLE = "Predict"
_ALPHABETS = ("abcdefgh", "ABCDEFGH", "αβγδεζηθ")


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the answers that a question offers.

    Attributes:
        mark: the letter that stands for it.
        value: the answer itself.
        text: the answer in words.
    """

    mark: str
    value: Any
    text: str


@dataclass(frozen=True, slots=True, repr=False)
class Graded:
    """What an answer to a question, or a value for an exercise, came to. True where it is right.

    Attributes:
        right: whether it is; None where there was nothing to judge.
        text: what is right, and why.
        title: what is shown above what was asked.
        asked: the question or the task, so that a cell which answers shows both.
    """

    right: bool | None
    text: str
    title: str = ""
    asked: str = ""

    def __bool__(self) -> bool:
        return self.right is True

    def __repr__(self) -> str:
        return visible("\n".join(filter(None, [self.asked, self.text])))

    def _repr_html_(self) -> str:
        look = {True: "lg-ask lg-good", False: "lg-ask lg-bad", None: "lg-ask"}[self.right]
        asked = tag("div", named(self.asked), "lg-noted") if self.asked else Markup()
        return page(self.title, asked + tag("div", named(self.text), look))


def your_turn(what: str, title: str, asked: str) -> Graded:
    """The answer to ``...``: nothing is judged, and nothing given away."""
    return Graded(None, f"Your turn: put your {what} in place of `...`.", title, asked)


@dataclass(frozen=True, slots=True)
class AnswerKey:
    """What is right, and why; a question keeps it to itself until it is answered.

    Attributes:
        values: every answer that is right, the one among the choices first.
        fact: what is right, as a sentence.
        why: why it is, as a sentence or two.
    """

    values: Sequence[Any]
    fact: str
    why: str


@dataclass(slots=True, repr=False)
class LearnQuestion:
    """One question about a thread; made by :func:`lgviz.learn.predict` and :func:`lgviz.learn.questions`.

    >>> from langgraph.checkpoint.memory import InMemorySaver
    >>> from lgviz import learn
    >>> from lgviz.demos import two_nodes
    >>> two_nodes.seed(graph := two_nodes.build(InMemorySaver()))
    >>> q = learn.predict(graph, "next", "c2", thread_id="1")
    >>> q.text
    'A run stands at c2. Which nodes run in the next step?'
    >>> q.answer(...).text
    'Your turn: put your prediction in place of `...`.'
    >>> q.answer("node_b").right
    True

    Attributes:
        kind: what it is about, a key of :data:`lgviz.learn.KINDS`.
        text: the question.
        choices: the answers to choose from; empty where it is answered freely.
        about: what it was made from: ``thread_id``, ``checkpoint`` (label) and what else the kind takes.
        id: names the question; one made again of the same thread has the same.
    """

    kind: str
    text: str
    choices: tuple[Choice, ...]
    about: dict[str, Any]
    _key: AnswerKey = field(repr=False)
    _form: Form = field(repr=False)

    @property
    def id(self) -> str:
        # Values are told in the text, without the ids of messages, which each run makes up anew.
        about = sorted((name, str(what)) for name, what in self.about.items() if name != "values")
        said = "\n".join([self.text, *map(repr, about)])
        return f"{self.kind}_{hashlib.sha256(said.encode()).hexdigest()[:8]}"

    def answer(self, given: Any = ...) -> Graded:
        """Answer it, and be told what is right and why.

        Args:
            given: the letter of a choice, or the answer itself; ``...`` is none yet.

        Returns:
            A :class:`Graded`. The first one counts in :func:`lgviz.learn.report`.
        """
        if is_left_open(given):
            return your_turn("prediction", _TITLE, self._asked)
        right = self._is_right(given)
        TALLY.answered(self.kind, self.id, right=right)
        told = f"{'Right' if right else 'No'}: {self._key.fact} {self._key.why}"
        return Graded(right, told, _TITLE, self._asked)

    def _is_right(self, given: Any) -> bool:
        marked = {f"{mark}{one.mark}{end}": one for one in self.choices for mark, end in ("()", ("", ""))}
        if isinstance(given, str) and given.strip() in marked:
            given = marked[given.strip()].value
        try:
            meant = self._form(given)
            return any(meant == self._form(value) for value in self._key.values)
        except (AttributeError, TypeError, ValueError):  # what is no answer of this form
            return False

    def __repr__(self) -> str:
        return visible(f"{self._asked}\n{self._how}")

    def _repr_html_(self) -> str:
        asked = tag("div", named(self._asked), "lg-noted")
        return page(_TITLE, asked + tag("div", named(self._how), "lg-faint"))

    @property
    def _asked(self) -> str:
        return "\n".join([self.text, *(f"  ({one.mark}) {one.text}" for one in self.choices)])

    @property
    def _how(self) -> str:
        return f"Answer by `q.answer(...)`: {'a letter, or ' if self.choices else ''}the answer itself."


def choices_of(
    right: Any, wrong: Iterable[Any], form: Form, told: Any, chance: random.Random, words: Iterable[str] = ()
) -> tuple[Choice, ...]:
    """The choices of a question, in an order that tells nothing.

    Args:
        right: the answer.
        wrong: answers that a misunderstanding leads to; what is as right, or told in the same words, is left
            out.
        form: how answers are compared.
        told: tells an answer in words.
        chance: decides the order.
        words: what may be written as an answer besides, so that no letter means two things.

    Returns:
        Choices; none where no wrong answer is left.
    """
    values = [right]
    for value in wrong:
        new = all(form(value) != form(one) and told(value) != told(one) for one in values)
        if new and len(values) < _MOST:
            values.append(value)
    if len(values) == 1:
        return ()
    chance.shuffle(values)
    texts = [told(value) for value in values]
    taken = {str(word).strip("`\"'") for word in (*texts, *words, *values)}
    marks = next(each for each in _ALPHABETS if not taken & set(each))
    return tuple(map(Choice, marks, values, texts))
