from typing import Any

import pytest

from harness.analysis.drawn import rates
from tests.reports.samples import curve, sample_summary, share


def _points(*counts: tuple[int, int]) -> dict[str, Any]:
    points = []
    for x, (failures, cycles) in enumerate(counts, 1):
        found = share(failures, cycles)
        ends = {key: found[key] for key in ("lower", "upper")}
        counts = {"failures": failures, "cycles": cycles}
        points.append({"x": x, "reliability": found["estimate"], **ends, **counts})
    return curve("one", 1.0) | {"points": points}


def test_what_never_failed_has_a_bound_and_no_rate() -> None:
    """Nothing failed: no rate, and the limit of the interval that the row holds."""
    never, once = rates.marks(_points((0, 1200), (1, 5300)))
    assert never.rate is None
    assert never.high == pytest.approx(1 - share(0, 1200)["lower"])
    assert once.rate == pytest.approx(1 / 5300)
    assert once.low < once.rate < once.high
    # what was tried more and failed once is shown to be better than what was tried less
    assert once.rate < never.high
    assert never.counted == "0 of 1,200"


def test_a_line_stops_where_nothing_failed() -> None:
    """Each stretch is of neighbours with failures; a bound belongs to none."""
    found = rates.runs(rates.marks(_points((0, 9), (1, 9), (2, 9), (0, 9), (3, 9))))
    assert [[mark.x for mark in stretch] for stretch in found] == [[2, 3], [5]]
    assert rates.runs(rates.marks(_points((0, 9)))) == []


def test_equal_cycles_are_told_once() -> None:
    """A number for all points, None where they differ."""
    assert rates.cycles_each(rates.marks(_points((0, 9), (1, 9)))) == 9
    assert rates.cycles_each(rates.marks(_points((0, 9), (1, 8)))) is None


def test_what_belongs_together() -> None:
    """A sweep of several series is one figure, sweeps of one series share one, seven are two."""
    [only] = rates.together(sample_summary()["curves"])
    assert [len(only.curves), only.name] == [3, "sweep"]
    alone = [curve("x", 1.0) | {"name": f"sweep {n}", "series": {}} for n in range(7)]
    assert [len(one.curves) for one in rates.together(alone)] == [6, 1]
    other = [alone[0], alone[1] | {"label": "size"}]
    assert [one.name for one in rates.together(other)] == ["sweep 0", "sweep 1"]


def test_the_axis_has_whole_decades() -> None:
    """Every rate lies within, three decades at least, and six at most."""
    assert rates.span([0.77, 1 / 5300, None]) == (pytest.approx(1e-4), 1.0)
    assert rates.span([0.05, 0.02]) == (pytest.approx(1e-4), pytest.approx(0.1))
    assert rates.span([]) == (pytest.approx(1e-4), pytest.approx(0.1))
    assert rates.span([1.0, 1e-12]) == (pytest.approx(1e-6), 1.0)
    named = [rates.tick(10.0**power) for power in (0, -1, -3, -7)]
    assert named == ["100%", "10%", "0.1%", "0.00001%"]


def test_the_axis_has_room_for_all_that_is_drawn() -> None:
    """Rates, bounds, what was foretold and the target are among them."""
    one = _points((0, 1200), (1, 5300)) | {"frontier": {"target": 0.99999}}
    found = [rate for rate in rates.drawn_rates([one]) if rate is not None]
    highs = [1 - share(0, 1200)["lower"], 1 - share(1, 5300)["lower"]]
    assert found == pytest.approx([highs[0], highs[1], 1 / 5300, 1e-5])
