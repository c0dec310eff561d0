"""Two branches compared: where they part, in words, and both sides step by step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from markupsafe import Markup

from lgviz._visible import visible

from .checkpoint import Checkpoint, state_of
from .diff import Change, StateDiff
from .html import Room, diff_html, named, page, tag
from .messages import is_message, read_message
from .parting import diff_but_ids
from .shown import ShownByFields
from .summary import summary_of
from .values import line
from .visits import StepDigests, Visit, aligned, made_by

if TYPE_CHECKING:
    import pandas

__all__ = ["SIGNS", "Comparison", "Divergence", "compare_branches"]

SIGNS = {True: "=", False: "≠", None: "?"}
"""By whether two steps did the same; None: that cannot be told."""
_ROWS = 40
"""Steps that a comparison shows as text; a frame has all."""
_VALUE = 60


@dataclass(frozen=True, slots=True, repr=False)
class Divergence(ShownByFields):
    """Where two branches first part.

    >>> import lgviz
    >>> from langgraph.checkpoint.memory import InMemorySaver
    >>> from lgviz.demos import two_nodes
    >>> two_nodes.seed(graph := two_nodes.build(InMemorySaver()))
    >>> parted = lgviz.history(graph).compare("c3", "c5").divergence
    >>> parted.left.label, parted.right.label, parted.channel
    ('c3', 'c4', 'foo')

    Attributes:
        left, right: what came on each side; None where it has ended.
        node: the node that ran on both sides, and did another thing; None where they went other ways.
        channel: the first channel whose values differ then; None where none does.
        path: where in its value, as in a :class:`~lgviz.Change`.
        text: in words.
        place: channel and path as a programmer writes them: ``messages[4].content``.
        change: that part on the left and on the right; of an update, before and after it.
    """

    left: Checkpoint | None
    right: Checkpoint | None
    node: str | None
    channel: str | None
    path: tuple[Any, ...]
    text: str
    place: str = field(default="", repr=False)
    change: Change | None = field(default=None, repr=False)


class Comparison:
    """Two branches, from what they have in common to their ends. What needs states is read when asked for.

    >>> import lgviz
    >>> from langgraph.checkpoint.memory import InMemorySaver
    >>> from lgviz.demos import two_nodes
    >>> two_nodes.seed(graph := two_nodes.build(InMemorySaver()))
    >>> compared = lgviz.history(graph).compare("c3", "c5")
    >>> compared.ancestor
    <Checkpoint c2 node_a, step 1>
    >>> compared.divergence.text
    'After c2: an update as `node_a` was made (c4), which changed foo, where `node_b` ran (c3).'

    Attributes:
        ancestor: the last checkpoint that both have; None where they have none.
        left, right: the steps from there to each end.
    """

    def __init__(
        self, ancestor: Checkpoint | None, left: Sequence[Checkpoint], right: Sequence[Checkpoint]
    ) -> None:
        self.ancestor = ancestor
        self.left = tuple(left)
        self.right = tuple(right)
        self._digests = StepDigests()

    @cached_property
    def steps(self) -> list[Visit]:
        """Both sides step by step, aligned by node; None where a side has no such step."""
        return aligned([self.left, self.right])

    def same(self, left: Checkpoint | None, right: Checkpoint | None) -> bool | None:
        """Whether two steps did the same, ids aside; None where a value cannot be compared exactly."""
        if left is None or right is None or not _comparable(left, right):
            return False
        return self._digests.same(left, right)

    @cached_property
    def divergence(self) -> Divergence | None:
        """The first step that differs; None where none does."""
        ends = [self.ancestor, self.ancestor]
        for at, (left, right) in enumerate(self.steps):
            if self.same(left, right) is not True and (found := self._parted(at, *ends)):
                return found
            ends = [left or ends[0], right or ends[1]]
        # What tasks wrote is the same: then reducers made other states of it, if any.
        return next(filter(None, map(self._in_state, range(len(self.steps)))), None) if self.diff else None

    @cached_property
    def unsure(self) -> int:
        """How many steps before the divergence cannot be compared exactly; of all where there is none."""
        parted, count = self.divergence, 0
        for left, right in self.steps:
            if parted is not None and (left == parted.left or right == parted.right):
                break
            count += self.same(left, right) is None
        return count

    @property
    def said(self) -> str:
        """The divergence in words, and how many steps before it cannot be compared exactly."""
        parted = self.divergence
        if not self.unsure:
            return "No step differs, but for ids." if parted is None else parted.text
        steps = f"{self.unsure} step{'s' * (self.unsure > 1)} cannot be compared exactly."
        return (
            f"No step is seen to differ, but {steps}"
            if parted is None
            else f"{parted.text} Before it, {steps}"
        )

    @cached_property
    def diff(self) -> StateDiff:
        """From the left end's state to the right one's; messages in the same place with other ids are one."""
        return diff_but_ids(_state(self._end(self.left)), _state(self._end(self.right)))[0]

    def frame(self) -> pandas.DataFrame:
        """A row for each pair of :attr:`steps`, with the columns ``left, right`` (labels), ``node, same``."""
        import pandas

        rows = [
            (_label(left), _label(right), ", ".join(made_by(left or right)), self.same(left, right))  # type: ignore[arg-type]
            for left, right in self.steps
        ]
        return pandas.DataFrame(rows, columns=["left", "right", "node", "same"], dtype=object)

    def _end(self, side: tuple[Checkpoint, ...]) -> Checkpoint | None:
        return side[-1] if side else self.ancestor

    # ------------------------------------------------------------ in words

    def _parted(
        self, at: int, left_end: Checkpoint | None, right_end: Checkpoint | None
    ) -> Divergence | None:
        """How the steps at a place differ, None if they do not.

        Args:
            at: their place in :attr:`steps`.
            left_end, right_end: where either side was before.
        """
        left, right = self.steps[at]
        if left is not None and right is not None and _comparable(left, right):
            return self._in_state(at)
        came = left or right
        assert came is not None
        part = _first_difference(right_end if came is left else left_end, came)
        sides = [next((step[side] for step in self.steps[at:] if step[side]), None) for side in (0, 1)]
        other = sides[1 if came is left else 0]
        changed = f", which changed {part.place}" if part.change and came.source == "update" else ""
        after = left_end if left_end == right_end else came.parent
        where = f"After {self._named(after)}: " if after is not None else ""
        text = f"{where}{self._said(came)}{changed}, where {self._said(other)}."
        return part.told(sides[0], sides[1], None, text[0].upper() + text[1:])

    def _in_state(self, at: int) -> Divergence | None:
        """How the states differ to which the same nodes led, None if they do not."""
        left, right = self.steps[at]
        part = _first_difference(left, right)
        if left is None or right is None or part.change is None:
            return None  # what could not be hashed exactly is equal
        node = "+".join(made_by(left))
        who = f"`{node}`" if node else "The input"
        where = f"in {self._named(right)} than in {self._named(left)}"
        said = " → ".join(_short_values(part.change))
        return part.told(left, right, node or None, f"{who} gave another {part.place} {where}: {said}.")

    def _said(self, step: Checkpoint | None) -> str:
        if step is None:
            return "nothing more came"
        who = ", ".join(f"`{node}`" for node in made_by(step))
        if step.source == "update":
            did = f"an update as {who} was made" if who else "an update was made"
        elif step.source == "input":
            did = "an input came"
        else:
            did = f"{who} ran" if who else "a step was made"
        return f"{did} ({self._named(step)})"

    def _named(self, step: Checkpoint) -> str:
        """Its label, and its thread where the two sides are of different ones."""
        ends = [self._end(side) for side in (self.left, self.right)]
        threads = {end.history.thread_id for end in ends if end is not None}
        return step.label if len(threads) < 2 else f"{step.label} of {step.history.shown_id!r}"

    def __repr__(self) -> str:
        left, right = (_label(self._end(side)) for side in (self.left, self.right))
        since = f"both from {self.ancestor.label}" if self.ancestor else "without a common checkpoint"
        rows = [f"{left} ↔ {right}, {since}: {len(self.left)} and {len(self.right)} steps"]
        rows.append(self.said)
        rows += list(self._lines())
        return visible("\n".join(rows))

    def _lines(self) -> Iterator[str]:
        for left, right in self.steps[:_ROWS]:
            yield f"  {_step(left):<28.28} {SIGNS[self.same(left, right)]}  {_step(right)}"
        if len(self.steps) > _ROWS:
            yield f"  … {len(self.steps) - _ROWS} more"

    def _repr_html_(self) -> str:
        room = Room(60_000)
        left, right = self._end(self.left), self._end(self.right)
        title = f"{_label(left)} ↔ {_label(right)}"
        facts = {
            "both from": self.ancestor.label if self.ancestor else "no common checkpoint",
            "steps": f"{len(self.left)} and {len(self.right)}",
            "at their ends": summary_of(self.diff),
        }
        said = self.said
        rows = [_row(left, right, self.same(left, right)) for left, right in self.steps[:_ROWS]]
        if len(self.steps) > _ROWS:
            rows.append(tag("div", f"… {len(self.steps) - _ROWS} more: .frame() has all", "lg-faint"))
        body = tag("div", named(said), "lg-ask") + tag("div", Markup().join(rows), "lg-card")
        return page(title, body + diff_html(self.diff, room), facts)


def compare_branches(left: Checkpoint, right: Checkpoint) -> Comparison:
    """Two branches, from their last common checkpoint (the same id, in whichever thread) to two ends."""
    sides = left.history.path(left), right.history.path(right)
    common = 0
    for one, other in zip(*sides, strict=False):
        if (one.id, one.namespace) != (other.id, other.namespace):
            break
        common += 1
    ancestor = sides[0][common - 1] if common else None
    return Comparison(ancestor, sides[0][common:], sides[1][common:])


def _comparable(left: Checkpoint, right: Checkpoint) -> bool:
    """Whether two steps are of one kind, by the same nodes."""
    return left.source == right.source and made_by(left) == made_by(right)


class _FirstDifference(NamedTuple):
    """The first part that differs, and where that is in words."""

    change: Change | None
    place: str

    def told(
        self, left: Checkpoint | None, right: Checkpoint | None, node: str | None, text: str
    ) -> Divergence:
        """Of two steps that differ in it."""
        channel, path = (None, ()) if self.change is None else (self.change.channel, self.change.path)
        return Divergence(left, right, node, channel, path, text, self.place, self.change)


def _first_difference(left: Checkpoint | None, right: Checkpoint | None) -> _FirstDifference:
    diff, place = diff_but_ids(_state(left), _state(right))
    change = next(iter(diff), None)
    return _FirstDifference(change, "" if change is None else place)


def _short_values(change: Change) -> tuple[str, str]:
    """What was before a change and after it, each in one line, of a message its text."""
    before = "nothing" if change.kind == "added" else _short(change.before)
    return before, "nothing" if change.kind == "removed" else _short(change.after)


def _short(value: Any) -> str:
    return line(read_message(value).text or value if is_message(value) else value, _VALUE)


def _state(step: Checkpoint | None) -> Mapping[str, Any]:
    return {} if step is None else state_of(step)


def _label(step: Checkpoint | None) -> str | None:
    return None if step is None else step.label


def _step(step: Checkpoint | None) -> str:
    return "—" if step is None else f"{step.label} {' + '.join(step.nodes) or step.source}"


def _row(left: Checkpoint | None, right: Checkpoint | None, same: bool | None) -> Markup:
    cells = [tag("span", _step(left), "lg-what"), tag("b", SIGNS[same]), tag("span", _step(right), "lg-what")]
    return tag("div", Markup().join(cells), "lg-row lg-msg lg-faint" if same else "lg-row lg-msg")
