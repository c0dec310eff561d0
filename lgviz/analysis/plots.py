"""Plots of a thread and of many; each point knows its checkpoint.

Backgrounds are transparent, and colors are such as can be read on light and dark: a figure stands in a
notebook whose theme Python does not know.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import cycle
from typing import TYPE_CHECKING, Any, Unpack

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from lgviz._visible import visible
from lgviz.errors import InvalidValue, listed, needing
from lgviz.sources import open_source
from lgviz.sources.base import ReadOptions

from .checkpoint import state_of
from .history import History
from .spans import Span, running_time, spans
from .usage import Prices, step_usage
from .visits import made_by

if TYPE_CHECKING:
    import plotly.graph_objects as go

logger = logging.getLogger(__name__)

__all__ = ["KINDS", "empty_figure", "plot_history", "plot_threads"]

COLORS = ("#4a86e8", "#d9703a", "#1f9e80", "#9272e6", "#c9567f", "#a8871c", "#3a9bb8", "#7f8a3c")
PAUSE = "rgba(138,145,156,.45)"
_TEXT = "#7d8590"
_LINE = "rgba(128,134,144,.28)"
_MOST = 1_000
"""Threads in one plot, where none are named."""


def plot_history(history: History, kind: str = "timeline", *, prices: Prices | None = None) -> go.Figure:
    """A plot of one thread (``History.plot``, which says what it takes).

    >>> import lgviz
    >>> from lgviz.demos import two_nodes
    >>> from lgviz.persistence import MemorySaver
    >>> two_nodes.seed(graph := two_nodes.build(MemorySaver()))
    >>> figure = lgviz.history(graph).plot("routing")
    >>> [(bar.name, list(bar.y)) for bar in figure.data][1]
    ('node_b', ['node_a'])
    """
    draw = _of_kind(kind, KINDS)
    return draw(history, prices) if draw is _tokens else draw(history)


def plot_threads(
    what: Any,
    kind: str = "routing",
    threads: str | Iterable[str] | None = None,
    **options: Unpack[ReadOptions],
) -> go.Figure:
    """A plot over many threads; no value is opened where the index tells who ran.

    >>> from lgviz.demos import two_nodes
    >>> from lgviz.persistence import MemorySaver
    >>> graph = two_nodes.build(MemorySaver())
    >>> for name in ("a", "b"):
    ...     two_nodes.seed(graph, name)
    >>> [box.name for box in plot_threads(graph, "durations").data]
    ['__start__', 'node_a', 'node_b']

    Args:
        what: whatever :func:`lgviz.open_source` takes.
        kind: ``"routing"``: of each node's steps the shares of what came next; ``"durations"``: how long the
            tasks of each node took.
        threads: which; None: the newest 1,000, and a warning where there are more.
        options: see :class:`~lgviz.sources.base.ReadOptions`.

    Raises:
        InvalidValue: there is no such kind.
        NotInstalled: without ``pip install 'lgviz[plots]'``.
        SourceError, ThreadNotFound: ``what`` cannot be read, or holds no such thread.
    """
    draw = _of_kind(kind, {"routing": _routing, "durations": _durations})
    source = open_source(what, **options)
    if threads is None:
        batch = source.find_threads(limit=_MOST)
        if batch.total > _MOST:
            logger.warning("The newest %s of %s threads; threads= names others.", _MOST, batch.total)
        threads = [one.thread_id for one in batch.threads]
    names = [threads] if isinstance(threads, str) else threads
    return draw(*(History(source, name) for name in names))


def _of_kind(kind: str, kinds: Mapping[str, Callable[..., Any]]) -> Callable[..., Any]:
    if not isinstance(kind, str) or kind not in kinds:
        raise InvalidValue(f"There is no plot {kind!r}.", f"There are {listed(kinds)}.")
    return kinds[kind]


def empty_figure(title: str, **layout: Any) -> go.Figure:
    """A figure without data, in the look of all.

    Raises:
        NotInstalled: without plotly.
    """
    with needing("plotly", "plots"):
        import plotly.graph_objects as go

    axis = {"gridcolor": _LINE, "linecolor": _LINE, "zerolinecolor": _LINE, "automargin": True}
    look: dict[str, Any] = {
        "template": "none",
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": _TEXT, "size": 12, "family": "Inter, system-ui, 'Segoe UI', sans-serif"},
        "colorway": COLORS,
        "height": 420,
        "margin": {"l": 8, "r": 16, "t": 64, "b": 8},
        "legend": {"orientation": "h", "x": 1, "xanchor": "right", "y": 1, "yanchor": "bottom"},
        "uniformtext": {"mode": "hide", "minsize": 9},
        "title": {
            "text": _name(title),
            "font": {"size": 14},
            "x": 0,
            "xref": "paper",
            "y": 1,
            "yanchor": "top",
            "pad": {"t": 10},
        },
        "xaxis": axis,
        "yaxis": axis,
    }
    return go.Figure(layout=look).update_layout(**layout)


# ------------------------------------------------------------ one thread


def _timeline(history: History) -> go.Figure:
    """Super-steps, their tasks by node, and the pauses between, over time; long pauses are shortened."""
    import numpy as np

    found = spans(history)
    times, shown = running_time(found)
    nodes = list(dict.fromkeys(node for span in found for node in span.nodes))
    pauses = any(span.kind != "step" for span in found)
    rows = ["super-steps", *(["between"] if pauses else []), *map(_name, nodes)]
    figure = empty_figure(
        f"Timeline of thread {history.shown_id}",
        barmode="overlay",
        showlegend=False,
        height=120 + 34 * len(rows),
        xaxis_title="seconds, long pauses shortened" if pauses else "seconds",
        yaxis={"categoryorder": "array", "categoryarray": rows[::-1]},
    )

    def bars(row: str, color: str, each: Sequence[tuple[Span, float]]) -> Any:
        starts = np.interp([span.start for span, _ in each], times, shown)
        ends = np.interp([end for _, end in each], times, shown)
        return figure.add_bar(
            name=row,
            orientation="h",
            y=[row] * len(each),
            base=starts,
            x=ends - starts,
            customdata=[span.checkpoint.id for span, _ in each],
            hovertext=[_span_text(span, end, row) for span, end in each],
            hoverinfo="text",
            text=[span.checkpoint.label if row == rows[0] else "" for span, _ in each],
            insidetextfont={"color": "#fff"},
            textposition="inside",
            textangle=0,
            marker={"color": color, "line": {"width": 1, "color": "rgba(128,134,144,.6)"}},
        ).data[-1]

    ran = [span for span in found if span.kind == "step"]
    if ran:
        bars(rows[0], _TEXT, [(span, span.end) for span in ran])
    for node, color in zip(nodes, cycle(COLORS), strict=False):
        own = [(span, end) for span in ran for name, end in span.tasks if name == node]
        if own:
            bars(_name(node), color, own)
    for kind in ("pause", "both"):
        own = [(span, span.end) for span in found if span.kind == kind]
        if own:
            drawn = bars(rows[1], PAUSE, own)
            if kind == "both":
                drawn.marker.pattern = {"shape": "/", "fgcolor": _TEXT, "size": 6}
    return figure


def _span_text(span: Span, end: float, row: str) -> str:
    ran = _name(" + ".join(span.nodes))
    what = {"step": row, "pause": "a person, or nothing", "both": f"a pause, then {ran}"}
    return f"{span.checkpoint.label} · {what[span.kind]} · {end - span.start:.3g} s"


def _bytes(history: History) -> go.Figure:
    """What each channel's value takes at each checkpoint, as LangGraph's serializer writes it."""
    serde = JsonPlusSerializer()
    sizes: dict[str, dict[str, int]] = {}
    with history.source.sharing():
        for checkpoint in history:
            for channel, value in state_of(checkpoint).items():
                # Whatever a value's own code raises: its size is missing.
                with suppress(Exception):
                    size = len(serde.dumps_typed(value)[1])
                    sizes.setdefault(str(channel), {})[checkpoint.label] = size
    steps = list(history)
    figure = empty_figure(
        "Bytes by channel", barmode="stack", xaxis={"type": "category"}, yaxis_title="bytes"
    )
    for channel, by_label in sorted(sizes.items(), key=lambda one: -sum(one[1].values())):
        figure.add_bar(
            name=_name(channel),
            x=[step.label for step in steps],
            y=[by_label.get(step.label) for step in steps],
            customdata=[step.id for step in steps],
        )
    return figure


def _tokens(history: History, prices: Prices | None = None) -> go.Figure:
    """What models read and wrote in each step; with prices, what it came to."""
    told = [(step, used) for step in history if (used := step_usage(step)) is not None]
    figure = empty_figure("Tokens by step", barmode="stack", xaxis={"type": "category"}, yaxis_title="tokens")
    labels, ids = [step.label for step, _ in told], [step.id for step, _ in told]
    for name in ("input", "output"):
        counts = [getattr(used, name) for _, used in told]
        figure.add_bar(name=f"{name} tokens", x=labels, y=counts, customdata=ids)
    if prices is not None:
        costs = [used.cost(prices) for _, used in told]
        figure.add_scatter(name="cost", x=labels, y=costs, customdata=ids, yaxis="y2", mode="lines+markers")
        figure.update_layout(
            yaxis2={
                "overlaying": "y",
                "side": "right",
                "title": "cost",
                "showgrid": False,
                "automargin": True,
                "rangemode": "tozero",
            }
        )
    return figure


# ------------------------------------------------------------ one thread or many


def _routing(*histories: History) -> go.Figure:
    """Of the steps of each node, the shares of what ran next: a fan-out counts as one."""
    led: dict[str, Counter[str]] = {}
    reached: dict[tuple[str, str], str] = {}
    for history in histories:
        for step in history:
            parent, name = step.parent, " + ".join(made_by(step))
            if not name:
                continue
            came_from = " + ".join(made_by(parent)) if parent is not None else ""
            if came_from and step.source == "loop":
                led.setdefault(came_from, Counter())[name] += 1
                reached.setdefault((came_from, name), step.id)
            if not step.children and history.status_of(step) == "done":
                led.setdefault(name, Counter())["END"] += 1
                reached.setdefault((name, "END"), step.id)
    targets = list(dict.fromkeys(name for counts in led.values() for name in counts))
    many = len(histories) != 1
    figure = empty_figure(
        f"Where nodes led to, over {len(histories):,} threads" if many else "Where each node led to",
        barmode="stack",
        height=140 + 34 * len(led),
        xaxis={"tickformat": ".0%", "range": [0, 1], "title": "share of its steps"},
        yaxis={"autorange": "reversed", "type": "category"},
    )
    for target in targets:
        froms = [name for name, counts in led.items() if counts[target]]
        counts = [led[name][target] for name in froms]
        figure.add_bar(
            name=_name(target),
            orientation="h",
            y=[_name(name) for name in froms],
            x=[n / led[name].total() for n, name in zip(counts, froms, strict=True)],
            text=[f"{_name(target)} {n:,}" for n in counts],
            textposition="inside",
            textangle=0,
            insidetextfont={"color": "#fff"},
            customdata=[reached[name, target] for name in froms],
            hovertext=[
                f"{_name(name)} → {_name(target)}: {n:,}" for n, name in zip(counts, froms, strict=True)
            ],
            hoverinfo="text",
        )
    return figure


def _durations(*histories: History) -> go.Figure:
    """How long the tasks of each node took; steps that a pause lies in are left out."""
    took: dict[str, list[tuple[Span, float]]] = {}
    for history in histories:
        for span in spans(history):
            for node, end in span.tasks:
                took.setdefault(node, []).append((span, end))
    figure = empty_figure(
        "Seconds of a task, by node", showlegend=False, yaxis={"title": "seconds", "rangemode": "tozero"}
    )
    for node, own in took.items():
        figure.add_box(
            name=_name(node),
            y=[end - span.start for span, end in own],
            customdata=[span.checkpoint.id for span, _ in own],
            hovertext=[_span_text(span, end, _name(node)) for span, end in own],
            boxpoints="all",
            jitter=0.4,
            pointpos=0,
            marker={"size": 5},
        )
    return figure


def _name(text: str) -> str:
    """A name as plotly may be given it: it takes some HTML for its own."""
    return visible(text).replace("&", "&amp;").replace("<", "&lt;")


KINDS: dict[str, Callable[..., Any]] = {
    "timeline": _timeline,
    "bytes": _bytes,
    "tokens": _tokens,
    "routing": _routing,
    "durations": _durations,
}
"""By its name, what draws a plot of one thread."""
