"""``make demo``: the tour notebook in a JupyterLab of its own, already run, so that its debuggers live.

Everything lies in ``.demo/`` and may be deleted. ``PORT`` names the port, ``OPEN=0`` opens no browser.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import webbrowser
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client import BlockingKernelClient
from nbformat.sign import NotebookNotary
from tqdm.auto import tqdm

from lab_server import START_SECONDS, Lab, running_lab

REPO = Path(__file__).resolve().parents[1]
FOLDER = REPO / ".demo"
TOUR = "00_tour.ipynb"
CELL_SECONDS = 120


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        print("Seeds the demos …", flush=True)
        prepare(FOLDER / "root")
        print("Starts JupyterLab …", flush=True)
        with running_lab(FOLDER, port()) as lab:
            failed = run(lab, TOUR)
            url = lab.page(TOUR)
            with urllib.request.urlopen(url, timeout=60):
                print(f"lgviz demo ready: {url}", flush=True)
            if failed:
                print(f"{failed} cells of the tour failed: see them there", file=sys.stderr)
            print("Ctrl-C stops it.", flush=True)
            if os.environ.get("OPEN") != "0" and has_screen():
                webbrowser.open(url)
            return lab.process.wait()
    except KeyboardInterrupt:
        print("\nstopped")
        return 0
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1


def prepare(root: Path) -> None:
    """A scratch copy of the notebooks, and a database with every demo beside it."""
    root.mkdir(parents=True, exist_ok=True)
    for notebook in (REPO / "notebooks").glob("*.ipynb"):
        shutil.copy(notebook, root)
    database = root / "demos.db"
    if not database.exists():
        fresh = root / "demos.db.new"
        fresh.unlink(missing_ok=True)
        subprocess.run(
            [sys.executable, "-m", "lgviz.demos", str(fresh)], check=True, stdout=subprocess.DEVNULL
        )
        fresh.rename(database)


def port() -> int:
    """``$PORT``, or the first free one from 8888 on."""
    if os.environ.get("PORT"):
        return int(os.environ["PORT"])
    for candidate in range(8888, 8988):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", candidate))
            except OSError:
                continue
            return candidate
    raise RuntimeError("no free port from 8888 to 8987: name one by PORT=…")


def run(lab: Lab, name: str) -> int:
    """Run a notebook in the kernel that JupyterLab will show it with; how many cells failed.

    The browser finds the kernel at work, its widgets included, and the notebook saved and trusted.
    """
    path = lab.root / name
    book: Any = nbformat.read(path, as_version=4)
    client = BlockingKernelClient(connection_file=str(lab.start_kernel(name)))
    client.load_connection_file()
    client.start_channels()
    failed = 0
    shown: dict[str | None, Any] = {}  # outputs by their display's id: a later message may change them
    try:
        wait_for(client)
        cells = [cell for cell in book.cells if cell.cell_type == "code"]
        for cell in tqdm(cells, desc="Runs the tour", unit="cell"):
            cell.outputs = []

            def keep(message: dict[str, Any], outputs: list[Any] = cell.outputs) -> None:
                content = message["content"]
                display = content.get("transient", {}).get("display_id")
                if message["msg_type"] == "update_display_data":
                    shown[display].update(data=content["data"], metadata=content["metadata"])
                elif message["msg_type"] in {"display_data", "execute_result", "stream", "error"}:
                    outputs.append(nbformat.v4.output_from_msg(message))
                    shown[display] = outputs[-1]

            reply = client.execute_interactive(
                cell.source, allow_stdin=False, output_hook=keep, timeout=CELL_SECONDS
            )
            cell.execution_count = reply["content"]["execution_count"]
            failed += reply["content"]["status"] != "ok"
    finally:
        client.stop_channels()
    nbformat.write(book, path)
    NotebookNotary(data_dir=str(lab.folder / "data")).sign(book)
    return failed


def wait_for(client: BlockingKernelClient) -> None:
    """Wait until the kernel answers. While it starts it has no heartbeat, and the client calls it dead."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            return client.wait_for_ready(timeout=START_SECONDS)
        except RuntimeError:
            if time.monotonic() > deadline:
                raise


def has_screen() -> bool:
    """Is there a desktop to open a browser on?"""
    on_desktop = sys.platform in {"darwin", "win32"}
    return on_desktop or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


if __name__ == "__main__":
    raise SystemExit(main())
