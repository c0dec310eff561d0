"""How far a copy is, told as (done, total): by a bar, by a function, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["Show", "progress_bar", "shown"]

Show = Callable[[int, int], None]
"""Is told (done, total); what it raises stops the work."""


@contextmanager
def progress_bar(what: str, **options: Any) -> Iterator[Show]:
    """A bar with this name in front; ``options``: as tqdm takes them."""
    from lgviz._progress import Bar

    with Bar(desc=what, **options) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show


@contextmanager
def shown(progress: bool | Show, what: str) -> Iterator[Show]:
    """What to tell: a function that was given, a bar, or nothing."""
    if callable(progress):
        yield progress
    elif not progress:
        yield lambda *_: None
    else:
        with progress_bar(what) as show:
            yield show
