import re
from itertools import pairwise

from harness.reports.figures.chart import (
    CARD,
    NARROW,
    WIDE,
    Chart,
    Named,
    band,
    beside,
    bound,
    direct,
    rates_up,
)
from harness.reports.figures.scale import Tick
from harness.reports.figures.svg import figure
from tests.reports.figures.layout import faults, labels


def _chart() -> Chart:
    up, ticks = rates_up(1e-4, 1.0)
    across = [Tick(0.0, "0.001"), Tick(1.0, "0.1")]
    return Chart(CARD, float, up, across, ticks, "fault rate of each slot", "cycles that failed")


def test_more_failures_stand_higher() -> None:
    """The axis of rates is logarithmic and grows upwards, with a tick for each decade."""
    chart = _chart()
    heights = [chart.place(0, rate)[1] for rate in (1e-4, 1e-3, 1e-2, 1e-1, 1.0)]
    assert heights[0] == CARD.bottom
    assert heights[-1] == CARD.top
    steps = {round(a - b, 6) for a, b in pairwise(heights)}
    assert len(steps) == 1
    assert [tick.label for tick in chart.y_ticks] == ["0.01%", "0.1%", "1%", "10%", "100%"]


def test_a_frame_has_readable_labels() -> None:
    """No tick nor name touches another or leaves the figure."""
    assert faults(figure("t", "a", CARD.width, CARD.height, _chart().frame())) == []


def test_a_band_is_shaded_and_one_point_has_a_bar() -> None:
    """Between points an area, at a single one its interval as an upright line."""
    assert "area band s2" in band([(0, 9), (5, 9)], [(0, 1), (5, 1)], 2)
    alone = band([(3, 9)], [(3, 1)], 2)
    assert "range s2" in alone
    assert "area" not in alone


def test_a_bound_points_away_from_what_is_not_known() -> None:
    """A level bar at the limit and an arrow down from it."""
    ends = re.findall(r'y1="([\d.]+)" x2="[\d.]+" y2="([\d.]+)"', bound((10, 50), 0))
    assert ("50.0", "50.0") in ends
    assert ("50.0", "70.0") in ends


def test_labels_beside_lines_keep_apart() -> None:
    """Lines that end at one place have labels under each other, long names in two lines."""
    ends = [Named((198.0, 100.0), order, f"online_backup+copy {order}", "600 each")
            for order in range(5)]  # fmt: skip
    for size in (WIDE, NARROW):
        drawn = figure("t", "a", size.width, size.height, direct(size, ends))
        assert faults(drawn) == []
    assert "online_backup" in [one.text for one in labels(drawn)]
    assert direct(WIDE, []) == ""


def test_numbers_beside_points_never_touch() -> None:
    """Above, else below, else left out."""
    drawn = figure("t", "a", 300, 200, beside([((100.0, 100.0), "3 of 700")] * 3))
    assert len(labels(drawn)) == 2
    assert faults(drawn) == []
