import pytest

from harness.reports.opening import opening, verdict
from tests.reports.samples import HOSTILE, claim, condition


def _rows(*verdicts: str) -> dict[str, object]:
    return {"rows": [{"verdict": one} for one in verdicts], "conditions": [condition("a", 3)]}


@pytest.mark.parametrize(
    ("verdicts", "kind", "said"),
    [
        (["supported"], "good", "The claim is supported."),
        (["refuted"] * 2, "bad", "All 2 claims are refuted."),
        (["supported", "undecided"], "open", "Of 2 claims: 1 supported, 1 undecided."),
        (["refuted", "supported", "set point"], "bad",
         "Of 3 claims: 1 supported, 1 refuted, 1 set point."),
        (["supported", "not measured"], "open", "Of 2 claims: 1 supported, 1 not measured."),
        (["set point"], "", "Nothing was claimed; the reliability is 99.85%."),
    ],
)  # fmt: skip
def test_the_verdict_in_a_sentence(verdicts: list[str], kind: str, said: str) -> None:
    """The worst verdict gives the colour; every kind is counted; a set point is no verdict."""
    assert verdict(_rows(*verdicts)) == (kind, said)


def test_without_rows_the_conditions_speak() -> None:
    """Claims of conditions count, or their one verdict where claims are not listed."""
    conditions = [
        condition("a", claims=[claim([], 10), claim([], 4000)]),
        condition("b", verdict="refuted"),
        condition("c", verdict=None),
    ]
    assert verdict({"rows": [], "conditions": conditions}) == (
        "bad",
        "Of 3 claims: 1 supported, 1 refuted, 1 undecided.",
    )


def test_nothing_claimed() -> None:
    """Without claims the sentence gives the range measured, or says that nothing was."""
    two = [condition("a", 200, verdict=None), condition("b", 0, verdict=None)]
    said = verdict({"rows": [], "conditions": two})[1]
    assert "90.0% (a) to 100%" in said
    none = condition("n", verdict=None)
    none["reliability"] = {"estimate": None}
    assert verdict({"rows": [], "conditions": [none]})[1] == "Nothing was measured."


def test_what_must_never_happen_is_counted() -> None:
    """Silent failures are red when there are any and green when there are none."""
    page = opening({"rows": [], "conditions": [condition(HOSTILE, 3)]}, HOSTILE)
    assert '<div class="tile bad"><strong>3</strong>failed and said it was fine' in page
    assert '<div class="tile good"><strong>0</strong>lost the baseline' in page
    assert "<b " not in page


def test_rows_hide_no_claim_of_a_condition() -> None:
    """Three supported rows and a refuted claim of a condition's own are no green page."""
    rows = [{"verdict": "supported", "condition": "a", "measure": "no_restore"}] * 3
    refuted = claim([], 10) | {"verdict": "refuted"}
    found = verdict({"rows": rows, "conditions": [condition("a", claims=[refuted])]})
    assert found == ("bad", "Of 4 claims: 3 supported, 1 refuted.")
