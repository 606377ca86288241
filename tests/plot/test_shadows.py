from __future__ import annotations

import pytest

from harness.analysis.loading import Run
from harness.errors import UsageError
from harness.plot import independence
from tests.plot.seen import lines, outside, overlapping, said


def test_predicted_stands_above_measured(run: Run) -> None:
    """Both intervals are drawn with the ends of the summary, predicted hollow and on top."""
    ax = independence(run)
    one = run.dependence["steady"]
    points = {line.get_marker(): line for line in lines(ax) if len(line.get_xdata()) == 1}
    predicted, measured = points["s"], points["o"]
    assert predicted.get_xdata()[0] == pytest.approx(1 - one["predicted"]["estimate"])
    assert measured.get_xdata()[0] == pytest.approx(1 - one["measured"]["estimate"])
    assert predicted.get_markerfacecolor() == "white"
    place = ax.transData.transform
    assert place((1, predicted.get_ydata()[0]))[1] > place((1, measured.get_ydata()[0]))[1]


def test_the_odds_ratio_is_rounded_outwards(run: Run) -> None:
    """Its interval never says more than was measured: 1.2 to 12.6 is no wider said as 13."""
    text = said(independence(run))
    assert "odds ratio 4.1" in text
    assert "13]" in text


@pytest.mark.parametrize(
    ("odds", "words"),
    [
        ({"estimate": None, "lower": 0, "upper": None}, "odds ratio unknown"),
        ({"estimate": None, "lower": 3.6, "upper": None}, "odds ratio infinite\n[3.6, no upper"),
    ],
)
def test_what_is_unknown_is_said(run: Run, odds: dict[str, float | None], words: str) -> None:
    """An odds ratio that nothing bounds is said to be so, never drawn from None."""
    run.dependence["steady"]["odds_ratio"] |= odds
    assert words in said(independence(run))


def test_no_failure_measured_and_no_upper_bound(run: Run) -> None:
    """A measured reliability of 100%, and bounds that are not known, are drawn with an open end."""
    run.dependence["steady"]["measured"] |= {"estimate": 1.0, "lower": 0.99, "upper": 1.0}
    run.dependence["steady"]["predicted"] |= {"estimate": None, "lower": None, "upper": None}
    ax = independence(run)
    assert len(lines(ax, marker=">")) == 1
    assert lines(ax, marker="s") == []


def test_nothing_covers_anything(run: Run) -> None:
    """No text covers another and none is cut off."""
    ax = independence(run)
    assert overlapping(ax) == []
    assert outside(ax) == []


def test_without_forced_restores_it_is_said(run: Run) -> None:
    """A run that forced no restore gets an error that says which setting does."""
    for one in run.summary["conditions"]:
        one["dependence"] = None
    with pytest.raises(UsageError, match=r"shadow = 0\.1"):
        independence(run)
