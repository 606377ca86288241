from __future__ import annotations

import itertools
import math
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.signal import lfilter
from scipy.stats import mannwhitneyu

from harness.statistics import change_of_quantile
from harness.statistics.change import Change, verdict, verdicts
from harness.statistics.change_of_quantile import compare_quantiles
from harness.statistics.timings import quantiles

Floats = NDArray[np.float64]
TIMINGS = st.lists(st.floats(0, 1e6), max_size=120)
STEPS = 5
SHARES = 2  # comparisons of a condition that are no timings: here they never show anything


def drift(random: np.random.Generator, count: int, rho: float) -> Floats:
    """Make a series in which neighbours correlate by ``rho``: AR(1) of variance 1, at its end."""
    noise = random.normal(size=count + 200) * math.sqrt(1 - rho**2)
    return np.asarray(lfilter([1], [1, -rho], noise)[200:])


def load(random: np.random.Generator, count: int, cycles: float) -> Floats:
    """Make a load that comes (1) and goes (0), each for so many cycles on average."""
    lasts = np.ceil(random.exponential(cycles, count)).astype(int)
    return np.repeat((np.arange(count) + random.integers(2)) % 2, lasts)[:count].astype(float)


def steps(random: np.random.Generator, machine: Floats) -> list[Floats]:
    """Make the timings of some steps, and last the control's, of one run on a machine."""
    tails = (random.exponential(1, (STEPS + 1, len(machine)))) * (
        random.random((STEPS + 1, len(machine))) < 0.02
    )
    return list(np.exp(machine + 0.2 * random.normal(size=tails.shape) + tails))


def said_worse(before: list[Floats], after: list[Floats], slower: float, *, beside: bool) -> bool:
    """Compare p95 of every step, of two runs, as a whole comparison does."""
    changes = [
        compare_quantiles(
            one, other * slower, 0.95, control=(before[-1], after[-1]) if beside else None
        )
        for one, other in zip(before[:-1], after[:-1], strict=True)
    ]
    nothing = changes[0]._replace(p_higher=1.0, p_lower=1.0)
    return "worse" in verdicts([*changes, *[nothing] * SHARES])


def often(
    machine: Callable[[np.random.Generator], Floats],
    *,
    times: int,
    slower: float = 1.0,
    beside: bool = False,
) -> int:
    """Count of so many comparisons of two runs those that say worse; seeded."""
    random = np.random.default_rng(11)
    runs = [[steps(random, machine(random)) for _ in range(2)] for _ in range(times)]
    return sum(said_worse(*pair, slower, beside=beside) for pair in runs)


@pytest.mark.parametrize("cycles", [300, 1200])
def test_a_machine_that_drifts_is_no_slower_code(cycles: int) -> None:
    """Equal runs with AR(1) drift of rho 0.9: of 40 comparisons hardly one says worse."""
    assert often(lambda random: 0.3 * drift(random, cycles, 0.9), times=40) <= 2


@pytest.mark.long
@pytest.mark.parametrize("cycles", [150, 400, 1200])
def test_of_a_hundred_equal_runs_at_most_five_are_called_worse(cycles: int) -> None:
    """All words of a comparison together, with drift, and with a load of any length.

    A load that may outlast a run is told from slower code by the control.
    """
    for rho in (0.0, 0.5, 0.9):
        assert often(lambda random, rho=rho: 0.3 * drift(random, cycles, rho), times=100) <= 5
    for lasts in (5, 20, cycles / 10, cycles, 5 * cycles):
        busy = lambda random, lasts=lasts: math.log(2) * load(random, cycles, lasts)  # noqa: E731 - bound twice below
        assert often(busy, times=100, beside=True) <= 5


@pytest.mark.long
def test_slower_code_is_seen_with_runs_of_usual_size() -> None:
    """30% slower: nearly always seen on a quiet machine, mostly on one that drifts."""
    quiet = lambda random: np.zeros(400)  # noqa: E731 - two machines, side by side
    assert often(quiet, times=50, slower=1.3) >= 48
    assert often(quiet, times=50, slower=1.3, beside=True) >= 45
    assert often(lambda random: 0.3 * drift(random, 1200, 0.9), times=50, slower=1.3) >= 45


def test_shorter_blocks_would_not_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """The simulation sees the mistake that long blocks are there against: six cycles a block."""

    def machine(random: np.random.Generator) -> Floats:
        return 0.5 * drift(random, 240, 0.97)

    assert often(machine, times=60) <= 3
    monkeypatch.setattr(change_of_quantile, "BLOCKS", (40,))
    monkeypatch.setattr(change_of_quantile, "_memory", lambda series: 1.0)
    assert often(machine, times=60) > 3


def test_a_load_longer_than_the_run_is_seen_by_the_control_only() -> None:
    """All of a run under load: slower in itself, not beside the control; a slower step is."""
    random = np.random.default_rng(2)
    before, after = (steps(random, np.full(400, busy)) for busy in (0.0, 0.7))
    assert said_worse(before, after, 1.0, beside=False)
    assert not said_worse(before, after, 1.0, beside=True)
    assert said_worse(before, after, 1.5, beside=True)


