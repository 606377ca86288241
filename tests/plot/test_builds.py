from __future__ import annotations

import pytest

from harness.analysis.loading import Run
from harness.errors import UsageError
from harness.plot import builds
from tests.plot.seen import lines, outside, overlapping, said


def test_so_many_builds_at_a_rate(run: Run) -> None:
    """A point where cycles ended dirty, a limit with an arrow where none did, times beside."""
    ax = builds(run, per_day=50)
    [two] = [one for one in lines(ax, marker="o") if one.get_ydata()[0] == 1]
    assert two.get_xdata()[0] == 2500
    assert "2,500 builds, 1.6 months" in said(ax)
    assert "at 50 builds a day" in said(ax)
    [limit] = lines(ax, marker="|")
    assert limit.get_ydata()[0] == 0
    assert "at least 1,084 builds" in said(ax)
    arrows = [one for one in ax.texts if getattr(one, "arrow_patch", None)]
    assert [one.xyann[1] for one in arrows] == [0]
    assert overlapping(ax) == []
    assert outside(ax) == []


def test_conditions_in_the_order_asked_for(run: Run) -> None:
    """Only the named ones are drawn."""
    ax = builds(run, conditions=["many failed", "steady"])
    assert [one.get_text() for one in ax.get_yticklabels()] == ["many failed", "steady"]


def test_what_cannot_be_is_said(run: Run) -> None:
    """No such condition, no builds at all, and no cycles."""
    with pytest.raises(UsageError, match="no condition 'nobody'; there are steady"):
        builds(run, conditions=["nobody"])
    with pytest.raises(UsageError, match="above 0"):
        builds(run, per_day=0)
    run.summary["conditions"] = run.summary["conditions"][-1:]
    with pytest.raises(UsageError, match="run it with more"):
        builds(run)
