"""How a guarded run ended."""

from __future__ import annotations

from harness.guard.result import GONE, UNKNOWN, GuardResult


def test_nothing_is_clean_before_it_was_proven() -> None:
    """A result says dirty until somebody says otherwise, and what was not seen is never clean."""
    assert not GuardResult().says_clean
    assert not UNKNOWN.clean("rows")
    assert not GONE.clean("rows")
    assert GuardResult(ended="cleaned").says_clean
    assert GuardResult(ended="restored").says_clean
    assert not GuardResult(ended="refused").says_clean
