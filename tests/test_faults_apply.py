"""The small faults of ``make faults`` are still mistakes in the code as it is."""

from __future__ import annotations

import pytest

from tests.support.faults import FAULTS, REPO, Fault, places


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.what)
def test_the_code_of_a_fault_stands_in_one_place(fault: Fault) -> None:
    assert len(places(fault)) == 1
    assert fault.old != fault.new and all((REPO / test).is_file() for test in fault.tests)


def test_there_are_enough_of_them() -> None:
    assert len({fault.what for fault in FAULTS}) == len(FAULTS) >= 22
