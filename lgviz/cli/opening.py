"""The command that opens JupyterLab on a document: ``open`` (floor 6)."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from .app import command

__all__ = ["open_"]

_EXTENSION = "lgviz/package.json"


@command("lgviz open checkpoints.db", answers=False, name="open", passes=True)
def open_(
    path: Annotated[
        str, typer.Argument(metavar="FILE", help="A database of checkpoints or a bundle: its path.")
    ],
    options: Annotated[
        list[str] | None,
        typer.Argument(metavar="OPTION…", help="What JupyterLab takes: --no-browser --port 9000."),
    ] = None,
) -> None:
    """Open JupyterLab on a database or a bundle, to read it there.

    A server of its own, whose root is the file's folder. It runs until Ctrl-C.
    """
    from lgviz.errors import NotASource, NotInstalled
    from lgviz.sources import open_source

    if "://" in path:
        raise NotASource(
            "JupyterLab opens files, no URLs.", "Use %lgviz URL in a notebook, or lgviz show URL."
        )
    file = Path(path).expanduser().resolve()
    open_source(str(file)).close()  # else JupyterLab would say it, half a minute later
    if find_spec("jupyterlab") is None:
        raise NotInstalled("JupyterLab is not installed.", "Run: pip install 'lgviz[lab]'.")
    if not _has_extension():
        raise NotInstalled(
            "JupyterLab does not have lgviz's extension.", "Run, where JupyterLab is: pip install lgviz."
        )
    where = [f"--ServerApp.root_dir={file.parent}", f"--LabApp.default_url=/lab/tree/{quote(file.name)}"]
    _become(["-m", "jupyterlab", *where, *(options or [])])


def _become(arguments: list[str]) -> None:
    """Go on as Python with these arguments: it has the terminal, its signals and its exit code."""
    command_line = [sys.executable, *arguments]
    sys.stdout.flush()
    if os.name == "posix":
        os.execv(sys.executable, command_line)  # noqa: S606 - no shell
    raise typer.Exit(subprocess.call(command_line))  # noqa: S603


def _has_extension() -> bool:
    """Whether one of the folders where JupyterLab looks has it."""
    from jupyter_core.paths import jupyter_path

    return any(Path(folder, _EXTENSION).is_file() for folder in jupyter_path("labextensions"))
