"""The first bytes of a file, read without taking a lock from a database that this process has open."""

from __future__ import annotations

import os
import stat
import threading
from contextlib import suppress
from pathlib import Path

__all__ = ["head_of"]

_MOST = 64
"""Files that are held open; of more, those are let go that nothing else here has open."""
_held: dict[tuple[int, int], int] = {}
_lock = threading.Lock()


def head_of(path: Path, size: int) -> bytes:
    """The first ``size`` bytes of a file; fewer of a shorter one, none of what is no file.

    Where a process closes a file, POSIX takes from it all locks that it has on that file, also those of
    SQLite's connections: another process could then take the log of a database for left behind and delete it,
    with all that is written there later. So a handle stays open, for the next time.

    >>> head_of(Path(__file__), 3)
    b'\"\"\"'

    Raises:
        OSError: there is none, or it may not be read.
    """
    if os.name != "posix":
        with path.open("rb") as file:
            return file.read(size)
    with _lock:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            return b""
        handle = _held.pop((found.st_dev, found.st_ino), None)
        if handle is None:
            _let_go()
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        found = os.fstat(handle)  # of what was opened: the path may lead elsewhere meanwhile
        _held[found.st_dev, found.st_ino] = handle
        return os.pread(handle, size, 0)


def _let_go() -> None:
    """Close the handles of deleted files and, of too many, the oldest that may be closed."""
    for key, handle in list(_held.items()):
        gone = os.fstat(handle).st_nlink == 0
        if gone or (len(_held) >= _MOST and not _is_open_besides(key, handle)):
            del _held[key]
            os.close(handle)


def _is_open_besides(key: tuple[int, int], ours: int) -> bool:
    """Whether this process has the file open by another handle too."""
    for entry in Path("/dev/fd").iterdir():
        with suppress(OSError):
            found = os.fstat(int(entry.name))
            if int(entry.name) != ours and (found.st_dev, found.st_ino) == key:
                return True
    return False
