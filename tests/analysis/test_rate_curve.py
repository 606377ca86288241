"""The frontier is where the bounds of the curve cross the target."""

from __future__ import annotations

from pathlib import Path

from harness.analysis.stratified import stratified
from harness.results.reading import Results
from harness.results.records import CycleRecord
from tests.analysis.designed_runs import LASTING, RATES, found_in, records, run_of


def test_the_frontier_is_where_the_bounds_cross(tmp_path: Path, whole: list[CycleRecord]) -> None:
    """At holds_to the upper bound is 0.001 and at breaks_from the lower, off the grid too."""
    found = found_in(run_of(tmp_path, whole))["conditional"]
    frontier, points = found["frontier"], found["curve"]
    assert 1e-4 < frontier["holds_to"] < frontier["breaks_from"] < 0.3
    for point in points:
        assert (point["upper"] <= 0.001) == (point["rate"] <= frontier["holds_to"])
        assert (point["lower"] > 0.001) == (point["rate"] >= frontier["breaks_from"])
    assert frontier["holds_to"] not in {point["rate"] for point in points}
    # to the last digit: a hair further on either side it no longer does
    for end, edge, sign in (("upper", "holds_to", 1), ("lower", "breaks_from", -1)):
        inside = bound_at(tmp_path / "run", frontier[edge], end) - 0.001
        beyond = bound_at(tmp_path / "run", frontier[edge] * (1 + sign * 1e-6), end) - 0.001
        assert sign * inside <= 0 < sign * beyond


def bound_at(folder: Path, rate: float, end: str) -> float:
    """Give a bound of the failure probability where the highest of the rates is this one."""
    results = Results(folder)
    odds = rate / (1 - rate) * 0.98 / 0.02 * 0.01 / 0.99
    rates = {"timeout": rate, "io_error": odds / (1 + odds)}
    faults = {kind: {"rate": rates[kind], "lasting": LASTING[kind]} for kind in RATES}
    found = stratified(results.conditions[0] | {"faults": faults}, results.columns("one"), 0.95)
    assert found is not None
    assert found.conditional is not None
    return float(getattr(found.conditional.at_rate, end))


def test_a_frontier_beyond_the_ends_is_said_so(tmp_path: Path) -> None:
    """Where nothing fails it holds to the highest rate tried; where all fails it breaks at once."""
    never = found_in(run_of(tmp_path / "a", records(lambda _: False)))["conditional"]["frontier"]
    always = found_in(run_of(tmp_path / "b", records(lambda _: True)))["frontier"]
    assert never["breaks_from"] is None
    assert never["holds_to"] is not None
    assert (always["holds_to"], always["breaks_from"]) == (None, 1e-4)


def test_a_sample_shows_no_target_that_its_cycles_cannot_show(
    tmp_path: Path, whole: list[CycleRecord]
) -> None:
    """1,002 cycles without a fault do not show 99.9%, however alike they end; 3,690 do."""
    frontier = found_in(run_of(tmp_path, whole))["frontier"]
    assert (frontier["holds_to"], frontier["breaks_from"] is None) == (None, False)