def test_how_long_timings_stay_alike() -> None:
    """The known integrated autocorrelation time of AR(1), (1 + rho) / (1 - rho), in parts too."""
    random = np.random.default_rng(4)
    for rho, wanted in ((0.0, 1), (0.5, 3), (0.9, 19)):
        found = np.mean([change_of_quantile._memory(drift(random, 4000, rho)) for _ in range(20)])
        assert wanted * 0.85 <= found <= wanted * 1.15
    long = [change_of_quantile._memory(drift(random, 40_000, 0.99)) for _ in range(8)]
    assert 150 <= np.mean(long) <= 250  # 199
    assert change_of_quantile._memory(np.full(50, 2.0)) == 1


@settings(max_examples=60)
@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=6),
    st.lists(st.integers(0, 9), min_size=1, max_size=6),
    st.floats(0.001, 0.4),
)
def test_ranks_by_hand(before: list[int], after: list[int], error: float) -> None:
    """p-values are the share of all ways to deal values out; the interval inverts the test."""
    one, other = np.array(before, float), np.array(after, float)
    found = change_of_quantile._by_rank(one, other, error)
    dealt = itertools.combinations(range(len(one) + len(other)), len(other))
    everyone = set(range(len(one) + len(other)))
    counts = [sum(a > b for a in chosen for b in everyone - set(chosen)) for chosen in dealt]
    against = np.sum(other[:, None] <= one)
    below = len(one) * len(other) - against
    assert found.p_higher == pytest.approx(np.mean([count >= below for count in counts]))
    assert (found.low > 0) == (found.p_higher <= error)
    assert (found.high < 0) == (found.p_lower <= error)


def test_ranks_are_those_of_scipy() -> None:
    """Twelve blocks against eight, without ties: the exact p-values of scipy."""
    random = np.random.default_rng(1)
    one, other = random.random(12), random.random(8)
    found = change_of_quantile._by_rank(one, other, 0.05)
    for p_value, side in ((found.p_higher, "greater"), (found.p_lower, "less")):
        known = mannwhitneyu(other, one, alternative=side, method="exact").pvalue
        assert p_value == pytest.approx(known)


def test_too_few_timings_show_nothing() -> None:
    """Less than ten cycles: nothing is shown, however far apart, and nothing bounded."""
    for few in (0, 1, 9):
        found = compare_quantiles(np.ones(few), np.full(few, 9.0), 0.5)
        assert verdict(found) == "no difference shown"
        assert (found.ratio_low, found.ratio_high) == (0, math.inf)
    assert verdict(compare_quantiles(np.ones(10), np.full(10, 9.0), 0.5)) == "worse"


@settings(max_examples=60)
@given(TIMINGS, TIMINGS, st.sampled_from([50, 95, 99]), st.floats(0.01, 0.99))
def test_p_value_and_interval_of_timings_agree(
    before: list[float], after: list[float], percent: int, confidence: float
) -> None:
    """The interval excludes a ratio of 1 just where the p-value is at most half of the error."""

    def compare(one: list[float], other: list[float]) -> Change:
        return compare_quantiles(one, other, percent / 100, confidence)

    found, error = compare(before, after), (1 - confidence) / 2
    for p_value, shown in (
        (found.p_higher, found.ratio_low > 1),
        (found.p_lower, found.ratio_high < 1),
    ):
        assert abs(p_value - error) < 1e-9 or shown == (p_value <= error)
    back = compare(after, before)
    assert (found.p_higher, found.p_lower) == (back.p_lower, back.p_higher)
    if before and after:
        assert found.before == quantiles(before)[f"p{percent}"]
        assert found.difference_low <= found.difference <= found.difference_high


def test_importing_leaves_scipy_alone() -> None:
    """Commands that compare nothing do not wait for scipy."""
    program = "import sys; from harness.statistics import change_of_quantile; "
    program += "sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: compare_quantiles([1.0], [1.0], 95), "q must lie between 0 and 1"),
        (lambda: compare_quantiles([1.0], [1.0], 0.5, 1), "confidence must lie between"),
        (lambda: compare_quantiles([[1.0]], [1.0], 0.5), "before must be in one dimension"),
        (lambda: compare_quantiles([1.0], [-1.0], 0.5), "after must be timings of 0 or more"),
        (lambda: compare_quantiles([math.inf], [1.0], 0.5), "before must be timings"),
        (lambda: compare_quantiles([1.0], [1.0], 0.5, control=([1.0], [])), "control must have 1"),
    ],
)
def test_bad_input_is_refused_in_words(call: Callable[[], object], says: str) -> None:
    """Every input that has no answer raises ValueError with a sentence that names it."""
    with pytest.raises(ValueError, match=says):
        call()
