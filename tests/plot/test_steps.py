from __future__ import annotations

import pytest

from harness.analysis.loading import Run
from harness.errors import UsageError
from harness.plot import timings
from tests.plot.seen import lines, outside, overlapping, said


def test_a_strip_is_the_whole_distribution(run: Run) -> None:
    """It reaches from the fastest to the slowest cycle, with the median at its mark."""
    ax = timings(run, "backup")
    found = run.summary["conditions"][0]["distributions_ms"]["backup"]
    row = [one for one in lines(ax) if set(one.get_ydata()) == {0}]
    assert [found["values"][0], found["values"][-1]] in [list(one.get_xdata()) for one in row]
    [median] = [one for one in row if one.get_marker() == "o"]
    assert median.get_xdata()[0] == found["values"][found["shares"].index(0.5)]
    assert ax.get_xscale() == "log"


def test_conditions_in_the_order_asked_for(run: Run) -> None:
    """Only the named ones are drawn, in that order."""
    ax = timings(run, conditions=["two failed", "steady"])
    assert [one.get_text() for one in ax.get_yticklabels()] == ["two failed", "steady"]


def test_where_the_step_never_took_place_is_left_out(run: Run) -> None:
    """A condition without such a step has no row."""
    assert "nothing ran" not in said(timings(run))


def test_one_value_alone_is_drawn(run: Run) -> None:
    """A step that always took the same has a strip of no width, and still an axis around it."""
    found = run.summary["conditions"][0]["distributions_ms"]["restore"]
    found["values"] = [2.0] * len(found["shares"])
    ax = timings(run, conditions=["steady"])
    low, high = ax.get_xlim()
    assert low < 2 < high
    assert outside(ax) == []


@pytest.mark.parametrize(
    ("step", "conditions", "words"),
    [
        ("resotre", None, "no step 'resotre'; choose one of backup"),
        ("restore", ["nobody"], "no condition 'nobody'; there are steady"),
        ("restore", ["nothing ran"], "took place in no cycle"),
    ],
)
def test_what_is_not_there_is_said(
    run: Run, step: str, conditions: list[str] | None, words: str
) -> None:
    """A step or condition that is not there is answered with those that are."""
    with pytest.raises(UsageError, match=words):
        timings(run, step, conditions)


def test_nothing_covers_anything(run: Run) -> None:
    """No text covers another and none is cut off."""
    ax = timings(run)
    assert overlapping(ax) == []
    assert outside(ax) == []
