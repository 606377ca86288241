"""Each end of a cycle has one name."""

from __future__ import annotations

from harness.outcomes import OUTCOMES
from harness.reports.words.outcomes import BAD, CALLED, GOOD, counts


def test_every_outcome_is_called_something() -> None:
    """No outcome is left out, in their order, and no two share a name."""
    assert tuple(CALLED) == OUTCOMES
    assert len(set(CALLED.values())) == len(OUTCOMES)
    assert {*GOOD, *BAD} < set(CALLED)


def test_kinds_of_ends_stand_apart() -> None:
    """Refused, dirty and silent are never one number, and those that are 0 are left out."""
    ended = {"outcomes": {"cleaned": 1200, "refused": 2, "dirty_known": 1, "dirty_silent": 0}}
    assert counts(ended) == "1,200 cleaned, 2 refused before any test, 1 dirty and said so"
    assert counts(ended, failed=True) == "2 refused before any test, 1 dirty and said so"


def test_an_older_run_has_one_word_for_two_ends() -> None:
    """It counted refusals among what was dirty and said so, and its name says that."""
    older = {"policy": "hybrid_verified", "outcomes": {"dirty_known": 3}}
    assert counts(older) == "3 dirty or refused, and said so"
    assert counts({**older, "policy": "cleanup_only"}) == "3 dirty and said so"
