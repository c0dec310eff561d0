"""One checkpoint gone on from in many ways: what if, and which step is to blame (floor 4)."""

from __future__ import annotations

from .results import Sweep, SweepRow
from .step_blame import StepBlame, StepTrial, ablame_steps, blame_steps
from .sweeps import asweep, sweep

__all__ = ["StepBlame", "StepTrial", "Sweep", "SweepRow", "ablame_steps", "asweep", "blame_steps", "sweep"]
