"""Whole threads done again with today's code, answered from what is stored (floor 4)."""

from __future__ import annotations

from .pinned import check_pin
from .pinning import Pinned, pin
from .results import Replay
from .run import areplay, replay
from .upgrade import UpgradeProblem, UpgradeReport, check_upgrade
from .verdicts import BranchReplay, ThreadReplay, Verdict

__all__ = [
    "BranchReplay",
    "Pinned",
    "Replay",
    "ThreadReplay",
    "UpgradeProblem",
    "UpgradeReport",
    "Verdict",
    "areplay",
    "check_pin",
    "check_upgrade",
    "pin",
    "replay",
]
