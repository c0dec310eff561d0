"""Decoders against bytes that no serializer wrote: a minute of them in each run, from the same seed on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SECONDS = float(os.environ.get("LGVIZ_TEST_FUZZ", "60"))
SEED = int(os.environ.get("LGVIZ_TEST_SEED", "1"))


@pytest.mark.timeout(SECONDS * 10 + 240)
def test_no_decoder_raises_runs_or_writes_whatever_it_is_given() -> None:
    command = [sys.executable, "-m", "tests.support.hostile.fuzz", str(SECONDS), str(SEED)]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout[-300:]}\n{done.stderr[-6_000:]}"
    print(done.stdout.splitlines()[-1])
