"""A clone of the database by the server itself: ``CREATE DATABASE ... TEMPLATE``.

https://www.postgresql.org/docs/current/sql-createdatabase.html

Needs: a role that may create databases and owns the one that is guarded, or a superuser; for the
moment of the clone nobody else connected to it.
Survives: being killed at any instruction, of the guard, of the session, of the server.
"""

from __future__ import annotations

from typing import ClassVar

from harness.databases.postgresql.alone import NotAlone
from harness.databases.postgresql.cloning import clone
from harness.errors import RecoveryRefused
from harness.recovery.postgresql.database_backup import DatabaseBackup


class Template(DatabaseBackup):
    """A clone made by the server."""

    name = "template"
    contract = "a clone by the server; at capture nobody else may be connected"
    needs_sole_access: ClassVar[bool] = True

    def copy(self) -> None:
        """Clone it."""
        try:
            clone(
                self.seat,
                self.database.name,
                self.backup.name,
                ends=False,
                wait_ms=self.busy_timeout_ms,
            )
        except NotAlone as error:
            raise RecoveryRefused(
                f"{error}, or take the recovery dump, for which others may stay connected"
            ) from error
