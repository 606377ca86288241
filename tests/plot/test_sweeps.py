from __future__ import annotations

import matplotlib.pyplot as plt
import pytest

from harness.analysis.loading import Run
from harness.errors import UsageError
from harness.plot import curve
from tests.plot.seen import lines, outside, overlapping, said


def test_every_point_stands_where_it_was_measured(run: Run) -> None:
    """Each series' line has the failures of its points over the swept rate."""
    ax = curve(run)
    drawn = [(list(one.get_xdata()), list(one.get_ydata())) for one in lines(ax)]
    for one in run.summary["curves"]:
        xs = [point["x"] for point in one["points"]]
        ys = [1 - point["reliability"] for point in one["points"]]
        assert (xs, pytest.approx(ys)) in drawn
        predicted = [1 - point["predicted"] for point in one["points"]]
        assert (xs, pytest.approx(predicted)) in drawn


def test_the_frontier_is_drawn_and_said(run: Run) -> None:
    """Upright lines stand at what holds and what breaks, and the labels say it in figures."""
    ax = curve(run)
    solid = [one.get_xdata() for one in lines(ax, linestyle="-")]
    assert [0.002, 0.002] in [list(one) for one in solid]
    assert [0.001, 0.001] in [list(one.get_xdata()) for one in lines(ax, linestyle=":")]
    assert "holds to 0.002, breaks from 0.01" in said(ax)
    without = said(curve(run, frontier=False))
    assert "holds" not in without
    assert "hybrid_verified" in without


def test_the_strata_are_a_band(run: Run) -> None:
    """Beside the series' own there is a band where strata estimate the same, and only there."""
    series = len(run.summary["curves"])
    assert len(curve(run).collections) == series + 1
    strata = next(iter(run.strata.values()))
    drawn, strata["curve"] = strata["curve"], []  # of an older run, which knew only a conditional
    assert len(curve(run).collections) == series
    strata["curve"] = drawn
    for one in run.summary["curves"]:
        one["stratified"] = None
    assert len(curve(run).collections) == series


def test_intervals_are_shaded(run: Run) -> None:
    """Each band reaches from the lower to the upper end of its points' intervals."""
    only = run.summary["curves"][2]
    run.summary["curves"] = [only]
    [band] = curve(run).collections
    corners = {(round(float(x), 6), round(float(y), 6))
               for x, y in band.get_paths()[0].vertices}  # fmt: skip
    for point in only["points"]:
        for end in ("lower", "upper"):
            assert (point["x"], round(1 - point[end], 6)) in corners


def test_strata_that_never_fail_do_not_run_along_the_edge(run: Run) -> None:
    """An estimate of no failure leaves the axes: at the edge it would look measured."""
    strata = next(iter(run.strata.values()))
    strata["curve"][0] |= {"estimate": 0.0, "lower": 0.0}
    ax = curve(run)
    [line] = [one for one in lines(ax) if len(one.get_xdata()) == len(strata["curve"])]
    assert line.get_ydata()[0] < min(ax.get_ylim())


def test_a_point_without_failures_is_a_bound_and_no_line_goes_through_it(run: Run) -> None:
    """None failed: a bar at the upper limit with an arrow down, and the line begins behind it."""
    first = run.summary["curves"][0]
    first["points"][0] |= {"failures": 0, "reliability": 1.0, "upper": 1.0, "lower": 0.999}
    ax = curve(run)
    [bar] = lines(ax, marker="_")
    x, y = bar.get_xdata()[0], bar.get_ydata()[0]
    assert (x, y) == (first["points"][0]["x"], pytest.approx(0.001))
    arrows = [one for one in ax.texts if getattr(one, "arrow_patch", None) and not one.get_text()]
    assert [one.xy[1] < one.xyann[1] for one in arrows] == [True]
    through = [list(one.get_xdata()) for one in lines(ax, marker="o")]
    assert [point["x"] for point in first["points"][1:]] in through
    assert "at most this" in said(ax)


def test_more_failures_stand_higher(run: Run) -> None:
    """The axis of rates grows upwards, in whole decades, and is one for all sweeps of a run."""
    run.summary["curves"][1] |= {"name": "other"}
    one, other = curve(run, "sweep"), curve(run, "other")
    assert one.get_ylim() == other.get_ylim()
    assert one.get_ylim()[0] < one.get_ylim()[1] == 1.0
    assert "0.1%" in said(one)


def test_equal_cycles_are_said_once_and_others_beside_the_points(run: Run) -> None:
    """Beside the name where all points have as many, else at each point."""
    assert said(curve(run)).count("4,000 cycles each") == len(run.summary["curves"])
    run.summary["curves"][0]["points"][2] |= {"cycles": 500, "failures": 3}
    text = said(curve(run))
    assert text.count("4,000 cycles each") == len(run.summary["curves"]) - 1
    assert "3 of 500" in text


def test_many_series_keep_their_labels_apart(run: Run) -> None:
    """Nine series that end at the same point are nine labels of which none covers another."""
    [first, *_] = run.summary["curves"]
    run.summary["curves"] = [first | {"series": {"policy": f"number {one}"}} for one in range(9)]
    ax = curve(run)
    assert all(f"number {one}" in said(ax) for one in range(9))
    assert overlapping(ax) == []


def test_nothing_covers_anything(run: Run) -> None:
    """No text covers another and none is cut off."""
    ax = curve(run)
    assert overlapping(ax) == []
    assert outside(ax) == []


def test_over_a_plain_number(run: Run) -> None:
    """What is swept over little, or from 0, stands on a linear axis; a band on none of them."""
    for one in run.summary["curves"]:
        one["stratified"] = None
        for order, point in enumerate(one["points"]):
            point["x"] = order
    ax = curve(run)
    assert ax.get_xscale() == "linear"
    assert outside(ax) == []


def test_on_axes_of_ones_own(run: Run) -> None:
    """Axes that are handed over are drawn on and returned."""
    _, mine = plt.subplots()
    assert curve(run, "sweep", ax=mine) is mine


def test_what_cannot_be_drawn_is_said(run: Run) -> None:
    """No such sweep, sweeps over different settings, and none at all are each said."""
    with pytest.raises(UsageError, match="no sweep is named 'sweeep'; there are"):
        curve(run, "sweeep")
    run.summary["curves"][1] |= {"name": "other", "key": "workload.size_bytes"}
    assert "hybrid_trusting" not in said(curve(run))
    with pytest.raises(UsageError, match="draw them apart"):
        curve(run, ["sweep", "other"])
    for one in run.summary["curves"]:
        for point in one["points"]:
            point["reliability"] = None
    with pytest.raises(UsageError, match="nothing was swept"):
        curve(run)
