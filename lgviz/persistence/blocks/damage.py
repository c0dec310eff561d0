"""What stands for a value that cannot be read, and what is raised where a row cannot be."""

from __future__ import annotations

from dataclasses import dataclass

from lgviz.errors import DamagedData, described

from .merkle import Block, typed


@dataclass(frozen=True, slots=True)
class Damaged:
    """A stored value whose bytes are missing, damaged or not decodable. It never hides the rest.

    Attributes:
        reason: why, in one sentence.
        size: bytes of the stored value, 0 where they are missing.
        type: the serializer's type tag, where known.

    >>> from lgviz.persistence import Damaged
    >>> value = Damaged("LookupError: its bytes are missing or damaged", 0, "")  # as a damaged channel reads
    >>> isinstance(value, Damaged), value.reason
    (True, 'LookupError: its bytes are missing or damaged')
    """

    reason: str
    size: int
    type: str


def damaged(block: Block, error: Exception) -> Damaged:
    """What stands for the value of a block that cannot be read."""
    data = block.part if isinstance(block.part, bytes) else b""
    try:
        tag = typed(data)[0] if data else ""
    except (ValueError, IndexError):
        tag = ""
    return Damaged(described(error), len(data), tag)


class legible:  # noqa: N801
    """A context in which whatever damaged bytes make of a decoder becomes one error that says so.

    Args:
        what: cannot be read then; with its arguments as in logging, for it is rarely said.

    Raises:
        DamagedData: ``what`` cannot be read.
    """

    __slots__ = ("what",)

    def __init__(self, *what: object) -> None:
        self.what = what

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        if isinstance(error, Exception):
            cause = error.cause if isinstance(error, DamagedData) else described(error)
            what, *arguments = self.what
            raise DamagedData(
                f"{str(what) % tuple(arguments)} is damaged: {cause}",
                "saver.check() names everything that is; all else can still be read.",
            ) from error
