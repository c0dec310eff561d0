"""Values as trees of immutable blocks, addressed by the hash of their bytes. Pure: no database in here.

A *part* is what a value becomes:

* ``bytes``: a leaf, the serializer's type tag and bytes;
* ``list``: ``[kind, level, *entries]``, a container whose entries are parts (``LIST``, ``DELTA``) or a key
  and a part in turn (``DICT``);
* :class:`Block`: a reference to a leaf or container that is stored once, under its hash.

A part that packs into :data:`INLINE` bytes stays inside its parent; anything longer becomes a block. A long
container is cut into chunks that end where the hash of an entry says so: a list that grows by two
elements keeps all of its chunks but the last, on every level.

A container is *hashed* with the hashes of its blocks and *stored* with their short ids, so that equal values
have equal hashes in every database while a reference costs three bytes.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TypeAlias

import ormsgpack
from langgraph.checkpoint.serde.types import _DeltaSnapshot

from .memo import SerializationMemo

LIST, DICT, DELTA = range(3)
INLINE = 64
"""Longest packed part, in bytes, that is kept inside its parent."""
CUT = 256
"""Shortest serialized nested list or dict that is cut into its own elements."""
DEPTH = 6
"""How deep nested containers are cut; below it they are leaves."""
LONGEST, SHORTEST_CHUNK, LONGEST_CHUNK = 24, 4, 64
"""A container of more entries than ``LONGEST`` is chunked; a chunk has at least and at most so many."""

_TAGS = ("", "lgviz", "msgpack", "null", "bytes", "bytearray", "json")
_CODES = {tag: bytes((code,)) for code, tag in enumerate(_TAGS) if tag}


class Serializer(Protocol):
    """What a value's bytes come from: LangGraph's ``SerializerProtocol``."""

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]: ...

    def loads_typed(self, data: tuple[str, bytes]) -> Any: ...


class Block:
    """A part that is stored by itself. ``id`` is known once it is in the database, ``hash`` and ``part`` once
    needed."""

    __slots__ = ("hash", "id", "part")

    def __init__(self, id: int = 0, hash: bytes = b"", part: bytes | list[Any] | None = None) -> None:
        self.id = id
        self.hash = hash
        self.part = part


Part: TypeAlias = "bytes | list[Any] | Block"


class EncodedValue:
    """A value that is encoded already: to be stored as it is.

    Args:
        part: its part, whose blocks know their hashes and parts.
    """

    __slots__ = ("part",)

    def __init__(self, part: Part) -> None:
        self.part = part


def _by_hash(block: Block) -> ormsgpack.Ext:
    return ormsgpack.Ext(1, block.hash)


def _by_id(block: Block) -> int:
    return block.id


def pack(part: Part) -> bytes:
    """The stored form of a part whose blocks all have ids."""
    return ormsgpack.packb(part, default=_by_id)


def unpack(data: bytes) -> Part:
    """A part from its stored form; references become blocks that only know their id."""
    return _adopt(ormsgpack.unpackb(data))


def _adopt(raw: Any) -> Part:
    """A part as msgpack read it, with its references made blocks, in place."""
    kind = type(raw)
    if kind is list:
        for index in range(2, len(raw)):
            if type(raw[index]) is not bytes:
                raw[index] = _adopt(raw[index])
    elif kind is int:
        return Block(raw)
    elif kind is not bytes:
        raise ValueError(f"a {kind.__name__} where a part was expected")
    return raw  # type: ignore[no-any-return]


def blocks_of(part: Part) -> list[Block]:
    """The blocks that a part refers to directly."""
    if type(part) is Block:
        return [part]
    found: list[Block] = []
    if type(part) is list:
        for entry in part:
            if type(entry) is Block:
                found.append(entry)
            elif type(entry) is list:
                found += blocks_of(entry)
    return found


def canonical(part: bytes | list[Any]) -> bytes:
    """The bytes that a block's hash is of: a leaf's own, a container's with its blocks' hashes."""
    return part if isinstance(part, bytes) else ormsgpack.packb(part, default=_by_hash)


def leaf(typed: tuple[str, bytes]) -> bytes:
    """One leaf from what a serializer made."""
    tag, data = typed
    code = _CODES.get(tag)
    if code is None:
        name = tag.encode()
        return bytes((0, len(name))) + name + data
    return code + data


def typed(payload: bytes) -> tuple[str, bytes]:
    """What a serializer made, from a leaf."""
    if payload[0]:
        return _TAGS[payload[0]], payload[1:]
    end = 2 + payload[1]
    return payload[2:end].decode(), payload[end:]


class MerkleCodec:
    """Encodes values as parts, and decodes parts.

    Args:
        serde: writes and reads leaves.
        cut: whether containers are cut into elements (only where ``serde`` is known to write an element the
            same way alone as inside its container, and the same bytes every time).
        key: secret that keeps hashes from telling contents, where leaves are encrypted.
    """

    def __init__(self, serde: Serializer, *, cut: bool = True, key: bytes = b"") -> None:
        self.serde = serde
        self.cut = cut
        self.key = key
        self.memo = SerializationMemo()

    # -- encoding

    def encode(self, value: Any) -> Part:
        """The part of a value."""
        kind = type(value)
        if kind is EncodedValue:
            return value.part  # type: ignore[no-any-return]
        if self.cut and (kind is list or kind is dict or kind is _DeltaSnapshot):
            return self._container(value, DEPTH)
        return self._refer_to_leaf(leaf(self.serde.dumps_typed(value)))

    def _container(self, value: Any, depth: int) -> Part:
        if type(value) is list:
            return self._refer(self.chunk(LIST, self._elements(value, depth)))
        if type(value) is dict:
            keys = [leaf(self.serde.dumps_typed(key)) for key in value]
            parts = self._elements(value.values(), depth)
            return self._refer(self.chunk(DICT, [e for pair in zip(keys, parts, strict=True) for e in pair]))
        return self._refer([DELTA, 0, self.encode(value.value)])

    def _elements(self, values: Iterable[Any], depth: int) -> list[Any]:
        # The one loop that runs for every element of the state at every put.
        dumps_typed, digest, parts = self.serde.dumps_typed, self.digest, list[Any]()
        find, seen, keep = self.memo.find, self.memo.seen, self.memo.keep
        for value in values:
            old = find(value)
            if old is not None:
                parts.append(Block(0, *old))
                continue
            held = seen(value)
            tag, data = dumps_typed(value)
            payload = _CODES[tag] + data if tag in _CODES else leaf((tag, data))
            if len(payload) <= INLINE:
                parts.append(payload)
            elif len(payload) > CUT and depth and (type(value) is list or type(value) is dict):
                parts.append(self._container(value, depth - 1))
            else:
                block = Block(0, digest(payload), payload)
                keep(value, held, block.hash, payload)
                parts.append(block)
        return parts

    def _refer_to_leaf(self, payload: bytes) -> Part:
        return payload if len(payload) <= INLINE else Block(0, self.digest(payload), payload)

    def _refer(self, part: list[Any]) -> Part:
        """A container as it is referred to: itself where it is short, else a block."""
        packed = canonical(part)
        return part if len(packed) <= INLINE else Block(0, self.digest(packed), part)

    def chunk(self, kind: int, entries: list[Any]) -> list[Any]:
        """One container of any number of entries, chunked where they are many (their blocks need hashes)."""
        level, step = 0, 2 if kind == DICT else 1
        while len(entries) > LONGEST * step:
            chunks: list[Any] = []
            start = 0
            shortest, longest = SHORTEST_CHUNK * step, LONGEST_CHUNK * step
            for end in range(step, len(entries) + 1, step):
                if end - start >= shortest and (_ends_chunk(entries[end - 1]) or end - start >= longest):
                    chunks.append([kind, level, *entries[start:end]])
                    start = end
            if start < len(entries):
                chunks.append([kind, level, *entries[start:]])
            entries = [Block(0, self.digest(canonical(chunk)), chunk) for chunk in chunks]
            level, step = level + 1, 1
        return [kind, level, *entries]

    def digest(self, data: bytes) -> bytes:
        """The hash of a block: 128 bits of BLAKE2b."""
        return hashlib.blake2b(data, digest_size=16, key=self.key).digest()

    def writes_alike(self, other: MerkleCodec) -> bool:
        """Whether another makes the same part of each value."""
        alike = type(self.serde) is type(other.serde) and self.cut and other.cut
        return alike and self.key == other.key == b""

    # -- decoding

    def decode(
        self, part: Part, blocks: Mapping[int, Block], damaged: Callable[[Block, Exception], Any]
    ) -> Any:
        """The value of a part.

        Args:
            part: what to read.
            blocks: all blocks below it, by id (see ``BlockStore.fetch``).
            damaged: what to put in the place of a leaf that is missing or cannot be read.
        """
        block = None
        if isinstance(part, Block):
            block = blocks.get(part.id)
            if block is None or block.part is None:
                return damaged(block or part, LookupError("its bytes are missing or damaged"))
            part = block.part
        if isinstance(part, bytes):
            try:
                return self.serde.loads_typed(typed(part))
            except Exception as error:
                return damaged(block or Block(part=part), error)
        try:
            entries = flatten(part, blocks)
        except LookupError as error:
            return damaged(block or Block(part=part), error)
        values = [self.decode(entry, blocks, damaged) for entry in entries]
        if part[0] == LIST:
            return values
        if part[0] == DICT:
            return dict(zip(values[::2], values[1::2], strict=True))
        return _DeltaSnapshot(values[0])


def flatten(part: list[Any], blocks: Mapping[int, Block]) -> list[Any]:
    """The entries of a container through all levels of its chunks, in order."""
    if part[1] == 0:
        return part[2:]
    entries = []
    for chunk in part[2:]:
        stored = blocks.get(chunk.id) if chunk.part is None else chunk
        if stored is not None and type(stored.part) is list:
            entries += flatten(stored.part, blocks)
        elif part[0] == DICT:
            raise LookupError("a chunk of its keys is missing or damaged")
        else:
            entries.append(chunk)
    return entries


def relinked(part: Part, blocks: Mapping[int, Block], known: dict[int, Block]) -> Part:
    """A part that was read, for another database: its blocks have hash and part, and no id.

    Args:
        part: what was read.
        blocks: all blocks below it, by id.
        known: those that were made for the same database, by their id in the old one; grows.

    Raises:
        LookupError: one is missing or damaged.
    """
    if type(part) is Block:
        if part.id not in known:
            stored = blocks.get(part.id)
            if stored is None or stored.part is None:
                raise LookupError(f"block {part.id} is missing or damaged")
            below: Any = relinked(stored.part, blocks, known)
            known[part.id] = Block(0, stored.hash, below)
        return known[part.id]
    if type(part) is list:
        return [entry if type(entry) in (bytes, int) else relinked(entry, blocks, known) for entry in part]
    return part


def _ends_chunk(entry: Part) -> bool:
    if type(entry) is Block:
        return entry.hash[0] & 15 == 0
    return not isinstance(entry, Block) and zlib.crc32(canonical(entry)) & 15 == 0
