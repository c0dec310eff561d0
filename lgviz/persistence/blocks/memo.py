"""What a process remembers from one put to the next: which blocks are stored, and how models serialize."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Set
from typing import Any, NamedTuple

from pydantic import BaseModel

from lgviz._cache import BoundedCache

MOST_IDS = 1 << 17
"""How many ids are remembered; beyond it, all are forgotten and asked for again."""
_NONE: frozenset[int] = frozenset()


class StoredIds:
    """The ids of blocks that are known to be stored, and who is recorded to need them, until one is removed.

    A removal by any process, or a crash of the server, changes a mark, which every transaction that writes
    reads first: what was learned under another mark is forgotten. Nothing is learned before it is committed.

    A backup that is restored undoes the newest transactions, and leaves the mark. So each transaction that
    writes also checks that the newest block we know of still exists; if it does not, all is forgotten.
    """

    def __init__(self) -> None:
        self.mark: bytes | None = None
        self.ids: dict[bytes, int] = {}
        """The ids of stored blocks, by hash."""
        self._needs: dict[int, set[int]] = {}
        self.newest: tuple[int, bytes | None] = (0, None)
        """The id and hash of the block that has to exist still."""
        self._lock = threading.Lock()

    def needs(self, owner: int) -> Set[int]:
        """The blocks that are known to be recorded as needed by an owner."""
        return self._needs.get(owner, _NONE)

    def forget(self, mark: bytes | None) -> None:
        """Forget all of it: the mark is now another, or what was stored is gone."""
        with self._lock:
            self._forget(mark)

    def learn(
        self, mark: bytes | None, owner: int, blocks: Mapping[bytes, int], newest: tuple[int, bytes]
    ) -> None:
        """Learn what a committed transaction found or stored, and recorded as needed.

        Args:
            mark: what it read.
            owner: who needs the blocks.
            blocks: their ids by hash.
            newest: one that it stored.
        """
        with self._lock:
            if mark == self.mark:
                if len(self.ids) > MOST_IDS:
                    self._forget(mark)
                self.ids.update(blocks)
                self._needs.setdefault(owner, set()).update(blocks.values())
                self.newest = newest

    def _forget(self, mark: bytes | None) -> None:
        # New objects: an operation of another thread that still reads the old ones sees them whole.
        self.mark, self.ids, self._needs, self.newest = mark, {}, {}, (0, None)


MEMO_BYTES = 16 << 20
"""Bytes of serialized models that are kept."""
_EMPTY = (list, dict)
_KEPT = frozenset((str, int, float, bool, bytes, type(None), *_EMPTY))


class _Written(NamedTuple):
    value: BaseModel
    kind: type
    keys: list[str]
    parts: tuple[Any, ...]
    ids: tuple[int, ...]
    """Of the parts, which are held, so that nothing else ever has them."""
    fields: set[str]
    extra: dict[str, Any] | None
    empty: list[Any]
    hash: bytes
    payload: bytes


class SerializationMemo:
    """Pydantic models with their serialized bytes, as long as those can be told to be the same still.

    A chat's messages are there at every put: what did not change is not serialized again. A model is kept
    where its fields hold nothing but immutable values and empty lists and dicts. It is as it was while its
    fields are the same objects, and those lists and dicts still empty.
    """

    def __init__(self) -> None:
        self._written = BoundedCache[int, _Written](MEMO_BYTES, lambda written: len(written.payload) + 1000)
        self._peek = self._written.peek

    def find(self, value: Any) -> tuple[bytes, bytes] | None:
        """The hash and bytes of a model that is as it was when it was kept."""
        old = self._peek(id(value))
        if old is None:
            return None
        state = value.__dict__
        same = (
            tuple(map(id, state.values())) == old.ids
            and [*state] == old.keys
            and value.__pydantic_fields_set__ == old.fields
            and value.__pydantic_extra__ is old.extra
            and _private(value) is None
            and not any(old.empty)
            and type(value) is old.kind
        )
        return (old.hash, old.payload) if same else None

    def seen(self, value: Any) -> tuple[Any, ...] | None:
        """What a model holds before it is serialized; None for another value."""
        return (*value.__dict__.values(),) if isinstance(value, BaseModel) else None

    def keep(self, value: Any, seen: tuple[Any, ...] | None, hash: bytes, payload: bytes) -> None:
        """Remember what an object was written as, where a change of it would be seen.

        Args:
            value: the object.
            seen: what :meth:`seen` said of it before it was serialized: a message that a reducer gave its id
                meanwhile, in another thread, is not kept.
            hash, payload: what it was written as.
        """
        if seen is None or _private(value) is not None:
            return
        keys, parts, extra = [*value.__dict__], (*value.__dict__.values(),), value.__pydantic_extra__
        empty = [extra, *(part for part in parts if type(part) in _EMPTY)]
        if any(empty) or not _KEPT.issuperset(map(type, parts)):
            return
        ids, fields = tuple(map(id, parts)), set(value.__pydantic_fields_set__)
        if ids != tuple(map(id, seen)):
            return
        written = _Written(value, type(value), keys, parts, ids, fields, extra, empty, hash, payload)
        self._written.put(id(value), written)


def _private(value: BaseModel) -> Any:
    return getattr(value, "__pydantic_private__", None)
