"""What tools answer as data: the shapes that their output schemas are made of."""

from __future__ import annotations

from typing import NotRequired

from typing_extensions import TypedDict

__all__ = [
    "BlameAnswer",
    "CompareAnswer",
    "DiffAnswer",
    "FindAnswer",
    "ForkAnswer",
    "MemoryAnswer",
    "PreviewAnswer",
    "ReplayAnswer",
    "ReplayRow",
    "StateAnswer",
    "SweepCostAnswer",
    "ThreadsAnswer",
    "TreeAnswer",
    "WhyAnswer",
]


class AnswerBase(TypedDict):
    """What every answer has. ``notice``: whose words the rest is; ``more``: what is left out, and how to ask
    for it."""

    notice: str
    more: NotRequired[str]


class ThreadStats(TypedDict):
    steps: int
    seconds: float | None
    errors: int
    interrupts: int
    tokens: int | None
    bytes: int | None
    last_node: str | None


class ThreadRow(TypedDict):
    thread: str
    checkpoints: int | None
    updated_at: str | None
    stats: NotRequired[ThreadStats]


class ThreadsAnswer(AnswerBase):
    threads: list[ThreadRow]
    total: int


class TreeEntry(TypedDict):
    label: str
    parent: str | None
    nodes: list[str]
    changed: list[str]
    marks: list[str]
    note: str | None
    created_at: str | None


class TreeAnswer(AnswerBase):
    thread: str
    status: str
    heads: list[str]
    total: int
    checkpoints: list[TreeEntry]


class ValuePart(TypedDict):
    path: str
    value: str
    left: NotRequired[str]


class StateAnswer(AnswerBase):
    thread: str
    label: str
    id: str
    parent: str | None
    nodes: list[str]
    next: list[str]
    note: str | None
    error: str | None
    interrupts: list[ValuePart]
    values: list[ValuePart]


class ChangeRow(TypedDict):
    path: str
    kind: str
    text: str


class DiffAnswer(AnswerBase):
    thread: str
    before: str
    after: str
    summary: str
    changes: list[ChangeRow]


class OriginRow(TypedDict):
    path: str
    set_by: str | None
    nodes: list[str]
    first: str | None
    text: str
    note: str


class BlameAnswer(AnswerBase):
    thread: str
    label: str
    parts: list[OriginRow]


class StepRow(TypedDict):
    left: str | None
    right: str | None
    nodes: list[str]
    same: bool | None


class EndRow(TypedDict):
    label: str
    status: str
    last: str


class CompareAnswer(AnswerBase):
    thread: str
    ancestor: str | None
    parted: str
    steps: list[StepRow]
    reached: list[EndRow]


class TriggerRow(TypedDict):
    channel: str
    checkpoint: str | None
    node: str | None
    via: str


class ReasonRow(TypedDict):
    node: str
    triggers: list[TriggerRow]
    text: str


class CauseRow(ReasonRow):
    via: str


class WaitingRow(ReasonRow):
    kind: str
    missing: list[str]


class WhyAnswer(AnswerBase):
    thread: str
    label: str
    made: str
    note: str
    tasks: list[CauseRow]
    waiting: list[WaitingRow]


class HitRow(TypedDict):
    thread: str
    label: str
    where: str
    text: str


class FindAnswer(AnswerBase):
    hits: list[HitRow]


class NamespaceRow(TypedDict):
    namespace: list[str]
    items: int


class ItemEntry(TypedDict):
    namespace: list[str]
    key: str
    value: list[ValuePart]
    updated_at: str | None


class VersionRow(TypedDict):
    version: int
    at: str
    deleted: bool
    thread: str | None
    node: str | None


class MemoryAnswer(AnswerBase):
    as_of: str | None
    namespaces: list[NamespaceRow]
    items: list[ItemEntry]
    versions: list[VersionRow]


class PreviewAnswer(AnswerBase):
    thread: str
    at: str
    as_node: str | None
    next: list[str]
    warnings: list[str]
    changes: list[ChangeRow]


class ForkAnswer(AnswerBase):
    thread: str
    label: str
    id: str
    next: list[str]


class ReplayRow(TypedDict):
    thread: str
    verdict: str
    at: str | None
    reason: str
    served: int


class ReplayAnswer(AnswerBase):
    threads: list[ReplayRow]


class CaseRow(TypedDict):
    case: str
    served: int
    runs: list[str]
    refused: str | None


class SweepCostAnswer(AnswerBase):
    thread: str
    at: str
    runs: int
    tokens: int | None
    cases: list[CaseRow]
