import pytest

from harness.reports.figures.across import across, short


def test_what_spans_much_is_logarithmic() -> None:
    """Every ten times takes the same room, and 0 has a place of its own before them."""
    axis = across([0, 0.001, 0.01, 0.1], 400)
    places = [axis.at(x) for x in (0, 0.001, 0.01, 0.1)]
    assert places[2] - places[1] == pytest.approx(places[3] - places[2])
    assert places[0] < places[1]
    assert axis.ticks[0].label == "0"


def test_what_spans_little_is_even() -> None:
    """Equal steps take the same room."""
    axis = across([1, 2, 3], 400)
    assert axis.at(2) - axis.at(1) == pytest.approx(axis.at(3) - axis.at(2))


def test_names_stand_at_equal_distances() -> None:
    """In their order, shortened where there is no room."""
    axis = across(["copy", "pin", "x" * 90], 300)
    assert axis.at("pin") == pytest.approx(0.5)
    assert axis.ticks[2].label.endswith("…")
    assert short("long name", 4) == "lon…"
    assert short("name", 4) == "name"
