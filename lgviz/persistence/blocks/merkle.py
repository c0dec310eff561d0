"""Values as trees of immutable nodes, named by the hash of their bytes. Pure: no database in here.

A *part* is what a value becomes:

* ``bytes``: a leaf, the serializer's type tag and bytes;
* ``list``: ``[kind, level, *entries]``, a container whose entries are parts (``LIST``, ``DELTA``) or a key
  and a part in turn (``DICT``);
* :class:`Node`: a reference to a leaf or container that is stored once, under its hash.

A part that packs into :data:`INLINE` bytes stays inside its parent; anything longer becomes a node. A long
container is gathered in chunks that end where the hash of an entry says so: a list that grows by two
elements keeps all of its chunks but the last, on every level.

A container is *hashed* with the hashes of its nodes and *stored* with their short ids, so that equal values
have equal names in every database while a reference costs three bytes.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TypeAlias

import ormsgpack
from langgraph.checkpoint.serde.types import _DeltaSnapshot

from .unchanged import Unchanged

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


class Node:
    """A stored part. ``id`` is known once it is in the database, ``hash`` and ``part`` once needed."""

    __slots__ = ("hash", "id", "part")

    def __init__(self, id: int = 0, hash: bytes = b"", part: bytes | list[Any] | None = None) -> None:
        self.id = id
        self.hash = hash
        self.part = part


Part: TypeAlias = "bytes | list[Any] | Node"


def _by_hash(node: Node) -> ormsgpack.Ext:
    return ormsgpack.Ext(1, node.hash)


def _by_id(node: Node) -> int:
    return node.id


def pack(part: Part) -> bytes:
    """The stored form of a part whose nodes all have ids."""
    return ormsgpack.packb(part, default=_by_id)


def unpack(data: bytes) -> Part:
    """A part from its stored form; references become nodes that only know their id."""
    return _adopt(ormsgpack.unpackb(data))


def _adopt(raw: Any) -> Part:
    """The same with its references made nodes, in place."""
    kind = type(raw)
    if kind is list:
        for index in range(2, len(raw)):
            if type(raw[index]) is not bytes:
                raw[index] = _adopt(raw[index])
    elif kind is int:
        return Node(raw)
    elif kind is not bytes:
        raise ValueError(f"a {kind.__name__} where a part was expected")
    return raw  # type: ignore[no-any-return]


def nodes_of(part: Part) -> list[Node]:
    """The nodes that a part refers to directly."""
    if type(part) is Node:
        return [part]
    found: list[Node] = []
    if type(part) is list:
        for entry in part:
            if type(entry) is Node:
                found.append(entry)
            elif type(entry) is list:
                found += nodes_of(entry)
    return found


def canonical(part: bytes | list[Any]) -> bytes:
    """The bytes that a node's name is the hash of: a leaf's own, a container's with its nodes' hashes."""
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


class Trees:
    """Makes parts of values and values of parts.

    Args:
        serde: writes and reads leaves.
        cut: whether containers are cut into elements (only where ``serde`` is known to write an element the
            same way alone as inside its container, and the same bytes every time).
        key: secret that keeps names from telling contents, where leaves are encrypted.
    """

    def __init__(self, serde: Serializer, *, cut: bool = True, key: bytes = b"") -> None:
        self.serde = serde
        self.cut = cut
        self.key = key
        self.unchanged = Unchanged()

    # -- values into parts

    def plant(self, value: Any) -> Part:
        """The part of a value."""
        kind = type(value)
        if self.cut and (kind is list or kind is dict or kind is _DeltaSnapshot):
            return self._container(value, DEPTH)
        return self._settle_leaf(leaf(self.serde.dumps_typed(value)))

    def _container(self, value: Any, depth: int) -> Part:
        if type(value) is list:
            return self.settle(self.gather(LIST, self._elements(value, depth)))
        if type(value) is dict:
            keys = [leaf(self.serde.dumps_typed(key)) for key in value]
            parts = self._elements(value.values(), depth)
            return self.settle(self.gather(DICT, [e for pair in zip(keys, parts, strict=True) for e in pair]))
        return self.settle([DELTA, 0, self.plant(value.value)])

    def _elements(self, values: Iterable[Any], depth: int) -> list[Any]:
        # The one loop that runs for every element of the state at every put.
        dumps_typed, name, parts = self.serde.dumps_typed, self.name, list[Any]()
        find, keep = self.unchanged.find, self.unchanged.keep
        for value in values:
            old = find(value)
            if old is not None:
                parts.append(Node(0, *old))
                continue
            tag, data = dumps_typed(value)
            payload = _CODES[tag] + data if tag in _CODES else leaf((tag, data))
            if len(payload) <= INLINE:
                parts.append(payload)
            elif len(payload) > CUT and depth and (type(value) is list or type(value) is dict):
                parts.append(self._container(value, depth - 1))
            else:
                node = Node(0, name(payload), payload)
                keep(value, node.hash, payload)
                parts.append(node)
        return parts

    def _settle_leaf(self, payload: bytes) -> Part:
        return payload if len(payload) <= INLINE else Node(0, self.name(payload), payload)

    def settle(self, part: list[Any]) -> Part:
        """A container as it is referred to: itself where it is short, else a node."""
        packed = canonical(part)
        return part if len(packed) <= INLINE else Node(0, self.name(packed), part)

    def gather(self, kind: int, entries: list[Any]) -> list[Any]:
        """One container of any number of entries, chunked where they are many (their nodes need hashes)."""
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
            entries = [Node(0, self.name(canonical(chunk)), chunk) for chunk in chunks]
            level, step = level + 1, 1
        return [kind, level, *entries]

    def name(self, data: bytes) -> bytes:
        """The name of a node: 128 bits of BLAKE2b."""
        return hashlib.blake2b(data, digest_size=16, key=self.key).digest()

    # -- parts into values

    def grow(self, part: Part, nodes: Mapping[int, Node], damaged: Callable[[Node, Exception], Any]) -> Any:
        """The value of a part.

        Args:
            part: what to read.
            nodes: all nodes below it, by id (see ``engine.fetch``).
            damaged: what to put in the place of a leaf that is missing or cannot be read.
        """
        node = None
        if isinstance(part, Node):
            node = nodes.get(part.id)
            if node is None or node.part is None:
                return damaged(node or part, LookupError("its bytes are missing or damaged"))
            part = node.part
        if isinstance(part, bytes):
            try:
                return self.serde.loads_typed(typed(part))
            except Exception as error:
                return damaged(node or Node(part=part), error)
        try:
            entries = flatten(part, nodes)
        except LookupError as error:
            return damaged(node or Node(part=part), error)
        values = [self.grow(entry, nodes, damaged) for entry in entries]
        if part[0] == LIST:
            return values
        if part[0] == DICT:
            return dict(zip(values[::2], values[1::2], strict=True))
        return _DeltaSnapshot(values[0])


def flatten(part: list[Any], nodes: Mapping[int, Node]) -> list[Any]:
    """The entries of a container through all levels of its chunks, in order."""
    if part[1] == 0:
        return part[2:]
    entries = []
    for chunk in part[2:]:
        stored = nodes.get(chunk.id) if chunk.part is None else chunk
        if stored is not None and type(stored.part) is list:
            entries += flatten(stored.part, nodes)
        elif part[0] == DICT:
            raise LookupError("a chunk of its keys is missing or damaged")
        else:
            entries.append(chunk)
    return entries


def _ends_chunk(entry: Part) -> bool:
    if type(entry) is Node:
        return entry.hash[0] & 15 == 0
    return not isinstance(entry, Node) and zlib.crc32(canonical(entry)) & 15 == 0
