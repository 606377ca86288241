"""Cleanup by difference: what the baseline does not have goes, what it has comes back.

What it models: the cleanup that needs nobody to list what the tests made. It compares the live
database with a file that holds the baseline and makes every row that differs the baseline's
again: added rows are deleted, missing ones inserted, changed ones both; sequences,
``user_version`` and ``application_id`` as well. All in one transaction: triggers, cascades and
CHECKs that would act on a row put back stay out of the way, and no foreign key may be left broken
that the baseline had whole. Survives: being killed, locks, full disks (SQLite rolls back).
What it cannot do it says, table by table, and leaves that table as it found it: a definition that
the tests changed, a table that SQL cannot read or whose columns take all names of the rowid.
A row put back is equal in every value, not always in bytes: a whole number in a REAL column and a
row older than an added column each have two encodings, and SQL cannot choose.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw

from harness.cleanup import Cleanup, CleanupReport, Connect
from harness.databases import Differences
from harness.databases.errors import is_transient
from harness.databases.sqlite.differences import differences
from harness.databases.sqlite.names import quoted
from harness.databases.sqlite.put_back import Refused, put_back
from harness.databases.sqlite.schema import referred_tables, root_of, sequence_rows
from harness.databases.sqlite.session import connect as connect_to
from harness.errors import UsageError
from harness.retry import Retry
from harness.steps import Entity, Failure, Listener, Step

_PUT_BACK_SETTINGS = ("user_version", "application_id")  # in the header, so in the transaction


class DifferenceCleanup(Cleanup):
    """Make every row that differs from the baseline the baseline's again.

    Args:
        baseline: a file whose own bytes, without any ``-wal``, are the baseline.
        busy_timeout_ms: how long comparing waits for another's lock.
        checks_foreign_keys: off only for who verifies afterwards that everything is the baseline's,
            keys included: the check reads whole tables.
    """

    name = "by_difference"
    over = "baseline"
    contract = "Makes every row that differs the baseline's again, in one transaction."

    def __init__(
        self,
        baseline: Path | None = None,
        *,
        busy_timeout_ms: int = 1000,
        checks_foreign_keys: bool = True,
    ) -> None:
        self._baseline = baseline
        self._checks_foreign_keys = checks_foreign_keys
        self._busy_timeout_ms = busy_timeout_ms

    def clean(
        self,
        database: Path,
        entities: Sequence[Entity],
        *,
        connect: Connect,
        retry: Retry,
        listener: Listener,
    ) -> CleanupReport:
        """Put everything back that differs, whether or not ``entities`` name it.

        Raises:
            UsageError: no baseline was given.
        """
        baseline = self._baseline
        if baseline is None:
            raise UsageError("the cleanup by difference has no baseline: give the backup's path")
        failures: list[Failure] = []
        trip = _Trip(database, baseline, self._busy_timeout_ms, self._checks_foreign_keys)
        try:
            retry.run(
                "cleanup",
                self.name,
                lambda: trip.attempt(connect),
                worth=_worth_another,
                listener=listener,
                failures=failures,
            )
        except Exception:  # noqa: BLE001 - Retry has kept it; all was rolled back, and it is said
            return CleanupReport(
                wanted=trip.wanted,
                failed=[(Entity("everything", ()), failures[-1])],
                failures=failures,
            )
        step = Step("cleanup", self.name, len(failures) + 1)
        refused = [
            (Entity(name, ()), Failure(step, reason, f"{name}: {reason}; restore the backup", 0))
            for name, reason in sorted(trip.refused.items())
        ]
        return CleanupReport(
            removed={
                name: count for name, count in trip.wanted.items() if name not in trip.refused
            },
            wanted=trip.wanted,
            failed=refused,
            failures=failures + [failure for _, failure in refused],
        )


class _Trip:
    """What one cleanup knows: what was to be put back, and what it must leave."""

    def __init__(
        self, database: Path, baseline: Path, busy_timeout_ms: int, checks_foreign_keys: bool
    ) -> None:
        self._database, self._baseline = database, baseline
        self._checks_foreign_keys = checks_foreign_keys
        self._busy_timeout_ms = busy_timeout_ms
        self.wanted: dict[str, int] = {}
        self.refused: dict[str, str] = {}  # table or setting -> why

    def attempt(self, connect: Connect) -> None:
        """Compare and put back; whatever is raised, the database is as it was."""
        found = differences(self._database, self._baseline, busy_timeout_ms=self._busy_timeout_ms)
        self.wanted = {name: len(table) for name, table in sorted(found.tables.items())}
        self.refused = _refused(found)
        if found.clean("exact") or "encoding" in found.settings:
            return
        with (
            closing(connect_to(self._baseline, immutable=True)) as was,
            closing(connect(self._database)) as live,
        ):
            _stand_aside(live)
            if os.path.samefile(self._database, self._baseline):
                live.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)  # the baseline would go
            live.execute("BEGIN IMMEDIATE")
            try:
                self._put_back(was, live, found)
                live.execute("COMMIT")
            finally:
                if live.in_transaction:
                    live.execute("ROLLBACK")

    def _put_back(self, was: Any, live: Any, found: Differences) -> None:
        touched = set()
        for name, rows in found.tables.items():
            if name in self.refused:
                continue
            try:
                put_back(was, live, name, rows)
                touched.add(name)
            except Refused as refused:
                self.refused[name] = str(refused)
        if "sqlite_sequence" not in self.refused:
            _put_back_sequences(was, live, self.refused)
        for name in _PUT_BACK_SETTINGS:
            if name in found.settings:
                live.pragma(name, found.settings[name][0])
        if self._checks_foreign_keys:
            _check_foreign_keys(was, live, touched)


def _refused(found: Differences) -> dict[str, str]:
    """Say what rows alone cannot make the baseline's again."""
    refused = {name: f"not readable: {why}" for name, why in found.unread.items()}
    refused |= {thing.name: f"schema changed: {thing}" for thing in found.schema}
    for name, (old, new) in found.settings.items():
        if name not in _PUT_BACK_SETTINGS:
            refused[f"setting {name}"] = f"{new}, was {old}"
    if "encoding" in found.settings:
        refused |= dict.fromkeys(found.tables, "the database's encoding changed")
    return refused


