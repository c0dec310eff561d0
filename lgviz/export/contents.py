"""What an exported file contains, told before it is written."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from lgviz._visible import visible
from lgviz.analysis.html import page
from lgviz.export.sizes import size_text

__all__ = ["FileContents"]


@dataclass(frozen=True, slots=True)
class FileContents:
    """What an exported file contains.

    >>> FileContents("Page", "1", 6, 0, 0, 171_000, 0)
    <Page of thread '1': 6 checkpoints, no messages, no memory items; 171 KB, nothing redacted>

    Attributes:
        kind: what the file is.
        thread_id: the thread.
        checkpoints, messages, items: how many different ones are in it; ``items``: of memory.
        size: bytes of the file.
        rules: how many rules of ``redact=`` masked it.
        path: where it was written; None: it was not yet.
    """

    kind: str
    thread_id: str
    checkpoints: int
    messages: int
    items: int
    size: int
    rules: int
    path: str | None = None

    def __str__(self) -> str:
        counts = [
            _counted(self.checkpoints, "checkpoint"),
            _counted(self.messages, "message"),
            _counted(self.items, "memory item"),
        ]
        masked = f"redacted by {_counted(self.rules, 'rule')}" if self.rules else "nothing redacted"
        return visible(f"thread {self.thread_id!r}: {', '.join(counts)}; {size_text(self.size)}, {masked}")

    def __repr__(self) -> str:
        where = "" if self.path is None else f", {self.path}"
        return visible(f"<{self.kind} of {self}{where}>")

    def _repr_html_(self) -> str:
        facts = {
            "thread": self.thread_id,
            "checkpoints": str(self.checkpoints),
            "messages": str(self.messages),
            "memory items": str(self.items),
            "size": size_text(self.size),
            "redacted": f"by {_counted(self.rules, 'rule')}" if self.rules else "nothing",
        }
        return page(self.path or self.kind, Markup(), facts)


def _counted(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"
