"""What a run asks of whoever runs its cycles, on this machine or on others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from harness.errors import MeasurementError
from harness.experiment.run.place import Baselines
from harness.experiment.run.pool import Task
from harness.experiment.written.configuration import Condition
from harness.results.records import CycleRecord


class Lost(MeasurementError):
    """Nobody runs cycles any more.

    Args:
        why: in one clause.
    """

    def __init__(self, why: str) -> None:
        super().__init__(
            f"{why}; what came in is stored: go on with --resume, with --on or without"
        )
        self.why = why


class Workers(Protocol):
    """Runs cycles; `harness.experiment.run.pool.Pool` says what each of these is."""

    stop: threading.Event
    root: Path
    spent_s: Any  # of workers' time, by condition

    @property
    def size(self) -> int:
        """How many cycles are at work at once."""

    def prepare(self, conditions: Iterable[Condition], baselines: Baselines) -> None:
        """Be ready for cycles of these conditions; UsageError where that cannot be."""

    def run(
        self, tasks: Iterable[Task], enough: Callable[[str], bool] = ...
    ) -> Iterator[list[CycleRecord]]:
        """Run every cycle; give the records as they come in, in any order."""

    def noted(self, before: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return what run.json has to say of them, and of those that it named ``before``."""


__all__ = ["Lost", "Workers"]
