"""Which misunderstandings remain, by what was answered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from lgviz._visible import visible
from lgviz.analysis.html import named, page, tag
from lgviz.analysis.shown import RowSequence, ShownByFields

from .kinds import KINDS
from .tally import TALLY

if TYPE_CHECKING:
    import pandas

__all__ = ["LearnReport", "ReportRow", "outcome", "report", "reset"]

EXERCISE = "exercise"


@dataclass(frozen=True, slots=True, repr=False)
class ReportRow(ShownByFields):
    """What was answered of one kind.

    Attributes:
        kind: a key of :data:`lgviz.learn.KINDS`; of graded exercises ``"exercise"``.
        about: what is understood by who answers right.
        asked: how many were answered.
        right: how many at the first try.
        remains: whether the latest was wrong at the first try.
    """

    kind: str
    about: str
    asked: int
    right: int
    remains: bool


class LearnReport(RowSequence[ReportRow]):
    """A row for each kind of question that was answered; made by :func:`lgviz.learn.report`."""

    def frame(self) -> pandas.DataFrame:
        """A row for each kind: ``kind, about, asked, right, remains``."""
        import pandas

        names = ["kind", "about", "asked", "right", "remains"]
        return pandas.DataFrame([[getattr(row, name) for name in names] for row in self], columns=names)

    def __repr__(self) -> str:
        return visible("\n".join([self._head, *("  " + "  ".join(cells) for cells in self._cells())]))

    def _repr_html_(self) -> str:
        if not self:
            return page("What you know", tag("div", self._head, "lg-faint"))
        head = tag("tr", Markup().join(tag("th", name) for name in ("", "what", "right at first try")))
        rows = (
            tag("tr", tag("td", mark) + tag("td", named(about), "lg-word") + tag("td", right))
            for mark, about, right in self._cells()
        )
        table = tag("div", tag("table", head + Markup().join(rows)), "lg-table")
        return page("What you know", table, {"": self._head})

    @property
    def _head(self) -> str:
        if not self:
            return "Nothing was answered yet."
        left = sum(row.remains for row in self)
        return f"{left} of {len(self)} to look at again" if left else "Nothing is left to look at again"

    def _cells(self) -> Iterator[tuple[str, str, str]]:
        for row in self:
            yield "again" if row.remains else "known", row.about, f"{row.right} of {row.asked}"


def report() -> LearnReport:
    """Which misunderstandings remain: a row for each kind of question answered since the last ``reset()``.

    >>> from lgviz import learn
    >>> learn.reset()
    >>> learn.report()
    Nothing was answered yet.
    """
    about = {name: kind.about for name, kind in KINDS.items()} | {EXERCISE: "Exercises."}
    rows = []
    for name, said in about.items():
        tries = TALLY.of(name)
        if tries:
            right = sum(one.first for one in tries)
            rows.append(ReportRow(name, said, len(tries), right, not tries[-1].first))
    return LearnReport(tuple(rows))


def outcome(name: str) -> str:
    """``"right"``, ``"wrong"`` or ``"not answered"``: what the last answer to a question or exercise was.

    Args:
        name: its ``id``.
    """
    return TALLY.outcome(name)


def reset() -> None:
    """Forget what was answered."""
    TALLY.reset()
