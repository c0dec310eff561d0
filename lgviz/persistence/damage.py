"""What stands for a value that cannot be read."""

from __future__ import annotations

from dataclasses import dataclass

from .tree import Node, typed


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


def damaged(node: Node, error: Exception) -> Damaged:
    """What stands for the value of a node that cannot be read."""
    data = node.part if isinstance(node.part, bytes) else b""
    try:
        tag = typed(data)[0] if data else ""
    except (ValueError, IndexError):
        tag = ""
    return Damaged(f"{type(error).__name__}: {error}", len(data), tag)
