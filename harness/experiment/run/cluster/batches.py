"""How many cycles make a batch: some seconds of them, and fewer where little is left."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from harness.experiment.run.pool import Task

BATCH_S = 2.0  # so that what a batch costs in itself is small beside it
LONGEST_BATCH = 512  # cycles
GROWTH = 4  # at most so many times the batch before
SHARES = 2  # so many batches for each that may run at once, when the end is near
_LEAST_SHARE = 8  # and no batch gets smaller than this part of a usual one


class Sizes:
    """The next batch's size, by condition."""

    def __init__(self) -> None:
        self._usual: defaultdict[str, int] = defaultdict(lambda: 1)
        self._left: Counter[str] = Counter()

    def begin(self, tasks: Iterable[Task]) -> None:
        """Note how many cycles there are to be handed out."""
        self._left.clear()
        for task in tasks:
            self._left[task.condition.name] += len(task.cycles)

    def now(self, threads: int) -> dict[str, int]:
        """Return how many cycles a batch gets, where so many run at once."""
        sizes = {}
        for name, left in self._left.items():
            usual = self._usual[name]
            share = left // (SHARES * max(1, threads))
            sizes[name] = max(1, usual // _LEAST_SHARE, min(usual, share))
        return sizes

    def taken(self, name: str, cycles: int) -> None:
        """Note that cycles have been handed out."""
        self._left[name] -= cycles

    def learn(self, name: str, cycles: int, took_s: float) -> None:
        """Learn of a batch how long its cycles take."""
        fitting = int(BATCH_S / max(took_s / max(1, cycles), 1e-6))
        grown = max(1, min(LONGEST_BATCH, fitting, max(cycles, self._usual[name]) * GROWTH))
        self._usual[name] = grown


__all__ = ["Sizes"]
