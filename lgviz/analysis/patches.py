"""What makes one value of another: the part of a diff that ``apply`` runs.

A patch holds only what the new value does not share with the old one. Applying never changes its input; the
result shares its unchanged parts with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from lgviz.errors import InvalidValue

__all__ = ["DictPatch", "Keep", "New", "Part", "Patch", "Replace", "SequencePatch"]


class Patch:
    """Turns a value into another one."""

    __slots__ = ()

    def apply(self, value: Any) -> Any:
        """The new value.

        Raises:
            InvalidValue: the value is not one that this patch was made from.
        """
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Replace(Patch):
    """The new value itself, whatever was there."""

    value: Any

    def apply(self, value: Any) -> Any:  # noqa: ARG002
        return self.value


@dataclass(frozen=True, slots=True)
class DictPatch(Patch):
    """Keys removed, parts patched or added; ``keys`` is the new order, None where it follows from the old."""

    removed: frozenset[Any]
    parts: dict[Any, Patch]
    added: tuple[Any, ...]
    keys: tuple[Any, ...] | None

    def apply(self, value: Any) -> Any:
        if type(value) is not dict or not self.removed <= value.keys():
            raise _misfit(value)
        out = {
            key: self.parts[key].apply(old) if key in self.parts else old
            for key, old in value.items()
            if key not in self.removed
        }
        out.update((key, self.parts[key].apply(None)) for key in self.added)
        if self.keys is None:
            return out
        if len(out) != len(self.keys):
            raise _misfit(value)
        return {key: out[key] for key in self.keys}


class Keep(NamedTuple):
    """Items ``start`` to ``stop`` of the old sequence."""

    start: int
    stop: int


class Part(NamedTuple):
    """One item of the old sequence, patched."""

    at: int
    patch: Patch


class New(NamedTuple):
    """Items that the old sequence does not have."""

    items: list[Any]


@dataclass(frozen=True, slots=True)
class SequencePatch(Patch):
    """A list or tuple put together from pieces of the old one (of ``length`` items) and new items."""

    cls: type
    length: int
    pieces: Sequence[Keep | Part | New]

    def apply(self, value: Any) -> Any:
        cls: Any = type(value)
        if cls is not self.cls or len(value) != self.length:
            raise _misfit(value)
        out: list[Any] = []
        for piece in self.pieces:
            match piece:
                case Keep(start, stop):
                    out.extend(value[start:stop])
                case Part(at, patch):
                    out.append(patch.apply(value[at]))
                case New(items):
                    out.extend(items)
        return out if self.cls is list else tuple(out)


def _misfit(value: Any) -> InvalidValue:
    return InvalidValue(
        f"This diff does not fit the given value ({type(value).__name__}).",
        "Apply it to the state it was made from.",
    )
