from __future__ import annotations

import pytest
from matplotlib.colors import to_hex

from harness.analysis.drawn.colours import OUTCOMES
from harness.analysis.loading import Run
from harness.errors import UsageError
from harness.plot import outcomes
from tests.plot.seen import outside, overlapping, said
from tests.reports.samples import condition


def _sweep(run: Run) -> None:
    """Give the run the conditions that its curves are of."""
    for one in run.summary["curves"]:
        for point in one["points"]:
            run.summary["conditions"].append(condition(point["condition"], 400, 4000))


def test_without_a_sweep_each_condition_is_a_bar(run: Run) -> None:
    """Each that ran, its parts as wide as their shares, in the colours of the outcomes."""
    run.summary["curves"] = []
    ax = outcomes(run)
    assert [one.get_text() for one in ax.get_yticklabels()] == [
        "steady",
        "two failed",
        "many failed",
    ]
    many = [one for one in ax.patches if round(one.get_y() + one.get_height() / 2) == 2]
    widths = {to_hex(one.get_facecolor()): one.get_width() for one in many}
    silent = OUTCOMES["light"]["dirty_silent"]
    failed = run.summary["conditions"][2]["outcomes"]["dirty_silent"]
    assert widths[silent] == pytest.approx(failed / 600)
    assert sum(widths.values()) == pytest.approx(1)
    assert overlapping(ax) == []
    assert outside(ax) == []


def test_a_sweep_is_stacked_over_what_was_swept(run: Run) -> None:
    """A bar for each point of each series, the best outcome at its foot."""
    _sweep(run)
    ax = outcomes(run, "sweep")
    points = sum(len(one["points"]) for one in run.summary["curves"])
    feet = [one for one in ax.patches if one.get_y() == 0]
    assert len(feet) == points
    assert {to_hex(one.get_facecolor()) for one in feet} == {OUTCOMES["light"]["cleaned"]}
    assert {round(one.get_height(), 3) for one in feet} == {0.9}
    assert "hybrid_trusting\n4,000 each" in said(ax)
    assert overlapping(ax) == []


def test_what_is_not_there_is_said(run: Run) -> None:
    """No such sweep, and no cycles at all."""
    with pytest.raises(UsageError, match="no sweep is named 'nobody'"):
        outcomes(run, "nobody")
    run.summary["curves"] = []
    run.summary["conditions"] = run.summary["conditions"][-1:]
    with pytest.raises(UsageError, match="run it with more cycles"):
        outcomes(run)
