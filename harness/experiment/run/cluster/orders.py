"""What is said between who asks, a Dask worker, and the process that runs the cycles there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from harness.errors import HarnessError
from harness.results.records import CycleRecord

TOPIC = "reliability-harness-"  # of the events that tell what a batch came to; the run's id follows


@dataclass(frozen=True, slots=True)
class Terms:
    """What is the same for all cycles of a run."""

    run: str  # an id of its own
    site: str  # "module:Class"
    seed: int
    watchdog_s: float
    room_bytes: int  # of a work folder, for one process that runs cycles
    lease_s: float  # everything ends where who asks has not been heard of for so long


@dataclass(frozen=True, slots=True)
class Order:
    """A batch of cycles of one condition."""

    number: int  # the same however often it is run
    condition: bytes  # pickled
    name: str
    cycles: range


@dataclass(frozen=True, slots=True)
class Answer:
    """What a batch came to."""

    records: list[CycleRecord]
    took_s: float
    spent_s: float  # of the time of processes that ran cycles


@dataclass(frozen=True, slots=True)
class Sent:
    """A database that is sent in parts, by the name it has in the work folder."""

    condition: bytes  # pickled
    fingerprint: str
    file: str = ""  # name of the pristine that was sent; "": it is built


class Strange(HarnessError):
    """A worker that has not been made ready for this run, or is so no more."""


class Unable(HarnessError):
    """A worker that cannot run these cycles; says why."""


def marks(records: Iterable[CycleRecord]) -> dict[str, str]:
    """Return of each cycle its outcome and a digest of all that is the same wherever it runs."""
    return {str(record.cycle): f"{record.outcome} {_digest(record)}" for record in records}


def _digest(record: CycleRecord) -> str:
    return hashlib.blake2b(repr(record.untimed()).encode(), digest_size=6).hexdigest()
