"""Modules that a test writes into its own folder and imports, as a user's project has them."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

__all__ = ["Module", "module"]

Module = Callable[[str, str], Any]


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Module]:
    """Writes a module into the folder that one works in, and imports it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # which make a fresh process slow
    monkeypatch.syspath_prepend(str(tmp_path))
    made: list[str] = []

    def write(name: str, code: str) -> Any:
        (tmp_path / f"{name}.py").write_text(code)
        made.append(name)
        return importlib.import_module(name)

    yield write
    for name in made:
        sys.modules.pop(name, None)
