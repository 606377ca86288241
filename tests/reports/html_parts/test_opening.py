import pytest

from harness.reports.html_parts.opening import opening, verdict
from tests.reports.samples import HOSTILE, claim, condition
from tests.stored_runs import row


def _claimed(*verdicts: str) -> dict[str, object]:
    claims = [claim([], 10) | {"verdict": one} for one in verdicts]
    return {"rows": [], "conditions": [condition("a", 3, claims=claims)]}


@pytest.mark.parametrize(
    ("verdicts", "kind", "said"),
    [
        (["supported"], "good", "The claim is supported."),
        (["refuted"] * 2, "bad", "All 2 claims are refuted."),
        (["supported", "undecided"], "open", "Of 2 claims: 1 supported, 1 undecided."),
        (["refuted", "supported", "not refuted"], "bad",
         "Of 3 claims: 1 supported, 1 not refuted, 1 refuted."),
        (["not refuted", "supported"], "good", "Of 2 claims: 1 supported, 1 not refuted."),
        (["supported", "not measured"], "open", "Of 2 claims: 1 supported, 1 not measured."),
        ([], "", "Nothing was claimed; the reliability measured is 99.85% [99.56%, 99.970%]."),
    ],
)  # fmt: skip
def test_the_verdict_in_a_sentence(verdicts: list[str], kind: str, said: str) -> None:
    """The worst verdict gives the colour, every kind is counted; without a claim there is none."""
    assert verdict(_claimed(*verdicts)) == (kind, said)


def test_without_rows_the_conditions_speak() -> None:
    """Claims of conditions count, or their one verdict where claims are not listed."""
    conditions = [
        condition("a", claims=[claim([], 10), claim([], 4000)]),
        condition("b", claims=None, verdict="refuted"),
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
    assert "measured is 90.0% [88.6%, 91.3%] (a) to 100% [99.81%, 100%]." in said
    none = condition("n", verdict=None)
    none["reliability"] = {"estimate": None}
    assert verdict({"rows": [], "conditions": [none]})[1] == "Nothing was measured."


def test_what_must_never_happen_is_counted() -> None:
    """Silent failures are red when there are any and green when there are none."""
    page = opening({"rows": [], "conditions": [condition(HOSTILE, 3)]}, HOSTILE)
    assert '<div class="tile bad"><strong>3</strong>failed and said it was fine' in page
    assert '<div class="tile good"><strong>0</strong>lost the baseline' in page
    assert "<b " not in page


def test_a_harness_error_anywhere_is_no_green_page() -> None:
    """Claims that are all supported stand in a run that supports nothing, and it is said."""
    spoiled = condition("b", claims=[], doubts=["harness error in 1 cycle"])
    good = condition("a", claims=[claim([], 4000)])
    found = verdict({"rows": [], "conditions": [good, spoiled]})
    said = "This run supports nothing: harness error in b. The claim is supported."
    assert found == ("bad", said)


def test_the_answer_is_as_strong_as_its_row() -> None:
    """What claims 99.9% is answered under the verdict, weaker where its row is weaker."""
    one = condition("a", 0, 4000)

    def answer(verdict: str) -> str:
        told = row(condition="a", claim="all of it", at_least=0.999, verdict=verdict)
        return opening({"rows": [told], "conditions": [one]}, "")

    assert "Nothing here refutes it: of 1 setting measured, it holds in 1." in answer("supported")
    assert "it is not decided for &quot;all of it&quot;" in answer("undecided")
    assert "holds" not in answer("undecided")
