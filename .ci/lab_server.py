"""A real JupyterLab with a configuration of its own, for the demo, the browser tests and the pictures."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

START_SECONDS = 90
NEWS = "@jupyterlab/apputils-extension/notification.jupyterlab-settings"
THEMES = "@jupyterlab/apputils-extension/themes.jupyterlab-settings"
CONFIG = """
import os, signal, threading, time

def follow(parent):
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)

# Whoever started this may be killed before it can stop the server.
threading.Thread(target=follow, args=[os.getppid()], daemon=True).start()

c.ServerApp.ip = "127.0.0.1"
c.ServerApp.port = {port}
c.ServerApp.port_retries = 0
c.ServerApp.open_browser = False
c.ServerApp.allow_root = True
c.ServerApp.root_dir = {root!r}
c.IdentityProvider.token = {token!r}
c.LabApp.expose_app_in_browser = True
"""


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab.

    Attributes:
        url: its address, with a slash at the end.
        token: what opens it.
        root: the folder that it serves.
        folder: where its configuration, log and runtime files are.
        process: the server.
    """

    url: str
    token: str
    root: Path
    folder: Path
    process: subprocess.Popen[bytes]

    def page(self, name: str, reset: bool = False) -> str:
        """The address at which JupyterLab shows one file of ``root``."""
        return f"{self.url}lab/tree/{quote(name)}?{'reset&' if reset else ''}token={self.token}"

    def set(self, plugin: str, values: dict[str, Any]) -> None:
        """Write a plugin's settings, for the pages opened from now on."""
        path = self.folder / "config" / "lab" / "user-settings" / plugin
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))

    def api(self, path: str, method: str = "GET", body: Any = None) -> Any:
        """Call the server's REST interface; the decoded answer."""
        request = urllib.request.Request(
            f"{self.url}api/{path}",
            method=method,
            headers={"Authorization": f"token {self.token}", "Content-Type": "application/json"},
            data=None if body is None else json.dumps(body).encode(),
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            content = answer.read()
        return json.loads(content) if content else None

    def start_kernel(self, name: str) -> Path:
        """Start the kernel of one notebook, as opening it would; its connection file."""
        session = self.api(
            "sessions",
            "POST",
            {"path": name, "name": name, "type": "notebook", "kernel": {"name": "python3"}},
        )
        return self.folder / "runtime" / f"kernel-{session['kernel']['id']}.json"

    def stop_kernel(self, name: str) -> None:
        """End the session of one notebook."""
        for session in self.api("sessions"):
            if session["path"] == name:
                self.api(f"sessions/{session['id']}", "DELETE")


def environment(folder: Path) -> dict[str, str]:
    """Where Jupyter finds its files when everything of it lives below ``folder``."""
    return {
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "IPYTHONDIR": str(folder / "ipython"),
    }


@contextmanager
def running_lab(
    folder: Path,
    port: int = 0,
    program: tuple[str | Path, ...] = (sys.executable, "-m", "jupyterlab"),
    **env: str,
) -> Iterator[Lab]:
    """Start JupyterLab with everything of it below ``folder``, serving ``folder/root``; stop it at the end.

    ``program`` may be another environment's, or Notebook 7; ``env`` is added to the environment's variables.

    Raises:
        RuntimeError: it did not start (the port may be taken); the message ends with its log.
    """
    root, config, runtime = folder / "root", folder / "config", folder / "runtime"
    shutil.rmtree(runtime, ignore_errors=True)
    for made in (root, config, runtime):
        made.mkdir(parents=True, exist_ok=True)
    token = secrets.token_hex(16)
    settings = config / "jupyter_lab_config.py"
    settings.touch(mode=0o600)
    settings.write_text(CONFIG.format(root=str(root), token=token, port=port))
    log = folder / "jupyter.log"
    with log.open("wb") as out:
        # A session of its own: Ctrl-C reaches the one who started it, who ends it in order.
        process = subprocess.Popen(
            program,
            cwd=root,
            env=os.environ | environment(folder) | env,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            lab = Lab(_address(process, runtime, log), token, root, folder, process)
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
        except (OSError, ValueError):
            time.sleep(0.1)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text(errors='replace')[-4000:]}")
