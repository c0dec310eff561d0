"""How an item's value lies in its row: packed where it is short, else as a tree of nodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import ormsgpack

from lgviz.errors import LgvizError, NotKept
from lgviz.persistence.blocks.damage import damaged
from lgviz.persistence.blocks.merkle import Block, Part, Serializer, blocks_of, leaf
from lgviz.persistence.blocks.store import BlockStore
from lgviz.persistence.database.dialect import Dialect
from lgviz.persistence.database.migrations import ITEMS, lasting
from lgviz.persistence.database.statements import Operation
from lgviz.persistence.serde.exact import TAG, odd

SHORT = 1024
"""Longest serialized value, in bytes, that lies in its row."""

PLAIN = b"\xc2"
"""Marks a value that is plain data, packed by ``ExactSerializer``: no part in msgpack begins like that."""

_ATOMS = frozenset((float, bool, type(None)))


class Values:
    """The part of a store's engine that knows what the bytes of a value mean."""

    def __init__(self, dialect: Dialect, serde: Serializer) -> None:
        self.dialect = dialect
        self.blocks = BlockStore(dialect, serde)

    def setup(self, *, beside: bool = False) -> Operation[None]:
        """Make or migrate the tables; called before the first operation."""
        yield from self.blocks.set_up(ITEMS, beside=beside)

    def prepare(self, *, beside: bool = False) -> Operation[bool]:
        """:meth:`setup`, and whether that lasts: a caller may undo the transaction that it joined."""
        yield from self.setup(beside=beside)
        return (yield from lasting())

    def plant(self, value: Mapping[str, Any], what: str) -> bytes | Part:
        """A value as its row holds it, or a tree whose nodes must be stored first.

        Raises:
            NotKept: a value that the serializer refuses; it names ``what``.
        """
        try:
            tag, data = self.blocks.merkle.serde.dumps_typed(value)
            if len(data) > SHORT:
                return self.blocks.merkle.encode(value)
        except (LgvizError, TypeError, ValueError, RecursionError) as error:
            cause = error.cause if isinstance(error, LgvizError) else str(error)
            raise NotKept(
                f"{what} cannot be kept: {cause}", "Put plain data, messages, dataclasses or pydantic models."
            ) from error
        if self.blocks.codec.cipher is None and tag == TAG and _plain(value):
            return PLAIN + data
        return self.blocks.codec.close_row(leaf((tag, data)))

    def read_plain(self, data: bytes) -> Any:
        """The value of a row that is marked as :data:`PLAIN`, or what stands for it where it is damaged."""
        try:
            return ormsgpack.unpackb(data[1:])
        except ValueError as error:
            return damaged(Block(part=bytes(data)), error)

    def read_values(self, stored: Iterable[bytes], *, whole: bool = False) -> Operation[list[Any]]:
        """The values of some rows, each a new object; those that cannot be read as ``Damaged``.

        Raises:
            BlockGone: a node is missing, and ``whole`` is asked for.
        """
        values: list[Any] = []
        trees: list[tuple[int, Part]] = []
        for data in stored:
            try:
                if data[:1] == PLAIN:
                    values.append(self.read_plain(data))
                else:
                    trees.append((len(values), self.blocks.codec.open_row(bytes(data))))
                    values.append(None)
            except Exception as error:  # whatever damaged bytes make of a decoder: the rest stays readable
                values.append(damaged(Block(part=bytes(data)), error))
        if trees:
            nodes: Mapping[int, Block] = {}
            if any(True for _, part in trees for _ in blocks_of(part)):
                nodes = yield from self.blocks.fetch([part for _, part in trees], whole=whole)
            for place, part in trees:
                try:
                    values[place] = self.blocks.merkle.decode(part, nodes, damaged)
                except LookupError as error:
                    values[place] = damaged(Block(), error)
        return values


def _plain(value: Any) -> bool:
    """Whether msgpack alone writes a value: then equal texts in it are equal bytes."""
    kind = type(value)
    if kind is dict:
        return all(type(key) is str and not odd(key) for key in value) and all(map(_plain, value.values()))
    if kind is str or kind is int:
        return not odd(value)
    return kind in _ATOMS or (kind is list and all(map(_plain, value)))
