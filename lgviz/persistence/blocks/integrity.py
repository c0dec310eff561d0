"""Finding damage: whether all blocks are whole, and all that refers to them finds them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from lgviz.errors import described
from lgviz.persistence.database.statements import Operation, Query, as_bytes

from .merkle import Block, blocks_of, canonical
from .store import BlockStore


class Problem(NamedTuple):
    """Something damaged: where, and what."""

    where: str
    what: str

    @property
    def certain(self) -> bool:
        """Whether it is damage for certain, and not what cannot be looked into here."""
        return not isinstance(self, PossibleProblem)

    def masked(self, mask: Callable[[str], str]) -> Problem:
        """It as it may be shown."""
        return type(self)(mask(self.where), mask(self.what))


class PossibleProblem(Problem):
    """What cannot be looked into here: it may be whole."""


@dataclass(slots=True)
class BlockReport:
    """What a check knows of the blocks (their hashes, what is directly below them), and what is wrong."""

    hashes: dict[int, bytes]
    below: dict[int, list[int]] = field(default_factory=dict)
    bad: set[int] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    _culprits: dict[int, int] = field(default_factory=dict)

    def look(self, where: str, blocks: Iterable[Block], used: set[int], told: set[int]) -> None:
        """Whether blocks that are referred to are there, whole, and recorded as needed; each told once."""
        for block in blocks:
            culprit = self._culprit(block.id)
            if culprit and culprit not in told:
                fault = "damaged" if culprit in self.hashes else "missing"
                self.problems.append(Problem(where, f"it needs block {culprit}, which is {fault}"))
                told.add(culprit)
            elif not culprit and block.id not in used:
                self.problems.append(Problem(where, f"block {block.id} is not recorded as needed"))

    def closed(self, who: str, used: Iterable[int]) -> None:
        """Whether with each block that somebody needs all below it are recorded as needed."""
        used = set(used)
        self.problems += [
            Problem(f"block {child}", f"{who} needs it, but that is not recorded")
            for id in sorted(used)
            for child in self.below.get(id, ())
            if child not in used
        ]

    def _culprit(self, id: int) -> int:
        """The block, this one or one below it, that is damaged or missing; 0: all are whole."""
        if id not in self._culprits:
            whole = id in self.hashes and id not in self.bad
            below = (self._culprit(child) for child in self.below.get(id, ()))
            self._culprits[id] = next((found for found in below if found), 0) if whole else id
        return self._culprits[id]


def check_blocks(blocks: BlockStore) -> Operation[BlockReport]:
    """Verify every block."""
    hashes = {id: as_bytes(hash) for id, hash in (yield Query("SELECT id, hash FROM lgviz_blocks"))}
    report = BlockReport(hashes)
    last = 0
    while True:
        rows = yield Query(
            "SELECT id, form, data FROM lgviz_blocks WHERE id > ? ORDER BY id LIMIT 500", [last]
        )
        if not rows:
            break
        last = rows[-1][0]
        for id, form, data in rows:
            fault = _fault(blocks, report, id, form, as_bytes(data))
            if fault:
                report.bad.add(id)
                report.problems.append(Problem(f"block {id}", fault))
    strays = yield Query(
        """SELECT DISTINCT block FROM lgviz_uses WHERE block NOT IN (SELECT id FROM lgviz_blocks)
           ORDER BY block"""
    )
    report.problems += [Problem(f"block {id}", "it is needed and missing") for (id,) in strays]
    return report


def _fault(blocks: BlockStore, report: BlockReport, id: int, form: int, data: bytes) -> str:
    try:
        part = blocks.codec.open(form, data)
    except Exception as error:
        return f"it cannot be read: {described(error)}"
    if isinstance(part, list):
        report.below[id] = [child.id for child in blocks_of(part)]
    for child in blocks_of(part):
        if child.id not in report.hashes:
            return f"it refers to block {child.id}, which is missing"
        child.hash = report.hashes[child.id]
    whole = blocks.merkle.digest(canonical(part)) == report.hashes[id]
    return "" if whole else "its bytes do not match its hash"
