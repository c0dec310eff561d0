"""Questions to predict the answer of, made from any graph's threads (floor 4).

Watching hardly teaches, predicting does. What is right is computed: by :func:`lgviz.preview`, by
``history.why``, by what is recorded, and by a look ahead at a run, in which no node runs.
"""

from __future__ import annotations

from .asking import predict, questions
from .exercise import Exercise, exercise
from .kinds import KINDS, LearnKind
from .otter import OtterTests, to_otter
from .question import Choice, Graded, LearnQuestion
from .report import LearnReport, ReportRow, outcome, report, reset

__all__ = [
    "KINDS",
    "Choice",
    "Exercise",
    "Graded",
    "LearnKind",
    "LearnQuestion",
    "LearnReport",
    "OtterTests",
    "ReportRow",
    "exercise",
    "outcome",
    "predict",
    "questions",
    "report",
    "reset",
    "to_otter",
]
