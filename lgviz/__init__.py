"""lgviz: see, understand and rewrite what a LangGraph agent remembers.

``%load_ext lgviz`` registers the magic ``%lgviz``; :func:`debug` opens the debugger, :func:`history` reads a
thread as a tree of checkpoints, :func:`preview`, :func:`fork` and :func:`run` travel in time from code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lgviz import errors
from lgviz._version import __version__
from lgviz.analysis.checkpoint import Checkpoint
from lgviz.analysis.diff import Change, StateDiff
from lgviz.analysis.history import History
from lgviz.analysis.history import open_history as history
from lgviz.errors import LgvizError
from lgviz.session import Preview, Run, Set, afork, apreview, arun, fork, preview, run
from lgviz.session import open_sandbox as sandbox
from lgviz.sources import open_source
from lgviz.widget import Debugger, debug

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = [
    "Change",
    "Checkpoint",
    "Debugger",
    "History",
    "LgvizError",
    "Preview",
    "Run",
    "Set",
    "StateDiff",
    "__version__",
    "afork",
    "apreview",
    "arun",
    "debug",
    "errors",
    "fork",
    "history",
    "load_ipython_extension",
    "open_source",
    "preview",
    "run",
    "sandbox",
]


def load_ipython_extension(shell: InteractiveShell) -> Any:
    """What ``%load_ext lgviz`` calls: registers ``%lgviz`` and does nothing else."""
    from lgviz.magics import load

    load(shell)
