"""Environments with other versions of LangGraph."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support import environments
from tests.support.environments import environment, output_of

SMALL = "markupsafe==2.1.5"
VERSION = "from importlib.metadata import version; print(version('markupsafe'))"


@pytest.fixture(autouse=True)
def kept_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environments, "KEPT", tmp_path)


def test_made_once_by_several_that_ask_at_once() -> None:
    with ThreadPoolExecutor(4) as pool:
        (python,) = {*pool.map(lambda _: environment(SMALL), range(4))}
    assert output_of(python, VERSION) == "2.1.5\n"
    made = python.parent.stat().st_mtime_ns
    assert environment(SMALL) == python and python.parent.stat().st_mtime_ns == made


def test_one_whose_making_was_cut_off_is_made_anew() -> None:
    python = environment(SMALL)
    (python.parents[1] / "ready").unlink()
    python.unlink()
    assert output_of(environment(SMALL), VERSION) == "2.1.5\n"


def test_what_cannot_be_made_skips_and_fails_where_it_is_promised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"(?s)markupsafe==0\.0\.0.*unsatisfiable"):
        environment("markupsafe==0.0.0")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="markupsafe"):
        environment("markupsafe==0.0.0")
