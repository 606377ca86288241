"""The figure that answers the question."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.analysis.summary import load
from harness.reports.html_parts.hero import ROWS_MOST, by_reliability, hero
from harness.reports.words.asked import answer
from tests.reports.samples import claim, condition

RESULTS = Path(__file__).resolve().parents[3] / "results"


@pytest.mark.parametrize(
    ("run", "title", "instead_of"),
    [
        ("recovery_cost", "What it costs, by the size of the database", "costs"),
        ("network", "Reliability, where faults were missed", ""),
        ("summary_claims", "Where 99.9% is claimed", ""),
        ("curves", "Failures over what was swept", "curves"),
        ("rare_faults", "Stratified estimates", "strata"),
        ("independence", "Do cleanup and restore fail independently?", "dependence"),
        ("shared_cause", "Where reliability stands", "reliability"),
        ("failure_scenario", "", ""),
    ],
)
def test_it_fits_the_answer(run: str, title: str, instead_of: str) -> None:
    """Each published run opens with the figure of what it asks, which is not drawn again below."""
    summary = load(RESULTS / run).summary
    found = hero(answer(summary).about, summary)
    assert (found.title, found.instead_of) == (title, instead_of)
    assert bool(found.inner) == bool(title)


def test_never_more_rows_than_a_screen_holds() -> None:
    """Of many conditions the least reliable are drawn."""
    many = [condition(f"c{at}", at, claims=[]) for at in range(ROWS_MOST + 5)]
    found = hero("measured", {"rows": [], "conditions": many})
    assert found.title == "Where reliability is lowest"
    assert found.inner.count("<tr>") == ROWS_MOST + 1  # and the axis
    assert ">c16<" in found.inner
    assert ">c0<" not in found.inner


def test_the_verdict_drawn_is_that_on_reliability() -> None:
    """A condition whose other claim is refuted is not drawn as if its reliability were."""
    other = claim([], 10) | {"measure": "no_restore", "verdict": "refuted"}
    both = condition("a", claims=[other, claim([], 4000)], verdict="refuted")
    assert by_reliability(both)["verdict"] == "supported"
    older = condition("a", claims=None, verdict="refuted")
    assert by_reliability(older)["verdict"] == "refuted"
