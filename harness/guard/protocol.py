"""The guard's protocol, top to bottom: back up, tests, clean up, verify, restore, dispose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any

from harness.databases.engine import Address, Given
from harness.databases.errors import told
from harness.errors import RestoreError
from harness.guard import leftovers, telling
from harness.guard.options import Options
from harness.guard.result import GUARD_FAILED, GuardResult
from harness.guard.target import Target, target_of
from harness.guard.trip import Trip
from harness.steps import Entity, Failure, Step

__all__ = ["Guard", "GuardResult"]


class Guard:
    """Guard one database while tests run: ``with Guard(path, cleanup=...) as guard: ...``.

    ``begin`` raises BackupError when no recovery of the chain can back up: then the tests have
    not run. ``finish`` never raises for a dirty database: it says so in its GuardResult; leaving
    the ``with`` block raises RestoreError instead, unless the tests' own error is on its way.

    Args:
        database: as it was given, its address, or its target, which has its own file operations,
            state folder and patience with locks.
        options: how to guard it.
        changes: options by their names, instead of or beside ``options``.
    """

    def __init__(
        self,
        database: Given | Address | Target,
        options: Options = Options(),  # noqa: B008 - frozen, so one shared default is safe
        **changes: Any,
    ) -> None:
        self.options = options = replace(options, **changes)
        self.target = target_of(
            database,
            files=options.files,
            busy_timeout_ms=options.busy_timeout_ms,
            state=options.state,
        )
        self._trip = Trip(self.target, options)
        self.result = self._trip.result

    def track(self, entities: Sequence[Entity]) -> None:
        """Tell the cleanup what the tests made, in the order they made it."""
        self._trip.entities = entities

    def begin(self) -> None:
        """Bring back what a killed guard left, then back up, and verify the backup.

        Raises:
            UsageError: another guard is at work, or the database is none that could be verified.
            BackupError: no recovery of the chain could back up. Nothing was written in either case.
        """
        if self.options.recovers:
            leftovers.bring_back(self.target, archives=self.options.archives)
        if self.options.when.backs_up:
            with self._trip.attempts.timed("backup"):
                self._trip.back_up()
        if self.options.survivors is not None:
            self.options.survivors.mark.place()

    def finish(self) -> GuardResult:
        """Clean up, verify, restore where the policy says so, verify again, dispose.

        What the tests have started and that has the database open is waited for first, so that
        what it still writes is undone.
        """
        try:
            return self._finish()
        finally:
            self._take_mark_back()

    def _finish(self) -> GuardResult:
        result, policy, trip = self.result, self.options.when, self._trip
        timed = trip.attempts.timed
        trip.bring_back_names()
        if self.options.survivors is not None:
            self.options.survivors.wait()
        if policy.cleans and self.options.cleanup is not None:
            with timed("cleanup"):
                result.report = trip.clean(self.options.cleanup)
        if policy.restores == "found":
            with timed("verify"):
                result.found = trip.verify()
        if policy.wants_restore(
            reported_ok=result.report is not None and result.report.ok,
            found_clean=result.found is not None and trip.is_baseline(result.found),
        ):
            result.ended = "restored" if trip.restore() else "dirty"
        else:
            report_ok = result.report is None or result.report.ok
            result.ended = "cleaned" if report_ok or result.found is not None else "dirty"
        if trip.name_survivors():
            result.ended = "dirty"  # it may be by now, or a moment later
        if policy.backs_up:
            trip.end()
        return result

    def finish_elsewhere(self) -> GuardResult:
        """Finish in another process, where this one must not; see ``Target.is_open_here``."""
        result, survivors = self.result, self.options.survivors
        if survivors is not None:
            survivors.wait()
        refused = self._trip.name_survivors()
        self.abandon()
        self.target.finish_elsewhere(
            result, archives=self.options.archives, beside_survivors=not refused
        )
        if result.says_clean:
            self.target.put_attributes_back()
            self.target.put_times_back()
        else:
            self._trip.note_lost()
        return result

    def _take_mark_back(self) -> None:
        if self.options.survivors is not None:
            self.options.survivors.mark.remove()

    def __enter__(self) -> Guard:
        """Begin."""
        self.begin()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish, whatever the tests did."""
        result = self.finish()
        if not result.says_clean and error is None:
            run = telling.Run(self.target.address, result, GUARD_FAILED, self.options.grade)
            raise RestoreError(telling.not_proven(run))

    def command_started(self, pid: int) -> None:
        """Note which process runs the tests, so that none outlives a killed guard unseen."""
        self.target.journal.running(pid)

    def give_up(self, where: str, error: Exception) -> None:
        """Keep for the result what broke the end off, and leave the rest to the next guard."""
        self.abandon()
        step = Step("restore", where, 1)
        failure = Failure(step, "the baseline is not proven", told(error), 0)
        self.result.failures.append(failure)
        self.result.ended = "dirty"
        self._trip.note_lost()

    def abandon(self) -> None:
        """Let go of every lock and leave backups and journal on disk, as a kill would."""
        self._take_mark_back()
        self._trip.abandon()
