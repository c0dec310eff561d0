"""When a checkpoint was made, from its id alone."""

from __future__ import annotations

__all__ = ["id_time"]

_GREGORIAN = 0x01B21DD213814000
"""100-nanosecond intervals between 1582-10-15, where the clock of a UUID starts, and 1970-01-01."""


def id_time(checkpoint_id: str) -> float | None:
    """Seconds since the epoch, where the id is a version 6 UUID; else None."""
    if len(checkpoint_id) != 36 or checkpoint_id[14] != "6":
        return None
    try:
        ticks = int(checkpoint_id[:8] + checkpoint_id[9:13] + checkpoint_id[15:18], 16)
    except ValueError:
        return None
    return (ticks - _GREGORIAN) / 1e7
