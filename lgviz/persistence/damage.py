"""What stands for a value that cannot be read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Damaged:
    """A stored value whose bytes are missing, damaged or not decodable. It never hides the rest.

    Attributes:
        reason: why, in one sentence.
        size: bytes of the stored value, 0 where they are missing.
        type: the serializer's type tag, where known.
    """

    reason: str
    size: int
    type: str
