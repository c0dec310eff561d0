"""What a coding agent looks at, told by its server to open debuggers by a file in Jupyter's runtime folder.

Each server has a file of its own, which nobody else can read. A debugger whose owner asked for it looks at
these files while it is open; what is in them is not trusted: a thread and a checkpoint are looked up in it.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from .open_thread import OpenThread

__all__ = ["AgentWatch", "Glance", "GlanceFile", "glances"]

_NAME = "lgviz-agent-"
_MOST = 4_096
"""Bytes of a file."""
_OLD = 3_600.0
"""Seconds after which nobody looks there any more, whatever the file says."""
_BEAT = 0.5


class Glance(NamedTuple):
    """A checkpoint that an agent was shown."""

    thread_id: str
    checkpoint_id: str


class GlanceFile:
    """Tells what an agent of this process was shown last; without a runtime folder it tells nobody.

    Args:
        source: what is read, in words.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        folder = _folder()
        self.path = None if folder is None else folder / f"{_NAME}{os.getpid()}.json"

    def look(self, thread_id: str, checkpoint_id: str) -> None:
        """Tell that a checkpoint was shown."""
        if self.path is None:
            return
        told = {"pid": os.getpid(), "source": self._source, "at": time.time()}
        told |= {"thread_id": thread_id, "checkpoint_id": checkpoint_id}
        data = json.dumps(told).encode()
        beside = self.path.with_suffix(".new")
        with contextlib.suppress(OSError):  # an answer does not fail because nobody can be told
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            beside.unlink(missing_ok=True)
            file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(file, "wb") as out:
                out.write(data)
            beside.replace(self.path)

    def close(self) -> None:
        """Nothing is looked at any more."""
        if self.path is not None:
            with contextlib.suppress(OSError):
                self.path.unlink(missing_ok=True)


def glances() -> Iterator[Glance]:
    """What agents of this user look at now."""
    folder = _folder()
    if folder is None:
        return
    with contextlib.suppress(OSError), os.scandir(folder) as found:
        paths = sorted(e.path for e in found if e.name.startswith(_NAME) and e.name.endswith(".json"))
        for path in paths:
            if (glance := _read(path)) is not None:
                yield glance


def _read(path: str) -> Glance | None:
    """What a file tells; None for one that somebody else wrote, or that is not what it should be."""
    try:
        file = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(file, "rb") as opened:
            if not _is_own(os.fstat(opened.fileno())):
                return None
            data: Any = json.loads(opened.read(_MOST))
        wanted = {"pid": int, "thread_id": str, "checkpoint_id": str, "at": float}
        if any(type(data[name]) is not kind for name, kind in wanted.items()):
            return None
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
    fresh = 0 <= time.time() + 1 - data["at"] < _OLD
    return Glance(data["thread_id"], data["checkpoint_id"]) if fresh and _runs(data["pid"]) else None


def _is_own(found: os.stat_result) -> bool:
    if not stat.S_ISREG(found.st_mode) or found.st_size > _MOST:
        return False
    return os.name != "posix" or (found.st_uid == os.getuid() and not found.st_mode & 0o077)


def _runs(pid: int) -> bool:
    """Whether there is such a process; where that cannot be asked, it may be."""
    if os.name != "posix":
        return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return pid > 0


def _folder() -> Path | None:
    """Jupyter's runtime folder; None where there is no Jupyter."""
    try:
        from jupyter_core.paths import jupyter_runtime_dir
    except ImportError:
        return None
    return Path(jupyter_runtime_dir())


class AgentWatch:
    """Tells views where agents look in the open thread, until it is closed.

    Args:
        thread: the open thread.
    """

    def __init__(self, thread: OpenThread) -> None:
        self._thread = thread
        self._ended = threading.Event()
        self._unknown: set[Glance] = set()
        threading.Thread(target=self._watch, name="lgviz-agent", daemon=True).start()

    def close(self) -> None:
        """Look no longer."""
        self._ended.set()

    def _watch(self) -> None:
        while not self._ended.wait(_BEAT):
            with contextlib.suppress(
                Exception
            ):  # a thread that was deleted meanwhile: the next beat is another
                self.look()

    def look(self) -> None:
        """Look once, and tell what is new."""
        thread, history = self._thread, self._thread.history
        if history is None:
            return
        here = [one for one in glances() if one.thread_id == history.thread_id]
        new = {one for one in here if one.checkpoint_id not in history} - self._unknown
        if new:  # an agent may have made it
            self._unknown = new
            thread.broadcast()
        seen = [one.checkpoint_id for one in here if one.checkpoint_id in history]
        if seen != thread.agents:
            thread.agents = seen
            thread.emit("agents", {"thread_id": history.thread_id, "checkpoints": seen})
