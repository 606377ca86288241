from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.retry import Retry
from harness.steps import Failure, Step


class Flaky:
    """Fails with ENOSPC, EIO, ... in turn, then passes; counts how often it was called."""

    def __init__(self, times: int) -> None:
        self.times = times
        self.calls = 0

    def __call__(self) -> str:
        """Fail or pass."""
        self.calls += 1
        if self.calls <= self.times:
            raise OSError(self.calls, f"failure {self.calls}")
        return "passed"


def run(
    retry: Retry, action: Callable[[], str], worth: Callable[[Exception], bool] = lambda _: True
) -> tuple[str | Exception, list[Step], list[Failure]]:
    """Return (result or error, steps announced, failures kept)."""
    steps: list[Step] = []
    failures: list[Failure] = []
    try:
        result: str | Exception = retry.run(
            "restore", "file_copy", action, worth=worth, listener=steps.append, failures=failures
        )
    except OSError as error:
        result = error
    return result, steps, failures


@settings(max_examples=40, deadline=None)
@given(attempts=st.integers(1, 5), times=st.integers(0, 6))
def test_attempts(attempts: int, times: int) -> None:
    """As many attempts as needed and allowed; every failure is kept, the last error raised."""
    action = Flaky(times)
    result, steps, failures = run(Retry(attempts, 0.0), action)
    made = min(attempts, times + 1)
    assert action.calls == made
    assert steps == [Step("restore", "file_copy", number) for number in range(1, made + 1)]
    assert [f.step for f in failures] == steps[: min(attempts, times)]
    assert [f.code for f in failures] == list(range(1, min(attempts, times) + 1))
    if times < attempts:
        assert result == "passed"
    else:
        assert isinstance(result, OSError)
        assert result.errno == attempts


def test_announced_before_it_is_made() -> None:
    """Whoever listens hears of each attempt just before it, never after."""
    order: list[str] = []

    def action() -> None:
        order.append("made")
        if len(order) < 6:
            raise OSError(5, "again")

    Retry(3, 0.0).run(
        "backup",
        "x",
        action,
        worth=lambda _: True,
        listener=lambda step: order.append(f"announced {step.attempt}"),
        failures=[],
    )
    assert order == ["announced 1", "made", "announced 2", "made", "announced 3", "made"]


def test_what_is_not_worth_it() -> None:
    """An error that will not pass is raised at once, and kept."""
    result, steps, failures = run(Retry(5, 0.0), Flaky(9), worth=lambda _: False)
    assert isinstance(result, OSError)
    assert len(steps) == len(failures) == 1
    seen: list[Exception] = []
    run(Retry(5, 0.0), Flaky(2), worth=lambda error: not seen.append(error))
    assert [str(error) for error in seen] == ["[Errno 1] failure 1", "[Errno 2] failure 2"]


def test_failures_say_what_it_was() -> None:
    """A failure has the reason in people's words, the error's class and text, and its code."""

    def full() -> str:
        raise OSError(28, "No space left on device")

    _, _, failures = run(Retry(1), full)
    assert failures == [
        Failure(
            Step("restore", "file_copy", 1),
            "disk full",
            "OSError: [Errno 28] No space left on device",
            28,
        )
    ]


def test_earlier_failures_stay() -> None:
    """The list may hold others' failures; they are left alone."""
    other = Failure(Step("backup", "x", 1), "timeout", "", 5)
    failures = [other]
    Retry(2, 0.0).run(
        "backup", "y", Flaky(1), worth=lambda _: True, listener=lambda _: None, failures=failures
    )
    assert failures[0] is other
    assert len(failures) == 2


def test_an_interruption_is_no_failure() -> None:
    """Ctrl-C ends it at once: it is neither kept nor tried again."""
    calls = []

    def interrupted() -> str:
        calls.append(1)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(Retry(5, 0.0), interrupted)
    assert len(calls) == 1


@given(
    first=st.floats(0, 50), factor=st.floats(1, 4), longest=st.floats(0, 200), n=st.integers(1, 30)
)
def test_waits_grow_up_to_the_longest(first: float, factor: float, longest: float, n: int) -> None:
    """Exponential: never shorter than the one before, never longer than the longest."""
    retry = Retry(99, first, factor, longest)
    assert retry.wait_ms(1) == min(first, longest)
    assert retry.wait_ms(n) <= retry.wait_ms(n + 1) <= longest
    assert retry.wait_ms(n + 1) == pytest.approx(min(longest, first * factor**n))


def test_it_really_waits() -> None:
    """The waits are between attempts: two for three attempts, none after the last."""
    started = time.perf_counter()
    run(Retry(3, 20.0, 2.0), Flaky(9))
    spent_ms = (time.perf_counter() - started) * 1000
    assert spent_ms >= 60
    started = time.perf_counter()
    run(Retry(1, 60_000.0), Flaky(9))
    assert time.perf_counter() - started < 30
