"""Fails whatever a file makes its reader do: import, run, open, write, connect; and bounds its time and memory."""

from __future__ import annotations

import codecs
import faulthandler
import os
import resource
import signal
import site
import sys
import sysconfig
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

MEMORY = 4 << 30
"""Bytes of addresses that a process may have: of these an idle one with NumPy and pandas has about 2 GB."""

_NEVER = (
    "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "pty.", "socket.connect",
    "socket.bind", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname", "urllib.", "http.client.", "ftplib.", "smtplib.",
    "webbrowser.", "ctypes.", "pickle.find_class", "marshal.loads", "sqlite3.enable_load_extension", "sqlite3.load_extension",
    "os.putenv", "os.unsetenv", "os.kill", "signal.", "builtins.input", "code.__new__", "function.__new__", "cpython.run_",
    "os.chmod", "os.chown", "os.symlink", "os.link", "mmap.", "syslog.", "winreg.", "gc.get_objects",
)  # fmt: skip
_WRITES = (
    "os.remove",
    "os.rename",
    "os.mkdir",
    "os.rmdir",
    "os.truncate",
    "os.utime",
    "shutil.",
    "tempfile.",
    "sqlite3.connect",
)
_READ = (
    sys.prefix, sys.base_prefix, *site.getsitepackages(), *sysconfig.get_paths().values(), str(Path(__file__).parents[3] / "lgviz"),
    "/usr/share/zoneinfo", "/usr/lib", "/dev/null", "/dev/urandom", "/proc/self", "/dev/fd", "/etc/localtime", "/etc/mime.types",
    "/etc/fonts", "/usr/share/fonts", "/etc/timezone",
)  # fmt: skip


class Guard:
    """Hears of everything that Python tells its auditors, and keeps what should not be.

    Args:
        folders: where may be written; the folder above may be read.

    Attributes:
        seen: what should not have been, in words.
    """

    def __init__(self, *folders: Path) -> None:
        self.seen: list[str] = []
        self._folders = tuple(os.path.realpath(one) for one in folders)
        self._above = tuple(str(Path(one).parent) for one in self._folders)
        self._armed = False
        self._importing = threading.local()
        for codec in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"):
            codecs.lookup(codec)  # which JSON may be in: imported when first met
        sys.addaudithook(self._hear)

    @contextmanager
    def armed(self) -> Iterator[None]:
        """Meanwhile nothing may be done but to read."""
        self._armed = True
        try:
            yield
        finally:
            self._armed = False

    def _hear(self, event: str, given: tuple[Any, ...]) -> None:
        if not self._armed or getattr(self._importing, "quiet", False):
            return
        self._importing.quiet = True  # what is done here is no file's doing
        try:
            fault = self._fault(event, given)
        finally:
            self._importing.quiet = False
        if fault:
            self.seen.append(fault)

    def _fault(self, event: str, given: tuple[Any, ...]) -> str | None:
        if event == "import":
            # A zone is looked for below the package of zones, of which parts may be missing.
            return None if given[0].startswith("tzdata.zoneinfo.") else f"imports {given[0]}"
        if event == "exec" or event == "compile":
            return self._runs(event, given)
        if event == "open":
            path, mode, flags = given
            writes = any(c in (mode or "") for c in "wax+") or bool(
                flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            )
            return self._touches("writes" if writes else "opens", path, writes)
        if event in _WRITES or event.startswith(("shutil.", "tempfile.")):
            path = given[event.startswith(("shutil.copy", "shutil.move"))] if given else ""
            return self._touches(event, path, event != "sqlite3.connect")
        if event.startswith(_NEVER) and event != "gc.get_objects":
            return f"{event} {str(given)[:200]}"
        return None

    def _runs(self, event: str, given: tuple[Any, ...]) -> str | None:
        if event == "compile":
            # NumPy's names of structured types are literals, read by `ast`, which compiles without running.
            return None if given[1] == "<unknown>" else f"compiles {str(given)[:200]}"
        return f"runs {given[0]}"

    def _touches(self, what: str, path: Any, writes: bool) -> str | None:
        if isinstance(path, int) or path in (None, "", b"", ":memory:", b":memory:"):
            return None
        text = os.fsdecode(path)
        if text.startswith("file:"):  # how SQLite is told to open
            text = text[5:].partition("?")[0]
        real = os.path.realpath(text)
        if real.startswith(self._folders) or (not writes and real.startswith((*_READ, *self._above))):
            return None
        return f"{what} {text[:200]}"


def bounded(seconds: float) -> None:
    """Ends this process, saying where it is, once it has computed for so many seconds, unless called again; or
    waited for a long time."""
    faulthandler.register(signal.SIGPROF, chain=True)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    faulthandler.dump_traceback_later(seconds * 30, exit=True)


def bound_memory() -> None:
    """Has what asks for too much be refused."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def peak() -> int:
    """The most bytes that this process was resident with."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
