from __future__ import annotations

import matplotlib.pyplot as plt
import pytest

from harness.analysis.loading import Run
from harness.errors import UsageError
from harness.plot import reliability
from tests.plot.seen import lines, outside, overlapping, said


def test_every_condition_has_its_interval(run: Run) -> None:
    """Each condition with cycles is a row, named, counted, with the ends it was measured with."""
    ax = reliability(run)
    shown = [one for one in run.summary["conditions"] if one["cycles"]]
    assert [one.get_text() for one in ax.get_yticklabels()] == [one["name"] for one in shown]
    assert "2 of 5,000 failed" in said(ax)
    assert "estimated from strata" in said(ax)
    two = run.summary["conditions"][1]["reliability"]
    ends = [list(one.get_xdata()) for one in lines(ax) if set(one.get_ydata()) == {1}]
    assert pytest.approx([1 - two["lower"], 1 - two["upper"]]) in ends
    assert pytest.approx([1 - two["estimate"]]) in ends


def test_none_failed_has_an_open_end_and_no_point(run: Run) -> None:
    """Zero failures are a bound and a hollow arrowhead at the edge; no point is invented."""
    ax = reliability(run)
    row = [one for one in lines(ax) if set(one.get_ydata()) == {0}]
    assert sorted(one.get_marker() for one in row) == [">", "None", "|"]
    [tip] = [one for one in row if one.get_marker() == ">"]
    assert tip.get_markerfacecolor() == "white"
    assert tip.get_xdata()[0] < min(
        x for one in lines(ax) for x in one.get_xdata() if one.get_marker() == "o"
    )


def test_nothing_covers_anything(run: Run) -> None:
    """No text covers another and none is cut off."""
    ax = reliability(run)
    assert overlapping(ax) == []
    assert outside(ax) == []


def test_on_axes_of_ones_own_and_without_a_target(run: Run) -> None:
    """Axes that are handed over are drawn on and returned; a target of None draws no line."""
    _, mine = plt.subplots()
    assert reliability(run, target=None, ax=mine) is mine
    assert "target" not in said(mine)


def test_a_run_without_cycles_is_said(run: Run) -> None:
    """Where no condition has a reliability there is an error that says what to do."""
    run.summary["conditions"] = run.summary["conditions"][-1:]
    with pytest.raises(UsageError, match="run it with more cycles"):
        reliability(run)
