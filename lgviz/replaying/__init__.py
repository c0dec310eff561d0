"""Whole threads done again with today's code, answered from what is stored (floor 4)."""

from __future__ import annotations

from .results import BranchReplay, Replay, ThreadReplay, Verdict
from .run import areplay, replay
from .upgrade import UpgradeProblem, UpgradeReport, check_upgrade

__all__ = [
    "BranchReplay",
    "Replay",
    "ThreadReplay",
    "UpgradeProblem",
    "UpgradeReport",
    "Verdict",
    "areplay",
    "check_upgrade",
    "replay",
]
