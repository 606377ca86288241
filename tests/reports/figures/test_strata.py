from harness.reports.figures.strata import strata
from tests.reports.figures.layout import faults, figures
from tests.reports.samples import RATES, condition, sample_summary
from tests.reports.samples import strata as found


def test_every_stratum_and_rate_is_there() -> None:
    """The figure, a row for each number of faults, and brute force beside the same rates."""
    page = strata(sample_summary())
    assert [faults(one) for one in figures(page)] == [[], []]
    assert page.count("<tr>") == 1 + 6 + 1 + len(RATES)
    assert "drawn fault by fault" in page
    assert "shown to hold up to a rate of 0.0028" in page


def test_what_was_measured_stands_in_the_band() -> None:
    """Marks of the sweep that the strata are of, and of no other."""
    wide, narrow = figures(strata(sample_summary()))
    for drawn in (wide, narrow):
        assert drawn.count('class="mark s1') == len(RATES)
        assert 'class="mark s2' not in drawn
        assert "99.9% holds below" in drawn
    alone = {"conditions": [condition("s", strata=found())]}
    assert 'class="mark' not in figures(strata(alone))[0]


def test_without_curves_nothing_is_set_beside() -> None:
    """Strata alone have no brute force to compare with; no strata make no section."""
    alone = condition("s", strata=found())
    assert "drawn fault by fault" not in strata({"conditions": [alone]})
    assert strata({"conditions": [condition("s"), {"name": "old"}]}) == ""


def test_what_is_not_known_is_passed_over() -> None:
    """A curve of nothing has no figure, no frontier says so, and unsteadiness is said."""
    bare = found() | {"curve": [], "steady": False, "unsteady": "<it varied>"}
    bare["frontier"] |= {"holds_to": None, "breaks_from": None}
    page = strata({"conditions": [condition("s", strata=bare)]})
    assert figures(page) == []
    assert "neither shown to hold nor to break" in page
    assert "&lt;it varied&gt;" in page
