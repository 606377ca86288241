"""The figures that are compared of two runs, and what is told of them."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.results.columns import Columns
from harness.statistics.change import Change, Word
from harness.statistics.change_of_proportion import compare_proportions
from harness.statistics.change_of_quantile import compare_quantiles
from harness.statistics.digits import milliseconds, percent

Floats = NDArray[np.float64]
_SAME: Word = "no difference shown"
_MOST = 10.0  # times as long: of a figure that could have shown no less, nothing is said


class Compared(NamedTuple):
    """One figure of one condition in both runs."""

    condition: str
    figure: str  # "reliability", "data safety", "p95 of restore (wall)"
    change: Change
    shown: str  # before and after, for people
    timed: bool  # whether it is a timing; else a share of cycles

    def sentence(self, word: Word) -> str:
        """Say it in a line: "restore only: p95 of restore (wall): 14.7 ms -> 31.0 ms: worse"."""
        beside = f" ({_could_have_seen([self])})" if word == _SAME else ""
        return f"{self.condition}: {self.figure}: {self.shown}: {word}{beside}"

    @property
    def least_seen(self) -> float:
        """How much worse it would have had to be to be called so.

        Of a timing the share by which it takes longer, inf where nothing would have been seen;
        else by how much the share of cycles that failed rises.
        """
        change = self.change
        if self.timed:
            return max(1.0, change.ratio) / change.ratio_low - 1 if change.ratio_low else math.inf
        return max(0.0, change.difference) - change.difference_low


class Figure(ABC):
    """Something of one condition that both runs have."""

    @abstractmethod
    def compared(self, confidence: float) -> Compared:
        """Compare it; ``confidence`` is that of the interval."""


@dataclass(frozen=True)
class ShareFigure(Figure):
    """A share of cycles: how many failed, of how many."""

    condition: str
    figure: str
    before: tuple[int, int]
    after: tuple[int, int]
    shown: str

    def compared(self, confidence: float) -> Compared:
        """Compare it cycle by cycle."""
        change = compare_proportions(*self.before, *self.after, confidence)
        return Compared(self.condition, self.figure, change, self.shown, timed=False)


@dataclass(frozen=True, eq=False)
class TimedFigure(Figure):
    """A quantile of a step's timings in milliseconds, and the control's in the same cycles.

    They are read from ``cycles`` when they are compared: of all figures at once they are too many.
    """

    condition: str
    figure: str
    cycles: Sequence[Columns]  # before and after, in order of time
    name: str  # of the column
    q: float
    control: str  # and of the control's

    def compared(self, confidence: float) -> Compared:
        """Compare it by blocks, beside the control where both runs have that."""
        before, after = (columns[self.name] for columns in self.cycles)
        beside = [columns[self.control] for columns in self.cycles]
        there = all(np.isfinite(values).any() for values in beside)
        control = (beside[0], beside[1]) if there else None
        change = compare_quantiles(before, after, self.q, confidence, control=control)
        shown = " -> ".join(milliseconds(value) for value in (change.before, change.after))
        return Compared(self.condition, self.figure, change, shown, timed=True)


def told(comparisons: Sequence[Compared], words: Sequence[Word], *, verbose: bool) -> list[str]:
    """Say what got worse, what got better, and in a line what shows no difference.

    Args:
        comparisons: of two runs, all that were made.
        words: what each shows.
        verbose: give those that show no difference a line each as well.
    """
    both = list(zip(comparisons, words, strict=True))
    lines = [
        comparison.sentence(word)
        for wanted in ("worse", "better", *([_SAME] if verbose else []))
        for comparison, word in both
        if word == wanted
    ]
    same = [comparison for comparison, word in both if word == _SAME]
    if same:
        count = f"{len(same)} measure{'' if len(same) == 1 else 's'}"
        lines.append(f"{count}: {_SAME} ({_could_have_seen(same)})")
    return lines


def _could_have_seen(same: Sequence[Compared]) -> str:
    """Say how large a change would have been seen: nothing shown is not nothing there."""
    parts = []
    timings = [one.least_seen for one in same if one.timed]
    seen = sorted(least for least in timings if least <= _MOST)
    if seen:
        ends = dict.fromkeys(f"{math.ceil(100 * least):,}%" for least in (seen[0], seen[-1]))
        parts.append(f"timings longer by {' to '.join(ends)}")
    shares = sorted(one.least_seen for one in same if not one.timed)
    if shares:
        ends = dict.fromkeys(_points(least) for least in (shares[0], shares[-1]))
        parts.append(f"shares lower by {' to '.join(ends)} points")
    said = f"could have seen {', '.join(parts)}" if parts else ""
    blind = len(timings) - len(seen)
    if blind and len(same) == 1:
        return "could have seen none: too few cycles for how slowly they change"
    if blind:
        said += f"{'; ' if said else ''}{blind} could have shown none: too few cycles"
    return said


def _points(share: float) -> str:
    """Return a share in percentage points, rounded so that it never says too little."""
    return percent(min(1.0, share), ROUND_CEILING).removesuffix("%")


__all__ = ["Compared", "Figure", "ShareFigure", "TimedFigure", "told"]
