"""Whether one run is slower than another: a quantile of the timings of two runs.

The timings of one run are a time series: what else the machine does makes neighbours alike, and a
thousand cycles in a row say less than a thousand apart. So each run is cut into blocks of
consecutive cycles, and the quantiles of whole blocks are compared, by rank. A block is at least
twice as long as timings stay alike: what drifts slowly leaves few blocks, which can show little,
and that is as it should be. How large a change they could have shown is told by the interval.

A load that lasts longer than a run is in all of its blocks. Against that there is a control: time
of something that is the same in both runs, from the very same cycles. Then a quantile counts as
higher only where it is higher in itself and beside the control's.

The rank test (Wilcoxon, Mann and Whitney) is exact for blocks that do not depend on each other,
whatever the distribution; its inversion (Hodges and Lehmann) bounds the ratio where all blocks are
slower alike.

Sources: H. B. Mann, D. R. Whitney, "On a test of whether one of two random variables is
stochastically larger than the other", Annals of Mathematical Statistics 18 (1947) 50-60;
J. L. Hodges, E. L. Lehmann, "Estimates of location based on rank tests", the same 34 (1963)
598-611; A. D. Sokal, "Monte Carlo methods in statistical mechanics" (1997), section 3, for the
integrated autocorrelation time.
"""

from __future__ import annotations

import itertools
import math
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.statistics.change import Change, Limits, change_of
from harness.statistics.intervals import check_confidence

Floats = NDArray[np.float64]

BLOCKS = (12, 8, 5)  # a run: the most of these that are long enough; if none is, nothing is shown
_LENGTH = 2  # of a block, at least: so many times as long as timings stay alike
_WINDOW = 5  # times the autocorrelation time up to which it is summed
_PARTS = 4096  # of a series, in which that is looked for
_LEAST = 1e-9  # stands for a timing of 0, of which there is no ratio


class _Shift(NamedTuple):
    """By how much, in logarithms, blocks after exceed those before."""

    low: float
    high: float
    p_higher: float
    p_lower: float


def compare_quantiles(
    before: ArrayLike,
    after: ArrayLike,
    q: float,
    confidence: float = 0.95,
    *,
    control: tuple[ArrayLike, ArrayLike] | None = None,
) -> Change:
    """Compare a quantile of the timings of two runs.

    Args:
        before: timings of the first run, one-dimensional, 0 or more, in any unit, in the order in
            which they were taken; a nan is a step that did not take place.
        after: those of the second run, in the same unit.
        q: which quantile, between 0 and 1 (0.95 for p95).
        confidence: the least probability, between 0 and 1, that an interval holds the truth.
        control: timings, of the same cycles of either run, of what is the same in both runs.

    Returns:
        Before and after in the unit of the timings, and what the data do not exclude: of the ratio
        everything from 0 to inf where so few blocks can bound nothing.

    Raises:
        ValueError: for q or confidence outside (0, 1), or values that are no timings in one
            dimension, as many as the control's.
    """
    if not 0 < q < 1:
        raise ValueError(f"q must lie between 0 and 1 (0.95 for p95), not {q}")
    check_confidence(confidence)
    given = _timings("before", before), _timings("after", after)
    beside = None
    if control is not None:
        beside = _timings("control before", control[0]), _timings("control after", control[1])
        for series, other in zip(given, beside, strict=True):
            if len(series) != len(other):
                raise ValueError(f"control must have {len(series)} values, not {len(other)}")
    known = [~np.isnan(series) for series in given]
    values = [series[there] for series, there in zip(given, known, strict=True)]
    count = _blocks(values)
    shifts = [_shift(values, None, count, q, confidence)]
    if beside is not None:
        others = [series[there] for series, there in zip(beside, known, strict=True)]
        shifts.append(_shift(values, others, count, q, confidence))
    was, now = (_quantile(series, q) for series in values)
    low, high = math.exp(min(s.low for s in shifts)), math.exp(max(s.high for s in shifts))
    # a word never contradicts the figures that stand beside it
    p_higher = max(s.p_higher for s in shifts) if now > was else 1.0
    p_lower = max(s.p_lower for s in shifts) if now < was else 1.0
    up = Limits(was * (low - 1) if was > 0 else -math.inf, low, p_higher)
    down = Limits(-was * (high - 1) if was > 0 else -math.inf, 1 / high if high else 0, p_lower)
    return change_of(was, now, up, down, confidence, "blocks")


