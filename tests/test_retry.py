from __future__ import annotations

import math
import multiprocessing
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


WAITS = st.builds(
    Retry,
    st.just(99),
    st.floats(0, 50),
    st.floats(1, 4),
    st.floats(0, 200),
    st.floats(0, 1),
)


@given(retry=WAITS, attempt=st.integers(1, 3000))
def test_jitter_stays_within_its_bounds(retry: Retry, attempt: int) -> None:
    """Every wait drawn lies between (1 - jitter) and 1 times the backoff, however far it grew."""
    most = retry.wait_ms(attempt)
    for _ in range(5):
        drawn = retry.drawn_ms(attempt)
        assert most * (1 - retry.jitter) - 1e-9 <= drawn <= most <= retry.longest_ms


def test_jitter_draws_evenly() -> None:
    """Each tenth of the part left to chance comes up; without jitter nothing is left to chance."""
    retry = Retry(3, 10.0, jitter=0.5)
    tenths = [int((retry.drawn_ms(1) - 5) / 0.5) for _ in range(4000)]
    counts = [tenths.count(tenth) + (tenths.count(10) if tenth == 9 else 0) for tenth in range(10)]
    assert sum(counts) == 4000
    assert min(counts) > 250  # 400 expected; 8 standard deviations below it
    assert {Retry(3, 10.0).drawn_ms(1) for _ in range(50)} == {10.0}


def test_clients_that_fail_together_come_back_apart() -> None:
    """What forked workers draw differs: no state is shared between them."""
    with multiprocessing.get_context("fork").Pool(2) as pool:
        drawn = pool.map(Retry(3, 10.0, jitter=1.0).drawn_ms, [1] * 20, chunksize=1)
    assert len(set(drawn)) == 20


def test_the_wait_is_the_one_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """With jitter the waits really vary, each within its bounds."""
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    for _ in range(20):
        run(Retry(3, 8.0, 2.0, jitter=0.25), Flaky(9))
    assert len(slept) == 40
    assert len(set(slept)) > 2
    assert all(0.006 <= s <= 0.008 for s in slept[::2])
    assert all(0.012 <= s <= 0.016 for s in slept[1::2])


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        *(("attempts", value) for value in (0, -1)),
        *(("first_ms", value) for value in (-1.0, math.nan, math.inf)),
        *(("factor", value) for value in (0.5, math.nan, math.inf)),
        *(("longest_ms", value) for value in (-0.1, math.nan, math.inf)),
        *(("jitter", value) for value in (-0.1, 1.1, math.nan)),
    ],
)
def test_what_cannot_be_waited_for(setting: str, value: float) -> None:
    """A setting that makes no sense is refused, by its name."""
    with pytest.raises(ValueError, match=f"^{setting} is "):
        Retry(**{setting: value})


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
