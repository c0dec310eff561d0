"""Lanes never change, no two edges share one on a row, and 100,000 rows take a moment."""

from __future__ import annotations

import random
import time

from hypothesis import given
from hypothesis import strategies as st

from lgviz.analysis.lanes import MOST_LANES, Lanes


def lanes_of(parents: list[int]) -> list[int]:
    lanes = Lanes()
    return [lanes.add(row, parent) for row, parent in enumerate(parents)]


@st.composite
def trees(draw: st.DrawFn) -> list[int]:
    size = draw(st.integers(1, 40))
    return [
        -1,
        *(draw(st.integers(max(-1, row - draw(st.integers(1, row))), row - 1)) for row in range(1, size)),
    ]


@given(trees())
def test_no_two_edges_share_a_lane_on_a_row(parents: list[int]) -> None:
    lanes = lanes_of(parents)
    drawn: dict[tuple[int, int], int] = {}
    for row, parent in enumerate(parents):
        # The edge runs on the child's lane from the child down to the row above the parent's.
        for at in range(parent + 1 if parent >= 0 else row, row + 1):
            assert drawn.setdefault((at, lanes[row]), row) == row, (parents, lanes)


@given(trees())
def test_the_first_child_that_finds_its_parent_at_the_tip_keeps_the_lane(parents: list[int]) -> None:
    lanes = lanes_of(parents)
    tip: dict[int, int] = {}
    for row, parent in enumerate(parents):
        if parent >= 0 and tip[lanes[parent]] == parent:
            assert lanes[row] == lanes[parent]
        elif parent >= 0:
            last = {lane: max(r for r in range(row) if lanes[r] == lane) for lane in set(lanes[:row])}
            free = [lane for lane in range(len(last) + 1) if last.get(lane, -1) <= parent]
            assert lanes[row] == free[0]
        tip[lanes[row]] = row


def test_a_chain_has_one_lane_and_forks_reuse_what_is_free() -> None:
    assert lanes_of([-1, 0, 1, 2]) == [0, 0, 0, 0]
    assert lanes_of([-1, 0, 1, 1, 3, 2, 4]) == [0, 0, 0, 1, 1, 0, 1]
    assert lanes_of([-1, 0, 0, 1, 3, 3]) == [0, 0, 1, 0, 0, 1]


def test_subgraph_rows_hold_their_anchors_lane() -> None:
    lanes = Lanes()
    assert lanes.add(0, -1) == 0
    assert [lanes.attach(row, 0) for row in (1, 2)] == [0, 0]
    assert lanes.add(3, 0) == 0  # the anchor still holds the tip
    assert lanes.add(4, 0) == 1
    assert lanes.attach(5, 4) == 1


def test_a_hundred_thousand_rows_with_many_forks() -> None:
    chance = random.Random(7)
    parents = [
        row - 1 if row == 0 or chance.random() < 0.7 else chance.randrange(max(0, row - 2_000), row)
        for row in range(100_000)
    ]
    started = time.process_time()
    lanes = lanes_of(parents)
    assert time.process_time() - started < 3
    assert 10 < max(lanes) < 2_100


def test_lanes_beyond_16_bits_share_the_last() -> None:
    assert max(lanes_of([-1] * (MOST_LANES + 3))) == MOST_LANES == 2**16 - 1
