"""A real JupyterLab, and what a test does with a notebook in it.

Waiting is always for a fact that the page or the server states, never for a time: JupyterLab's own
application object (``expose_app_in_browser``) runs commands and tells when they are done.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import Page

START_SECONDS = 90
RUN_MS = 120_000

CONFIG = """
c.ServerApp.ip = "127.0.0.1"
c.ServerApp.port = 0
c.ServerApp.open_browser = False
c.ServerApp.allow_root = True
c.ServerApp.root_dir = {root!r}
c.IdentityProvider.token = {token!r}
c.LabApp.expose_app_in_browser = True
c.LabApp.collaborative = False
"""

NEWS = "@jupyterlab/apputils-extension/notification.jupyterlab-settings"
THEMES = "@jupyterlab/apputils-extension/themes.jupyterlab-settings"

NotebookFactory = Callable[..., Page]


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab.

    Attributes:
        url: its address, with a slash at the end.
        token: what opens it.
        root: the folder that it serves.
        settings: the folder of the user's settings.
    """

    url: str
    token: str
    root: Path
    settings: Path

    def set(self, name: str, values: dict[str, Any]) -> None:
        """Give a plugin's settings, for the pages opened from now on."""
        path = self.settings / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))

    def write(self, cells: Sequence[str], name: str) -> str:
        """Write a notebook of code cells and give the address at which JupyterLab shows it."""
        book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
        book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(book, self.root / name)
        return f"{self.url}lab/tree/{name}?reset&token={self.token}"

    def api(self, path: str, method: str = "GET") -> Any:
        """Call the server's REST interface; the decoded answer."""
        request = urllib.request.Request(
            f"{self.url}api/{path}", method=method, headers={"Authorization": f"token {self.token}"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            body = answer.read()
        return json.loads(body) if body else None

    def stop_kernel(self, name: str) -> None:
        """End the session of one notebook."""
        for session in self.api("sessions"):
            if session["path"] == name:
                self.api(f"sessions/{session['id']}", "DELETE")


@contextmanager
def running_lab(folder: Path) -> Iterator[Lab]:
    """Start JupyterLab with a configuration of its own below ``folder``; stop it at the end."""
    root, config, runtime = folder / "root", folder / "config", folder / "runtime"
    for made in (root, config, runtime):
        made.mkdir()
    token = secrets.token_hex(16)
    (config / "jupyter_lab_config.py").write_text(CONFIG.format(root=str(root), token=token))
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": str(config),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(runtime),
        "IPYTHONDIR": str(folder / "ipython"),
    }
    log = folder / "jupyter.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab"],
            cwd=root,
            env=environment,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        try:
            lab = Lab(_address(process, runtime, log), token, root, config / "lab" / "user-settings")
            lab.set(NEWS, {"checkForUpdates": False, "fetchNews": "false"})
            yield lab
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _address(process: subprocess.Popen[bytes], runtime: Path, log: Path) -> str:
    """The server's address, once it answers there."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            url = json.loads((runtime / f"jpserver-{process.pid}.json").read_text())["url"]
            with urllib.request.urlopen(f"{url}api", timeout=5):
                return str(url)
        except (OSError, ValueError, urllib.error.URLError):
            time.sleep(0.1)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text(errors='replace')[-4000:]}")


def wait_for_kernel(page: Page) -> None:
    """Wait until the notebook in front is open, its kernel answers and nothing runs."""
    page.wait_for_function("() => window.jupyterapp?.shell?.currentWidget?.context?.path?.endsWith('.ipynb')")
    page.evaluate(
        """async () => {
            await jupyterapp.restored;
            const panel = jupyterapp.shell.currentWidget;
            await panel.context.ready;
            await panel.sessionContext.ready;
            await panel.sessionContext.session.kernel.info;
        }"""
    )
    page.wait_for_function(
        "() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'", timeout=RUN_MS
    )


def command(page: Page, name: str, **arguments: Any) -> None:
    """Run a command of JupyterLab and wait until it says that it is done."""
    page.evaluate(
        "async ([name, args]) => { await jupyterapp.commands.execute(name, args); }", [name, arguments]
    )


def run_all(page: Page) -> None:
    """Run every cell of the notebook in front and wait until the last has run."""
    command(page, "notebook:run-all-cells")


def add_cell(page: Page, source: str) -> None:
    """Append a code cell and run it."""
    page.evaluate(
        """async (source) => {
            const { content, sessionContext } = jupyterapp.shell.currentWidget;
            content.model.sharedModel.addCell({ cell_type: 'code', source });
            content.activeCellIndex = content.model.cells.length - 1;
        }""",
        source,
    )
    command(page, "notebook:run-cell")


def restart_kernel(page: Page) -> None:
    """Restart the kernel, as a person would, and wait until it answers again."""
    page.evaluate(
        "async () => { await jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart(); }"
    )
    wait_for_kernel(page)


def set_theme(page: Page, dark: bool) -> None:
    """Change JupyterLab's theme while the page is open."""
    command(page, "apputils:change-theme", theme=theme_name(dark))


def theme_name(dark: bool) -> str:
    return "JupyterLab Dark" if dark else "JupyterLab Light"


def save(page: Page) -> None:
    """Save the notebook in front."""
    command(page, "docmanager:save")
