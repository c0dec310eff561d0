"""Python in a process of its own."""

from __future__ import annotations

import subprocess
import sys


def start(code: str, *args: str) -> subprocess.Popen[str]:
    """Python that can import what these tests can."""
    prelude = f"import sys; sys.path[:0] = {sys.path!r}\n"
    return subprocess.Popen(
        [sys.executable, "-c", prelude + code, *args],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
