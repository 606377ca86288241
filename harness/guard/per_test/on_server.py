"""Bring a database on a server back after every single test, while everybody stays connected.

The work is done by the recovery ``undo_log``. No journal of its own: the guard of the whole session
has one, and the backup that it took is what a kill in the middle of a test comes back to, and what
comes back where the log cannot undo what a test has done.
"""

from __future__ import annotations

import os
from collections import Counter
from contextlib import suppress
from typing import Any, Protocol, cast

from harness import registry
from harness.databases.errors import explained
from harness.errors import BackupError, HarnessError, RestoreError
from harness.guard.target import target_of
from harness.hidden import without_passwords

UNDO = "undo_log"


class Levels(Protocol):
    """What is asked of that recovery: its baselines nest, as fixtures do."""

    def capture(self) -> None:
        """Begin to record."""

    def begin(self) -> None:
        """Take what is there as the baseline of another level."""

    def undo(self) -> None:
        """Bring the innermost level's baseline back, prove it, and close that level."""

    def dispose(self) -> None:
        """Take away whatever it has put into the database."""


class EachTestOnServer:
    """The baselines of one session's tests, as ``each_test.EachTest`` has them of a file.

    In a forked child nothing here does anything.

    Args:
        given: the database's address.
        busy_timeout_ms: how long to wait for another's lock.
    """

    switched = False  # nothing of the database is otherwise for the tests' sake

    def __init__(self, given: str, *, busy_timeout_ms: int = 1000) -> None:
        self._target = target_of(given, busy_timeout_ms=busy_timeout_ms)
        self.database, self.engine = self._target.address, self._target.engine
        self.ways: Counter[str] = Counter()  # how tests were brought back
        self.left = ""  # why the log is still there, if it could not be taken away
        self.own_settings: dict[str, tuple[Any, Any]] = {}
        self._log: Levels | None = None
        self._pid = os.getpid()

    def begin(self) -> None:
        """Take the state that is there as the baseline.

        Raises:
            BackupError: it could not be taken.
        """
        if os.getpid() != self._pid:
            return
        try:
            if self._log is None:
                self._log = self._captured()
            self._log.begin()
        except (HarnessError, self.engine.Error, OSError) as error:
            raise BackupError(
                f"no backup of {self.database} could be taken: {self._why(error)}"
            ) from error

    def _captured(self) -> Levels:
        try:
            self._refuse_a_guards()
            self._target.refuse_unfit((UNDO,))
            made: Any = self._target.recovery(UNDO, 0)
            made.stays_open = True  # its session: to connect costs more than to undo
            log = cast(Levels, made)
            try:
                log.capture()
            except BaseException:
                with suppress(HarnessError, self.engine.Error, OSError):
                    log.dispose()
                raise
        finally:
            self._target.journal.release()  # what was opened to ask it
        return log

    def _refuse_a_guards(self) -> None:
        """Refuse where a guard's own backup of this database is in it: there is room for one."""
        noted = self._target.journal.noted()
        for one in noted[-1].get("backups", []) if noted else []:
            if registry.find("recovery", str(one["recovery"])).changes_database:
                raise BackupError(
                    f"its guard has its own backup in it ({one['recovery']}), and there is room "
                    "for one: give that guard another recovery, template or dump"
                )

    def finish(self) -> None:
        """Put the baseline of the last ``begin`` back and prove it.

        Raises:
            RestoreError: the database is not proven; the session's guard has to bring it back.
        """
        if os.getpid() != self._pid:
            return
        try:
            if self._log is None:
                raise RestoreError("nothing was begun")
            self._log.undo()
        except (HarnessError, self.engine.Error, OSError) as error:
            raise RestoreError(
                f"{self.database} could not be restored after the test: {self._why(error)}. What "
                "the guard of the session has backed up comes back when it ends"
            ) from error
        self.ways[UNDO] += 1

    def end(self) -> None:
        """Take the log away; where that fails, the session's guard finds it and restores."""
        log, self._log = self._log, None
        if log is not None and os.getpid() == self._pid:
            try:
                log.dispose()
            except (HarnessError, self.engine.Error, OSError) as error:
                self.left = self._why(error)
            self._target.journal.release()

    def _why(self, error: Exception) -> str:
        said = str(error) if isinstance(error, HarnessError) else explained(error)
        said = without_passwords(" ".join(said.split()))
        return said.removeprefix(f"{self.database}: ").rstrip(".")
