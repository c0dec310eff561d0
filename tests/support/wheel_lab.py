"""A JupyterLab as a user has it: installed from the wheel into an environment of its own, without Node."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab_server import Lab, running_lab
from tests.support.environments import build, uv

REPO = Path(__file__).resolve().parents[2]


HOSTS = ("marimo", "notebook>=7", "voila", "jupyterlab-language-pack-de-DE")
"""What else shows a debugger, and JupyterLab's own words in another language."""


@pytest.fixture(scope="package")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``bin`` of an environment made by ``pip install 'lgviz[lab]'``, from the wheel, with other hosts too."""
    folder = tmp_path_factory.mktemp("installed")
    wheel = build("wheel", REPO, tmp_path_factory.mktemp("built"))
    uv("venv", "--python", sys.executable, folder / "env")
    uv("pip", "install", "--python", folder / "env" / "bin" / "python", f"{wheel}[lab]", *HOSTS)
    return folder / "env" / "bin"


@pytest.fixture(scope="module")
def wheel_lab(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab running there, below a path as JupyterHub's proxy has it; no program but the environment's own is found."""
    program = (installed / "python", "-m", "jupyterlab", "--ServerApp.base_url=/user/ada/")
    with running_lab(tmp_path_factory.mktemp("wheel-lab"), program=program, PATH=str(installed)) as lab:
        yield lab
