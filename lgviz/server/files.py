"""Which file a path of the server's names: one below its root, by its own rules, and no link out of it."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jupyter_server.services.contents.filemanager import FileContentsManager
from jupyter_server.utils import ensure_async
from tornado.web import HTTPError

from lgviz.errors import MissingFile, NotADatabase

__all__ = ["PinnedFile", "file_below", "is_where_it_was", "stamp_of"]

_BESIDE = ("", "-wal", "-shm", "-journal")


async def file_below(contents: Any, path: str) -> Path:
    """The file that the path names for the server's file browser.

    Raises:
        MissingFile: there is none, it is hidden, or it lies elsewhere. Which of these is not told.
        NotADatabase: the server keeps its files elsewhere than on a disk, or it is no file.
    """
    if not isinstance(contents, FileContentsManager):
        raise NotADatabase("This server's files are not on its disk.", "Open the database in a notebook.")
    missing = MissingFile(f"There is no file {path} here.", "Check the path: it is that of the file browser.")
    try:
        if "\\" in path or ".." in path.split("/"):
            raise missing
        root, file = _resolved(contents, path)
    except (HTTPError, OSError, RuntimeError, ValueError):  # RuntimeError: links in a circle
        raise missing from None
    if file == root or not file.is_relative_to(root) or not is_where_it_was(file):
        raise missing
    if not contents.allow_hidden:
        for place in (path.strip("/"), file.relative_to(root).as_posix()):
            if await ensure_async(contents.is_hidden(place)):  # type: ignore[no-untyped-call]
                raise missing
    if not file.is_file():
        raise NotADatabase(f"{path} is not a file.", "Open a SQLite database, or a bundle.")
    return file


def _resolved(contents: FileContentsManager, path: str) -> tuple[Path, Path]:
    """The root, and the file that the path leads to."""
    named: str = contents._get_os_path(path)  # type: ignore[no-untyped-call]
    return Path(contents.root_dir).resolve(), Path(named).resolve(strict=True)


def is_where_it_was(file: Path) -> bool:
    """Whether neither a file that was resolved nor what SQLite keeps beside it has become a link."""
    return all(os.path.realpath(f"{file}{end}") == f"{file}{end}" for end in _BESIDE)


class PinnedFile:
    """A file that was resolved, and whether its path still leads to it.

    >>> file = PinnedFile(Path(__file__).resolve())
    >>> file.is_there()
    True
    >>> file.close()

    Raises:
        MissingFile: it is gone already.
    """

    _close: Callable[[], Any] | None = None

    def __init__(self, path: Path) -> None:
        self.path = path
        # Else a new file may be given the number of one that was deleted. A handle of this kind, where there
        # is one, takes no lock away from SQLite when it is closed.
        kind = getattr(os, "O_PATH", None)
        try:
            if kind is not None:
                self._close = weakref.finalize(self, os.close, os.open(path, kind | os.O_CLOEXEC))
            self._number = self._numbers()
        except OSError:
            raise MissingFile(f"There is no file {path} here.", "Check the path.") from None

    def is_there(self) -> bool:
        """Whether it was neither deleted nor replaced, and is reached by no link."""
        try:
            return self._numbers() == self._number and is_where_it_was(self.path)
        except OSError:
            return False

    def close(self) -> None:
        """Let go of it."""
        if self._close is not None:
            self._close()

    def _numbers(self) -> tuple[int, int]:
        found = self.path.stat()
        return found.st_dev, found.st_ino


def stamp_of(file: Path) -> Any:
    """Another once the database was written to."""
    return tuple(_facts(f"{file}{end}") for end in ("", "-wal"))


def _facts(path: str) -> tuple[int, int, int] | None:
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
