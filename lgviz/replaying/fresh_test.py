"""One test, run by pytest in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

__all__ = ["failure_of"]

_OPTIONS = ("-q", "--tb=short", "--no-header", "--override-ini=addopts=", "-p", "no:cacheprovider")
"""Without the options that a project gives to all its tests: coverage, workers."""
_LINES = 30
"""How much is told of a failure, at its end."""


def failure_of(test: Path, without: Collection[str] = (), seconds: float = 120) -> str:
    """What pytest says of a test that does not pass; empty where it does.

    Nothing but the test's own doing is left behind.

    Args:
        test: its file, which is imported as ``pytest`` does: the folder that one works in is not on the path.
        without: environment variables that it does not have.
        seconds: when it is given up.
    """
    hidden = {"PYTEST_ADDOPTS", *without}
    env = {name: value for name, value in os.environ.items() if name not in hidden}
    try:
        done = subprocess.run(  # noqa: S603 - no shell
            [sys.executable, "-P", "-B", "-m", "pytest", *_OPTIONS, str(test)],
            env=env | {"NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        return f"It did not end within {seconds:g} seconds."
    return _told(done.stdout.decode(errors="replace")) if done.returncode else ""


def _told(output: str) -> str:
    """What was raised, else the end of all that pytest says."""
    lines = output.strip().splitlines()
    raised = [line[1:].strip() for line in lines if re.match(r"E( |$)", line)]
    return "\n".join((raised or lines)[-_LINES:]) or "pytest said nothing."
