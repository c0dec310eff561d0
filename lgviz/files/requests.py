"""Answers a view that exports: first what the file contains, then that it is written."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

from lgviz.backend import Backend
from lgviz.backend.dispatch import RequestCall, handler
from lgviz.errors import FileExists, InvalidValue, NotFound
from lgviz.protocol import ExportPlan, ExportView, ExportWrite, ExportWritten, PinWrite
from lgviz.replaying import pin

from .formats import FORMATS, history_of
from .prepared import PreparedFile, free_path, prepare

__all__ = ["ExportRequests", "notebook_folder"]


class ExportRequests:
    """The requests of a view that may have files written beside the notebook.

    Args:
        backend: whose open thread is exported, masked as its views are.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._numbers = itertools.count(1)
        self._made: tuple[str, PreparedFile] | None = None

    @handler("act")
    def export_plan(self, call: RequestCall, params: ExportPlan) -> ExportView:
        self._made = None
        made = prepare(
            self._backend,
            params["kind"],
            selected=params["checkpoint"],
            compared=params["other"],
            redact=params["redact"],
            progress=call.counted,
        )
        token, told = str(next(self._numbers)), made.contents
        self._made = token, made
        name = self._backend.thread.shown(told.thread_id)
        return {
            "token": token,
            "checkpoints": told.checkpoints,
            "messages": told.messages,
            "items": told.items,
            "bytes": told.size,
            "rules": told.rules,
            "path": free_path(notebook_folder(), f"thread-{name}", FORMATS[params["kind"]].suffixes[0]).name,
        }

    @handler("act")
    def export_write(self, call: RequestCall, params: ExportWrite) -> ExportWritten:
        if not params["path"].strip():
            raise InvalidValue("The file has no name.", "Give it one.")
        if self._made is None or self._made[0] != params["token"]:
            raise NotFound(
                "What was to be written was made anew meanwhile.", "Look at what it contains, and write that."
            )
        path = notebook_folder() / Path(params["path"].strip()).expanduser()
        try:
            self._made[1].write(path, overwrite=params["overwrite"])
        except FileExists:
            return {"path": str(path), "written": False}
        self._made = None
        return {"path": str(path), "written": True}

    @handler("run")
    def pin_write(self, call: RequestCall, params: PinWrite) -> ExportWritten:
        path = notebook_folder() / Path(params["path"].strip()).expanduser()
        at = history_of(self._backend)[params["checkpoint"]]
        call.check()
        try:
            pin(at, path, live=params["live"], overwrite=params["overwrite"])
        except FileExists:
            return {"path": str(path), "written": False}
        return {"path": str(path), "written": True}


def notebook_folder() -> Path:
    """Where the notebook lies, as Jupyter tells its kernel; else where Python works."""
    session = Path(os.environ.get("JPY_SESSION_NAME", ""))
    return session.parent if session.suffix == ".ipynb" and session.parent.is_dir() else Path.cwd()
