import pytest

from harness.reports.words.answer import headline, listed, settings, where
from tests.reports.rows import ended, judged, summary

ROWS = [
    judged("combined, easy", "supported", condition="easy", decided_at_cycle=3402),
    judged("combined, hard", "refuted", condition="hard", decided_at_cycle=40),
    judged("combined, short", "undecided", condition="hard"),
]
CONDITIONS = [ended("easy", cleaned=3500), ended("hard", cleaned=95, dirty_silent=5)]


def test_who_claims_the_figure() -> None:
    """Rows of the figure that were judged; no set point, no other figure, nothing unmeasured."""
    others = [
        judged("a set point", "set point"),
        judged("a control", "control"),
        judged("not measured", "not measured", condition=None),
        judged("another figure", "supported", at_least=0.95),
        judged("another measure", "supported", measure="clean_end"),
    ]
    found = settings([summary(CONDITIONS, [*others, *ROWS]), summary([], others)])
    assert [one.name for one in found] == ['"easy"', '"hard"', '"short"']


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        ((0, 1, 2), "It is no property of the approach, it depends on the setting: of 3 settings "
         "measured, it holds in 1, does not hold in 1 and is not decided in 1."),
        ((1, 2), "Nowhere is it shown to hold: of 2 settings measured, it does not hold in 1 and "
         "is not decided in 1."),
        ((0, 2), "Nothing here refutes it: of 2 settings measured, it holds in 1 and is not "
         "decided in 1."),
        ((2,), "There are too few cycles to say: of 1 setting measured, it is not decided in 1."),
        ((), ""),
    ],
)  # fmt: skip
def test_the_headline_weakens_with_its_rows(kept: tuple[int, ...], said: str) -> None:
    """Each mix of verdicts has its own words, and every row is counted under its verdict."""
    assert headline(settings([summary(CONDITIONS, [ROWS[one] for one in kept])])) == said


def test_where_it_holds_and_where_not() -> None:
    """Settings stand under their verdict with their counts; undecided ones where nothing else."""
    found = settings([summary(CONDITIONS, ROWS)])
    assert where(found) == (
        'it holds for "easy" (no failure in 3,500 cycles; supported at cycle 3,402); '
        'it does not hold for "hard" (5 failures in 100 cycles: 5 dirty without a word; '
        "refuted at cycle 40)."
    )
    assert where(found[2:]).startswith('it is not decided for "short" (5 failures in 100 cycles')
    assert where([]) == ""


def test_a_list_in_words() -> None:
    """Commas, and an "and" before the last."""
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert listed([]) == ""
