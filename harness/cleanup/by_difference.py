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

from collections.abc import Sequence
from pathlib import Path

from harness.cleanup import Cleanup, CleanupReport, Connect
from harness.databases.engines import engine_of
from harness.databases.errors import CONSTRAINTS, describe, is_transient
from harness.errors import UsageError
from harness.retry import Retry
from harness.steps import Entity, Failure, Listener, Step


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
        engine = engine_of(self._database)
        found = engine.differences(
            self._database,
            self._baseline,
            checked=False,  # what differs is put back as it is stored
            busy_timeout_ms=self._busy_timeout_ms,
        )
        self.wanted = {name: len(table) for name, table in sorted(found.tables.items())}
        self.refused = engine.put_back(
            self._database,
            self._baseline,
            found,
            connect=connect,
            checks_foreign_keys=self._checks_foreign_keys,
        )


def _worth_another(error: Exception) -> bool:
    # a row that somebody else wrote between comparing and putting back may be in the way
    return is_transient(error) or describe(error)[0] in CONSTRAINTS


__all__ = ["DifferenceCleanup"]
