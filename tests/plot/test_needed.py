from __future__ import annotations

import pytest

from harness.analysis.loading import Run
from harness.errors import UsageError
from harness.plot import needed
from tests.plot.seen import lines, outside, overlapping, said


def test_lines_and_claims(run: Run) -> None:
    """The boundary for no failure ends where the documentation has it; claims are marked."""
    ax = needed(run)
    ends = [one.get_ydata()[-1] for one in lines(ax, marker="None")]
    assert ends[0] == 3402
    assert "none failed: 3,402" in said(ax)
    [supported] = lines(ax, marker="o")
    assert list(supported.get_ydata()) == [3402, 34]  # and of 50% at cycle 34
    assert "supported" in said(ax)
    assert overlapping(ax) == []
    assert outside(ax) == []


def test_a_stricter_claim_stands_further_right(run: Run) -> None:
    """From 50% to 99.9%, as people read."""
    ax = needed(run)
    place = ax.transData.transform
    assert place((0.001, 100))[0] > place((0.1, 100))[0]


def test_nothing_claimed_is_said(run: Run) -> None:
    """With what to write into the experiment."""
    for one in run.summary["conditions"]:
        one["claims"] = []
    with pytest.raises(UsageError, match=r"claims = \["):
        needed(run)
