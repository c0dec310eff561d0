"""Checkpoints whole, one at a time: what a migration copies."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from lgviz.persistence.savers.address import Address

__all__ = ["Origin", "Record", "Write", "whole"]

R = TypeVar("R")

logger = logging.getLogger("lgviz.persistence")


@dataclass(slots=True)
class Write:
    """One stored write."""

    task_id: str
    task_path: str
    idx: int
    channel: str
    value: Any


@dataclass(slots=True)
class Record:
    """One checkpoint, whole."""

    address: Address
    parent: str | None
    checkpoint: dict[str, Any]
    metadata: Mapping[str, Any]
    writes: list[Write]


Origin: TypeAlias = tuple[Sequence[Address], Callable[[Address], Record | None]]
"""Where its checkpoints are, by thread and from the oldest on, and what reads one; None if it is gone."""


def whole(what: str, read: Callable[[], R]) -> R | None:
    """What ``read`` gives; None where it is damaged."""
    try:
        return read()
    except Exception as error:
        logger.warning("%s is damaged and left out: %s: %s", what, type(error).__name__, error)
        return None
