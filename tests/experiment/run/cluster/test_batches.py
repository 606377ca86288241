"""Sizes of batches."""

from __future__ import annotations

from pathlib import Path

from harness.experiment.run.cluster.batches import LONGEST_BATCH, Sizes
from harness.experiment.run.pool import Task
from harness.experiment.written.configuration import Condition

TASK = Task(Condition(name="a"), Path("p"), range(10_000))


def test_a_batch_grows_to_some_seconds_and_no_further() -> None:
    """From one cycle on, at most four times the one before."""
    sizes = Sizes()
    sizes.begin([TASK])
    grown = []
    for _ in range(6):
        size = sizes.now(2)["a"]
        grown.append(size)
        sizes.learn("a", size, size * 0.02)
    assert grown == [1, 4, 16, 64, 100, 100]
    sizes.learn("a", 100, 0.01)
    sizes.learn("a", 400, 0.04)
    assert sizes.now(2)["a"] == LONGEST_BATCH
    sizes.learn("a", 1, 30.0)
    assert sizes.now(2)["a"] == 1


def test_little_that_is_left_is_shared() -> None:
    """Nobody has the last batch to itself while others wait; and none gets too small."""
    sizes = Sizes()
    sizes.begin([TASK._replace(cycles=range(100))])
    sizes.learn("a", 64, 0.64)
    assert sizes.now(1)["a"] == 50
    sizes.taken("a", 60)
    assert sizes.now(2)["a"] == 25  # an eighth of a usual one, which is 200
    assert sizes.now(50)["a"] == 25
