"""The ledger of designed cycles has to be what was planned of each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.analysis.design import designed, incomplete
from harness.errors import MeasurementError
from harness.results.records import CycleRecord
from tests.analysis.designed_runs import CONDITION, RATES, found_in, planned, run_of
from tests.stored_runs import cycle


def test_a_design_is_read_from_the_stored_condition(
    tmp_path: Path, whole: list[CycleRecord]
) -> None:
    """Rates and kinds stand slot by slot, and cycles as they were planned are complete."""
    results = run_of(tmp_path, whole)
    design = designed(results.conditions[0])
    assert design is not None
    assert design.kinds == ("io_error",) * 3 + ("timeout",) * 4
    assert design.rates.tolist() == [RATES[kind] for kind in design.kinds]
    assert design.rate == 0.02
    assert incomplete(design, results.columns("one")) == ""
    assert designed({**CONDITION, "strata": None}) is None


def test_another_ledger_than_planned_is_refused(tmp_path: Path, whole: list[CycleRecord]) -> None:
    """Too few faults, another slot, another lasting, a slot there is none: each names its cycle."""
    first = planned().numbering.first_sampled + 1000  # behind those with no fault
    kept = whole[first].faults
    alien = kept[0]._replace(operation="delete bots 99")
    for number, faults in (
        (3, ()),
        (6, whole[2].faults),
        (11, tuple(one._replace(lasting="cycle") for one in whole[11].faults)),
        (first, kept[1:]),
        (first, (alien, *kept[1:])),
        (first, (kept[1], *kept[1:])),
    ):
        cycles = [*whole[:number], replace(whole[number], faults=faults), *whole[number + 1 :]]
        with pytest.raises(MeasurementError, match=rf"cycle {number} has other faults"):
            found_in(run_of(tmp_path / str((number, len(faults), hash(faults))), cycles))
    with pytest.raises(MeasurementError, match="cycle 2,226 is stored, but 2,226 cycles"):
        found_in(run_of(tmp_path / "more", [*whole, cycle(2226)]))
