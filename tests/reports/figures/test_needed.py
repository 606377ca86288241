from harness.reports.figures.needed import claimed, needed
from tests.reports.figures.layout import faults, figures
from tests.reports.samples import HOSTILE, claim, condition


def test_lines_and_claims() -> None:
    """Four lines with the cycles that they come to, and a mark for each claim by its verdict."""
    claims = [claim([], 4000), claim([1], 500), claim(list(range(1, 90)), 600)]
    page = needed({"conditions": [condition("a", claims=claims)]})
    wide, narrow = figures(page)
    assert wide.count("curve thin") == narrow.count("curve thin") == 4
    for kind in ("stroke good", "stroke open", "stroke bad"):
        assert wide.count(kind) == 1
    assert ">3,402</text>" in wide
    assert faults(wide) == faults(narrow) == []
    assert "99.9%" in wide
    assert page.count("<tr>") == 1 + 3 + 1 + 3  # by decade, then claims


def test_nothing_claimed_is_no_figure() -> None:
    """Without a share that is claimed there is nothing to compare with."""
    assert needed({"conditions": [condition("a")]}) == ""


def test_a_claim_is_named_in_one_spelling() -> None:
    """As people write it."""
    assert [claimed(10.0**-power) for power in (1, 3, 4)] == ["90%", "99.9%", "99.99%"]


def test_names_stay_text() -> None:
    """No name of people's makes an element."""
    claims = [claim([], 4000) | {"claim": HOSTILE, "verdict": HOSTILE}]
    assert "<b " not in needed({"conditions": [condition(HOSTILE, claims=claims)]})
