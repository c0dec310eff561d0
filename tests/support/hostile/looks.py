"""Has processes look at files of the corpus, each by :mod:`.probe`, and tells what they saw."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any

REPO = Path(__file__).parents[3]
ROOM = 700 << 20
"""Bytes that one face may need for one file."""
ROOMS = {"a million keys.langgraph": 1_500 << 20}
"""For those that are large in themselves."""
_AT_ONCE = 60


@dataclass
class Outcome:
    """What was seen of every file at every face.

    Attributes:
        faults: by file.
        warm: faults of the healthy files.
        ended: the files that were looked at to the end.
        seconds: by file and face.
    """

    faults: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    warm: list[str] = field(default_factory=list)
    ended: set[str] = field(default_factory=set)
    seconds: dict[tuple[str, str], float] = field(default_factory=dict)

    def take(self, told: dict[str, Any]) -> None:
        """A line of a probe."""
        if "warm" in told:
            self.warm += [f"{told['warm']}, {told['face']}: {fault}" for fault in told["faults"]]
        elif "faults" in told:
            name, face = told["file"], told["face"]
            self.seconds[name, face] = told["seconds"]
            self.faults[name] += [f"{face}: {fault}" for fault in told["faults"]]
            if told["more"] > ROOMS.get(name, ROOM):
                self.faults[name].append(f"{face}: needs {told['more'] >> 20} MB")
        if "file" in told:
            self.ended.add(told["file"])


def look(folder: Path, names: Iterable[str], processes: int) -> Outcome:
    """What processes see of files in a folder, which :func:`~tests.support.hostile.corpus.build` filled."""
    waiting: SimpleQueue[str] = SimpleQueue()
    for name in names:
        waiting.put(name)
    found = Outcome()
    threads = [threading.Thread(target=_looks, args=(folder, waiting, found)) for _ in range(processes)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return found


def _looks(folder: Path, waiting: SimpleQueue[str], outcome: Outcome) -> None:
    """Looks at the files that wait, until none does; a process that dies is followed by another."""
    names: list[str] = []
    while True:
        while not waiting.empty() and len(names) < _AT_ONCE:
            names.append(waiting.get())
        if not names:
            return
        at, code, errors = _probed(folder, names, outcome)
        if code == 0:
            names = []
        elif at is None:
            outcome.warm.append(f"a probe ended with {code}: {errors[-2000:]}")
            return
        else:
            died = f"{at['face']}: the process ended ({code}): {errors[-1500:]}"
            outcome.faults[at["file"]].append(died)
            names = names[names.index(at["file"]) + 1 :]


def _probed(folder: Path, names: list[str], outcome: Outcome) -> tuple[dict[str, Any] | None, int, str]:
    """Where a process was last, how it ended, and what it said of that."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join((str(REPO), str(folder))),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [sys.executable, "-m", "tests.support.hostile.probe", str(folder), *names]
    errors, at = folder / f"errors-{threading.get_ident()}", None
    with (
        errors.open("w") as file,
        subprocess.Popen(
            command, cwd=REPO, env=environment, stdout=subprocess.PIPE, stderr=file, text=True
        ) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            told = json.loads(line)
            if "file" in told:
                at = told
            outcome.take(told)
    return at, process.returncode, errors.read_text()
