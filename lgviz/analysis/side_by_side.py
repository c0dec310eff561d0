"""Many runs of one question side by side: where they part, and what they came to."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from markupsafe import Markup

from lgviz._visible import visible

from .checkpoint import Checkpoint, state_of
from .fingerprint import messages_in
from .html import page, tag
from .messages import read_message
from .values import line
from .visits import StepDigests, Visit, aligned, made_by

if TYPE_CHECKING:
    import pandas

__all__ = ["SideBySide", "came_to"]

_ROWS = 120
_RUNS = 40
_VALUE = 80
_STYLE = tag(
    "style",
    Markup("""
.lg-runs{border-collapse:collapse;font-size:12px}
.lg-runs th{font-weight:400;text-align:left;padding:2px 8px;color:var(--mute)}
.lg-runs td{padding:2px 8px;border:2px solid var(--bg);border-radius:5px;color:var(--text);
 background:var(--chip)}
.lg-runs .lg-g1{background:color-mix(in srgb,var(--l1) 26%,var(--bg))}
.lg-runs .lg-g2{background:color-mix(in srgb,var(--l2) 26%,var(--bg))}
.lg-runs .lg-g3{background:color-mix(in srgb,var(--l3) 26%,var(--bg))}
.lg-runs .lg-none{background:none}
"""),
)


class SideBySide:
    """Runs of one question, aligned by the nodes that ran.

    >>> import lgviz
    >>> from langgraph.checkpoint.memory import InMemorySaver
    >>> from lgviz.demos import two_nodes
    >>> two_nodes.seed(graph := two_nodes.build(InMemorySaver()))
    >>> h = lgviz.history(graph)
    >>> lgviz.compare(h["c3"], h["c5"], h["c2"])
    3 runs, aligned in 5 steps
      c3  done, 4 steps
      c5  done, 5 steps, parts at c4
      c2  paused, 3 steps

    Attributes:
        ends: the last checkpoint of each run.
        steps: the steps of all, aligned: for each run a checkpoint, None where it has no such step.
    """

    def __init__(self, ends: Sequence[Checkpoint]) -> None:
        self.ends = tuple(ends)
        self.steps: list[Visit] = aligned([end.history.path(end) for end in ends])
        self._digests = StepDigests()

    @cached_property
    def groups(self) -> list[tuple[int | None, ...]]:
        """For each of :attr:`steps` and each run a number: runs that did the same then have the same one, 0
        is what the first of them did; None where a run has no such step. What ``redact=`` hides in part
        has a number of its own, as it may differ."""
        return [self._grouped(visit) for visit in self.steps]

    def _grouped(self, visit: Visit) -> tuple[int | None, ...]:
        present = {step for step in visit if step is not None}
        if len(present) == 1:  # all share one checkpoint: no state need be read
            return tuple(None if step is None else 0 for step in visit)
        digests = self._digests.of(present)
        known: dict[object, int] = {}
        found: list[int | None] = []
        for step in visit:
            # What cannot be hashed exactly, or is hidden in part, is like nothing else.
            key = None if step is None else step if self._digests.hides(step) else digests[step] or step
            found.append(None if key is None else known.setdefault(key, len(known)))
        return tuple(found)

    @property
    def parts_at(self) -> list[Checkpoint | None]:
        """For each run its first step that differs from what the first run did; None where none does, or
        where that cannot be told."""
        found: list[Checkpoint | None] = [None] * len(self.ends)
        for visit, groups in zip(self.steps, self.groups, strict=True):
            for run, (step, group) in enumerate(zip(visit, groups, strict=True)):
                if found[run] is None and step is not None and group != groups[0]:
                    unsure = visit[0] is not None and self._digests.same(visit[0], step) is None
                    found[run] = None if unsure else step
        return found

    @property
    def nodes(self) -> list[tuple[str, ...]]:
        """For each of :attr:`steps` the nodes that made it; what kind of step it is where none did."""
        return [_nodes(visit) for visit in self.steps]

    def frame(self) -> pandas.DataFrame:
        """A row for each aligned step, a column for each run; in it the step's label."""
        import pandas

        rows = [[None if step is None else step.label for step in visit] for visit in self.steps]
        nodes = [", ".join(each) for each in self.nodes]
        index = pandas.Index(nodes, name="node")
        return pandas.DataFrame(rows, columns=self._names(), index=index, dtype=object)

    def outcomes(self) -> pandas.DataFrame:
        """A row for each run: ``thread_id, label, status, steps, parts_at`` (a label), ``last`` (what it came
        to: its last message in short, else the last value that it changed)."""
        import pandas

        rows = [
            (
                end.history.shown_id, end.label, end.history.status_of(end), self._steps_of(run),
                None if parts is None else parts.label, came_to(end),
            )
            for run, (end, parts) in enumerate(zip(self.ends, self.parts_at, strict=True))
        ]  # fmt: skip
        columns = ["thread_id", "label", "status", "steps", "parts_at", "last"]
        return pandas.DataFrame(rows, columns=columns, index=pandas.Index(self._names(), name="run"))

    def _steps_of(self, run: int) -> int:
        return sum(visit[run] is not None for visit in self.steps)

    def _names(self) -> list[str]:
        one = len({end.history.thread_id for end in self.ends}) == 1
        return [end.label if one else f"{end.label} of {end.history.shown_id!r}" for end in self.ends]

    def __repr__(self) -> str:
        rows = [f"{len(self.ends)} runs, aligned in {len(self.steps)} steps"]
        for run, (name, parts) in enumerate(zip(self._names(), self.parts_at, strict=True)):
            status = self.ends[run].history.status_of(self.ends[run])
            said = f"{status}, {self._steps_of(run)} steps"
            rows.append(f"  {name}  {said}, parts at {parts.label}" if parts else f"  {name}  {said}")
        return visible("\n".join(rows))

    def _repr_html_(self) -> str:
        names = self._names()[:_RUNS]
        head = tag("tr", tag("th") + Markup().join(tag("th", name) for name in names))
        rows = [
            tag("tr", tag("th", ", ".join(nodes)) + Markup().join(map(_cell, visit[:_RUNS], groups)))
            for nodes, visit, groups in zip(self.nodes[:_ROWS], self.steps, self.groups, strict=False)
        ]
        table = Markup('<table class="lg-runs">{}</table>').format(head + Markup().join(rows))
        left = len(self.ends) - _RUNS, len(self.steps) - _ROWS
        more = [f"{n:,} more {what}" for n, what in zip(left, ("runs", "steps"), strict=True) if n > 0]
        rest = tag("div", f"… {' and '.join(more)}: .frame() has all", "lg-faint") if more else Markup()
        reached = Markup().join(
            tag("p", tag("b", str(name)) + f" {row.status} " + tag("span", row.last, "lg-mute"))
            for name, row in self.outcomes()[:_RUNS].iterrows()
        )
        title = f"{len(self.ends)} runs side by side"
        said = {"a color": "what a run did then; runs of one color did the same"}
        return page(title, _STYLE + table + rest + reached, said)


def _nodes(visit: Visit) -> tuple[str, ...]:
    step = next(step for step in visit if step is not None)
    nodes = made_by(step)
    return (f"update as {nodes[0]}",) if nodes and step.source == "update" else nodes or (step.source,)


def _cell(step: Checkpoint | None, group: int | None) -> Markup:
    if step is None:
        return tag("td", look="lg-none")
    return tag("td", step.label, f"lg-g{min(group or 0, 3)}")


def came_to(end: Checkpoint) -> str:
    """What a run came to: the last message of its state, else the last value that its last step changed."""
    state = state_of(end)
    said = [message for value in state.values() for message in messages_in(value)]
    if said:
        return line(read_message(said[-1]).text, _VALUE)
    name = next((name for name in reversed(end.changed) if name in state), None)
    return "" if name is None else line(state[name], _VALUE)
