"""An item's value as its row holds it: packed where it is short, else as a tree of blocks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import ormsgpack

from lgviz.errors import LgvizError, NotKept, said
from lgviz.persistence.blocks.damage import damaged
from lgviz.persistence.blocks.merkle import Block, Part, blocks_of, leaf
from lgviz.persistence.blocks.store import BlockStore
from lgviz.persistence.database.statements import Operation, as_bytes
from lgviz.persistence.serde.exact import TAG, odd

SHORT = 1024
"""Longest serialized value, in bytes, that lies in its row."""

PLAIN = b"\xc2"
"""The first byte of a row whose value is plain data in msgpack, as ``ExactSerializer`` packs it. Rows of
other values begin otherwise: with a part of a tree (see ``blocks/``), or with a mark of compression or
encryption."""

_ATOMS = frozenset((float, bool, type(None)))


class ItemValues:
    """Writes values into rows and reads them back.

    Args:
        blocks: where long values are stored.
    """

    def __init__(self, blocks: BlockStore) -> None:
        self.blocks = blocks

    def encode(self, value: Mapping[str, Any], what: str) -> bytes | Part:
        """A value as its row holds it, or a tree whose blocks must be stored first.

        Raises:
            NotKept: a value that the serializer refuses; it names ``what``.
        """
        merkle, codec = self.blocks.merkle, self.blocks.codec
        try:
            tag, data = merkle.serde.dumps_typed(value)
            if len(data) > SHORT:
                return merkle.encode(value)
        except (LgvizError, TypeError, ValueError, RecursionError) as error:
            cause = error.cause if isinstance(error, LgvizError) else said(error)
            raise NotKept(
                f"{what} cannot be kept: {cause}", "Put plain data, messages, dataclasses or pydantic models."
            ) from error
        if codec.cipher is None and tag == TAG and _plain(value):
            return PLAIN + data
        return codec.close_row(leaf((tag, data)))

    def decode(self, stored: Iterable[bytes], *, whole: bool = False) -> Operation[list[Any]]:
        """The values of some rows, each a new object; those that cannot be read as ``Damaged``.

        Raises:
            BlockGone: a block is missing, and ``whole`` is asked for.
        """
        values: list[Any] = []
        trees: list[tuple[int, Part]] = []
        for data in stored:
            try:
                if data[:1] == PLAIN:
                    values.append(decode_plain(data))
                else:
                    trees.append((len(values), self.blocks.codec.open_row(as_bytes(data))))
                    values.append(None)
            except Exception as error:  # whatever damaged bytes make of a decoder: the rest stays readable
                values.append(damaged(Block(part=as_bytes(data)), error))
        if trees:
            blocks: Mapping[int, Block] = {}
            if any(True for _, part in trees for _ in blocks_of(part)):
                blocks = yield from self.blocks.fetch([part for _, part in trees], whole=whole)
            for place, part in trees:
                try:
                    values[place] = self.blocks.merkle.decode(part, blocks, damaged)
                except LookupError as error:
                    values[place] = damaged(Block(), error)
        return values


def decode_plain(data: bytes) -> Any:
    """The value of a row that begins with :data:`PLAIN`; a ``Damaged`` where it cannot be read."""
    try:
        return ormsgpack.unpackb(data[1:])
    except ValueError as error:
        return damaged(Block(part=as_bytes(data)), error)


def _plain(value: Any) -> bool:
    """Whether msgpack alone writes a value: then equal texts in it are equal bytes."""
    kind = type(value)
    if kind is dict:
        return all(type(key) is str and not odd(key) for key in value) and all(map(_plain, value.values()))
    if kind is str or kind is int:
        return not odd(value)
    return kind in _ATOMS or (kind is list and all(map(_plain, value)))
