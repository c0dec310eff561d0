"""Times: microseconds since 1970 in the tables, and whatever a caller may name one by."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID

from langgraph.checkpoint.base.id import UUID as UUID6

from lgviz.errors import BadMoment

When: TypeAlias = "datetime | str | float | Any"

END = 1 << 62
"""Later than every time."""
KEPT = "lgviz_kept"
"""In the metadata of a checkpoint that was kept from a sandbox: when it was kept. Its store items were
written then, later than the checkpoint was made."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_REMEDY = "Give a datetime, an ISO text, seconds since 1970, a checkpoint, or a config with a checkpoint_id."
# Between 1582, where the clock of such ids begins, and 1970, in their ticks of 100 ns.
_GREGORIAN = 0x01B21DD213814000


def now() -> int:
    """Microseconds since 1970."""
    return time.time_ns() // 1000


def as_datetime(at: int) -> datetime:
    """Microseconds since 1970 as a time that knows its zone."""
    return datetime.fromtimestamp(at // 1_000_000, UTC).replace(microsecond=at % 1_000_000)


def from_minutes(minutes: float) -> int:
    """So many minutes (a time to live) in microseconds."""
    return int(minutes * 60_000_000)


def read_when(when: Any, saver: Any = None) -> int:
    """A time in microseconds since 1970.

    Args:
        when: a ``datetime``, an ISO text (without a zone: local time), seconds since 1970, something with a
            ``created_at`` (a checkpoint, a ``StateSnapshot``), or a config that names a checkpoint.
        saver: reads the checkpoint that a config names.

    Raises:
        BadMoment: it names no time.
    """
    if isinstance(when, Mapping):
        return _of_config(when, saver)
    made = (getattr(when, "metadata", None) or {}).get(KEPT) or getattr(when, "created_at", None)
    if made is not None:
        return read_when(made)
    try:
        if isinstance(when, str):
            when = datetime.fromisoformat(when)
        if isinstance(when, datetime):
            return (when.astimezone(UTC) - _EPOCH) // timedelta(microseconds=1)
        if isinstance(when, (int, float)) and not isinstance(when, bool):
            datetime.fromtimestamp(when, UTC)  # refuses what is no time of a calendar, as milliseconds are
            return round(when * 1_000_000)
    except (ValueError, OverflowError) as error:
        raise BadMoment(f"{when!r} is no time: {error}.", _REMEDY) from error
    raise BadMoment(f"{when!r:.100} is no time.", _REMEDY)


def _of_config(config: Mapping[str, Any], saver: Any) -> int:
    if saver is not None:
        found = saver.get_tuple(config)
        if found is None:
            raise BadMoment("The saver has no checkpoint of that config.", "Take a config from its history.")
        return read_when(found.metadata.get(KEPT) or found.checkpoint["ts"])
    checkpoint_id = (config.get("configurable") or {}).get("checkpoint_id")
    try:
        id = UUID6(hex=UUID(checkpoint_id).hex)
        if id.version == 6:
            return (id.time - _GREGORIAN) // 10
    except (ValueError, TypeError, AttributeError):
        pass
    raise BadMoment("The config names no checkpoint whose id tells its time.", "Name its saver: saver=...")
