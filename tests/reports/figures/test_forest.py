import re

from harness.reports.figures.forest import forest, goal
from tests.reports.samples import HOSTILE, condition


def test_every_condition_that_ran_has_a_row() -> None:
    """A row each, with name, figures and verdict; one without cycles has no place on the scale."""
    none = condition("never ran", 0, 1)
    none["reliability"] = {"estimate": None, "lower": 0, "upper": 1}
    page = forest([condition("a", 2), condition("b", 700, verdict="refuted"), none])
    assert page.count("<tr>") == 3  # with the axis
    assert "never ran" not in page
    assert "99.90% " in page
    assert "badge refuted" in page
    assert forest([none]) == ""


def test_no_failure_is_an_open_end() -> None:
    """Where nothing failed there is no dot but an arrow from the lower limit; else no arrow."""
    never, twice = forest([condition("a", 0)]), forest([condition("a", 2)])
    assert "hollow" in never
    assert "<circle" not in never
    assert "hollow" not in twice
    assert "<circle" in twice


def test_what_was_tried_less_is_never_drawn_as_better() -> None:
    """The limit of 0 in 1,200 stands left of the mark of 1 in 5,300."""
    page = forest([condition("fewer", 0, 1200), condition("more", 1, 5300)])
    limit = re.search(r'<line x1="([\d.]+)%" x2="\1%" y1="3" y2="17"', page)
    dot = re.search(r'<circle cx="([\d.]+)%"', page)
    assert limit is not None
    assert dot is not None
    assert float(limit[1]) < float(dot[1])


def test_what_is_claimed_is_a_line() -> None:
    """The line of a claim stands left of what is better and right of what is worse."""
    page = forest([condition("worse", 200), condition("better", 1, 200_000)])
    line = re.findall(r'<line x1="([\d.]+)%" x2="[\d.]+%" [^>]*class="claim"', page)
    dots = [float(one) for one in re.findall(r'<circle cx="([\d.]+)%"', page)]
    assert len(set(line)) == 1
    assert dots[0] < float(line[0]) < dots[1]


def test_the_claim_is_found() -> None:
    """It comes from the judged claims or from the text; other measures are no reliability."""
    claims = [{"measure": "reliability", "at_least": 0.99}, {"measure": "data_safety",
                                                             "at_least": 1.0}]  # fmt: skip
    assert goal(condition("a", claimed=None, claims=claims)) == 0.99
    assert goal(condition("a", claimed="reliability >= 0.9 and data_safety >= 1")) == 0.9
    assert goal(condition("a", claimed="cleanup_ms p99 <= 40")) is None
    assert goal(condition("a", claimed=None)) is None


def test_names_are_escaped() -> None:
    """A hostile name makes no element, neither in the table nor in a title."""
    assert "<b " not in forest([condition(HOSTILE)])
