"""Bytes for a reader, in one way everywhere; ``js/src/lib/format.ts`` says the same to the front end."""

from __future__ import annotations

__all__ = ["size_text"]


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
