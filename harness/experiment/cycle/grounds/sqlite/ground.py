"""The ground of SQLite: a file in a folder of the site's own, and all that stands beside it."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import apsw

from harness.errors import HarnessError, MeasurementError, RecoveryRefused, UsageError
from harness.experiment.cycle.grounds.ground import Ground
from harness.experiment.cycle.grounds.sqlite import at_hand, sizes
from harness.experiment.cycle.grounds.sqlite.private_copy import private_copy
from harness.guard.sqlite.second_names import SecondNames
from harness.recovery.online_backup import OnlineBackup
from harness.system.files import Files
from harness.truth import Judgement
from harness.truth.sqlite import SqliteTruth

_REST_MS = 500  # for a transaction of somebody's to end, though nobody asked for anything more
_LIVING = ("-wal", "-shm", "-journal")  # what whoever is connected, or was killed, has beside it
_KEPT, _STATE = "baseline-kept", "-out-of-reach"
# Of the file's header: how often it was changed, and by which version of SQLite.
_HEADER_BYTES, _COUNTS = 100, (slice(24, 28), slice(92, 100))
_READ_BYTES = 1 << 20


class SqliteGround(Ground):
    """A database file; the truth puts back the very bytes of the pages that differ."""

    errors = (apsw.Error,)

    # -- pristine databases ---------------------------------------------------------------------

    @classmethod
    def pristine(cls, root: Path, name: str) -> Path:
        """Name a file."""
        return root / f"{name}.sqlite3"

    @classmethod
    def build(cls, pristine: Path, make: Callable[[Path], None]) -> None:
        """Have a workload write it."""
        try:
            make(pristine)
        except (OSError, apsw.Error) as error:
            raise MeasurementError(f"{pristine}: the baseline cannot be built: {error}") from error

    @classmethod
    def copy(cls, source: Path, pristine: Path) -> None:
        """Copy the bytes first: theirs is opened by nobody here."""
        try:
            with private_copy(source, pristine.parent) as copy:
                OnlineBackup(copy, pristine, files=Files()).capture()
            pristine.chmod(stat.S_IMODE(source.stat().st_mode) | stat.S_IWUSR)
        except (OSError, apsw.Error, RecoveryRefused) as error:
            raise UsageError(f"{source} cannot be copied: {error}") from error

    @classmethod
    def fingerprint(cls, pristine: Path) -> str:
        """Hash the pages, without what the header counts; after a VACUUM it is another."""
        digest = hashlib.sha256()
        with pristine.open("rb") as file:
            header = bytearray(file.read(_HEADER_BYTES))
            for counts in _COUNTS:
                header[counts] = bytes(len(header[counts]))
            digest.update(header)
            while part := file.read(_READ_BYTES):
                digest.update(part)
        return digest.hexdigest()

    @classmethod
    def private_copy(cls, source: Path) -> AbstractContextManager[Path]:
        """Copy what belongs together."""
        return private_copy(source)

    @classmethod
    def size_of(cls, source: Path) -> int:
        """Size of the file."""
        return source.stat().st_size

    @classmethod
    def traces(cls, source: Path) -> Hashable:
        """Sizes and times of change of the database and of what its content may stand in."""
        try:
            return sizes.states(source, ("", "-wal", "-journal"))
        except OSError:
            return None

    # -- the site's own -------------------------------------------------------------------------

    def __init__(self, pristine: Path, database: Path) -> None:
        """Copy the file."""
        super().__init__(pristine, database)
        shutil.copyfile(pristine, database)
        self.size_bytes = database.stat().st_size
        folder = database.parent  # where tests are free to do what they like
        self.state = folder.with_name(folder.name + _STATE)
        with closing(self.engine.connect(pristine, immutable=True)) as connection:
            self._page_bytes = int(connection.pragma("page_size"))
        self._kept: OnlineBackup | None = None

    @cached_property
    def _truth(self) -> SqliteTruth:
        return SqliteTruth(self.origin)

    @property
    def baseline(self) -> Path:
        """The file that was kept, or else the pristine."""
        return self.origin if self._kept is None else self._kept.backup

    def used_bytes(self, connection: Any = None) -> int:
        """Count the pages; by the file's size where no -wal can hold some: that opens nothing."""
        if connection is not None:
            return int(connection.pragma("page_count")) * self._page_bytes
        if not os.path.exists(f"{self.database}-wal"):
            return os.stat(self.database).st_size // self._page_bytes * self._page_bytes
        return sizes.page_count(self.database) * self._page_bytes

    def written(self) -> Hashable:
        """Sizes and times of change of the file and its -wal."""
        return sizes.states(self.database)

    def identity(self) -> Hashable:
        """The file's inode."""
        try:
            status = os.stat(self.database)
        except FileNotFoundError:
            return None
        return status.st_dev, status.st_ino

    def at_rest(self) -> bool:
        """Whether nobody is in the middle of a transaction, and the -wal is folded in."""
        try:
            connection = self.connect(busy_timeout_ms=_REST_MS)
        except (OSError, apsw.Error):
            return True  # there is no such file, or none of SQLite's: for the truth to say
        try:
            connection.execute("BEGIN IMMEDIATE; ROLLBACK").fetchall()
            busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()[0][0]
            return not busy
        except apsw.BusyError:
            return False
        except apsw.Error:
            return True
        finally:
            connection.close()

    def keep(self) -> None:
        """Back it up, page by page."""
        self._kept = OnlineBackup(self.database, self.database.with_name(_KEPT), files=Files())
        self._kept.capture()

    def rebase(self) -> None:
        """Judge by what was kept from now on, unless that is the pristine anyway."""
        if not self.judge(connected=True).exact:
            self._truth = SqliteTruth(self.baseline)
        self.size_bytes = self.database.stat().st_size

    def judge(self, *, connected: bool = False) -> Judgement:
        """Look at the pages, the -wal folded in."""
        judgement = self._truth.judge(self.database, references=False)
        if not connected:
            return judgement
        own_files = {f"{self.database.name}{suffix}" for suffix in _LIVING}
        left_behind = tuple(name for name in judgement.left_behind if name not in own_files)
        belongs = {f"left behind: {name}" for name in own_files}
        differences = tuple(line for line in judgement.differences if line not in belongs)
        return replace(judgement, left_behind=left_behind, differences=differences)

    def put_back(self) -> None:
        """Write the pages that differed when it was judged."""
        self._truth.reset(self.database, since_judged=True)

    def reset(self) -> None:
        """Write the pages that differ, or the file anew."""
        self._truth.reset(self.database)

    def put_back_connected(self) -> bool:
        """Put the pages back through SQLite."""
        if self._kept is None:
            return False
        try:
            self._kept.restore()
        except (apsw.Error, HarnessError, OSError):
            return False
        judgement = self.judge(connected=True)
        return judgement.exact and not judgement.left_behind

    def guards_baseline(self, backups: Sequence[Path]) -> Path:
        """Say which backup; where there is none, the file itself is pinned."""
        return next((path for path in backups if path.exists()), self.database)

    def is_backup(self, recoveries: Sequence[str]) -> bool:
        """Whether the file is pinned by a journal that was left behind, and is the baseline."""
        return at_hand.is_pinned(self.database, recoveries, self.state) and self._truth.same(
            self.database
        )

    def is_kept(self, backups: Sequence[Path]) -> bool:
        """Look at the files themselves, and at their second names."""
        return at_hand.is_kept(self._truth, self.database, backups, self.state)

    def forget_guard(self) -> None:
        """Remove the second names; what stands beside the database is removed with ``reset``."""
        SecondNames(self.database, Files(), self.state).remove_all()

    def close(self) -> None:
        """Remove the file and all beside it."""
        for path in self.database.parent.glob(f"{self.database.name}*"):
            path.unlink()
        if self.state is not None:
            shutil.rmtree(self.state, ignore_errors=True)


__all__ = ["SqliteGround"]
