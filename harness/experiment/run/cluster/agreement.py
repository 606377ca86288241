"""A batch may run twice, and counts once: where both do not say the same, nothing is believed."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from harness.experiment.run.cluster.orders import marks
from harness.results.records import CycleRecord


class Agreement:
    """What every run of a batch has come to, also those whose answer never arrived.

    A worker tells what it found as soon as it has; if it then dies, the batch runs again elsewhere.
    Kept is only what is told of batches under way.
    """

    def __init__(self) -> None:
        self._told: dict[int, list[tuple[str, Mapping[str, str]]]] = {}
        self._lock = threading.Lock()

    def expect(self, order: int) -> None:
        """Begin to listen for a batch."""
        with self._lock:
            self._told.setdefault(order, [])

    def hear(self, event: tuple[float, Any]) -> None:
        """Take what a worker tells: called by Dask, in a thread of its own."""
        _, message = event
        with self._lock:
            if message.get("order") in self._told:
                self._told[message["order"]].append((message["worker"], message["marks"]))

    def forget(self, order: int) -> None:
        """Listen no more."""
        with self._lock:
            self._told.pop(order, None)

    def agreed(self, order: int, records: list[CycleRecord]) -> list[CycleRecord]:
        """Return the records of a batch; a cycle with two answers becomes a harness error."""
        with self._lock:
            told = self._told.pop(order, [])
        ours = marks(records)
        return [_agreed(record, ours[str(record.cycle)], told) for record in records]


def _agreed(
    record: CycleRecord, ours: str, told: list[tuple[str, Mapping[str, str]]]
) -> CycleRecord:
    key = str(record.cycle)
    for worker, said in told:
        if said.get(key, ours) != ours:
            who = next((w for w, s in told if s.get(key) == ours), "another worker")
            detail = (
                f"ran twice, with two answers that differ: {said[key]} on {worker}, {ours} on {who}"
            )
            return CycleRecord(record.condition, record.cycle, "harness_error", detail=detail)
    return record


__all__ = ["Agreement"]
