"""Hostile and damaged files, each opened through every face: nothing runs, nothing is written, all is bounded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from tests.support.hostile.corpus import KINDS, build

pytestmark = [pytest.mark.bench, pytest.mark.timeout(1_800)]
REPO = Path(__file__).parents[2]
PROCESSES = 2
ROOM = 700 << 20
"""Bytes that one face may need for one file."""


class Outcome:
    """What was seen of every file at every face.

    Attributes:
        faults: by file.
        ended: the files that were looked at to the end.
        warm: faults of the healthy files.
        seconds: by file and face.
    """

    def __init__(self) -> None:
        self.faults: dict[str, list[str]] = defaultdict(list)
        self.warm: list[str] = []
        self.ended: set[str] = set()
        self.seconds: dict[tuple[str, str], float] = {}
        self.died = 0

    def take(self, told: dict[str, Any]) -> None:
        """A line of a probe."""
        if "warm" in told:
            self.warm += [f"{told['warm']}, {told['face']}: {fault}" for fault in told["faults"]]
        elif "faults" in told:
            name, face = told["file"], told["face"]
            self.seconds[name, face] = told["seconds"]
            self.faults[name] += [f"{face}: {fault}" for fault in told["faults"]]
            if told["more"] > ROOM:
                self.faults[name].append(f"{face}: needs {told['more'] >> 20} MB")
        if "file" in told:
            self.ended.add(told["file"])


def probed(folder: Path, waiting: SimpleQueue[str], outcome: Outcome) -> None:
    """Has processes look at the files that wait, until none does; one that dies is followed by another."""
    names: list[str] = []
    while True:
        while not waiting.empty() and len(names) < 60:
            names.append(waiting.get())
        if not names:
            return
        command = [sys.executable, "-m", "tests.support.hostile.probe", str(folder), *names]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join((str(REPO), str(folder))),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        errors = folder / f"errors-{threading.get_ident()}"
        at = None
        with errors.open("w") as file:
            process = subprocess.Popen(
                command, cwd=REPO, env=environment, stdout=subprocess.PIPE, stderr=file, text=True
            )
            assert process.stdout is not None
            for line in process.stdout:
                told = json.loads(line)
                if "file" in told:
                    at = told
                outcome.take(told)
            code = process.wait()
        if code == 0:
            names = []
            continue
        if at is None:
            outcome.warm.append(f"a probe ended with {code}: {errors.read_text()[-2000:]}")
            return
        outcome.died += 1
        outcome.faults[at["file"]].append(
            f"{at['face']}: the process ended ({code}): {errors.read_text()[-1500:]}"
        )
        names = names[names.index(at["file"]) + 1 :]


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    folder = tmp_path_factory.mktemp("hostile")
    waiting: SimpleQueue[str] = SimpleQueue()
    for name in build(folder):
        waiting.put(name)
    found = Outcome()
    threads = [threading.Thread(target=probed, args=(folder, waiting, found)) for _ in range(PROCESSES)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    yield found
    assert not [*folder.glob("**/lgvizxss_ran"), *folder.glob("**/lgvizxss_imported")]


def test_a_healthy_file_shows_no_fault(outcome: Outcome) -> None:
    assert outcome.warm == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_of_this_kind_does_nothing_and_is_shown_or_refused(kind: str, outcome: Outcome) -> None:
    for tables in KINDS[kind]:
        name = f"{kind.replace('/', '÷')}.{tables}"
        assert name in outcome.ended
        assert outcome.faults[name] == []
