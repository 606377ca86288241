"""That there is no database is a baseline too: whatever the tests make is removed again.

Needs: a folder that can be written. Nothing is copied, and nothing kept beside it.
Survives: being killed at any instruction: the journal says that there was none. Others who are
still connected write on into a file that has no name any more.
"""

from __future__ import annotations

import os
import stat
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import apsw

from harness.databases import Differences, Grade
from harness.databases.sqlite.files import beside, connect, placed
from harness.databases.sqlite.names import quoted
from harness.databases.sqlite.stored import names
from harness.errors import RecoveryRefused, RestoreError
from harness.recovery import Recovery
from harness.system.trusted import kind_of

_BESIDE = ("-wal", "-shm", "-journal")


class Absence(Recovery):
    """No database before the tests, and none after them."""

    name = "absence"
    contract = "there is no database before the tests, and there is none after them"
    of_absence = True

    def capture(self) -> None:
        """See that there is none; RecoveryRefused where there is."""
        if left := self._left():
            raise RecoveryRefused(f"{left[0]} is there")

    def restore(self) -> None:
        """Remove the database, and first of all what SQLite keeps beside it.

        Raises:
            RestoreError: what stands in its place is no file.
            OSError: as the kernel says.
        """
        for path in self._left():
            status = os.lstat(path)
            if not stat.S_ISREG(status.st_mode):
                raise RestoreError(
                    f"where no database was, {path} is {kind_of(status)} now: it was left alone; "
                    "move it away and recover again"
                )
        for path in reversed(self._left()):
            self.files.unlink(path)

    def dispose(self) -> None:
        """Have nothing to give up."""

    def resume(self, description: dict[str, Any]) -> None:
        """Have nothing to know again."""

    @property
    def baseline(self) -> Path:
        """The place in which nothing is."""
        return placed(self.database)

    def differences(self, *, grade: Grade = "exact") -> Differences:
        """Say what there is where nothing was."""
        left = self._left()
        if not left:
            return Differences()
        if left[0] != self.baseline:
            return Differences(whole=f"{left[0].name}, without its database")
        try:
            tables, rows = self._counted()
        except (apsw.Error, OSError) as error:
            return Differences(whole=f"the whole database, which cannot be read ({error})")
        counted = ", ".join((_count(tables, "table"), _count(rows, "row")))
        return Differences(whole=f"the whole database ({counted})")

    def _left(self) -> list[Path]:
        """Give what is there: the database first, then what stands beside it."""
        paths = (self.baseline, *(beside(self.baseline, suffix) for suffix in _BESIDE))
        return [path for path in paths if os.path.lexists(path)]

    def _counted(self) -> tuple[int, int]:
        with closing(connect(self.baseline, busy_timeout_ms=self.busy_timeout_ms)) as live:
            live.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            tables = [name for name in names(live, "table") if not name.startswith("sqlite_")]
            rows = 0
            for name in tables:
                with suppress(apsw.SQLError):  # of a module that is not here
                    ((count,),) = live.execute(f"SELECT count(*) FROM {quoted(name)}")
                    rows += int(count)
        return len(tables), rows


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
