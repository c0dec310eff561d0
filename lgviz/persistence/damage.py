"""What stands for a value that cannot be read, and what is raised where a row cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from lgviz.errors import DamagedData

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


@contextmanager
def legible(what: str) -> Iterator[None]:
    """Whatever damaged bytes make of a decoder inside becomes one error that says so.

    Raises:
        DamagedData: ``what`` cannot be read.
    """
    try:
        yield
    except Exception as error:
        cause = error.cause if isinstance(error, DamagedData) else f"{type(error).__name__}: {error}"
        raise DamagedData(
            f"{what} is damaged: {cause}",
            "saver.check() names everything that is; all else can still be read.",
        ) from error
