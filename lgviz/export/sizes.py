"""Bytes and counts for a reader, in one way; ``js/src/lib/format.ts`` says the same to the front end."""

from __future__ import annotations

__all__ = ["counted", "size_text"]


def counted(count: int, what: str) -> str:
    """How many there are, in words.

    >>> counted(1, "checkpoint"), counted(1_200, "checkpoint"), counted(0, "item")
    ('1 checkpoint', '1,200 checkpoints', '0 items')
    """
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def size_text(count: int) -> str:
    """Bytes in words.

    >>> size_text(1), size_text(812), size_text(2_150), size_text(171_400), size_text(2_150_000_000)
    ('1 byte', '812 bytes', '2.1 KB', '171 KB', '2.1 GB')
    """
    if count < 1_000:
        return f"{count} byte{'' if count == 1 else 's'}"
    number, unit = count / 1_000, "KB"
    for unit in ("KB", "MB", "GB", "TB"):
        if number < 1_000 or unit == "TB":
            break
        number /= 1_000
    return f"{number:.1f} {unit}" if number < 9.95 else f"{number:,.0f} {unit}"
