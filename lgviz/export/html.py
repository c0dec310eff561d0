"""The debugger as script-free HTML: what stays when no kernel answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lgviz.analysis.diff import diff_states
from lgviz.analysis.html import Room, diff_html, esc, state_html, value_html
from lgviz.analysis.style import PAGE, STYLE
from lgviz.analysis.summary import summary_of
from lgviz.analysis.tree import Flag, Tree
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
from lgviz.session.values import channels_of

if TYPE_CHECKING:
    from lgviz.analysis.checkpoint import Checkpoint
    from lgviz.analysis.history import History

__all__ = ["static_html"]

_HEIGHT = 28
_STEP = 15
_LANES = 10
_STATE = 90_000
_DIFF = 50_000


def static_html(
    history: History, selected: str | None = None, compared: str | None = None, limit: int = 200
) -> str:
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
    chosen = row_of(tree, history.latest.id) if chosen is None else chosen
    other = row_of(tree, compared)
    heads, _ = heads_of(tree)
    status = _status(history)
    count = f"{len(tree.ids):,} checkpoint{'s' if len(tree.ids) != 1 else ''}"
    branches = f" · {len(heads)} branches" if len(heads) > 1 else ""
    top = (
        f'<b>{esc(history.thread_id[:80])}</b> <span class="lg-mute">{count}{branches}</span> {status} '
        f'<span class="lg-who">{esc(history.source.description[:120])}</span>'
    )
    rows = _tree(tree, chosen, other, limit)
    pane = "" if chosen is None else _pane(history, tree, chosen, other)
    return (
        f'<div class="lgviz-static lg-page"><style>{STYLE}{PAGE}</style><div class="lg-top">{top}</div>'
        f'<div class="lg-body"><div class="lg-rows">{rows}</div><div class="lg-pane">{pane}</div></div></div>'
    )


def _status(history: History) -> str:
    try:
        status = history.status
    except LgvizError:
        return ""  # the newest checkpoint was deleted meanwhile
    return f'<span class="lg-badge lg-{status}">{status}</span>'


# ---------------------------------------------------------------- tree


def _tree(tree: Tree, chosen: int | None, other: int | None, limit: int) -> str:
    shown = window(len(tree.ids), limit, chosen)
    heads, branches = heads_of(tree)
    later = future_of(tree, chosen)
    drawn = list(rails(tree, shown))
    lanes = max((max((rail.lane, *rail.through, *rail.joins)) for rail in drawn), default=0)
    width = 24 + _STEP * min(lanes, _LANES)
    parts = []
    if shown.stop < len(tree.ids):
        newer = len(tree.ids) - shown.stop
        parts.append(f'<div class="lg-row lg-faint">&emsp;{newer:,} newer checkpoints</div>')
    for rail in drawn:
        row = rail.row
        classes = ["lg-row"]
        classes += ["lg-sel"] if row == chosen else ["lg-cmp"] if row == other else []
        classes += ["lg-later"] if row in later else []
        chips = " ".join(f'<span class="lg-chip">{esc(name)}</span>' for name in changed_of(tree, row))
        marked = marks_of(tree, row, heads, branches)
        marks = " ".join(f'<i class="lg-mark lg-{kind}">{esc(words)}</i>' for kind, words in marked)
        indent = "&emsp;" * min(tree.depth[row], 6)
        parts.append(
            f'<div class="{" ".join(classes)}">{_svg(tree, rail, width)}'
            f'<span class="lg-lab">{tree.labels[row]}</span> '
            f'<span class="lg-what">{indent}<b>{esc(title_of(tree, row)[:100])}</b> {chips} {marks}</span> '
            f'<span class="lg-t">{time_of(tree, row)}</span></div>'
        )
    if shown.start:
        parts.append(f'<div class="lg-row lg-faint">&emsp;{shown.start:,} older checkpoints</div>')
    return "".join(parts)


def _x(lane: int) -> int:
    return 14 + _STEP * min(lane, _LANES)


def _svg(tree: Tree, rail: Rail, width: int) -> str:
    """One row of rails: self-contained, so that rows may be cut or scrolled as one likes."""
    middle = _HEIGHT // 2
    x = _x(rail.lane)
    lines = [(lane, f"M{_x(lane)} 0V{_HEIGHT}") for lane in rail.through]
    for lane in rail.joins:
        start = _x(lane)
        lines.append((lane, f"M{start} 0C{start} {middle} {x} {middle - 9} {x} {middle}"))
    if rail.up or rail.down:
        lines.append((rail.lane, f"M{x} {0 if rail.up else middle}V{_HEIGHT if rail.down else middle}"))
    paths = "".join(f'<path d="{d}" stroke="var(--l{lane % 4})"/>' for lane, d in lines)
    return (
        f'<svg width="{width}" height="{_HEIGHT}" fill="none" stroke-width="2" aria-hidden="true">{paths}'
        f"{_dot(tree, rail, x, middle)}</svg>"
    )


def _dot(tree: Tree, rail: Rail, x: int, y: int) -> str:
    flags, color = tree.flags[rail.row], f"var(--l{rail.lane % 4})"
    if flags & Flag.ERROR:
        return f'<circle cx="{x}" cy="{y}" r="5" fill="var(--del)"/>'
    if flags & Flag.INTERRUPT:
        return f'<circle cx="{x}" cy="{y}" r="5.5" fill="var(--bg)" stroke="var(--warn)"/>'
    if flags & (Flag.UPDATE | Flag.FORK):
        return f'<path d="M{x} {y - 6}L{x + 6} {y}L{x} {y + 6}L{x - 6} {y}Z" fill="{color}"/>'
    if tree.depth[rail.row]:
        return f'<circle cx="{x}" cy="{y}" r="3" fill="var(--bg)" stroke="{color}" stroke-width="1.6"/>'
    return f'<circle cx="{x}" cy="{y}" r="4.5" fill="{color}"/>'


# ---------------------------------------------------------------- the selected checkpoint


def _pane(history: History, tree: Tree, chosen: int, other: int | None) -> str:
    title = f'<span class="lg-lab">{tree.labels[chosen]}</span> {esc(title_of(tree, chosen)[:100])}'
    try:
        checkpoint = history[tree.ids[chosen]]
        before = history[tree.ids[other]] if other is not None else checkpoint.parent
        return _checkpoint(checkpoint, before, title, time_of(tree, chosen), _reducers(history.source.graph))
    except LgvizError as error:
        return f'<div class="lg-title">{title}</div><div class="lg-ask lg-bad">{esc(str(error))}</div>'


def _checkpoint(
    checkpoint: Checkpoint,
    before: Checkpoint | None,
    title: str,
    time: str,
    reducers: Mapping[str, str | None],
) -> str:
    values = _as_mapping(checkpoint.values)
    diff = diff_states(_as_mapping(before.values) if before is not None else {}, values)
    step = f"step {checkpoint.step}" if checkpoint.step is not None else ""
    nexts = ", ".join(f"<b>{esc(name)}</b>" for name in checkpoint.next[:12]) or "nothing, the end"
    facts = " · ".join(part for part in (step, time, f"next: {nexts}") if part)
    asks = "".join(_ask(interrupt) for interrupt in checkpoint.interrupts[:5])
    if checkpoint.error:
        asks += f'<div class="lg-ask lg-bad">{esc(str(checkpoint.error)[:500])}</div>'
    label = f"{before.label} → {checkpoint.label}" if before is not None else ""
    size = "1 channel" if len(values) == 1 else f"{len(values)} channels"
    return (
        f'<div class="lg-title">{title} <span class="lg-mute">{esc(summary_of(diff))}</span></div>'
        f'<div class="lg-sub">{facts}</div>{asks}'
        f'<details class="lg-sec" open><summary>Diff <i>{esc(label)}</i></summary>'
        f"{diff_html(diff, Room(_DIFF), reducers)}</details>"
        f'<details class="lg-sec" open><summary>State <i>{size}</i></summary>'
        f"{state_html(values, Room(_STATE), reducers)}</details>"
    )


def _ask(interrupt: Any) -> str:
    value = getattr(interrupt, "value", interrupt)
    room = Room(4_000)
    said = esc(value[:1_000]) if isinstance(value, str) else value_html(value, room)
    return f'<div class="lg-ask">{said}</div>'


def _as_mapping(values: Any) -> Mapping[str, Any]:
    return values if isinstance(values, Mapping) else {"__root__": values}


def _reducers(graph: Any) -> Mapping[str, str | None]:
    if graph is None or not hasattr(graph, "channels"):
        return {}
    return {name: info.reducer for name, info in channels_of(graph).items()}
