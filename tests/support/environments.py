"""Python environments with other versions of LangGraph, made by uv and kept in ``.make/environments``."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

REPO = Path(__file__).resolve().parents[2]
KEPT = REPO / ".make" / "environments"


def environment(*requirements: str, lgviz: bool = False, before: str | None = None) -> Path:
    """The ``python`` of an environment with ``requirements``, made when it is first asked for.

    With ``lgviz`` this checkout is there too, editable, with what it needs but LangGraph's packages: those are the
    ones that ``requirements`` name. ``before`` takes every package as it was on that day (``"2025-03-31"``).
    Where it can't be made the test is skipped; in continuous integration, which promises it, it fails.

        python = environment("langgraph==1.2.12", "langgraph-checkpoint-sqlite", lgviz=True)
    """
    wanted = [*requirements, *(_needs() if lgviz else ())]
    key = repr((sorted(wanted), lgviz, before, sys.version_info[:2]))
    readable = re.sub(r"[^a-z0-9.]+", "-", requirements[0].lower())
    folder = KEPT / f"{readable}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"
    python, ready = folder / "bin" / "python", folder / "ready"
    with alone(folder.with_suffix(f"{folder.suffix}.lock")):
        if not ready.exists():  # also when making it was cut off
            shutil.rmtree(folder, ignore_errors=True)
            dated = ["--exclude-newer", before] if before else []
            uv("venv", "--python", sys.executable, folder)
            uv("pip", "install", "--python", python, *dated, *wanted)
            if lgviz:
                uv("pip", "install", "--python", python, "--no-deps", "--editable", REPO)
            ready.touch()
    return python


def output_of(python: Path, code: str, *args: object) -> str:
    """What ``code`` prints there; it sees that environment's packages alone, and ``args`` as ``sys.argv[1:]``."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    command = [str(python), "-c", code, *map(str, args)]
    ended = subprocess.run(command, env=env, cwd=python.parent, capture_output=True, text=True)
    assert not ended.returncode, f"{python}: {ended.stderr}"
    return ended.stdout


def _needs() -> list[str]:
    """What lgviz needs but LangGraph's own packages."""
    project = tomllib.loads((REPO / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [need for need in project["dependencies"] if not need.startswith("langgraph")]


def build(kind: str, source: Path, folder: Path) -> Path:
    """Build the ``"wheel"`` or ``"sdist"`` of a source tree into an empty folder; the file."""
    command = [sys.executable, "-m", "build", "--no-isolation", f"--{kind}", "--outdir", folder, source]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = folder.iterdir()
    return path


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """One process at a time."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def uv(*args: str | Path) -> None:
    """Run uv; see :func:`environment` for where there is none."""
    beside = Path(sys.executable).with_name("uv")
    if not (program := shutil.which("uv") or (beside if beside.exists() else None)):
        without("no uv: pip install uv")
    ended = subprocess.run([program, "--quiet", *args], capture_output=True, text=True)
    if ended.returncode:
        without(f"uv {' '.join(map(str, args))}: {ended.stderr.strip()}")


def without(reason: str) -> NoReturn:
    """Skip the test for want of what it needs; in continuous integration, which promises it, fail."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
