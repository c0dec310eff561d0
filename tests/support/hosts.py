"""Other programs than JupyterLab that show a debugger, from the wheel, in an environment of their own."""

from __future__ import annotations

import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socket import socket

from lab_server import environment


@contextmanager
def serving(program: tuple[str | Path, ...], folder: Path, path: Path) -> Iterator[str]:
    """The address of a server that ``program`` starts with ``{port}`` filled in, which finds no other programs
    than those in ``path``; stopped at the end.

    Raises:
        RuntimeError: it did not answer within a minute; the message ends with what it printed.
    """
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = folder / "log"
    filled = [str(part).format(port=port) for part in program]
    env = os.environ | environment(folder) | {"PATH": str(path)}
    with log.open("wb") as out:
        process = subprocess.Popen(
            filled, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
        )
    try:
        yield _answering(f"http://127.0.0.1:{port}/", process, log)
    finally:
        process.terminate()
        process.wait(20)


def _answering(url: str, process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}favicon.ico", timeout=5):
                return url
        except urllib.error.HTTPError:
            return url
        except OSError:
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.1)
    raise RuntimeError(f"Nothing answers at {url}:\n{log.read_text(errors='replace')[-4000:]}")
