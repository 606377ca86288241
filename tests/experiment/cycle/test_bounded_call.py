"""A function in a process of its own: what it raises arrives, and it cannot stay for ever."""

from __future__ import annotations

import os
import time

import pytest

from harness.errors import MeasurementError, UsageError
from harness.experiment.cycle.bounded_call import Tell, call_apart


def returns(tell: Tell) -> None:
    """Do nothing."""


def refuses(tell: Tell, text: str) -> None:
    """Raise the user's mistake."""
    raise UsageError(text)


def breaks(tell: Tell) -> None:
    """Raise what nobody foresaw."""
    raise ZeroDivisionError


def leaves(tell: Tell) -> None:
    """End the process."""
    tell("the place")
    os._exit(7)


def hangs(tell: Tell) -> None:
    """Never return."""
    tell("the place")
    time.sleep(4000)


def test_what_works_says_nothing() -> None:
    """It returns."""
    call_apart(returns, limit_s=60)


def test_errors_arrive() -> None:
    """The user's mistake as one sentence, any other as the instrument's own with where it was."""
    with pytest.raises(UsageError, match=r"^oh dear$"):
        call_apart(refuses, "oh dear", limit_s=60)
    with pytest.raises(MeasurementError, match=r"in breaks[\s\S]*ZeroDivisionError"):
        call_apart(breaks, limit_s=60)


def test_its_end_is_seen() -> None:
    """With the place that was told last, and how."""
    with pytest.raises(UsageError, match=r"^the place: .*exit status 7"):
        call_apart(leaves, limit_s=60)


def test_it_has_its_time() -> None:
    """After that it is killed."""
    with pytest.raises(UsageError, match=r"did not end within 1 s"):
        call_apart(hangs, limit_s=1)


def test_it_ends_when_asked() -> None:
    """As for Ctrl-C."""
    with pytest.raises(KeyboardInterrupt):
        call_apart(hangs, limit_s=60, stopped=lambda: True)
