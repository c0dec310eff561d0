"""An environment with the hosts and lgviz's wheel, which the tests share; servers of their own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser, Page, Route

from tests.support.environments import environment
from tests.support.hosts import SEED, Serve
from tests.support.lab_fixtures import chromium

__all__ = ["chromium"]

REPO = Path(__file__).resolve().parents[2]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.hosts)
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``python`` of an environment with Notebook 7, Voila, marimo, and lgviz from its wheel, without Node."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", folder, REPO]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.iterdir()
    project = tomllib.loads((REPO / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    made = environment("notebook>=7", "voila>=0.5", "marimo>=0.10", *project["dependencies"])
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    install = [uv, "--quiet", "pip", "install", "--python", made, "--no-deps", "--reinstall", wheel]
    subprocess.run(install, check=True, capture_output=True)
    return made


@pytest.fixture
def serve(python: Path, tmp_path: Path) -> Iterator[Serve]:
    """``serve("voila", "a.ipynb", …, port="--port")``: starts a server in ``tmp_path``; its address."""
    started: list[subprocess.Popen[bytes]] = []

    def start(program: str, *args: str) -> str:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        bin_ = python.parent
        env = {"PATH": f"{bin_}:/usr/bin:/bin", "HOME": str(tmp_path), "LANG": "C.UTF-8"}
        command = [bin_ / program, *args, f"--port={port}"]
        with (tmp_path / f"{program}.log").open("wb") as log:
            process = subprocess.Popen(
                command, cwd=tmp_path, env=env, stdout=log, stderr=log, start_new_session=True
            )
        started.append(process)
        address = f"http://127.0.0.1:{port}/"
        _wait(address, started[-1], tmp_path / f"{program}.log")
        return address

    yield start
    for process in started:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def _wait(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until the server listens. It is asked for what it has not, so that nothing is run by it."""
    for _ in range(240):
        if process.poll() is not None:
            break
        try:
            urllib.request.urlopen(f"{address}no-such-page", timeout=5).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.5)
    pytest.fail(log.read_text(errors="replace"))


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page that reaches this machine alone, and notes in ``page.outside`` what asked for more."""
    context = chromium.new_context(viewport={"width": 1300, "height": 1000})
    page = context.new_page()
    page.outside = []  # type: ignore[attr-defined]

    def route(request: Route) -> None:
        if request.request.url.startswith("http://127.0.0.1:"):
            request.continue_()
        else:
            page.outside.append(request.request.url)  # type: ignore[attr-defined]
            request.abort()

    page.route("**/*", route)
    yield page
    context.close()


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A notebook that shows a debugger."""
    cells = [SEED, 'dbg = lgviz.debug(graph, "1")\ndbg']
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(made, tmp_path / "a.ipynb")
    return tmp_path / "a.ipynb"
