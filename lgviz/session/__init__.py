"""Everything that acts on a live graph (floor 4)."""

from __future__ import annotations

from .acts import (
    Edit,
    Option,
    Preview,
    afork,
    apreview,
    as_node_options,
    finished_siblings,
    fork,
    forked,
    inferred_as_node,
    preview,
)
from .ahead import DryRun, dry_run
from .conditions import condition_code, condition_of, expression_over
from .halts import check_breakpoints, nodes_of
from .inputs import GraphInput, input_of
from .local_graph import NO_DRY_RUN
from .new_thread import NewThread
from .overlay import OverlaySaver
from .overlay_store import OverlayStore
from .plan import Plan
from .remote import UNTOLD, remote_channels
from .run import RunHandle, arun, run, run_plan, start_run
from .run_result import Run, RunError, RunEvent
from .sandbox import Sandbox, aopen_sandbox, open_sandbox, sandbox_of
from .schema import channel_hints
from .start import astart, start, start_thread
from .target import configurable_of, target_of
from .update import Sibling, goto_targets
from .values import ChannelInfo, Set, channels_of, parse_json

__all__ = [
    "NO_DRY_RUN",
    "UNTOLD",
    "ChannelInfo",
    "DryRun",
    "Edit",
    "GraphInput",
    "NewThread",
    "Option",
    "OverlaySaver",
    "OverlayStore",
    "Plan",
    "Preview",
    "Run",
    "RunError",
    "RunEvent",
    "RunHandle",
    "Sandbox",
    "Set",
    "Sibling",
    "afork",
    "aopen_sandbox",
    "apreview",
    "arun",
    "as_node_options",
    "astart",
    "channel_hints",
    "channels_of",
    "check_breakpoints",
    "condition_code",
    "condition_of",
    "configurable_of",
    "dry_run",
    "expression_over",
    "finished_siblings",
    "fork",
    "forked",
    "goto_targets",
    "inferred_as_node",
    "input_of",
    "nodes_of",
    "open_sandbox",
    "parse_json",
    "preview",
    "remote_channels",
    "run",
    "run_plan",
    "sandbox_of",
    "start",
    "start_run",
    "start_thread",
    "target_of",
]
