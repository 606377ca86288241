"""Bring a database back after every single test, in a millisecond or so where nobody else is.

No journal of its own: the guard of the whole session has one, and the baseline it kept is what a
kill in the middle of a test comes back to.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

import apsw

from harness.databases.sqlite import connect, differences
from harness.errors import BackupError, RecoveryRefused, RestoreError
from harness.files import Files
from harness.guard.second_library import is_open
from harness.recovery import Recovery
from harness.recovery.online_backup import OnlineBackup
from harness.recovery.sqlite_files import sole_access
from harness.recovery.wal_pin import WalPin

SUFFIX = ".e2e-test"


class EachTest:
    """The baseline of one test: ``begin`` before it, ``finish`` after it.

    Args:
        database: the database.
        busy_timeout_ms: how long to wait for others.
    """

    def __init__(self, database: Path, *, busy_timeout_ms: int = 1000) -> None:
        self.database, self.busy_timeout_ms = database, busy_timeout_ms
        self._recovery: Recovery | None = None

    def begin(self) -> None:
        """Take the baseline: by a pin where nobody is connected, else by a copy.

        Raises:
            BackupError: it could not be taken.
        """
        if is_open(self.database):
            raise BackupError(f"{self.database} {_OPEN}. Close it before the test begins.")
        try:
            self._recovery = self._pinned() or self._copied()
        except (apsw.Error, OSError, RecoveryRefused) as error:
            raise BackupError(f"no backup of {self.database} could be taken: {error}") from error

    def finish(self) -> None:
        """Put the baseline back and prove it.

        Raises:
            RestoreError: the database is not proven; the session's guard has to bring it back.
        """
        recovery = self._recovery
        if recovery is None:
            return
        if is_open(self.database):
            _give_up(recovery)
            raise RestoreError(
                f"{self.database} {_OPEN}, so it was not restored. Close it in the test."
            )
        try:
            self._restore(recovery)
            left = differences(
                self.database, recovery.baseline, busy_timeout_ms=self.busy_timeout_ms
            )
            if not left.clean("exact"):
                raise RestoreError("; ".join(left.sentences()))
            recovery.dispose()
        except (apsw.Error, OSError, RestoreError) as error:
            _give_up(recovery)
            raise RestoreError(
                f"{self.database} could not be restored after the test: {error}. End every "
                "transaction and close every connection in the test or its fixtures."
            ) from error

    def _pinned(self) -> Recovery | None:
        if "sqlite3" in sys.modules:  # closing a connection it would drop the pin's locks
            return None
        recovery = self._made(WalPin)
        with suppress(RecoveryRefused, apsw.BusyError):
            with sole_access(self.database.resolve(), 0):
                pass  # nobody is connected, so probably nobody will be when the test has ended
            recovery.capture()
            return recovery
        return None

    def _copied(self) -> Recovery:
        recovery = self._made(OnlineBackup)
        recovery.capture()
        return recovery

    def _made(self, kind: type[Recovery]) -> Recovery:
        return kind(
            self.database,
            self.database.with_name(self.database.name + SUFFIX),
            files=Files(),
            busy_timeout_ms=self.busy_timeout_ms,
        )

    def _restore(self, recovery: Recovery) -> None:
        try:
            recovery.restore()
        except apsw.BusyError:
            if not isinstance(recovery, WalPin):
                raise
            self._write_back(recovery.baseline)

    def _write_back(self, baseline: Path) -> None:
        """Copy the pinned pages over the live ones: others stay connected and see the baseline."""
        source = connect(baseline, immutable=True)
        try:
            target = connect(self.database, busy_timeout_ms=self.busy_timeout_ms)
            try:
                with target.backup("main", source, "main") as pages:
                    pages.step(-1)
            finally:
                target.close()
        finally:
            source.close()


def _give_up(recovery: Recovery) -> None:
    """Leave the database as it is; the session's guard has a backup, so a copy is not needed."""
    recovery.release()
    if not isinstance(recovery, WalPin):  # whose dispose would fold the -wal
        with suppress(OSError):
            recovery.dispose()


_OPEN = "cannot be restored test by test: Python's sqlite3 has it open in this process"
