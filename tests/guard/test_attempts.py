"""What a trip tries."""

from __future__ import annotations

import errno

import apsw
import pytest

from harness.guard.attempts import Attempts
from harness.guard.result import GuardResult
from harness.retry import Retry
from harness.steps import Step


def attempts(times: int = 2) -> tuple[Attempts, GuardResult, list[Step]]:
    """Attempts of a trip, its result, and the steps that it announces."""
    result, steps = GuardResult(), list[Step]()
    return Attempts(Retry(attempts=times, first_ms=0), steps.append, result), result, steps


def test_what_may_pass_is_tried_again_and_every_failure_kept() -> None:
    """A lock is; each attempt is announced, and each that failed stands in the result."""
    tried, result, steps = attempts()
    errors = [apsw.exception_for(apsw.SQLITE_BUSY), apsw.exception_for(apsw.SQLITE_BUSY)]

    def locked() -> None:
        raise errors.pop()

    assert not tried.succeed("backup", "file_copy", locked)
    assert [step.attempt for step in steps] == [1, 2]
    assert [failure.reason for failure in result.failures] == ["timeout", "timeout"]
    with pytest.raises(IndexError):
        tried.make("backup", "file_copy", locked)  # what cannot pass is raised as it came


def test_a_journal_that_cannot_be_written_is_a_failure_and_no_error() -> None:
    """A full disk is told as any other; what is no error of the disk is none of its business."""
    tried, result, _ = attempts()

    def full() -> None:
        raise OSError(errno.ENOSPC, "no room")

    assert not tried.noted("dispose", full)
    assert result.failures[0].step == Step("dispose", "journal", 1)
    assert result.failures[0].reason == "disk full"
    assert tried.noted("dispose", lambda: None)


def test_times_of_a_phase_add_up() -> None:
    """Two verifications are one time, and an error does not lose it."""
    tried, result, _ = attempts()
    with tried.timed("verify"):
        pass
    first_ms, first_cpu_ms = result.timings_ms["verify"], result.cpu_ms["verify"]
    with pytest.raises(KeyError), tried.timed("verify"):
        raise KeyError
    assert result.timings_ms["verify"] > first_ms > 0
    assert result.cpu_ms["verify"] > first_cpu_ms > 0
