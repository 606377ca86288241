"""How a page opens: the answer, then how cycles ended, by policy."""

from __future__ import annotations

from harness.reports.html_parts.anchors import anchors
from harness.reports.html_parts.opening import FINDINGS_MOST, answered, policies
from harness.reports.words.asked import Answer, Finding, answer
from tests.reports.samples import HOSTILE, claim, condition
from tests.reports.test_html import Page


def test_the_answer_leads_to_its_conditions() -> None:
    """Question, answer, how all claims were judged, then findings that lead to their conditions."""
    every = [condition(HOSTILE, claims=[claim([], 4000)])]
    summary = {"rows": [], "conditions": every}
    given = Answer("target", "It holds.", [Finding(f"{HOSTILE}: so", HOSTILE, "good")], "good")
    page = Page(answered(summary, given, HOSTILE, anchors(every)))
    assert page.texts["p"][1:] == ["It holds.", "The claim is supported."]
    assert [given["href"] for tag, given in page.tags if tag == "a"] == ["#condition-1"]
    assert not [tag for tag, _ in page.tags if tag == "b"]


def test_what_all_claims_come_to_is_said_once() -> None:
    """Where it is the answer itself it does not stand below it again."""
    summary = {"rows": [], "conditions": [condition("a", claims=[claim([], 4000)])]}
    text = answered(summary, answer(summary), "", {})
    assert text.count("The claim is supported.") == 1


def test_many_findings_are_folded_and_none_is_left_out() -> None:
    """One more than fits is shown as well: a click for one line is no gain."""
    summary = {"rows": [], "conditions": [condition("a", verdict=None)]}
    for more, folded in ((0, 0), (1, 0), (3, 1)):
        findings = [Finding(f"f{at}") for at in range(FINDINGS_MOST + more)]
        page = Page(answered(summary, Answer("swept", "x", findings), "", {}))
        assert page.texts["li"] == [one.text for one in findings]
        assert len(page.texts.get("details", [])) == folded


def test_a_row_of_tiles_for_each_policy() -> None:
    """Ends of one policy stand in one row, never added up; what must not happen is red."""
    every = [condition(HOSTILE, 3), condition("b", 0, policy="cleanup_only")]
    page = policies({"rows": [], "conditions": every})
    assert [text.split()[0] for text in Page(page).texts["h3"]] == [
        "cleanup_only",
        "hybrid_verified",
    ]
    assert page.count('<div class="tile bad"><strong>3</strong>dirty without a word') == 1
    assert '<div class="tile "><strong>0</strong>baseline lost' in page
    assert "spoiled" not in page
