"""The guard's protocol, top to bottom: back up, tests, clean up, verify, restore, dispose."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, TypeVar

from harness import registry
from harness.cleanup import Cleanup, CleanupReport, Connect
from harness.databases import Differences, Grade
from harness.databases.engines import engine_of
from harness.databases.errors import describe, is_transient
from harness.errors import BackupError, RecoveryRefused, RestoreError, UsageError
from harness.guard.journal import CAPTURED, CAPTURING, PROVEN, Journal, how_to_recover
from harness.guard.leftovers import backup_path, recover, refuse_link
from harness.guard.policy import POLICIES, Policy
from harness.guard.sqlite import archive
from harness.guard.sqlite.folder import Folder
from harness.guard.sqlite.ignoring import bring_rule
from harness.guard.sqlite.readable import refuse_unreadable
from harness.recovery import Recovery
from harness.retry import Retry
from harness.steps import Entity, Failure, Listener, Step, nobody
from harness.system.files import Files

T = TypeVar("T")
_TRIES = 5  # how often others may write between a backup and its verification
UNKNOWN = Differences(unread={"the database": "could not be verified"})


@dataclass(slots=True)
class GuardResult:
    """How one guarded run ended, by the guard's own word."""

    ended: Literal["cleaned", "restored", "dirty", "refused"] = "dirty"
    report: CleanupReport | None = None  # what the cleanup said; None when none ran
    found: Differences | None = None  # by verification after cleanup; None when nobody looked
    remaining: Differences | None = None  # by verification after the last restore
    restored_by: str | None = None
    failures: list[Failure] = field(default_factory=list)  # every failed attempt of any step
    timings_ms: dict[str, float] = field(default_factory=dict)  # by phase
    backup_bytes: int = 0  # size of the first backup file; 0 when the backup is no file
    undisposed: bool = False  # a backup could not be removed
    lost: bool = False  # not clean, and no backup is what was captured any more
    archive: Path | None = None  # what the restore threw away
    unprotected: str = ""  # why nothing is kept out of the tests' reach; empty when it is
    backed_up_by: tuple[str, ...] = ()  # the recoveries of the chain that hold a backup

    @property
    def says_clean(self) -> bool:
        """Whether the guard says that the database is its baseline."""
        return self.ended in ("cleaned", "restored")


