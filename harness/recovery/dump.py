"""The database unloaded by pg_dump and reloaded by pg_restore beside it, on its server.

https://www.postgresql.org/docs/current/app-pgdump.html

Needs: both programs, of the server's version or newer; a role that may create databases and read
all that is in this one, and owns it. Others may stay connected while the backup is taken; when the
baseline comes back their sessions are ended, as by any recovery.
Survives: being killed at any instruction, of the guard, of the programs, of the server.
Loses nothing unsaid: what a reload makes otherwise (a materialised view that is stale, an index
that is not valid) is refused by its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace

from harness.databases import Differences, Grade
from harness.databases.postgresql import reloaded
from harness.databases.postgresql.making import empty_like
from harness.databases.postgresql.mark import Mark
from harness.databases.postgresql.pouring import pour
from harness.databases.postgresql.programs import clients
from harness.databases.postgresql.session import connect
from harness.databases.postgresql.tables import stored
from harness.recovery.postgresql.database_backup import DatabaseBackup

_NOBODY = 0  # no database has this number: what the backup has noted is believed of none


class Dump(DatabaseBackup):
    """A reload of what pg_dump has unloaded."""

    name = "dump"
    contract = "unloaded and reloaded; others stay connected while the backup is taken"

    _is_proven = False  # whether all of it has been compared with the database since the capture
    _shapes: Mapping[str, tuple[int, str]] = {}  # of the live tables; see ``Mark``

    def copy(self) -> None:
        """Unload what one snapshot sees, and reload it."""
        programs = clients(self.seat.door.info.server_version // 10000)
        self._is_proven, self._restored = False, _NOBODY
        timeout_ms = self.busy_timeout_ms
        with closing(connect(self.database, busy_timeout_ms=timeout_ms)) as live:
            reloaded.refuse(live)
            self.seat.alter(empty_like(self.seat.door, self.backup.name, self.database.name))
            with (
                live.transaction(),
                closing(connect(self.backup, busy_timeout_ms=timeout_ms)) as backup,
            ):
                live.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                ((snapshot,),) = live.execute("SELECT pg_export_snapshot()").fetchall()
                tables = stored(live).tables
                self._shapes = {".".join(k): (one.oid, one.shape) for k, one in tables.items()}
                reloaded.prepare(live, backup)
                pour(
                    self.database,
                    self.backup,
                    programs,
                    snapshot=snapshot,
                    settings=reloaded.settings(self.seat.door),
                    lock_timeout_ms=timeout_ms,
                )
                reloaded.mend(live, backup)
                reloaded.refuse_stale(live, backup)
                backup.execute("ANALYZE")  # a clone of it is asked as the database was

    def marked(self, mark: Mark) -> Mark:
        """Note that others may have been at work, and which tables the reloaded ones are of."""
        return replace(mark, alone=False, shapes=self._shapes)

    def untouched(self) -> bool:
        """Whether that is proven: never before the reload itself is."""
        return self._is_proven and super().untouched()

    def differences(self, *, grade: Grade = "exact") -> Differences:
        """Compare; at first everything: what the reload made otherwise nobody has written."""
        if self._is_proven:
            return super().differences(grade=grade)
        self.seat.unsettle()
        before = self.seat.quiet_number()
        found = super().differences(grade=grade)
        if found.clean("exact"):
            self._is_proven, self._restored = True, None
            self.seat.settle(before)
        return found

    def resume(self, description: dict[str, object]) -> None:
        """Find the backup again; it was proven before anything was run."""
        super().resume(description)
        self._is_proven = True
