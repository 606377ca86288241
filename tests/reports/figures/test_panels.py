import re

import pytest

from harness.analysis.drawn.rates import marks
from harness.reports.figures.chart import CARD
from harness.reports.figures.panels import (
    chart_of,
    drawable,
    drawn,
    failed,
    panels,
    series,
    targets,
    told,
)
from tests.reports.samples import curve, sample_summary


def test_the_axis_is_of_all_that_failed() -> None:
    """What never failed needs no room; every curve over the same setting has the same places."""
    often, never = curve("often", 40.0), curve("never", 0.0) | {"name": "never", "label": "size"}
    shared = panels({"conditions": [], "curves": [often, never]})
    assert (shared.low, shared.high) == (pytest.approx(1e-3), 1.0)
    assert [group.name for group in drawable({"curves": [often, never]})] == ["sweep"]
    assert [failed(group) for group in drawable({"curves": [often]})] == [True]
    assert list(shared.xs) == ["fault rate of each slot", "size"]
    assert shared.interval == "interval"
    assert panels(sample_summary()).interval == "95% interval"


def test_a_series_is_drawn_aside() -> None:
    """Its line, marks and band stand as many pixels aside as asked for, so that none hides one."""
    one = curve("only", 4.0)
    chart = chart_of([one], panels({"conditions": [], "curves": [one]}), CARD)
    here, aside = (drawn(chart, marks(one), 0, shift) for shift in (0.0, 5.0))
    first = [float(re.findall(r'<path d="M([\d.]+)', text)[0]) for text in (here, aside)]
    assert first[1] - first[0] == pytest.approx(5.0)


def test_the_target_is_a_line_with_its_name() -> None:
    """As many failures as it allows, once however many series have it."""
    both = [curve("a", 1.0), curve("b", 4.0)]
    chart = chart_of(both, panels({"conditions": [], "curves": both}), CARD)
    assert targets(chart, both).count("99.9% holds below") == 1
    assert targets(chart, [both[0] | {"frontier": None}]) == ""


def test_what_is_heard_of_a_curve() -> None:
    """Its name and the counts at every setting."""
    one = curve("hybrid_verified", 1.0)
    assert told(one).startswith("policy hybrid_verified: 1 of 4,000 at 0.001, ")
    assert series({"series": {"policy": "p", "size": 3}, "name": "n"}) == "policy p, size 3"
    assert series({"series": {}, "name": "n"}) == "n"
