"""Where calls of models are kept that a run recorded: one SQLite file in lgviz's cache folder."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from langchain_core.messages import BaseMessage
from markupsafe import Markup

from lgviz._visible import visible
from lgviz.analysis.fingerprint import Fingerprint
from lgviz.analysis.html import page
from lgviz.errors import InvalidValue, SourceError
from lgviz.persistence import ExactSerializer
from lgviz.sources.metadata_cache import cache_folder

__all__ = ["ModelRecordings", "RecordedCall"]

_SERIALIZER = ExactSerializer()
_SPACE = 256 << 20
"""Bytes that all recordings may take; beyond it, the oldest go."""
_TABLE = """CREATE TABLE IF NOT EXISTS calls (
    id INTEGER PRIMARY KEY, started INTEGER NOT NULL, thread_id TEXT NOT NULL, namespace TEXT NOT NULL,
    digest BLOB NOT NULL, ids TEXT NOT NULL, type TEXT, answer BLOB)"""
_INDEX = "CREATE INDEX IF NOT EXISTS calls_of_thread ON calls (thread_id, started)"
_USED = "SELECT (p.page_count - f.freelist_count) * s.page_size FROM pragma_page_count p, \
pragma_freelist_count f, pragma_page_size s"
_OLDEST = "DELETE FROM calls WHERE id IN (SELECT id FROM calls ORDER BY started LIMIT ?)"


@dataclass(slots=True)
class RecordedCall:
    """A call of a model.

    Attributes:
        id: its row in the file.
        namespace: of the task that called: ``"research:task_id|judge:task_id"``.
        asked: what the model was asked.
        used: whether it has answered a call of this run, or its task has been answered whole.
    """

    id: int
    namespace: str
    asked: Fingerprint
    used: bool = False


class ModelRecordings:
    """What models answered in runs with ``record_models=True``: where that lies, its size, how to delete it.

    Of what a model was asked only a hash is kept, and the ids of messages in it; what it answered is kept
    whole, in a file that only its owner may read. Beyond 256 MiB the oldest calls are dropped.

    >>> import lgviz
    >>> recordings = lgviz.ModelRecordings("~/.cache/elsewhere")
    >>> recordings.path.name, recordings.size, recordings.threads, recordings.delete("1")
    ('models.sqlite', 0, {}, 0)

    Args:
        folder: where it lies; None: lgviz's cache folder, where runs record (``LGVIZ_CACHE`` names another).

    Attributes:
        path: the file; it exists once a call was recorded.

    Raises:
        InvalidValue: ``LGVIZ_CACHE=off``: there is no folder for it.
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        folder = cache_folder() if folder is None else Path(folder).expanduser()
        if folder is None:
            raise InvalidValue(
                "There is no folder that recorded models could lie in: LGVIZ_CACHE=off turns it off.",
                "Unset LGVIZ_CACHE, or set it to a folder.",
            )
        self.path: Path = folder / "models.sqlite"

    @property
    def size(self) -> int:
        """Bytes of the file; 0 where there is none."""
        return self.path.stat().st_size if self.path.is_file() else 0

    @property
    def threads(self) -> dict[str, int]:
        """By thread id, how many calls are recorded."""
        counted = "SELECT thread_id, count(*) FROM calls GROUP BY thread_id ORDER BY max(started)"
        if not self.path.is_file():
            return {}
        with self._opened() as database:
            return dict(database.execute(counted))

    def delete(self, thread_id: str | None = None) -> int:
        """Delete the recorded calls of a thread; None: of all, with the file.

        Returns:
            How many there were.
        """
        if not self.path.is_file():
            return 0
        if thread_id is None:
            count = 0
            with suppress(SourceError):  # a damaged file goes too
                count = sum(self.threads.values())
            self.path.unlink(missing_ok=True)
            return count
        with self._opened() as database:
            count = database.execute("DELETE FROM calls WHERE thread_id = ?", (thread_id,)).rowcount
        with self._opened() as database:
            database.execute("VACUUM")  # or what was deleted could still be read in the file
        return count

    def __repr__(self) -> str:
        threads = self.threads
        return visible(
            f"<ModelRecordings {sum(threads.values())} calls of {len(threads)} threads, {self.size:,} bytes: "
            f"{self.path}>"
        )

    def _repr_html_(self) -> str:
        return page(
            "Recorded models", Markup(), {str(self.path): f"{self.size:,} bytes"} | _counted(self.threads)
        )

    # ------------------------------------------------------------ what a run keeps and asks

    def add(
        self, thread_id: str, namespace: str, started: int, asked: Fingerprint, answer: Sequence[BaseMessage]
    ) -> None:
        """Keep a call.

        Args:
            thread_id, namespace: of the task that called.
            started: when the call began, in nanoseconds since 1970.
            asked: what the model was asked.
            answer: its messages; none for a call that failed: it counts, and answers nothing.

        Raises:
            NotKept: an answer cannot be kept exactly.
            SourceError: the file cannot be written.
        """
        type_, data = _SERIALIZER.dumps_typed(list(answer)) if answer else (None, None)
        row = (started, thread_id, namespace, asked.digest, json.dumps(asked.ids), type_, data)
        with self._opened(make=True) as database:
            database.execute(
                "INSERT INTO calls (started, thread_id, namespace, digest, ids, type, answer) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                row,
            )
            if database.execute(_USED).fetchone()[0] > _SPACE:
                count = database.execute("SELECT count(*) FROM calls").fetchone()[0]
                database.execute(_OLDEST, (max(count // 10, 1),))

    def of(self, thread_id: str) -> list[RecordedCall]:
        """The recorded calls of a thread, in the order in which they began.

        Raises:
            SourceError: the file cannot be read.
        """
        if not self.path.is_file():
            return []
        asked = "SELECT id, namespace, digest, ids FROM calls WHERE thread_id = ? ORDER BY started, id"
        with self._opened() as database:
            rows = database.execute(asked, (thread_id,)).fetchall()
        return [
            RecordedCall(id_, ns, Fingerprint(digest, tuple(json.loads(ids))))
            for id_, ns, digest, ids in rows
        ]

    def answer(self, call: RecordedCall) -> list[BaseMessage] | None:
        """What a model answered, in messages that nobody else holds; None where that is not kept (any more).

        Raises:
            SourceError: the file cannot be read.
        """
        if not self.path.is_file():
            return None
        with self._opened() as database:
            found = database.execute("SELECT type, answer FROM calls WHERE id = ?", (call.id,)).fetchone()
        if found is None or found[0] is None:
            return None
        messages = _SERIALIZER.loads_typed(found)
        return messages if all(isinstance(each, BaseMessage) for each in messages) else None

    @contextmanager
    def _opened(self, *, make: bool = False) -> Iterator[sqlite3.Connection]:
        """The file, for one transaction, so that whoever deletes it meanwhile disturbs nothing."""
        try:
            if make:
                self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
            where = f"{self.path.absolute().as_uri()}?mode=rw"
            with closing(sqlite3.connect(where, uri=True)) as database, database:
                database.execute(_TABLE)
                database.execute(_INDEX)
                yield database
        except (sqlite3.Error, OSError) as error:
            raise SourceError(
                f"The recorded models in {self.path} cannot be read or written: {error}.",
                "If the file is damaged, delete it: lgviz.ModelRecordings().delete()",
            ) from error


def _counted(threads: dict[str, int]) -> dict[str, str]:
    return {f"thread {name}": f"{count} call{'s' * (count != 1)}" for name, count in threads.items()}
