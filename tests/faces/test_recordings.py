"""What the front end's tests replay is what the backend answers today."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

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
    now = recorded / kept.name
    assert said(kept) == said(now), "run `make recordings`, look at what changed, and commit it"


def said(recording: Path) -> tuple[list[tuple[Any, list[str]]], set[str]]:
    """What was asked with what was answered, and what was told besides: events come from threads, so between which
    questions they are heard is by chance, and progress comes by the clock."""
    asked, events = [], set[str]()
    for exchange in json.loads(recording.read_text(encoding="utf-8")):
        texts = {"id": list[str](), "event": list[str]()}
        for message in exchange["say"]:
            if "progress" not in message:
                texts["id" if "id" in message else "event"].append(json.dumps(message, sort_keys=True))
        asked.append((exchange["ask"], texts["id"]))
        events.update(texts["event"])
    return asked, events
