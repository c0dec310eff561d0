"""The debugger as script-free HTML: what stays when no kernel answers.

HTML is :class:`markupsafe.Markup`; what is put into it by ``format`` or ``join`` is text, and is escaped.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from lgviz.analysis.channels import channels_of
from lgviz.analysis.checkpoint import Checkpoint, state_of
from lgviz.analysis.diff import diff_states
from lgviz.analysis.history import History
from lgviz.analysis.html import Room, diff_html, esc, state_html, value_html
from lgviz.analysis.style import PAGE, ROOT, STYLE
from lgviz.analysis.summary import summary_of
from lgviz.analysis.tree import Flag, Tree
from lgviz.analysis.why import why_html, why_of
from lgviz.errors import LgvizError
from lgviz.export.rails import (
    Rail,
    changed_of,
    future_of,
    heads_of,
    marks_of,
    rails,
    row_of,
    time_of,
    title_of,
    window,
)

__all__ = ["checkpoint_html", "static_html"]

_HEIGHT = 28
_STEP = 15
_LANES = 10
_STATE = 90_000
_DIFF = 50_000
_REASONS = 20
"""Tasks, and nodes that wait, of which is told why."""


def static_html(
    history: History, selected: str | None = None, compared: str | None = None, limit: int = 200
) -> Markup:
    """One thread as script-free, self-contained HTML: the tree, the selected state, its diff.

    Args:
        history: the thread.
        selected: id of the checkpoint to show; the latest by default.
        compared: id of the checkpoint to diff it with; its parent by default.
        limit: the most rows of the tree.

    Returns:
        HTML of bounded size (under about 300 KB) in which everything from the state is escaped.
    """
    tree = history.tree
    chosen = row_of(tree, selected)
    if chosen is None:
        chosen = tree.roots[-1] if tree.roots else None
    other = row_of(tree, compared)
    heads, _ = heads_of(tree)
    count = f"{len(tree.ids):,} checkpoint{'s' if len(tree.ids) != 1 else ''}"
    branches = f" · {len(heads)} branches" if len(heads) > 1 else ""
    top = Markup('<b>{}</b> <span class="lg-mute">{}{}</span> {} <span class="lg-who">{}</span>').format(
        esc(history.shown_id[:80]),
        count,
        branches,
        _status(history),
        esc(history.source.shown(history.source.description)[:120]),
    )
    rows = _tree(tree, chosen, other, limit)
    pane = "" if chosen is None else _pane(history, tree, chosen, other)
    return Markup(
        '<div class="{} lg-page"><style>{}</style><div class="lg-top">{}</div>'
        '<div class="lg-body"><div class="lg-rows">{}</div><div class="lg-pane">{}</div></div></div>'
    ).format(ROOT, Markup(STYLE + PAGE), top, rows, pane)  # noqa: S704


def checkpoint_html(checkpoint: Checkpoint) -> Markup:
    """One checkpoint as script-free, self-contained HTML: what it is, its diff, its state."""
    try:
        body = _pane(checkpoint.history, checkpoint.history.tree, checkpoint.row, None)
    except LgvizError as error:
        body = _WRONG.format(esc(str(error)))  # deleted meanwhile
    return Markup('<div class="{}"><style>{}</style>{}</div>').format(ROOT, Markup(STYLE + PAGE), body)  # noqa: S704


def _status(history: History) -> Markup:
    try:
        status = history.status
    except LgvizError:
        return Markup()  # the newest checkpoint was deleted meanwhile
    return Markup('<span class="lg-badge lg-{0}">{0}</span>').format(status)


# ---------------------------------------------------------------- tree


_LEFT_OUT = Markup('<div class="lg-row lg-faint">&emsp;{:,} {} checkpoints</div>')
_CHIP = Markup('<span class="lg-chip">{}</span>')
_MARK = Markup('<i class="lg-mark lg-{}">{}</i>')
_ROW = Markup(
    '<div class="{look}">{rails}<span class="lg-lab">{label}</span> '
    '<span class="lg-what">{indent}<b>{title}</b> {chips} {marks}</span> '
    '<span class="lg-t">{time}</span></div>'
)


def _tree(tree: Tree, chosen: int | None, other: int | None, limit: int) -> Markup:
    shown = window(len(tree.ids), limit, chosen)
    heads, branches = heads_of(tree)
    later = future_of(tree, chosen)
    drawn = list(rails(tree, shown))
    lanes = max((max((rail.lane, *rail.through, *rail.joins)) for rail in drawn), default=0)
    width = 24 + _STEP * min(lanes, _LANES)
    parts = []
    if shown.stop < len(tree.ids):
        newer = len(tree.ids) - shown.stop
        parts.append(_LEFT_OUT.format(newer, "newer"))
    for rail in drawn:
        row = rail.row
        classes = ["lg-row"]
        classes += ["lg-sel"] if row == chosen else ["lg-cmp"] if row == other else []
        classes += ["lg-later"] if row in later else []
        marked = marks_of(tree, row, heads, branches)
        parts.append(
            _ROW.format(
                look=" ".join(classes),
                rails=_svg(tree, rail, width),
                label=tree.labels[row],
                indent=Markup("&emsp;") * min(tree.depth[row], 6),
                title=esc(title_of(tree, row)[:100]),
                chips=Markup(" ").join(_CHIP.format(esc(name)) for name in changed_of(tree, row)),
                marks=Markup(" ").join(_MARK.format(kind, esc(words)) for kind, words in marked),
                time=time_of(tree, row),
            )
        )
    if shown.start:
        parts.append(_LEFT_OUT.format(shown.start, "older"))
    return Markup().join(parts)


def _x(lane: int) -> int:
    return 14 + _STEP * min(lane, _LANES)


def _svg(tree: Tree, rail: Rail, width: int) -> Markup:
    """One row of rails: self-contained, so that rows may be cut or scrolled as one likes."""
    middle = _HEIGHT // 2
    x = _x(rail.lane)
    lines = [(lane, f"M{_x(lane)} 0V{_HEIGHT}") for lane in rail.through]
    for lane in rail.joins:
        start = _x(lane)
        lines.append((lane, f"M{start} 0C{start} {middle} {x} {middle - 9} {x} {middle}"))
    if rail.up or rail.down:
        lines.append((rail.lane, f"M{x} {0 if rail.up else middle}V{_HEIGHT if rail.down else middle}"))
    path = Markup('<path d="{}" stroke="var(--l{})"/>')
    return Markup(
        '<svg width="{}" height="{}" fill="none" stroke-width="2" aria-hidden="true">{}{}</svg>'
    ).format(
        width,
        _HEIGHT,
        Markup().join(path.format(d, lane % 4) for lane, d in lines),
        _dot(tree, rail, x, middle),
    )


def _dot(tree: Tree, rail: Rail, x: int, y: int) -> Markup:
    flags, color = tree.flags[rail.row], f"var(--l{rail.lane % 4})"
    circle = Markup('<circle cx="{}" cy="{}" r="{}" fill="{}"{}/>')
    if flags & Flag.ERROR:
        return circle.format(x, y, "5", "var(--del)", "")
    if flags & Flag.INTERRUPT:
        return circle.format(x, y, "5.5", "var(--bg)", Markup(' stroke="var(--warn)"'))
    if flags & (Flag.UPDATE | Flag.FORK):
        return Markup('<path d="M{0} {2}L{4} {1}L{0} {3}L{5} {1}Z" fill="{6}"/>').format(
            x, y, y - 6, y + 6, x + 6, x - 6, color
        )
    if tree.depth[rail.row]:
        return circle.format(x, y, "3", "var(--bg)", Markup(' stroke="{}" stroke-width="1.6"').format(color))
    return circle.format(x, y, "4.5", color, "")


# ---------------------------------------------------------------- the selected checkpoint


_NOTED = Markup('<div class="lg-noted">✎ {}</div>')
_WRONG = Markup('<div class="lg-ask lg-bad">{}</div>')


def _pane(history: History, tree: Tree, chosen: int, other: int | None) -> Markup:
    named = esc(title_of(tree, chosen)[:100])
    title = Markup('<span class="lg-lab">{}</span> {}').format(tree.labels[chosen], named)
    try:
        checkpoint = history[tree.ids[chosen]]
        compared = None if other is None else history[tree.ids[other]]
        pair = (checkpoint.parent, checkpoint)
        if compared is not None:
            pair = (compared, checkpoint) if compared.row < checkpoint.row else (checkpoint, compared)
        return _checkpoint(checkpoint, pair, title, time_of(tree, chosen), _reducers(history.source.graph))
    except LgvizError as error:
        return Markup('<div class="lg-title">{}</div>').format(title) + _WRONG.format(esc(str(error)))


def _why(checkpoint: Checkpoint) -> Markup:
    """Why the nodes ran that made it, and what waits there."""
    why = why_of(checkpoint)
    if not why.tasks and not why.waiting:
        return Markup()
    via = esc(", ".join(dict.fromkeys(cause.via for cause in why.tasks)))
    return Markup('<details class="lg-sec"><summary>Why <i>{}</i></summary>{}</details>').format(
        via, why_html(why, _REASONS)
    )


def _checkpoint(
    checkpoint: Checkpoint,
    pair: tuple[Checkpoint | None, Checkpoint],
    title: Markup,
    time: str,
    reducers: Mapping[str, str | None],
) -> Markup:
    values = state_of(checkpoint)
    before, after = pair
    reducers = {**reducers, **checkpoint.rebuilt, **checkpoint.doubts}
    doubts = {**(before.doubts if before is not None else {}), **after.doubts}
    old = state_of(before) if before is not None else {}
    diff = diff_states(old, values if after is checkpoint else state_of(after))
    nexts = [Markup("<b>{}</b>").format(esc(name)) for name in checkpoint.next[:12]]
    next_ = Markup("next: ") + (Markup(", ").join(nexts) if nexts else "nothing, the end")
    step = f"step {checkpoint.step}" if checkpoint.step is not None else ""
    noted = _NOTED.format(esc(checkpoint.note[:2_000])) if checkpoint.note else Markup()
    asks = noted + Markup().join(_ask(interrupt) for interrupt in checkpoint.interrupts[:5])
    if checkpoint.unloadable:
        asks += _WRONG.format(esc(f"This state {checkpoint.unloadable}. Shown is what is stored."))
    if checkpoint.error:
        asks += _WRONG.format(esc(str(checkpoint.error)[:500]))
    return Markup(
        '<div class="lg-title">{title} <span class="lg-mute">{summary}</span></div>'
        '<div class="lg-sub">{facts}</div>{asks}'
        '<details class="lg-sec" open><summary>Diff <i>{labels}</i></summary>{diff}</details>'
        "{why}"
        '<details class="lg-sec" open><summary>State <i>{size}</i></summary>{state}</details>'
    ).format(
        title=title,
        summary=esc(summary_of(diff)),
        facts=Markup(" · ").join(part for part in (step, time, next_) if part),
        asks=asks,
        why=_why(checkpoint),
        labels=f"{before.label} → {after.label}" if before is not None else "",
        diff=diff_html(diff, Room(_DIFF), {**reducers, **doubts}),
        size="1 channel" if len(values) == 1 else f"{len(values)} channels",
        state=state_html(values, Room(_STATE), reducers),
    )


def _ask(interrupt: Any) -> Markup:
    value = getattr(interrupt, "value", interrupt)
    said = esc(value[:1_000]) if isinstance(value, str) else value_html(value, Room(4_000))
    return Markup('<div class="lg-ask">{}</div>').format(said)


def _reducers(graph: Any) -> Mapping[str, str | None]:
    if graph is None or not hasattr(graph, "channels"):
        return {}
    return {name: info.reducer for name, info in channels_of(graph).items()}
