"""lgviz: see, understand and rewrite what a LangGraph agent remembers.

``%load_ext lgviz`` registers the magic ``%lgviz``; :func:`debug` opens the debugger, :func:`history` reads a
thread as a tree of checkpoints, :func:`preview`, :func:`fork` and :func:`run` travel in time from code,
:func:`replay` does whole threads again with today's code.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from lgviz._version import __version__

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from lgviz import errors, learn
    from lgviz.analysis.blame import Blame, Origin
    from lgviz.analysis.checkpoint import Checkpoint
    from lgviz.analysis.comparing import compare
    from lgviz.analysis.comparison import Comparison, Divergence
    from lgviz.analysis.diff import Change, StateDiff
    from lgviz.analysis.history import History
    from lgviz.analysis.history import open_history as history
    from lgviz.analysis.narration import Narration, Told
    from lgviz.analysis.plots import plot_threads
    from lgviz.analysis.rebuilt import KeptAsWrites
    from lgviz.analysis.side_by_side import SideBySide
    from lgviz.analysis.thread_stats import thread_stats
    from lgviz.analysis.why import Why
    from lgviz.backend import Backend
    from lgviz.checking import Finding, Findings, check_graph
    from lgviz.errors import LgvizError
    from lgviz.export.cases import to_cases
    from lgviz.replaying import (
        Pinned,
        Replay,
        ThreadReplay,
        UpgradeReport,
        areplay,
        check_pin,
        check_upgrade,
        pin,
        replay,
    )
    from lgviz.reuse.model_recordings import ModelRecordings
    from lgviz.session import Preview, Run, Set, afork, apreview, arun, astart, fork, preview
    from lgviz.session import open_sandbox as sandbox
    from lgviz.session.run import run
    from lgviz.session.start import start
    from lgviz.sources import open_source
    from lgviz.sweeping import (
        StepBlame,
        StepTrial,
        Sweep,
        SweepRow,
        ablame_steps,
        asweep,
        blame_steps,
        sweep,
    )
    from lgviz.transfer.bundles import Bundle, open_bundle, save_bundle
    from lgviz.widget import Debugger, debug

__all__ = [
    "Backend",
    "Blame",
    "Bundle",
    "Change",
    "Checkpoint",
    "Comparison",
    "Debugger",
    "Divergence",
    "Finding",
    "Findings",
    "History",
    "KeptAsWrites",
    "LgvizError",
    "ModelRecordings",
    "Narration",
    "Origin",
    "Pinned",
    "Preview",
    "Replay",
    "Run",
    "Set",
    "SideBySide",
    "StateDiff",
    "StepBlame",
    "StepTrial",
    "Sweep",
    "SweepRow",
    "ThreadReplay",
    "Told",
    "UpgradeReport",
    "Why",
    "__version__",
    "ablame_steps",
    "afork",
    "apreview",
    "areplay",
    "arun",
    "astart",
    "asweep",
    "blame_steps",
    "check_graph",
    "check_pin",
    "check_upgrade",
    "compare",
    "debug",
    "errors",
    "fork",
    "history",
    "learn",
    "load_ipython_extension",
    "open_bundle",
    "open_source",
    "pin",
    "plot_threads",
    "preview",
    "replay",
    "run",
    "sandbox",
    "save_bundle",
    "start",
    "sweep",
    "thread_stats",
    "to_cases",
    "unload_ipython_extension",
]

# Where each name comes from when it is first asked for: a program that only saves loads no widget.
_HOMES = {
    "Backend": "lgviz.backend",
    "Blame": "lgviz.analysis.blame",
    "Bundle": "lgviz.transfer.bundles",
    "Change": "lgviz.analysis.diff",
    "Checkpoint": "lgviz.analysis.checkpoint",
    "Comparison": "lgviz.analysis.comparison",
    "Debugger": "lgviz.widget",
    "Divergence": "lgviz.analysis.comparison",
    "Finding": "lgviz.checking",
    "Findings": "lgviz.checking",
    "History": "lgviz.analysis.history",
    "KeptAsWrites": "lgviz.analysis.rebuilt",
    "LgvizError": "lgviz.errors",
    "ModelRecordings": "lgviz.reuse.model_recordings",
    "Narration": "lgviz.analysis.narration",
    "Origin": "lgviz.analysis.blame",
    "Pinned": "lgviz.replaying",
    "Preview": "lgviz.session",
    "Replay": "lgviz.replaying",
    "Run": "lgviz.session",
    "Set": "lgviz.session",
    "SideBySide": "lgviz.analysis.side_by_side",
    "StateDiff": "lgviz.analysis.diff",
    "StepBlame": "lgviz.sweeping",
    "StepTrial": "lgviz.sweeping",
    "Sweep": "lgviz.sweeping",
    "SweepRow": "lgviz.sweeping",
    "ThreadReplay": "lgviz.replaying",
    "Told": "lgviz.analysis.narration",
    "UpgradeReport": "lgviz.replaying",
    "Why": "lgviz.analysis.why",
    "afork": "lgviz.session",
    "apreview": "lgviz.session",
    "areplay": "lgviz.replaying",
    "arun": "lgviz.session",
    "astart": "lgviz.session",
    "ablame_steps": "lgviz.sweeping",
    "asweep": "lgviz.sweeping",
    "blame_steps": "lgviz.sweeping",
    "sweep": "lgviz.sweeping",
    "check_graph": "lgviz.checking",
    "check_pin": "lgviz.replaying",
    "check_upgrade": "lgviz.replaying",
    "compare": "lgviz.analysis.comparing",
    "debug": "lgviz.widget",
    "fork": "lgviz.session",
    "history": "lgviz.analysis.history:open_history",
    "open_bundle": "lgviz.transfer.bundles",
    "open_source": "lgviz.sources",
    "pin": "lgviz.replaying",
    "plot_threads": "lgviz.analysis.plots",
    "preview": "lgviz.session",
    "replay": "lgviz.replaying",
    "run": "lgviz.session",
    "save_bundle": "lgviz.transfer.bundles",
    "start": "lgviz.session",
    "sandbox": "lgviz.session:open_sandbox",
    "thread_stats": "lgviz.analysis.thread_stats",
    "to_cases": "lgviz.export.cases",
}


def __getattr__(name: str) -> Any:
    if name in ("errors", "learn"):
        return importlib.import_module(f"lgviz.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'lgviz' has no attribute {name!r}")
    module, _, there = _HOMES[name].partition(":")
    value = globals()[name] = getattr(importlib.import_module(module), there or name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def load_ipython_extension(shell: InteractiveShell) -> Any:
    """What ``%load_ext lgviz`` calls: registers ``%lgviz`` and does nothing else."""
    from lgviz.magics import load

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> Any:
    """What ``%unload_ext lgviz`` calls: nothing more shows by itself."""
    from lgviz.magics import unload

    unload(shell)


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    """What a Jupyter server asks for: the module that adds its routes, which is not loaded before."""
    return [{"module": "lgviz.server"}]


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """What JupyterLab's tools ask for: where the prebuilt extension is, and the folder it is linked into."""
    return [{"src": "labextension", "dest": "lgviz"}]