def _shift(
    values: list[Floats], control: list[Floats] | None, count: int, q: float, confidence: float
) -> _Shift:
    """Compare so many blocks of two runs, each beside the control's where there is one."""
    if not count:
        return _Shift(-math.inf, math.inf, 1.0, 1.0)
    blocks = [_logarithms(series, count, q) for series in values]
    if control is not None:
        same = [_logarithms(series, count, q) for series in control]
        blocks = [one - other for one, other in zip(blocks, same, strict=True)]
        blocks = [one[~np.isnan(one)] for one in blocks]
    return _by_rank(blocks[0], blocks[1], (1 - confidence) / 2)


def _blocks(values: list[Floats]) -> int:
    """Return into how many blocks either run is cut; 0 where there can be none."""
    most = min(len(series) / (_LENGTH * _memory(series)) for series in values)
    return next((count for count in BLOCKS if count <= most), 0)


def _memory(series: Floats) -> float:
    """Return over how many cycles timings stay alike: the integrated autocorrelation time.

    Of their ranks, as outliers would hide it, and summed up to five times itself (Sokal). A long
    series is looked at in parts: what is shorter than those needs no longer blocks.
    """
    width, parts = max(1, len(series) // _PARTS), series
    if width > 1:
        parts = np.median(series[: len(series) // width * width].reshape(-1, width), axis=1)
    ranks = np.unique(parts, return_inverse=True)[1].astype(np.float64)
    if not ranks.any():  # all the same, or none: whatever comes of it does not hang together
        return 1.0
    ranks -= ranks.mean()
    spectrum = np.abs(np.fft.rfft(ranks, 2 * len(ranks))) ** 2
    correlations = np.fft.irfft(spectrum)[: len(ranks)]
    times = 2 * np.cumsum(correlations / correlations[0]) - 1
    enough = np.flatnonzero(np.arange(len(times)) >= _WINDOW * times)
    return width * max(1.0, float(times[enough[0]] if len(enough) else times.max()))


def _logarithms(series: Floats, count: int, q: float) -> Floats:
    """Return the logarithm of the quantile of each of so many blocks, in order of time."""
    edges = np.linspace(0, len(series), count + 1).astype(int)
    blocks = [_quantile(series[at:end], q) for at, end in itertools.pairwise(edges)]
    logarithms: Floats = np.log(np.maximum(blocks, _LEAST))
    return logarithms


def _by_rank(before: Floats, after: Floats, error: float) -> _Shift:
    """Test and bound a shift from one sample to another; ties speak for neither side."""
    pairs = np.sort(np.subtract.outer(after, before).ravel())
    # of no shift: how likely so many pairs or fewer speak against the one that is looked for
    chances = _chances(len(before), len(after))
    beyond = int(np.searchsorted(chances, error, side="right"))  # as many pairs may lie outside
    return _Shift(
        float(pairs[beyond - 1]) if beyond else -math.inf,
        float(pairs[-beyond]) if beyond else math.inf,
        float(chances[np.count_nonzero(pairs <= 0)]),
        float(chances[np.count_nonzero(pairs >= 0)]),
    )


@cache
def _chances(count: int, other: int) -> Floats:
    """Return how likely at most 0, 1, ... of all pairs of two samples of one kind are in order.

    Of the ways in which n things can be put among m, those with u pairs in order are the
    coefficient of x to the u in the product of (1 - x^(m+i)) / (1 - x^i), i from 1 to n.
    """
    ways = [1] + [0] * (count * other)
    for i in range(1, count + 1):
        for u in range(len(ways) - 1, other + i - 1, -1):
            ways[u] -= ways[u - other - i]
        for u in range(i, len(ways)):
            ways[u] += ways[u - i]
    total = math.comb(count + other, count)
    return np.array([below / total for below in itertools.accumulate(ways)])


def _quantile(values: Floats, q: float) -> float:
    """Give the smallest value that such a share of all does not exceed; nan without values."""
    if not len(values):
        return math.nan
    place = max(0, math.ceil(len(values) * q - 1e-9) - 1)
    return float(np.partition(values, place)[place])


def _timings(name: str, values: ArrayLike) -> Floats:
    """Check timings; the nan among them stay."""
    flat = np.asarray(values, dtype=np.float64)
    if flat.ndim != 1:
        raise ValueError(f"{name} must be in one dimension, not in {flat.ndim}")
    known = flat[~np.isnan(flat)]
    if len(known) and not (known.min() >= 0 and known.max() < np.inf):
        raise ValueError(f"{name} must be timings of 0 or more, not {known.min()} to {known.max()}")
    return flat
