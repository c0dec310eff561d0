"""Environments of Node with versions of langgraphjs, made by npm and kept in ``.make/environments``."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

from tests.support.environments import KEPT, alone

PROGRAM = Path(__file__).with_name("javascript.mjs")


def threads_by_node(place: str | Path, beside: Path, *packages: str) -> None:
    """Threads written by langgraphjs, and what it answers about them; see ``javascript.mjs``."""
    folder = _environment(*packages)
    program = folder / PROGRAM.name  # imports are looked for beside the program
    shutil.copyfile(PROGRAM, program)
    _run(["node", program, place, beside], folder)


def _environment(*packages: str) -> Path:
    """The folder of an environment with these packages, made when it is first asked for.

    Where it can't be made the test is skipped; in continuous integration, which promises it, it fails.
    """
    if not shutil.which("npm"):
        _without("no npm")
    folder = KEPT / f"node-{hashlib.sha256(repr(sorted(packages)).encode()).hexdigest()[:8]}"
    ready = folder / "ready"
    with alone(folder.with_suffix(".lock")):
        if not ready.exists():  # also when making it was cut off
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            (folder / "package.json").write_text(json.dumps({"name": "threads", "private": True}))
            quiet = ["--no-audit", "--no-fund", "--no-progress", "--legacy-peer-deps"]
            try:
                _run(["npm", "install", *quiet, *packages], folder)
                if any("sqlite" in package for package in packages):
                    _run(["npm", "rebuild", "better-sqlite3"], folder)  # where npm does not build by itself
            except AssertionError as error:
                _without(str(error))
            ready.touch()
    return folder


def _run(command: list[str | Path], folder: Path) -> None:
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=900)
    assert not ended.returncode, f"{' '.join(map(str, command))}: {ended.stderr.strip()}"


def _without(reason: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
