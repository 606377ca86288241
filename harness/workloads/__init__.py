"""Workloads: one file each; a workload seeds the baseline and creates the test data."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from harness.errors import WorkloadError
from harness.steps import Entity, Failure, Listener

if TYPE_CHECKING:
    from harness.backend.client import ApiClient

JournalMode = Literal["wal", "delete"]


@dataclass(frozen=True, slots=True)
class TestData:
    """What one cycle's tests made."""

    __test__ = False  # not a test case, whatever pytest thinks of the name

    entities: Sequence[Entity]  # in the order they were made or changed
    payload_bytes: int  # bytes of the values written, UTF-8 for text, 8 for a number
    failures: Sequence[Failure] = ()  # of the tests' own calls; what they may have made is unknown


class Workload(ABC):
    """One kind of database: its baseline and the test data that end-to-end tests leave in it."""

    name: ClassVar[str]
    contract: ClassVar[str]
    shapes: ClassVar[tuple[str, ...]]  # the kinds of test data: "simple", "complex"
    over_http: ClassVar[tuple[str, ...]] = ()  # those of them that the backend's API can make

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

    def calls(self) -> Sequence[str]:
        """Name the calls that ``create_over_http`` makes, in order; () where there is no API.

        Raises WorkloadError before ``learn``.
        """
        return ()

    def token(self, connection: Any) -> str:
        """Return a bearer token of the baseline that may do all that tests and cleanup do."""
        raise WorkloadError(f"{self.name} has no API")

    def create_over_http(self, api: ApiClient, draw: int, listener: Listener) -> TestData:
        """Create one cycle's test data through the backend's API; ends at the first failed call.

        Each call is announced to ``listener`` as Step("create", one of ``calls()``, 1). A call that
        failed stands in ``failures``; the entities are those that the backend has confirmed.
        """
        raise WorkloadError(f"{self.name} has no API")
