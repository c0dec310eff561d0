"""What a command says: text for who reads, JSON for who asks for it; nothing in it reaches a terminal raw."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from lgviz._visible import HIDDEN, visible

__all__ = ["CommandAnswer", "complain", "local", "progress", "show", "table"]

Line = str | Sequence[tuple[str, str]]
"""A line, or its pieces with their styles, as rich names them."""


@dataclass(frozen=True, slots=True)
class CommandAnswer:
    """What a command answers; only what is shown of it is made.

    Attributes:
        data: makes the document of ``--json``.
        lines: the same for a reader, as it comes.
        nothing: what is said on stderr where there is no line.
        code: what the command ends with.
    """

    data: Callable[[], Any]
    lines: Iterable[Line]
    nothing: str = ""
    code: int = 0


def show(answer: CommandAnswer, as_json: bool) -> None:
    """Print an answer."""
    if as_json:
        whole = json.dumps(answer.data(), ensure_ascii=not _is_utf8(), indent=2)
        print(HIDDEN.sub(lambda found: json.dumps(found[0])[1:-1], _clean(whole)))
    else:
        write = _styled_writer() if _has_colours() else _plain_writer
        count = 0
        for count, line in enumerate(answer.lines, 1):  # noqa: B007
            write(line)
        if not count and answer.nothing:
            complain(answer.nothing, mark="")
    sys.stdout.flush()


def complain(text: str, mark: str = "lgviz: ") -> None:
    """One line on stderr."""
    print(f"{mark}{' '.join(visible(_clean(text)).split())}", file=sys.stderr)


def _plain_writer(line: Line) -> None:
    print(_safe(line if isinstance(line, str) else "".join(text for text, _ in line)))


def _styled_writer() -> Callable[[Line], None]:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)

    def write(line: Line) -> None:
        pieces = [(line, "")] if isinstance(line, str) else line
        console.print(Text.assemble(*((_safe(text), style) for text, style in pieces)))

    return write


def _has_colours() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _safe(text: str) -> str:
    return visible(_clean(text)).replace("\r\n", "\n")


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode() if not text.isascii() else text


def _is_utf8() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"


def table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[Line]:
    """Rows in columns, numbers to the right, under their heads; in a pipe bare, by tabs. No cell is cut."""
    cells = list(rows)
    flat = [[" ".join(_safe(str(cell)).split()) for cell in row] for row in cells]
    if not sys.stdout.isatty():
        yield from ("\t".join(row) for row in flat)
        return
    if not flat:
        return
    from rich.cells import cell_len

    widths = [max(map(cell_len, column)) for column in zip(heads, *flat, strict=True)]
    right = [isinstance(cell, int) for cell in cells[0]]

    def aligned(row: Sequence[str]) -> list[str]:
        gaps = [" " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)]
        return [gap + cell if r else cell + gap for cell, gap, r in zip(row, gaps, right, strict=True)]

    yield [("  ".join(aligned(heads)).rstrip(), "dim")]
    for row in flat:
        first, *rest = aligned(row)
        yield [(first, "cyan"), *([("  " + "  ".join(rest).rstrip(), "")] if rest else [])]


def local(seconds: float | None) -> str:
    """A time by the clock on the wall; empty where it is not known."""
    import datetime

    if seconds is None or seconds != seconds:
        return ""
    return f"{datetime.datetime.fromtimestamp(seconds).astimezone():%Y-%m-%d %H:%M}"


@contextmanager
def progress(what: str, *, shown: bool = True) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr, if that is a terminal; what it gives is told (done, total)."""
    from lgviz.transfer.progress import progress_bar

    drawn = shown and sys.stderr.isatty()
    with progress_bar(
        what, disable=not drawn, leave=False, delay=0.5
    ) as told:  # none for what is done at once
        yield told
