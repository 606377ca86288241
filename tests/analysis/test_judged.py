"""What is said of a claim."""

from __future__ import annotations

from harness.analysis.judged import GOOD, HARNESS_ERROR, VERDICTS


def test_doubt_is_never_good() -> None:
    """Only what supports a claim, or cannot refute one of 100%, is good; a harness error is not."""
    assert set(VERDICTS) > GOOD
    assert HARNESS_ERROR not in GOOD | set(VERDICTS)
    assert not {"refuted", "undecided", "not measured"} & GOOD