class Guard:
    """Guard one database while tests run: ``with Guard(path, cleanup=...) as guard: ...``.

    ``begin`` raises BackupError when no recovery of the chain can back up: then the tests have
    not run. ``finish`` never raises for a dirty database: it says so in its GuardResult; leaving
    the ``with`` block raises RestoreError instead, unless the tests' own error is on its way.
    """

    def __init__(
        self,
        database: str | Path,
        *,
        policy: str | Policy = "hybrid_verified",
        recoveries: Sequence[str] = ("wal_pin", "online_backup"),
        cleanup: Cleanup | None = None,
        grade: Grade = "exact",
        retry: Retry = Retry(),  # noqa: B008 - frozen, so one shared default is safe
        busy_timeout_ms: int = 1000,
        connect: Connect | None = None,
        files: Files | None = None,
        vfs: str | None = None,
        listener: Listener = nobody,
        archives: bool = False,
        state: Path | None = None,
    ) -> None:
        """Take what to guard, and how.

        ``archives``: before a restore, what it will throw away is kept beside the database; where
        that cannot be done nothing is restored, and the guard says so. ``state``: the folder of
        the second names of journal and backups; None is this user's own.
        """
        self._engine = engine_of(database)
        self.database = Path(database)
        self.policy = POLICIES[policy] if isinstance(policy, str) else policy
        self.recoveries = tuple(recoveries)
        self.cleanup = cleanup
        self.grade = grade
        self.retry = retry
        self.busy_timeout_ms = busy_timeout_ms
        self.listener = listener
        self.result = GuardResult()
        self._connect = connect or self._open
        self._files = files or Files()
        self._vfs = vfs
        self._archives = archives
        self._state = state
        self._journal = Journal(self.database, self._files, state)
        self._folder: Folder | None = None  # as it was when the backup was taken
        self._captured: list[Recovery] = []
        self._entities: Sequence[Entity] = ()
        self._was_link = self.database.is_symlink()

    def track(self, entities: Sequence[Entity]) -> None:
        """Tell the cleanup what the tests made, in the order they made it."""
        self._entities = entities

    def begin(self) -> None:
        """Bring back what a killed guard left, then back up, and verify the backup.

        Raises:
            UsageError: another guard is at work, or the database is none that could be verified.
            BackupError: no recovery of the chain could back up. Nothing was written in either case.
        """
        recover(
            self.database,
            files=self._files,
            busy_timeout_ms=self.busy_timeout_ms,
            archives=self._archives,
            state=self._state,
        )
        if not self.policy.backs_up:
            return
        with self._timed("backup"):
            try:
                refuse_unreadable(self._journal.database, busy_timeout_ms=self.busy_timeout_ms)
            except (UsageError, BackupError):
                self.result.ended = "refused"
                raise
            self._folder = Folder.of(self._journal.database)
            chain = [self._recovery(place, name) for place, name in enumerate(self.recoveries)]
            if not self._noted(
                "backup", lambda: self._journal.begin(self._entry(CAPTURING, chain))
            ):
                self._refuse(chain)
            self._captured = [r for r in chain if self._tried("backup", r.name, self._taken_by(r))]
            if self._captured:
                self._keep_out_of_reach()
                bring_rule(self.database)
            if not self._captured or not self._noted("backup", self._note_captured):
                self._refuse(chain)
            self.result.backed_up_by = tuple(recovery.name for recovery in self._captured)
            self.result.backup_bytes = _size_bytes(self._captured[0].backup)

    def finish(self) -> GuardResult:
        """Clean up, verify, restore where the policy says so, verify again, dispose."""
        result = self.result
        self._bring_back_names()
        if self.policy.cleans and self.cleanup is not None:
            with self._timed("cleanup"):
                result.report = self._clean(self.cleanup)
        if self.policy.restores == "found":
            with self._timed("verify"):
                result.found = self._verify()
        if self.policy.wants_restore(
            reported_ok=result.report is not None and result.report.ok,
            found_clean=result.found is not None and result.found.clean(self.grade),
        ):
            result.ended = "restored" if self._restore() else "dirty"
        else:
            report_ok = result.report is None or result.report.ok
            result.ended = "cleaned" if report_ok or result.found is not None else "dirty"
        self._dispose()
        return result

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
            raise RestoreError(
                f"{self.database} is not proven back at its baseline; its backup is kept. "
                f"Run '{how_to_recover(self.database)}'."
            )

    # The steps, in the order of the protocol.

    def _clean(self, cleanup: Cleanup) -> CleanupReport:
        try:
            report = cleanup.clean(
                self.database,
                self._entities,
                connect=self._connect,
                retry=self.retry,
                listener=self.listener,
            )
        except Exception as error:  # noqa: BLE001 - whatever a cleanup raises is a failed cleanup
            reason, code = describe(error)
            step = Step("cleanup", cleanup.name, 1)
            failure = Failure(step, reason, f"{type(error).__name__}: {error}", code)
            whole = Entity(table="everything", key=())
            report = CleanupReport(failed=[(whole, failure)], failures=[failure])
        self.result.failures += report.failures
        return report

    def _verify(self) -> Differences:
        try:
            return self._attempt("verify", "differences", self._differences)
        except Exception:  # noqa: BLE001 - kept as a failure; what cannot be verified is not clean
            return UNKNOWN

    def _restore(self) -> bool:
        if self._folder is not None and self._folder.is_elsewhere():
            return False  # what stands behind the link is not ours; the reason has been told
        if self._archives and not self._tried("restore", "archive", self._keep):
            return False  # what people did meanwhile is not for the guard to lose
        for recovery in self._captured:
            with self._timed("restore"):
                done = self._tried("restore", recovery.name, recovery.restore)
            if done and self.policy.verifies:
                with self._timed("verify"):
                    self.result.remaining = self._verify()
                done = self.result.remaining.clean(self.grade)
            if done:
                self.result.restored_by = recovery.name
                return True
            if recovery is not self._captured[-1]:
                recovery.release()
        return False

    def _keep(self) -> None:
        self.result.archive = archive.keep(
            self._journal.database,
            files=self._files,
            size_bytes=self.result.backup_bytes,
            busy_timeout_ms=self.busy_timeout_ms,
        )

    def _dispose(self) -> None:
        if not self.policy.backs_up:
            return
        # without the journal nobody could tell the next guard that a backup is gone
        self.result.undisposed = self.result.says_clean and not self._journal.is_held
        if not self.result.says_clean or self.result.undisposed:
            rescued = not self.result.says_clean and self._rescue()
            self.result.lost = not self.result.says_clean and not rescued and self._is_lost()
            self.abandon()
            return
        if self._journal.is_anothers:
            step = Step("dispose", "journal", 1)
            why = f"another guard has begun on {self.database}, as the tests removed the journal"
            self.result.failures.append(Failure(step, "another guard is at work", why, 0))
            self.result.ended = "dirty"
            self.abandon()
            return
        with self._timed("dispose"):
            if not self._tried("dispose", "sync", self._make_durable):
                self.result.ended = "dirty"  # the backup stays: what it is of may not last
                self.abandon()
                return
            proven = self._noted(
                "dispose", lambda: self._journal.write(self._entry(PROVEN, self._captured))
            )
            # a journal that still says "captured" must not outlive its backups
            if not proven and not self._noted("dispose", lambda: self._journal.end(lasting=True)):
                self.result.undisposed = True
                self.abandon()
                return
            gone = [self._tried("dispose", r.name, r.dispose) for r in self._captured]
            if proven and not all(gone):
                self._journal.release()  # it says what is left, for the next guard to remove
            ended = not proven or (all(gone) and self._noted("dispose", self._journal.end))
            self.result.undisposed = not (ended and all(gone))

    def command_started(self, pid: int) -> None:
        """Note which process runs the tests, so that none outlives a killed guard unseen."""
        self._journal.running(pid)

    def abandon(self) -> None:
        """Let go of every lock and leave backups and journal on disk, as a kill would."""
        self._bring_back_names()
        for recovery in self._captured:
            recovery.release()
        self._journal.release()

    # What the steps share.

    def _recovery(self, place: int, name: str) -> Recovery:
        made: Recovery = registry.find("recovery", name)(
            self._journal.database,
            backup_path(self._journal.database, place),
            files=self._files,
            vfs=self._vfs,
            busy_timeout_ms=self.busy_timeout_ms,
        )
        refuse_link(made, self._journal.database)
        return made

    def _taken_by(self, recovery: Recovery) -> Callable[[], None]:
        """Give what captures a backup and proves that it is the database, as long as need be."""

        def take() -> None:
            left = Differences()
            for _ in range(_TRIES):
                recovery.capture()
                if not self.policy.verifies or recovery.untouched():
                    return
                left = self._engine.differences(
                    self.database, recovery.baseline, busy_timeout_ms=self.busy_timeout_ms
                )
                if left.clean("exact"):
                    return
            recovery.dispose()
            raise RecoveryRefused(
                f"after {_TRIES} backups the database still was not the same as its backup "
                f"({'; '.join(left.sentences())}): stop what writes to it"
            )

        return take

    def _keep_out_of_reach(self) -> None:
        """Give every backup its second name; without one the guard goes on, and says so."""
        self.result.unprotected = self._journal.unprotected
        try:
            for recovery in self._captured:
                if not self.result.unprotected:
                    place = self.recoveries.index(recovery.name)
                    recovery.second = self._journal.second.backup(place)
                recovery.keep_out_of_reach()
            if not self.result.unprotected:
                self._journal.second.sync()
        except OSError as error:
            self.result.unprotected = f"{self._journal.second.folder}: {error.strerror}"

    def _bring_back_names(self) -> None:
        """See that folder and journal are there again, whatever the tests removed."""
        if self._folder is None or not self._journal.is_held:
            return
        if self._folder.is_elsewhere():
            return
        try:
            self._folder.make_again()
            self._journal.bring_back()
            for recovery in self._captured:
                recovery.bring_back()
        except (OSError, RestoreError) as error:
            reason, code = describe(error)
            text = f"{type(error).__name__}: {error}"
            self.result.failures.append(Failure(Step("restore", "names", 1), reason, text, code))

    def _rescue(self) -> bool:
        """Keep as a file what only this process holds, and note it; whether there was any."""
        kept: dict[str, dict[str, Any]] = {}
        for recovery in self._captured:
            with suppress(OSError, RestoreError):  # then it is lost, and that is said
                description = recovery.rescue()
                if description is not None:
                    kept[recovery.name] = description
        if not kept or not self._journal.is_held:
            return False
        entry = self._entry(CAPTURED, self._captured)
        for one in entry["backups"]:
            place = one["place"]
            if one["recovery"] in kept:
                found = kept[one["recovery"]]
                one.clear()
                one.update(found | {"place": place})
        return self._noted("restore", lambda: self._journal.write(entry))

    def _make_durable(self) -> None:
        self._engine.make_durable(self.database, self._files)

    def _differences(self) -> Differences:
        if self.database.is_symlink() and not self._was_link:
            raise RestoreError(f"{self.database} is a symbolic link now; it was left alone")
        if self._folder is not None and self._folder.is_elsewhere():
            raise RestoreError(
                f"the folder of {self.database} is a symbolic link now; it was left alone"
            )
        if not os.path.lexists(self.database):
            return Differences(unread={"the database": "it is gone"})
        holders = [r for r in self._captured if not r.released] or self._captured
        if holders[0].untouched():
            return Differences()  # proven without reading it
        return self._engine.differences(
            self.database,
            _first_sound(holders).baseline,
            grade=self.grade,
            busy_timeout_ms=self.busy_timeout_ms,
        )

    def _is_lost(self) -> bool:
        try:
            _first_sound(self._captured)
        except RestoreError:
            return True
        except Exception:  # noqa: BLE001 - it could not be looked at: it may be there
            return False
        return False

    def _attempt(self, phase: str, operation: str, action: Callable[[], T]) -> T:
        return self.retry.run(
            phase,
            operation,
            action,
            worth=is_transient,
            listener=self.listener,
            failures=self.result.failures,
        )

    def _tried(self, phase: str, operation: str, action: Callable[[], None]) -> bool:
        try:
            self._attempt(phase, operation, action)
        except Exception:  # noqa: BLE001 - kept as a failure; the chain goes on to its next recovery
            return False
        return True

    def _noted(self, phase: str, write: Callable[[], None]) -> bool:
        """Write the journal; a disk that is full or failing is kept as a failure like any other."""
        try:
            write()
        except OSError as error:
            reason, code = describe(error)
            step = Step(phase, "journal", 1)
            self.result.failures.append(Failure(step, reason, f"OSError: {error}", code))
            return False
        return True

    def _refuse(self, chain: list[Recovery]) -> None:
        self.result.ended = "refused"
        self._captured = []
        gone = [self._tried("dispose", r.name, r.dispose) for r in chain]
        self.result.undisposed = not (self._noted("dispose", self._journal.end) and all(gone))
        why = "; ".join(f"{f.step.operation}: {f.error}" for f in self.result.failures)
        raise BackupError(f"no backup of {self.database} could be taken, so no test was run: {why}")

    def _note_captured(self) -> None:
        self._journal.write(self._entry(CAPTURED, self._captured))

    def _entry(self, state: str, chain: list[Recovery]) -> dict[str, Any]:
        # the place, not a path: nothing in a journal may send anybody to another folder
        places = {name: place for place, name in enumerate(self.recoveries)}
        backups = [recovery.describe() | {"place": places[recovery.name]} for recovery in chain]
        return {"state": state, "backups": backups}

    def _open(self, database: Path) -> Any:
        return self._engine.connect(database, busy_timeout_ms=self.busy_timeout_ms)

    @contextmanager
    def _timed(self, phase: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            spent_ms = (time.perf_counter() - started) * 1000
            self.result.timings_ms[phase] = self.result.timings_ms.get(phase, 0.0) + spent_ms


def _first_sound(holders: list[Recovery]) -> Recovery:
    """Give the first whose backup is what it captured; RestoreError of the first when none is."""
    errors: list[RestoreError] = []
    for recovery in holders:
        try:
            recovery.check()
        except RestoreError as error:
            errors.append(error)
        else:
            return recovery
    raise errors[0]


def _size_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
