"""A seal: what a database holds, written down elsewhere under a key, tells what is changed behind its saver's
back (floor 2).

::

    lgviz seal 1
    <HMAC-SHA256 of all that follows, 64 hexadecimal digits>
    ["thread", "namespace", "checkpoint id", "HMAC of all that is stored of it"]
    …

Whoever edits the database cannot write a seal without the key; who restores an old copy of it restores no
seal that lies elsewhere.
"""

from __future__ import annotations

import hmac
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from lgviz.errors import CheckpointNotFound, DamagedData, InvalidValue, MissingFile, NotASource
from lgviz.persistence.blocks.integrity import Problem

from .base import Source, Told
from .bundle_file import write_whole

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


Digests = Mapping[SealedPlace, str]


def seal_source(
    source: Source, path: str | os.PathLike[str], key: bytes, told: Told = lambda *_: None
) -> int:
    """Write down what each checkpoint of a database is, with its values, metadata and writes.

    A seal that is there is continued: what it names must be as it was.

    Args:
        source: lgviz's or LangGraph's tables.
        path: the seal's file; it should lie where who writes the database cannot write.
        key: a secret of at least 16 bytes.
        told: is told how far it is, thread by thread.

    Returns:
        How many checkpoints are sealed.

    Raises:
        InvalidValue: the key is too short.
        ForeignTables: it is no database that can be sealed.
        DamagedData: what was sealed is changed or gone; or the seal is not what was written with this key.
    """
    file = Path(path).expanduser()
    before = _read(file, key) if file.exists() else {}
    now = _digests(source, _checked(key), told)
    if lost := sum(1 for _ in _differences(before, now)):
        raise DamagedData(
            f"{lost} of {len(before)} sealed checkpoints are changed or gone.",
            f"`lgviz check --seal {file.name}` names them; if that is right, seal into another file.",
        )
    lines = b"".join(json.dumps([*place, digest]).encode() + b"\n" for place, digest in now.items())
    write_whole(file, _FIRST + _mac(key, lines).encode() + b"\n" + lines)
    return len(now)


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
    file = Path(path).expanduser()
    if not file.is_file():
        raise MissingFile(f"There is no seal {file}.", "Seal the database first: lgviz seal DB FILE.")
    before = _read(file, key)
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
            yield Problem(str(place), "it is not what was sealed")


def _digests(source: Source, key: bytes, told: Told) -> Digests:
    found: dict[SealedPlace, str] = {}
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
    return found


def _read(file: Path, key: bytes) -> Digests:
    first, mac, lines = (*file.read_bytes().split(b"\n", 2), b"", b"")[:3]
    if first + b"\n" != _FIRST:
        raise NotASource(f"{file} is no seal.", "Give a file that `lgviz seal` wrote.")
    if not hmac.compare_digest(mac.decode(errors="replace"), _mac(_checked(key), lines)):
        raise DamagedData(
            f"The seal {file.name} is not what was written with this key.", "Give the key of then."
        )
    rows = map(json.loads, lines.splitlines())
    return {SealedPlace(*place): digest for *place, digest in rows}


def _checked(key: bytes) -> bytes:
    if len(key) < _SHORTEST:
        raise InvalidValue(f"A key of {len(key)} bytes is too short.", f"Give {_SHORTEST} bytes or more.")
    return key


def _mac(key: bytes, data: bytes) -> str:
    return hmac.new(key, data, "sha256").hexdigest()
