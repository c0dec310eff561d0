"""Metadata of checkpoints, kept beside LangGraph's SQLite tables where reading it is slow.

LangGraph's SQLite row holds the metadata *behind* the whole state, so that to read 50 bytes SQLite pages
through all of it. All else that an index needs is quick to read, and is read from the database each time.
Only metadata of checkpoints that are there, with blobs of the same lengths, is taken from here; so what
was changed by hand, to another text of the same length, is not seen. What the cache does not know costs
time and nothing else; so does a cache that is damaged or cannot be written.

``LGVIZ_CACHE`` names another folder for it; ``LGVIZ_CACHE=off`` turns it off.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgpack  # type: ignore[import-untyped]
from platformdirs import user_cache_path

__all__ = ["Key", "MetadataCache", "cache_folder"]

Key = tuple[str, str, int, int]
"""Namespace, id, and the lengths of the stored metadata and checkpoint. A checkpoint is written once: what
has its id is a copy of it, and has its metadata."""

_SPACE = 64 << 20
"""Bytes that all files of the cache may take; beyond it, those unused for longest go."""

_DIGEST = 16


class MetadataCache:
    """One small file for each thread of a database.

    Args:
        database: its file.
    """

    def __init__(self, database: Path) -> None:
        self._database = database

    def load(self, thread_id: str) -> dict[Key, dict[str, Any]]:
        """What is known of a thread; empty where nothing is, or it cannot be read."""
        file = self._file(thread_id)
        if file is None:
            return {}
        with suppress(OSError, ValueError, TypeError):
            data = file.read_bytes()
            if _digest(data[_DIGEST:]) == data[:_DIGEST]:
                os.utime(file)
                rows = msgpack.unpackb(memoryview(data)[_DIGEST:], strict_map_key=False)
                return {(ns, id_, *lengths): metadata for ns, id_, *lengths, metadata in rows}
        return {}

    def store(self, thread_id: str, known: Mapping[Key, Mapping[str, Any]]) -> None:
        """Keeps this of a thread, and nothing else; nothing where it cannot be kept."""
        file = self._file(thread_id)
        if file is None:
            return
        # Metadata is any JSON: an integer or a text in it may be more than MessagePack takes.
        with suppress(OSError, ValueError, TypeError, OverflowError):
            data = msgpack.packb([[*key, metadata] for key, metadata in known.items()])
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as made:  # of mode 0600
                made.write(_digest(data) + data)
            Path(made.name).replace(file)
            _shrink(file.parent)

    def _file(self, thread_id: str) -> Path | None:
        folder = cache_folder()
        if folder is None:
            return None
        with suppress(OSError, RuntimeError):
            name = f"{self._database.resolve()}\0{thread_id}".encode(errors="surrogatepass")
            return folder / "metadata" / _digest(name).hex()
        return None


def cache_folder() -> Path | None:
    """Where lgviz keeps files of its own; None where it may not, or there is no home."""
    said = os.environ.get("LGVIZ_CACHE")
    if said == "off":
        return None
    with suppress(OSError, RuntimeError):
        return Path(said) if said else user_cache_path("lgviz")
    return None


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=_DIGEST).digest()


def _shrink(folder: Path) -> None:
    files = [(facts.st_mtime, facts.st_size, file) for file in folder.iterdir() if (facts := file.stat())]
    space = sum(size for _, size, _ in files)
    for _, size, file in sorted(files):
        if space <= _SPACE:
            break
        file.unlink(missing_ok=True)
        space -= size
