import xml.etree.ElementTree as ET

import pytest

from harness.reports.figures import svg
from harness.reports.figures.scale import Tick
from harness.reports.html_parts.markup import clean
from tests.reports.figures.layout import faults
from tests.reports.samples import HOSTILE


@pytest.mark.parametrize("drawn", [svg.figure, lambda t, a, *_: svg.strip(t, a, "<g/>")])
def test_a_figure_says_what_it_is(drawn: object) -> None:
    """A figure has the role of an image, a title and a description, all of it escaped."""
    assert callable(drawn)
    found = drawn(HOSTILE, HOSTILE, 360, 200, "<g/>")
    tree = ET.fromstring(found.replace("&#x27;", "'"))  # noqa: S314 - made right here
    assert tree.get("role") == "img"
    assert [child.tag for child in tree] == ["title", "desc", "g"]
    assert clean(HOSTILE) in found


def test_steps_have_corners() -> None:
    """Between two points a step first goes right, then up."""
    assert svg.steps([(0, 0), (2, 1), (3, 4)]) == [(0, 0), (2, 0), (2, 1), (3, 1), (3, 4)]
    assert svg.steps([]) == []


def test_series_differ_without_colours() -> None:
    """Each series has a mark of its own shape, and the same one again only after all others."""
    shapes = {svg.mark((0, 0), series).split(' class="')[0] for series in range(svg.SERIES)}
    assert len(shapes) == svg.SERIES
    assert svg.mark((0, 0), 0) == svg.mark((0, 0), svg.SERIES)


def test_strips_are_in_per_cent() -> None:
    """What is as wide as its place has no x in pixels, and a bar of no width can be seen."""
    assert svg.strip_bar(0.25, 0.5, "k", 6).startswith('<rect x="25%" width="25%"')
    assert 'width="0.2%"' in svg.strip_bar(0.5, 0.5, "k", 6)
    assert 'x="100%"' in svg.strip_arrow(1.0, "k")
    axis = svg.axis_strip("about", [Tick(0.0, "a"), Tick(0.5, ""), Tick(1.0, "<b>")])
    assert 'class="start">a<' in axis
    assert 'class="end">&lt;b&gt;<' in axis
    assert axis.count("<line") == 3


def test_nothing_draws_nothing() -> None:
    """A path without points is no path."""
    assert svg.path([], "curve") == ""
    assert svg.path([(0, 1), (2, 3)], "curve", closed=True) == (
        '<path d="M0.0 1.0L2.0 3.0Z" class="curve"/>'
    )


def test_the_check_of_labels_sees_what_is_wrong() -> None:
    """Labels that touch, and one that leaves its figure, are found by the check tests rely on."""
    good = svg.label((50, 20), "one") + svg.label((50, 40), "two")
    assert faults(svg.figure("", "", 100, 50, good)) == []
    touching = svg.label((50, 20), "one") + svg.label((60, 25), "two")
    assert faults(svg.figure("", "", 100, 50, touching)) == ["'one' touches 'two'"]
    outside = svg.label((99, 20), "a long one", "start")
    assert faults(svg.figure("", "", 100, 50, outside)) == ["'a long one' leaves the figure"]
