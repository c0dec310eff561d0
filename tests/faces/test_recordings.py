"""What the front end's tests replay is what the backend answers today."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
KEPT = sorted((ROOT / "js" / "tests" / "recordings").glob("*.json"))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("recordings")
    subprocess.run([sys.executable, ROOT / "js" / "scripts" / "record.py", out], check=True, timeout=300)
    return out


def test_every_recording_is_made_anew(recorded: Path) -> None:
    assert [path.name for path in KEPT] == sorted(path.name for path in recorded.iterdir())


@pytest.mark.parametrize("kept", KEPT, ids=lambda path: path.stem)
def test_a_recording_is_what_the_backend_answers(kept: Path, recorded: Path) -> None:
    lines = kept.read_text(encoding="utf-8").splitlines()
    now = (recorded / kept.name).read_text(encoding="utf-8").splitlines()
    assert lines == now, "run `make recordings`, look at what changed, and commit it"
