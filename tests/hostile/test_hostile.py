"""Hostile and damaged files, each opened through every face: nothing runs, nothing is written, all is bounded.

A third of each family of kinds is looked at by `make test`, all of them by `make engines`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.support.hostile.corpus import FAMILIES, KINDS, SAMPLE, build, file_of
from tests.support.hostile.looks import Outcome, look

PROCESSES = 1 if "PYTEST_XDIST_WORKER" in os.environ else 2  # other workers have the other cores


@pytest.fixture(scope="module")
def outcome(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    """What is seen of the files of all kinds that tests were chosen of."""
    here = (item for item in request.session.items if item.path == request.path)
    kinds = [item.callspec.params["kind"] for item in here if hasattr(item, "callspec")]
    folder = tmp_path_factory.mktemp("hostile")
    build(folder, kinds)
    yield look(folder, map(file_of, kinds), PROCESSES)
    assert not [*folder.glob("**/lgvizxss_ran"), *folder.glob("**/lgvizxss_imported")]


def test_some_of_every_family_are_looked_at_each_time() -> None:
    assert len(SAMPLE) >= 100
    assert [family for family, kinds in FAMILIES.items() if SAMPLE.isdisjoint(kinds)] == []


@pytest.mark.timeout(1_800)
def test_a_healthy_file_shows_no_fault(outcome: Outcome) -> None:
    assert outcome.warm == []


@pytest.mark.timeout(1_800)
@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=[] if kind in SAMPLE else pytest.mark.engines) for kind in KINDS]
)
def test_a_file_of_this_kind_does_nothing_and_is_shown_or_refused(kind: str, outcome: Outcome) -> None:
    assert file_of(kind) in outcome.ended
    assert outcome.faults[file_of(kind)] == []
