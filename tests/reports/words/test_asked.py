"""A run answers what it was made to find out, in words that are as strong as its rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.analysis.summary import load
from harness.reports.words.asked import UNNOTICED, answer, verdicts
from tests.reports.samples import claim, condition
from tests.reports.words.test_costs import SUMMARY as COSTS
from tests.stored_runs import row

RESULTS = Path(__file__).resolve().parents[3] / "results"


def claimed(*found: str) -> dict[str, Any]:
    """Return a summary with a claim for each verdict."""
    claims = [claim([], 10) | {"verdict": one} for one in found]
    return {"rows": [], "conditions": [condition("a", 3, claims=claims)]}


@pytest.mark.parametrize(
    ("found", "kind", "said"),
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
def test_the_verdict_in_a_sentence(found: list[str], kind: str, said: str) -> None:
    """The worst verdict gives the colour, every kind is counted; without a claim there is none."""
    given = answer(claimed(*found))
    assert (given.kind, given.headline) == (kind, said)


def test_conditions_without_a_list_of_claims_speak_as_well() -> None:
    """Claims of conditions count, or their one verdict where claims are not listed."""
    conditions = [
        condition("a", claims=[claim([], 10), claim([], 4000)]),
        condition("b", claims=None, verdict="refuted"),
        condition("c", verdict=None),
    ]
    found = {"rows": [], "conditions": conditions}
    assert verdicts(found) == "Of 3 claims: 1 supported, 1 refuted, 1 undecided."
    assert answer(found).kind == "bad"


def test_nothing_claimed() -> None:
    """Without claims the sentence gives the range measured, or says that nothing was."""
    two = [condition("a", 200, verdict=None), condition("b", 0, verdict=None)]
    said = answer({"rows": [], "conditions": two}).headline
    assert "measured is 90.0% [88.6%, 91.3%] (a) to 100% [99.81%, 100%]." in said
    none = condition("n", verdict=None)
    none["reliability"] = {"estimate": None}
    assert answer({"rows": [], "conditions": [none]}).headline == "Nothing was measured."


def test_a_harness_error_anywhere_is_no_green_page() -> None:
    """Claims that are all supported stand in a run that supports nothing, and it is said."""
    spoiled = condition("b", claims=[], doubts=["harness error in 1 cycle"])
    good = condition("a", claims=[claim([], 4000)])
    given = answer({"rows": [], "conditions": [good, spoiled]})
    said = "This run supports nothing: harness error in b. The claim is supported."
    assert (given.kind, given.headline) == ("bad", said)


@pytest.mark.parametrize(
    ("found", "said", "kind"),
    [
        ("supported", "Nothing here refutes it: of 1 setting measured, it holds in 1.", "good"),
        ("undecided", "There are too few cycles to say: of 1 setting measured, it is not decided "
         "in 1.", "open"),
    ],
)  # fmt: skip
def test_a_claimed_figure_is_as_strong_as_its_row(found: str, said: str, kind: str) -> None:
    """What claims 99.9% is answered first, weaker where its row is weaker."""
    told = row(condition="a", claim="all of it", at_least=0.999, verdict=found)
    given = answer({"rows": [told], "conditions": [condition("a", 0, 4000)]})
    assert (given.about, given.headline, given.kind) == ("target", f"99.9%: {said}", kind)
    assert [one.condition for one in given.findings] == ["a"]


def test_which_fault_is_missed() -> None:
    """Those refuted are missed, the worst first; the rest was not seen to be, which is no more."""
    conditions = [
        condition("seldom", 1, 50, verdict="refuted"),
        condition("often", 9, 50, verdict="refuted"),
        condition("never", 0, 50, verdict="not refuted"),
    ]
    rows = [
        row(UNNOTICED, condition=one["name"], claim=f"{one['name']} struck", verdict=one["verdict"],
            estimate=one["reliability"]["estimate"])
        for one in conditions
    ]  # fmt: skip
    given = answer({"rows": rows, "conditions": conditions})
    assert given.headline == "Missed: 2 of 3 left test data behind without a word."
    assert [(one.text, one.condition) for one in given.findings] == [
        ("often struck: unnoticed in 9 of 50 cycles", "often"),
        ("seldom struck: unnoticed in 1 of 50 cycles", "seldom"),
        ("Never missed in 50 cycles each: never struck", ""),
    ]
    given = answer({"rows": rows[2:], "conditions": conditions[2:]})
    assert "no proof" in given.headline


def test_what_things_cost() -> None:
    """Where nothing is claimed and nothing strikes the times are the answer."""
    assert answer({**COSTS, "curves": []}).about == "cost"


@pytest.mark.parametrize(
    ("run", "about", "part"),
    [
        ("recovery_cost", "cost", "A restore takes"),
        ("network", "missed", "Missed: "),
        ("summary_claims", "target", "99.9%: "),
        ("network_999", "target", "99.9%: "),
        ("curves", "swept", "99.9% is shown to hold"),
        ("rare_faults", "strata", "by number of faults: no rate shows 99.9%; is broken from"),
        ("independence", "together", "conditions disagree"),
        ("shared_cause", "together", "depend on each other"),
        ("failure_scenario", "story", "One cycle shows what can happen"),
        ("taskboard", "claims", "Of 3 claims"),
    ],
)
def test_published_runs_answer_their_question(run: str, about: str, part: str) -> None:
    """Each is answered by what it was made to find out, and every finding leads somewhere."""
    summary = load(RESULTS / run).summary
    given = answer(summary)
    assert given.about == about
    assert part in given.headline
    names = {one["name"] for one in summary["conditions"]}
    assert {one.condition for one in given.findings} <= {*names, ""}
