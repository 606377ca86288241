"""What became of a figure from one run to another, and in words whether it is worse.

Source: S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
Statistics 6 (1979) 65-70.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

from harness.statistics.intervals import check_confidence

Word = Literal["worse", "better", "no difference shown"]


class Change(NamedTuple):
    """What became of a figure from one run to another, and what the data do not exclude."""

    before: float  # nan when nothing was tried, as is all that follows from it
    after: float
    difference: float  # after - before
    difference_low: float
    difference_high: float
    ratio: float  # after / before; nan for 0 / 0, and inf over 0
    ratio_low: float
    ratio_high: float
    p_higher: float  # one-sided p-value that after is higher than before
    p_lower: float  # and that it is lower
    confidence: float  # of either interval, two-sided
    method: str  # buehler or blocks


class Limits(NamedTuple):
    """What one side says: the first figure compared with the second."""

    difference_low: float
    ratio_low: float
    p_value: float  # that the first is higher


def verdict(
    change: Change, higher: Literal["worse", "better"] = "worse", confidence: float = 0.95
) -> Word:
    """Say what one comparison, decided on beforehand, shows.

    Args:
        change: what was measured.
        higher: what a higher figure means: `worse` for failures and timings.
        confidence: the least probability, between 0 and 1, that no word is wrong.

    Returns:
        `worse`, `better` or `no difference shown`, which never means that there is none.

    Raises:
        ValueError: for another word for `higher`, or a confidence outside (0, 1).
    """
    return verdicts([change], higher, confidence)[0]


def verdicts(
    changes: Sequence[Change],
    higher: Literal["worse", "better"] = "worse",
    confidence: float = 0.95,
) -> list[Word]:
    """Say what several comparisons show, so that most likely not one of the words is wrong.

    Holm's procedure over twice as many one-sided hypotheses, so that a wrong direction counts as
    an error too. It holds however the comparisons depend on each other.

    Args:
        changes: what was measured, every comparison that was looked at.
        higher: what a higher figure means: `worse` for failures and timings.
        confidence: the least probability, between 0 and 1, that none of the words is wrong.

    Returns:
        A word for each comparison, in their order.

    Raises:
        ValueError: for another word for `higher`, or a confidence outside (0, 1).
    """
    if higher not in ("worse", "better"):
        raise ValueError(f"higher must be worse or better, not {higher!r}")
    check_confidence(confidence)
    lower: Word = "better" if higher == "worse" else "worse"
    words: list[Word] = ["no difference shown"] * len(changes)
    hypotheses = sorted(
        [(change.p_higher, at, higher) for at, change in enumerate(changes)]
        + [(change.p_lower, at, lower) for at, change in enumerate(changes)]
    )
    for rejected, (p_value, at, word) in enumerate(hypotheses):
        if p_value * (len(hypotheses) - rejected) > 1 - confidence:
            break
        words[at] = word
    return words


def change_of(
    before: float, after: float, up: Limits, down: Limits, confidence: float, method: str
) -> Change:
    """Put both sides together, the estimates always within the limits."""
    difference = after - before
    ratio = after / before if before else (math.inf if after > 0 else math.nan)
    # Below 50% one-sided confidence a limit may pass the estimate: widen it, never narrow it.
    # min and max keep their first argument when the second is nan.
    return Change(
        before,
        after,
        difference,
        min(up.difference_low, difference),
        max(-down.difference_low, difference),
        ratio,
        min(up.ratio_low, ratio),
        max(1 / down.ratio_low if down.ratio_low else math.inf, ratio),
        up.p_value,
        down.p_value,
        confidence,
        method,
    )
