"""A file that is made and not yet written: what it contains is known before, to the byte."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lgviz.analysis.history import History
from lgviz.backend import Backend
from lgviz.errors import FileExists, MissingFile
from lgviz.export.contents import FileContents
from lgviz.sources.bundle_file import write_whole
from lgviz.sources.redact import Rules
from lgviz.transfer.progress import Show, shown

from .formats import FORMATS, Exported, FileFormat, format_of

__all__ = ["PreparedFile", "export", "free_path", "prepare", "refuse_existing"]


@dataclass(frozen=True, slots=True)
class PreparedFile:
    """A file in memory.

    Attributes:
        contents: what it contains.
        content: its bytes.
    """

    contents: FileContents
    content: bytes

    def write(self, path: Any, *, overwrite: bool = False) -> FileContents:
        """Write it, whole or not at all.

        Raises:
            FileExists: there is a file of that name, and ``overwrite`` was not asked for.
            MissingFile: its folder does not exist.
            SourceError: it cannot be written there.
        """
        file = Path(path).expanduser()
        if file.is_dir():
            raise MissingFile(f"{file} is a folder.", "Name a file in it.")
        refuse_existing(file, overwrite=overwrite)
        write_whole(file, self.content)
        return replace(self.contents, path=str(file))


def prepare(
    what: History | Backend,
    kind: str,
    *,
    selected: str | None = None,
    compared: str | None = None,
    redact: Rules = (),
    progress: bool | Show = False,
) -> PreparedFile:
    """Make a file of a thread, and do not write it.

    Args:
        what: a history, or the backend of a debugger. What it masks is masked.
        kind: a name in :data:`~lgviz.files.FORMATS`.
        selected: the checkpoint that is looked at, by label or id; None: the newest.
        compared: the one that it is compared with.
        redact: what is masked besides.
        progress: whether to draw a progress bar, or a function that is given (done, total).
    """
    form = FORMATS[kind]
    with _opened(what, redact) as backend, shown(progress, "exporting") as show:
        asked = Exported(backend, _id(backend, selected), _id(backend, compared), show)
        history = asked.history
        made = form.make(asked)
        redactor = backend.thread.redactor
        rules = 0 if redactor is None else len(redactor.rules)
    counts = made.checkpoints, made.messages, made.items
    contents = FileContents(form.title, history.shown_id, *counts, len(made.content), rules)
    return PreparedFile(contents, made.content)


def export(
    what: History | Backend,
    path: Any,
    *,
    kind: str | None = None,
    overwrite: bool = False,
    quiet: bool = False,
    **asked: Any,
) -> FileContents:
    """Write a thread as a file. What it contains is printed before it is written.

    Args:
        what: a history, or the backend of a debugger.
        path: where to.
        kind: the format; None: the one that the path's ending names.
        overwrite: write over a file that is there.
        quiet: print nothing.
        **asked: see :func:`prepare`.

    Raises:
        InvalidValue: the path's ending names no format.
        FileExists, MissingFile, SourceError: see :meth:`PreparedFile.write`.
    """
    file = Path(path).expanduser()
    form: FileFormat = format_of(file) if kind is None else FORMATS[kind]
    refuse_existing(file, overwrite=overwrite)
    made = prepare(what, form.name, **asked)
    if not quiet:
        print(f"{file}: {made.contents}")
    return made.write(file, overwrite=overwrite)


def refuse_existing(file: Path, *, overwrite: bool) -> None:
    """Nothing is written over unasked.

    Raises:
        FileExists: there is a file of that name, and ``overwrite`` was not asked for.
    """
    if file.exists() and not overwrite:
        raise FileExists(f"There is a file {file} already.", "Give another name, or ask to overwrite it.")


def free_path(folder: Path, name: str, suffix: str) -> Path:
    """A path in a folder, after a name, at which there is nothing."""
    stem = re.sub(r"[^\w.-]+", "-", name).strip("-.")[:60] or "thread"
    path, number = folder / f"{stem}{suffix}", 1
    while os.path.lexists(path):
        number += 1
        path = folder / f"{stem}-{number}{suffix}"
    return path


@contextmanager
def _opened(what: History | Backend, redact: Rules) -> Iterator[Backend]:
    """A backend with the thread open in it; one that was made for this ends with it."""
    if isinstance(what, Backend):
        if not redact:
            yield what
            return
        backend, thread_id = what.masking(redact), None if what.history is None else what.history.thread_id
    else:
        config = dict(what.config or {})
        backend = Backend(what.source, config=config, context=what.context, redact=redact)
        thread_id = what.thread_id
    try:
        backend.thread.open(thread_id)
        yield backend
    finally:
        backend.end()


def _id(backend: Backend, key: str | None) -> str | None:
    return None if key is None else backend.thread.current()[key].id
