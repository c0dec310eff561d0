"""How a branch stands at a checkpoint while it is made again."""

from __future__ import annotations

from dataclasses import dataclass, replace

from langchain_core.runnables import RunnableConfig

from lgviz.analysis.diff import StateDiff

from .verdicts import Verdict

__all__ = ["Standing"]


@dataclass(slots=True)
class Standing:
    """How a branch stands at a checkpoint that was made again.

    ``config`` is where that is in memory; None: nothing can go on from there.
    """

    verdict: Verdict = "same"
    parted_at: str | None = None
    reason: str = ""
    diff: StateDiff | None = None
    config: RunnableConfig | None = None

    def unknown(self, label: str, reason: str) -> Standing:
        """How it stands at a checkpoint that cannot be made again; where it parted before, that stays."""
        at = Standing("unknown", label, reason) if self.verdict == "same" else self
        return replace(at, config=None)
