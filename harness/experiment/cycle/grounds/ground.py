"""What a cycle asks of the place it runs on, whatever the engine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar

from harness.databases.engine import Engine
from harness.databases.engines import engine_of
from harness.truth import Judgement


class Ground(ABC):
    """A database on which one site runs its cycles, each of which begins with the baseline.

    A *pristine* is a database that holds a baseline: it is prepared once a run, and nobody writes
    to it afterwards. A ground is a copy of a pristine, and has the truth of it.

    The ground itself keeps no connection open between calls. What it is asked while somebody else
    is connected says so.
    """

    errors: ClassVar[tuple[type[Exception], ...]]  # what connections of this engine raise
    # Where guards are to keep what is out of the tests' reach; None: where this user's own do. A
    # cycle is then the same wherever homes are kept, and costs what its own work folder costs.
    state: Path | None = None

    # -- pristine databases ---------------------------------------------------------------------

    @classmethod
    @abstractmethod
    def pristine(cls, root: Path, name: str) -> Path:
        """Name a pristine that has still to be prepared, in the run's folder ``root``."""

    @classmethod
    @abstractmethod
    def build(cls, pristine: Path, make: Callable[[Path], None]) -> None:
        """Prepare a pristine by what ``make`` does, which a workload says.

        Raises:
            MeasurementError: the system or the database refused; any other error is ``make``'s.
        """

    @classmethod
    @abstractmethod
    def copy(cls, source: Path, pristine: Path) -> None:
        """Prepare a pristine from a user's own database, consistently, whoever is connected.

        Nothing is written to the source or beside it.

        Raises:
            UsageError: it is none of this engine's, or cannot be copied.
        """

    @classmethod
    @abstractmethod
    def fingerprint(cls, pristine: Path) -> str:
        """Tell a pristine's content from any other: the same whoever copied it, and whenever."""

    @classmethod
    @abstractmethod
    def private_copy(cls, source: Path) -> AbstractContextManager[Path]:
        """Give a copy of a user's own database to look at, gone afterwards; as ``copy``."""

    @classmethod
    @abstractmethod
    def size_of(cls, source: Path) -> int:
        """Size of a database in bytes; OSError where nobody can tell."""

    @classmethod
    @abstractmethod
    def traces(cls, source: Path) -> Hashable:
        """Return what differs once somebody has written to a user's own database, or beside it."""

    # -- the site's own -------------------------------------------------------------------------

    def __init__(self, pristine: Path, database: Path) -> None:
        """Copy ``pristine`` to ``database``."""
        self.origin = pristine
        self.database = database
        self.engine: Engine = engine_of(database)
        self.size_bytes = 0  # of the baseline, as it stands here

    def connect(self, *, busy_timeout_ms: int = 1000, read_only: bool = False) -> Any:
        """Open a connection to the database; to be closed by whoever asked."""
        return self.engine.connect(
            self.database, busy_timeout_ms=busy_timeout_ms, read_only=read_only
        )

    @property
    @abstractmethod
    def baseline(self) -> Path:
        """A database that holds what the tests find here, and that nobody writes to."""

    @abstractmethod
    def used_bytes(self, connection: Any = None) -> int:
        """Size of the database with all that is committed, wherever that stands by now.

        Nothing is changed by asking. ``connection`` is one that is open to it anyway.
        """

    @abstractmethod
    def written(self) -> Hashable:
        """Return what differs once somebody has written to the database; it opens nothing."""

    @abstractmethod
    def identity(self) -> Hashable:
        """Return what differs once another database has been put in this one's place."""

    @abstractmethod
    def at_rest(self) -> bool:
        """Whether nobody is in the middle of a transaction, so that the truth can read it."""

    @abstractmethod
    def keep(self) -> None:
        """Keep the database as it is now, whoever is connected, for ``put_back_connected``."""

    @abstractmethod
    def rebase(self) -> None:
        """Take for the baseline what was kept: a backend has changed something as it started."""

    @abstractmethod
    def judge(self, *, connected: bool = False) -> Judgement:
        """Have the truth judge the database.

        ``connected``: somebody still is; what belongs to their connections is no leftover.
        """

    @abstractmethod
    def put_back(self) -> None:
        """Make it the baseline again; nobody is connected, or has written since ``judge``."""

    @abstractmethod
    def reset(self) -> None:
        """Make it the baseline again, whatever has become of it; nobody is connected."""

    @abstractmethod
    def put_back_connected(self) -> bool:
        """Make it the baseline again as another connection would, while others are connected.

        False where that cannot be had, or the truth finds anything else there afterwards.
        """

    @abstractmethod
    def guards_baseline(self, backups: Sequence[Path]) -> Path:
        """Say where a guard at work here has its baseline: in a backup, or in the database itself.

        Args:
            backups: where the recoveries of its chain keep theirs.
        """

    @abstractmethod
    def is_backup(self, recoveries: Sequence[str]) -> bool:
        """Whether the database itself is what the next guard would restore the baseline from.

        To be asked before anything else has opened the database; the guard has let go.

        Args:
            recoveries: the names of its chain.
        """

    @abstractmethod
    def is_kept(self, backups: Sequence[Path]) -> bool:
        """Whether some backup is the baseline, wherever the guard, which has let go, keeps them."""

    @abstractmethod
    def forget_guard(self) -> None:
        """Remove what a guard that gave up has left for the next one."""

    @abstractmethod
    def close(self) -> None:
        """Remove the database and all that belongs to it."""


__all__ = ["Ground"]
