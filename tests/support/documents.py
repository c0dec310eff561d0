"""The code samples of the two documents that the project began from, and the small things they leave out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

SEEDS = Path(__file__).parents[3] / "shared" / "seeds"


def blocks(name: str) -> list[str]:
    """The fenced samples of the first document, in order."""
    return re.findall(r"```python\n(.*?)```", next(SEEDS.glob(name)).read_text(encoding="utf-8"), re.S)


def sample(start: str, end: str) -> str:
    """A sample of the second document, which has no fences: from one line to another."""
    text = next(SEEDS.glob("002*")).read_text(encoding="utf-8")
    begin = text.index(start)
    return text[begin : text.index(end, begin) + len(end)]


def contents(state: Any) -> list[str]:
    return [message.content for message in state.values["messages"]]


def find(marker: str) -> str:
    return next(block for block in blocks("000*") if marker in block)
