"""Terms: none unless somebody sets some."""

from __future__ import annotations

from harness.processes.terms import Terms


def test_there_are_none_by_default() -> None:
    """A command that nobody limits is not limited, and two share nothing."""
    one, other = Terms(), Terms()
    assert (one.file_size_bytes, one.kill_after_s, one.ended, one.error) == (None, None, None, None)
    one.notes.append("x")
    assert other.notes == []
