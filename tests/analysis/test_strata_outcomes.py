"""What came of each stratum: exact only where every set always ended alike."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.results.records import CycleRecord
from tests.analysis.designed_runs import RATES, STRATA, found_in, meets, records, run_of, true_at
from tests.stored_runs import cycle


def test_exact_are_only_strata_that_always_end_alike(
    tmp_path: Path, whole: list[CycleRecord]
) -> None:
    """A set that once cleaned and once restored makes every stratum a sample, wider and named."""
    exact = {one["k"]: one["exact"] for one in found_in(run_of(tmp_path, whole))["strata"]}
    assert exact == {k: k <= 2 for k in range(8)}
    spoiled = [replace(whole[2], outcome="restored") if one is whole[2] else one for one in whole]
    found = found_in(run_of(tmp_path / "b", spoiled))
    assert not found["steady"]
    assert "cycles 2 to 3 had the same faults and ended unlike" in found["unsteady"]
    assert [one["exact"] for one in found["strata"][:3]] == [False, False, False]
    assert found["at_rate"]["upper"] > 0.01 > 1e-3 > true_at(RATES, meets)


def test_cycles_without_a_fault_must_all_end_alike(
    tmp_path: Path, whole: list[CycleRecord]
) -> None:
    """One unstruck cycle of a thousand that was restored makes nothing exact."""
    late = next(one for one in whole[100:] if not one.faults)
    spoiled = [replace(one, outcome="restored") if one is late else one for one in whole]
    found = found_in(run_of(tmp_path, spoiled))
    assert found["unsteady"] == "cycles with no fault at all did not always end alike"
    assert not any(one["exact"] for one in found["strata"])
    assert (found["strata"][0]["cycles"], found["strata"][0]["failures"]) == (1002, 0)


def test_a_set_run_once_shows_nothing_of_being_steady(tmp_path: Path) -> None:
    """With one repeat every stratum is a sample."""
    strata = STRATA | {"repeats": 1, "enumerate": 0, "allocated": {}}
    found = found_in(run_of(tmp_path, [cycle(0)], strata=strata))
    assert "was run once" in found["unsteady"]
    assert not found["strata"][0]["exact"]


def test_enumerated_strata_by_hand(tmp_path: Path, whole: list[CycleRecord]) -> None:
    """One struck slot of seven, weighed by its odds; of a set that failed once in two, half."""
    odds = {"io_error": 0.01 / 0.99, "timeout": 0.02 / 0.98}
    first = odds["io_error"] / (3 * odds["io_error"] + 4 * odds["timeout"])
    found = found_in(run_of(tmp_path / "a", records(lambda struck: set(struck) == {0})))
    assert found["strata"][0]["failures"] == 0
    assert found["strata"][1]["share"] == pytest.approx(first)
    once = next(one for one in whole[2:] if len(one.faults) == 1)  # the first of its two
    assert once.faults[0].kind == "io_error"
    halved = [replace(one, outcome="dirty_known") if one is once else one for one in whole]
    found = found_in(run_of(tmp_path / "b", halved))
    assert (found["strata"][1]["failures"], found["strata"][1]["exact"]) == (1, False)
    assert found["strata"][1]["share"] == pytest.approx(first / 2)
