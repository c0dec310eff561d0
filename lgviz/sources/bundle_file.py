"""The file of a bundle: what it holds, in a line that can be read alone, then a database, packed (floor 2).

::

    lgviz bundle 1
    <SHA-256 of all that follows, 64 hexadecimal digits>
    {"thread_id": "1", "checkpoints": 12, ...}
    <an SQLite database with lgviz's tables, compressed by Zstandard>

So a bundle is read as any database of lgviz's savers is, by the same rule: nothing that it names is run.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from io import BufferedReader
from pathlib import Path
from typing import Any

import zstandard

from lgviz.errors import DamagedData, MissingFile, NotADatabase, SourceError

from .heads import head_of

__all__ = [
    "Manifest", "is_bundle", "pack", "read_manifest", "read_whole", "unpack", "write_bundle",
    "write_whole",
]  # fmt: skip

_MAGIC = b"lgviz bundle "
_VERSION = 1
_HASHED = 64
_LINE = 1_000_000
_PIECE = 1 << 20
_AT_MOST, _ALWAYS, _TIMES = 4 << 30, 64 << 20, 500
"""Bytes of a database that is unpacked, at most; so many always, more only as so many times what is packed: a
small file may say that it holds any number."""


@dataclass(frozen=True)
class Manifest:
    """What a bundle says of itself.

    Attributes:
        thread_id: the thread's.
        checkpoints: how many it holds, those of subgraphs included.
        items: how many items of memory.
        versions: how many versions of them.
        bytes: of the database, unpacked.
        made: when, as an ISO text with its zone.
        lgviz: the version that made it.
        redacted: whether values were masked.
    """

    thread_id: str
    checkpoints: int
    items: int
    versions: int
    bytes: int
    made: str
    lgviz: str
    redacted: bool = False


def is_bundle(path: Path) -> bool:
    """Whether a file begins as a bundle does."""
    try:
        return head_of(path, len(_MAGIC)) == _MAGIC
    except (OSError, ValueError):
        return False


def read_manifest(path: Path) -> Manifest:
    """What a bundle says of itself; its hash is not compared.

    Raises:
        MissingFile, NotADatabase: there is no such file, or it is no bundle.
        SourceError: a newer lgviz made it.
        DamagedData: it cannot be read.
    """
    with _opened(path) as file:
        return _head(path, file)[1]


def unpack(path: Path, target: Path) -> None:
    """Write the database in a bundle to another file, once all of it is what its hash says.

    Raises:
        MissingFile, NotADatabase, SourceError: as :func:`read_manifest`.
        DamagedData: it is not what was written.
    """
    with _opened(path) as file:
        expected, manifest = _head(path, file)
        begin = file.tell()
        file.seek(len(_first_line()) + _HASHED + 1)
        if hashlib.file_digest(file, "sha256").hexdigest() != expected:
            raise _damaged(path, "it is not what was written")
        file.seek(begin)
        room = min(manifest.bytes, _AT_MOST, max(_ALWAYS, _TIMES * path.stat().st_size))
        try:
            with target.open("wb") as out, zstandard.ZstdDecompressor().stream_reader(file) as reader:
                while piece := reader.read(_PIECE):
                    room -= len(piece)
                    if room < 0:
                        raise _damaged(path, "it holds more than it says")
                    out.write(piece)
        except zstandard.ZstdError as error:
            raise _damaged(path, str(error)) from error


def write_bundle(path: Path, manifest: Manifest, database: bytes) -> None:
    """Write a bundle, whole or not at all; one that is there is replaced.

    Raises:
        MissingFile, SourceError: as :func:`write_whole`.
    """
    write_whole(path, pack(manifest, database))


def pack(manifest: Manifest, database: bytes) -> bytes:
    """What the file of a bundle holds."""
    body = json.dumps(asdict(manifest)).encode() + b"\n"
    body += zstandard.ZstdCompressor(level=19, threads=-1).compress(database)
    digest = hashlib.sha256(body).hexdigest().encode()
    return _first_line() + digest + b"\n" + body


def read_whole(path: Path) -> bytes | None:
    """What a file holds; None where there is none.

    Raises:
        SourceError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SourceError(
            f"{path} cannot be read: {error.strerror}.", "Give a file that may be read."
        ) from error


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; one that is there is replaced.

    Raises:
        MissingFile: its folder does not exist.
        SourceError: it cannot be written there.
    """
    folder = path.absolute().parent
    if not folder.is_dir():
        raise MissingFile(f"There is no folder {folder}.", "Make it, or give another path.")
    beside = folder / f".{path.name}.{os.getpid()}"
    try:
        try:
            beside.write_bytes(content)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise SourceError(
            f"{path} cannot be written: {error}.", "Give a path that can be written to."
        ) from error


def _first_line() -> bytes:
    return b"%b%d\n" % (_MAGIC, _VERSION)


def _opened(path: Path) -> BufferedReader:
    if not path.exists():
        raise MissingFile(f"There is no file {path}.", "Check the path.")
    if not is_bundle(path):
        raise NotADatabase(f"{path} is no bundle.", "Give a file that lgviz.save_bundle() wrote.")
    return path.open("rb")


def _head(path: Path, file: BufferedReader) -> tuple[str, Manifest]:
    """The hash and the manifest; the file stands behind them."""
    first, digest, line = file.readline(_LINE), file.readline(_LINE), file.readline(_LINE)
    if first != _first_line():
        version = first[len(_MAGIC) :].strip().decode(errors="replace")
        raise SourceError(
            f"{path.name} is a bundle of format {version[:20]!r}; this lgviz reads format {_VERSION}.",
            "Upgrade lgviz.",
        )
    try:
        said = json.loads(line)
        names = {each.name: each for each in fields(Manifest)}
        manifest = Manifest(**{name: said[name] for name in names if name in said})
        _check(manifest)
        return digest.decode("ascii").strip(), manifest
    except (ValueError, TypeError, RecursionError) as error:
        raise _damaged(path, f"its manifest cannot be read ({error})") from error


def _check(manifest: Manifest) -> None:
    """A file says what it likes."""
    kinds: Mapping[str, type] = {"str": str, "int": int, "bool": bool}
    for each in fields(Manifest):
        value: Any = getattr(manifest, each.name)
        if type(value) is not kinds[str(each.type)]:
            raise TypeError(f"{each.name} is {type(value).__name__}")


def _damaged(path: Path, why: str) -> DamagedData:
    return DamagedData(f"The bundle {path.name} is damaged: {why}.", "Ask for it once more.")
