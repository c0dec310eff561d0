"""A seal: what a database holds, checkpoints and items, written down elsewhere under a key, tells what is
changed behind its saver's back (floor 2).

::

    lgviz seal 1
    <HMAC-SHA256 of all that follows, 64 hexadecimal digits>
    ["thread", "namespace", "checkpoint id", "HMAC of all that is stored of it"]
    ["item", "namespace", "key", version, "HMAC"]
    …

An item in lgviz's tables is sealed by versions, which stay as they were written: a version is a time in
microseconds. LangGraph's store writes over what it holds: there an item has the version null, and may be
another one by right.

Whoever edits the database cannot write a seal without the key; who restores an old copy of it restores no
seal that lies elsewhere.
"""

from __future__ import annotations

import hmac
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from lgviz.errors import CheckpointNotFound, DamagedData, InvalidValue, MissingFile, NotASource
from lgviz.persistence.blocks.integrity import Problem

from .base import Source, Told
from .bundle_file import read_whole, write_whole
from .langgraph.detect import file_at, is_postgres, is_url
from .lgviz.items import VersionedItems

__all__ = ["check_seal", "seal_source"]

_FIRST = b"lgviz seal 1\n"
_SHORTEST = 16


class SealedPlace(NamedTuple):
    """A checkpoint that is sealed."""

    thread_id: str
    namespace: str
    checkpoint_id: str

    def __str__(self) -> str:
        inner = f" of {self.namespace}" if self.namespace else ""
        return f"thread {self.thread_id!r}, checkpoint {self.checkpoint_id}{inner}"


class SealedItem(NamedTuple):
    """An item of a store that is sealed.

    Attributes:
        version: when it was written, where the store keeps what it held before; else None.
    """

    namespace: str
    key: str
    version: int | None

    def __str__(self) -> str:
        then = "" if self.version is None else f", version {self.version}"
        return f"item {self.key!r} of {self.namespace!r}{then}"


class SealedCount(NamedTuple):
    """How many checkpoints, and items of stores with their versions, are sealed."""

    checkpoints: int
    items: int


Place = SealedPlace | SealedItem
Digests = Mapping[Place, str]


def seal_source(
    source: Source, path: str | os.PathLike[str], key: bytes, told: Told = lambda *_: None
) -> SealedCount:
    """Write down what each checkpoint of a database is, with its values, metadata and writes, and each item.

    A seal that is there is continued: what it names must be as it was. Only the items of LangGraph's store
    are sealed anew as they are, for it keeps nothing of what it writes over.

    Args:
        source: lgviz's or LangGraph's tables.
        path: the seal's file; it should lie where who writes the database cannot write.
        key: a secret of at least 16 bytes.
        told: is told how far it is, thread by thread.

    Returns:
        How many checkpoints and items are sealed.

    Raises:
        InvalidValue: the key is too short.
        ForeignTables: it is no database that can be sealed.
        DamagedData: what was sealed is changed or gone; or the seal is not what was written with this key.
    """
    file = file_at(path)
    held = read_whole(file)
    before = {} if held is None else _read(file, held, key)
    now = _digests(source, _checked(key), told)
    kept = {place: digest for place, digest in before.items() if getattr(place, "version", 0) is not None}
    if lost := sum(1 for _ in _differences(kept, now)):
        raise DamagedData(
            f"{lost} of {len(kept)} sealed checkpoints and items are changed or gone.",
            f"`lgviz check --seal {file.name}` names them; if that is right, seal into another file.",
        )
    lines = b"".join(json.dumps([*_line(place), digest]).encode() + b"\n" for place, digest in now.items())
    write_whole(file, _FIRST + _mac(key, lines).encode() + b"\n" + lines)
    items = sum(isinstance(place, SealedItem) for place in now)
    return SealedCount(len(now) - items, items)


def check_seal(
    source: Source, path: str | os.PathLike[str], key: bytes, told: Told = lambda *_: None
) -> list[Problem]:
    """What a database holds, or no longer holds, against its seal; empty where all is as it was sealed.

    Args:
        source: the database.
        path, key, told: as :func:`seal_source` takes them.

    Raises:
        MissingFile: there is no seal.
        DamagedData: the seal is not what was written with this key.
        InvalidValue, ForeignTables: as :func:`seal_source`.
    """
    file = file_at(path)
    held = read_whole(file)
    if held is None:
        raise MissingFile(f"There is no seal {file}.", "Seal the database first: lgviz seal DB FILE.")
    before = _read(file, held, key)
    now = _digests(source, key, told)
    new = (
        Problem(str(place), "it is not sealed: forged, or written later")
        for place in now
        if place not in before
    )
    return [*_differences(before, now), *new]


def _differences(before: Digests, now: Digests) -> Iterator[Problem]:
    for place, digest in before.items():
        if place not in now:
            yield Problem(str(place), "it is sealed, and not there")
        elif not hmac.compare_digest(digest, now[place]):
            anew = ", or was put anew since" if getattr(place, "version", 0) is None else ""
            yield Problem(str(place), f"it is not what was sealed{anew}")


def _digests(source: Source, key: bytes, told: Told) -> Digests:
    found: dict[Place, str] = {}
    threads = [one.thread_id for one in source.real.threads()]
    for done, thread in enumerate(threads):
        told(done, len(threads))
        for row in source.real.index(thread).checkpoints:
            place = SealedPlace(thread, row.namespace, row.id)
            try:
                stored = source.real.stored_form(*place)
            except CheckpointNotFound:
                continue
            found[place] = _mac(key, json.dumps([*place, row.parent_id]).encode() + stored)
    for item, stored in _items(source.real):
        found[item] = _mac(key, json.dumps(_line(item)).encode() + stored)
    return found


def _items(source: Source) -> Iterator[tuple[SealedItem, bytes]]:
    """The items that lie in the database, with what is stored of them."""
    for namespace, key, stored in source.stored_items():
        yield SealedItem(namespace, key, None), stored
    if source.origin is None or (is_url(source.origin.place) and not is_postgres(source.origin.place)):
        return  # in databases of other engines lgviz keeps nothing
    own = VersionedItems.over(source.origin.place, **source.origin.options)
    for _, path, name, at, form in own.stored_forms():
        labels = path.removesuffix(b"\0").split(b"\0")
        yield SealedItem(".".join(map(_text, labels)), _text(name), at), form


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")


def _line(place: Place) -> list[Any]:
    return [*place] if isinstance(place, SealedPlace) else ["item", *place]


def _read(file: Path, held: bytes, key: bytes) -> Digests:
    first, mac, lines = (*held.split(b"\n", 2), b"", b"")[:3]
    if first + b"\n" != _FIRST:
        raise NotASource(f"{file} is no seal.", "Give a file that `lgviz seal` wrote.")
    if not hmac.compare_digest(mac.decode(errors="replace"), _mac(_checked(key), lines)):
        raise DamagedData(
            f"The seal {file.name} is not what was written with this key.", "Give the key of then."
        )
    rows = map(json.loads, lines.splitlines())
    return {
        SealedPlace(*place) if len(place) == 3 else SealedItem(*place[1:]): digest for *place, digest in rows
    }


def _checked(key: bytes) -> bytes:
    if len(key) < _SHORTEST:
        raise InvalidValue(f"A key of {len(key)} bytes is too short.", f"Give {_SHORTEST} bytes or more.")
    return key


def _mac(key: bytes, data: bytes) -> str:
    return hmac.new(key, data, "sha256").hexdigest()