def _stand_aside(live: Any) -> None:
    """Let nothing act on the rows put back: they are as they were when all this last allowed them.

    Foreign keys off rather than deferred: deleting a row to insert it as it was would cascade, and
    RESTRICT cannot be deferred. They are checked before the commit.
    """
    live.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
    live.config(apsw.SQLITE_DBCONFIG_ENABLE_FKEY, 0)
    live.pragma("ignore_check_constraints", True)


def _put_back_sequences(was: Any, live: Any, refused: dict[str, str]) -> None:
    """Put back AUTOINCREMENT's memory: last, as the inserts before have moved it."""
    if root_of(live, "sqlite_sequence") is None:
        return
    old = [row for row in sequence_rows(was) if row[1] not in refused]
    new = [row for row in sequence_rows(live) if row[1] not in refused]
    if repr(old) == repr(new):  # exact in type too
        return
    live.executemany(
        "DELETE FROM main.sqlite_sequence WHERE rowid = ?", [(key,) for key, *_ in new]
    )
    taken = {key for key, *_ in sequence_rows(live)}
    live.executemany(
        "INSERT INTO main.sqlite_sequence (rowid, name, seq) VALUES (?, ?, ?)",
        [(None if key in taken else key, name, value) for key, name, value in old],
    )


def _check_foreign_keys(was: Any, live: Any, touched: set[str]) -> None:
    """Raise if a foreign key is broken now that the baseline had whole."""
    for table in _referring(live, touched):
        broken = _violations(live, table)
        if broken and (new := broken - _violations(was, table)):
            raise apsw.ConstraintError(
                f"FOREIGN KEY constraint failed: {new.total()} rows of {table} would refer to "
                "rows that are gone; everything was left as it was"
            )


def _referring(live: Any, touched: set[str]) -> list[str]:
    """Name the tables whose foreign keys ``touched`` tables may have broken or mended."""
    return sorted(
        name
        for name, parents in referred_tables(live).items()
        if name in touched or parents & touched
    )


def _violations(connection: Any, table: str) -> Counter[tuple[Any, ...]]:
    try:
        rows = connection.execute(f"PRAGMA main.foreign_key_check({quoted(table)})").fetchall()
    except apsw.SQLError as error:  # a key that refers to no unique columns: the baseline's as well
        return Counter([(str(error),)])
    return Counter(rows)


def _worth_another(error: Exception) -> bool:
    # a row that somebody else wrote between comparing and putting back may be in the way
    return is_transient(error) or isinstance(error, apsw.ConstraintError)


__all__ = ["DifferenceCleanup"]
