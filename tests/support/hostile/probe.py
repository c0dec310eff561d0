"""Opens files through every face, in a process in which nothing else may happen.

``python -m tests.support.hostile.probe FOLDER NAME…`` writes a line of JSON for each face of each file; where it ends early, the last line
says what it was at.
"""

from __future__ import annotations

import glob
import io
import json
import logging
import os
import shutil
import sys
import time
import traceback
import warnings
import zoneinfo
from contextlib import suppress
from pathlib import Path
from typing import Any

SECONDS = 60
"""What a face may compute for one file: most need a tenth of a second, a million keys many."""


def main(folder: Path, names: list[str]) -> None:
    """Open each file of a folder; see the module's text."""
    os.environ["LGVIZ_CACHE"] = "off"
    os.environ["LGVIZ_TRACEBACK"] = ""
    os.environ["LGVIZXSS_SECRET"] = "lgvizxss-secret"
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    work = folder / f"out-{os.getpid()}"
    work.mkdir()
    os.environ["TMPDIR"] = str(work)
    os.chdir(work)
    out, sys.stdout = sys.stdout, io.StringIO()

    from .guard import Guard, bound_memory, bounded, peak

    guard = Guard(work)
    from plotly import graph_objects

    from tests.support.hostile import faces

    from .faces import FACES, faults_of

    faces.OUT = work

    def say(**what: Any) -> None:
        print(json.dumps(what), file=out, flush=True)

    def face_of(file: Path, face: str) -> list[str]:
        found, size = [], 0
        try:
            for kind, text in FACES[face](file):
                size += len(text)
                found += faults_of(kind, text)
                if "lgvizxss-secret" in text:
                    found.append("it tells the environment")
        except Exception as error:
            from lgviz.errors import LgvizError

            if not isinstance(error, LgvizError):
                found.append("".join(traceback.format_exception(error, limit=-6)))
        if printed := sys.stdout.getvalue():
            found.append(f"it prints {printed[:80]!r}")
            sys.stdout = io.StringIO()
        return found

    graph_objects.Bar(marker={"pattern": {"shape": "/"}})  # its parts are imported when they are first used
    with suppress(zoneinfo.ZoneInfoNotFoundError):
        zoneinfo.ZoneInfo("Nowhere/At_all")
    for healthy in sorted(folder.glob("healthy.*")):  # so that all is imported that any of them needs
        for face in FACES:
            bounded(120)
            say(warm=healthy.name, face=face, faults=face_of(healthy, face))
    bound_memory()
    before = peak()
    for name in names:
        for face in FACES:
            say(file=name, face=face)
            bounded(SECONDS)
            started = time.perf_counter()
            guard.seen.clear()
            there = _there(folder / name)
            with guard.armed():
                faults = face_of(folder / name, face)
            if there != _there(folder / name):
                faults.append("it leaves a trace beside the file, or in it")
            seen, more = list(dict.fromkeys(guard.seen)), peak() - before
            say(
                file=name,
                face=face,
                faults=faults[:6] + seen[:6],
                seconds=time.perf_counter() - started,
                more=more,
            )
            before = max(before, peak())
            for left in work.iterdir():
                shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)
    say(end=True)
    out.flush()
    os._exit(0)


def _there(file: Path) -> list[tuple[str, int, int]]:
    """The file and what lies beside it."""
    found = [one for one in file.parent.glob(glob.escape(file.name) + "*") if not one.name.startswith("out")]
    return sorted((one.name, one.lstat().st_mtime_ns, one.lstat().st_size) for one in found)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), sys.argv[2:])
