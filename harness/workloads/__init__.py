"""Workloads: one file each; a workload seeds the baseline and creates the test data."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from harness.cleanup import Entity

HELPERS: tuple[str, ...] = (
    "platform_baseline",
    "platform_shapes",
    "platform_schema",
    "platform_words",
)
JournalMode = Literal["wal", "delete"]


@dataclass(frozen=True, slots=True)
class TestData:
    """What one cycle's tests made."""

    __test__ = False  # not a test case, whatever pytest thinks of the name

    entities: Sequence[Entity]  # in the order they were made or changed
    payload_bytes: int  # bytes of the values written, UTF-8 for text, 8 for a number


class Workload(ABC):
    """One kind of database: its baseline and the test data that end-to-end tests leave in it."""

    name: ClassVar[str]
    contract: ClassVar[str]
    shapes: ClassVar[tuple[str, ...]]  # the kinds of test data: "simple", "complex"

    def __init__(self, shape: str, seed: int) -> None:
        """Prepare pools (Faker runs here, not in a cycle) for test data of ``shape``."""
        self.shape = shape
        self.seed = seed

    @classmethod
    @abstractmethod
    def build_baseline(
        cls, path: Path, *, size_bytes: int, seed: int, journal_mode: JournalMode
    ) -> None:
        """Write a baseline of exactly ``size_bytes`` to ``path``: same seed, same bytes."""

    @abstractmethod
    def learn(self, connection: Any) -> None:
        """Read from a fresh baseline what ``operations`` must know; write nothing.

        Needed once before ``operations``; ``create`` calls it by itself when nobody has yet.
        Raises WorkloadError when the database is none of this workload's baselines.
        """

    @abstractmethod
    def create(self, connection: Any, draw: int) -> TestData:
        """Create one cycle's test data; the same ``draw`` (any integer) makes the same rows."""

    @abstractmethod
    def operations(self) -> Sequence[Entity]:
        """The entities a cleanup will meet in any cycle on a fresh baseline, in order made.

        The baseline is the same bytes for every cycle, so keys (AUTOINCREMENT) are too.
        Raises WorkloadError before ``learn``: an instance by itself knows no database.
        """
