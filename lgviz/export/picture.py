"""The tree as a picture: SVG, and PNG of it."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any

from markupsafe import Markup

from lgviz.analysis.tree import Tree
from lgviz.analysis.values import clean
from lgviz.errors import LgvizError, needing
from lgviz.export.rails import Rail, changed_of, heads_of, marks_of, rails, time_of, title_of, window

__all__ = ["tree_png", "tree_svg"]

_ROW, _LANE, _CHAR = 24, 14, 7.3
_COLOURS = ("#2f6fde", "#c2410c", "#0f8a6d", "#9333ea", "#b7791f", "#be185d")
_FAMILIES = (
    "Menlo", "Consolas", "DejaVu Sans Mono", "Liberation Mono", "Noto Sans Mono", "Ubuntu Mono",
    "Roboto Mono", "SF Mono", "Cascadia Mono", "Courier New", "FreeMono", "Nimbus Mono PS", "DejaVu Sans",
    "Liberation Sans", "Noto Sans", "Arial", "Helvetica",
)  # fmt: skip
"""Fonts that systems have, the best first: a picture does not choose one by itself."""
_SVG = Markup('<svg xmlns="http://www.w3.org/2000/svg" width="{}" height="{}"{}>')
_STYLE = (
    "<style>svg{color:#1a1d21}@media(prefers-color-scheme:dark){svg{color:#e6e8eb}}"
    "text{font:12px FONT;fill:currentColor;white-space:pre}</style>"
)
_HIGH = 24_000
"""The most pixels of a picture's height that programs open."""


def tree_svg(
    tree: Tree, rows: range | None = None, font: str = "ui-monospace,Menlo,Consolas,monospace"
) -> str:
    """The tree, newest checkpoint on top, for a light or a dark page.

    >>> import lgviz
    >>> from lgviz.demos import two_nodes
    >>> from lgviz.persistence import MemorySaver
    >>> graph = two_nodes.build(MemorySaver())
    >>> two_nodes.seed(graph)
    >>> tree_svg(lgviz.history(graph).tree).count("<circle")
    6

    Args:
        tree: the tree.
        rows: those that are drawn; None: all. How many are left out is written there.
        font: CSS font families.
    """
    rows = range(len(tree)) if rows is None else rows
    heads, branches = heads_of(tree)
    drawn = list(rails(tree, rows))
    lanes = max((max((rail.lane, *rail.through, *rail.joins)) for rail in drawn), default=0)
    left = _LANE * (lanes + 2)
    labels = max((len(tree.labels[row]) for row in rows), default=0) + 2
    lines = [_words(tree, rail.row, heads, branches) for rail in drawn]
    widest = max((labels + sum(map(len, line)) + 2 for line in lines), default=0)
    width = int(left + widest * _CHAR + 16)
    above, below = len(tree) - rows.stop, rows.start
    parts = [_left_out(left, 0, f"… {above:,} newer")] if above else []
    for number, (rail, words) in enumerate(zip(drawn, lines, strict=True), len(parts)):
        parts.append(_rails(rail, number * _ROW))
        parts.append(_row(tree.labels[rail.row].ljust(labels), words, left, width - 16, number * _ROW))
    height = (len(drawn) + bool(above) + bool(below)) * _ROW
    if below:
        parts.append(_left_out(left, height - _ROW, f"… {below:,} older"))
    named = Markup(' viewBox="0 0 {} {}" role="img" aria-label="{} checkpoints"').format(
        width, height, len(drawn)
    )
    style = _STYLE.replace("FONT", font)
    return str(_SVG.format(width, height, named) + Markup(style) + Markup().join(parts) + Markup("</svg>\n"))  # noqa: S704


def tree_png(tree: Tree, selected: int | None = None, scale: float = 2.0) -> tuple[bytes, int]:
    """The tree as a PNG, on white, and how many checkpoints are in it: the newest, where all would be higher
    than programs open.

    Args:
        tree: the tree.
        selected: a row that is to be among those that are drawn.
        scale: pixels for each of the SVG's.

    Raises:
        NotInstalled: the package that draws it is missing.
        LgvizError: this machine has no font.
    """
    with needing("resvg-py", "png"):
        import resvg_py
    most = max(1, int(_HIGH / (_ROW * scale)) - 2)
    font = f"'{_font()}'"
    rows = window(len(tree), most, selected)
    return _drawn(resvg_py, tree_svg(tree, rows, font), zoom=scale, background="#ffffff"), len(rows)


@cache
def _font() -> str:
    """The first font that letters are drawn by here: a missing one would leave a picture without words."""
    import resvg_py

    letter = str(_SVG).format(20, 20, "") + '<text y="15" font-family="{}">{}</text></svg>'
    blank = _drawn(resvg_py, letter.format(_FAMILIES[0], ""))
    for family in _FAMILIES:
        if _drawn(resvg_py, letter.format(family, "M")) != blank:
            return family
    raise LgvizError(
        "This machine has no font to write a picture's words in.",
        "Install one, such as DejaVu Sans Mono, or export SVG.",
    )


def _drawn(resvg: Any, svg: str, **options: Any) -> bytes:
    return bytes(resvg.svg_to_bytes(svg_string=svg, **options))


def _words(tree: Tree, row: int, heads: frozenset[int], branches: Counter[int]) -> tuple[str, str, str]:
    """What a row says: its title, what follows that, the time."""
    marks = "".join(f"  [{words}]" for _, words in marks_of(tree, row, heads, branches))
    changed = ", ".join(changed_of(tree, row))
    return _text(title_of(tree, row)), _text(f"  {changed}{marks}".rstrip()), time_of(tree, row)


def _row(label: str, words: tuple[str, str, str], left: int, right: int, top: int) -> Markup:
    title, rest, time = words
    return Markup(
        '<text x="{}" y="{}" xml:space="preserve"><tspan fill-opacity=".6">{}</tspan>'
        '<tspan font-weight="600">{}</tspan><tspan fill-opacity=".7">{}</tspan>'
        '<tspan x="{}" text-anchor="end" fill-opacity=".6"> {}</tspan></text>'
    ).format(left, top + 16, label, title, rest, right, time)


def _left_out(left: int, top: int, words: str) -> Markup:
    return Markup('<text x="{}" y="{}" fill-opacity=".6">{}</text>').format(left, top + 16, words)


def _rails(rail: Rail, top: int) -> Markup:
    """The lines and the dot of one row."""
    middle, bottom, at = top + _ROW // 2, top + _ROW, _x(rail.lane)
    lines = [(lane, f"M{_x(lane)} {top}V{bottom}") for lane in rail.through]
    lines += [(rail.lane, f"M{at} {top}V{middle}")] if rail.up else []
    lines += [(rail.lane, f"M{at} {middle}V{bottom}")] if rail.down else []
    lines += [
        (lane, f"M{_x(lane)} {top}C{_x(lane)} {middle} {at} {top + 4} {at} {middle}") for lane in rail.joins
    ]
    path = Markup('<path d="{}" fill="none" stroke="{}" stroke-width="1.6"/>')
    dot = Markup('<circle cx="{}" cy="{}" r="4.5" fill="{}"/>').format(at, middle, _colour(rail.lane))
    return Markup().join(path.format(d, _colour(lane)) for lane, d in lines) + dot


def _x(lane: int) -> int:
    return _LANE * (lane + 1)


def _colour(lane: int) -> str:
    return _COLOURS[lane % len(_COLOURS)]


def _text(text: str) -> str:
    """Without what XML cannot hold."""
    return "".join(one for one in clean(text) if one >= " " or one == "\t")
