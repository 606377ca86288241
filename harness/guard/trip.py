"""The steps of one guarded trip: each does its part, and keeps in the result what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace
from functools import partial
from typing import Any

from harness.cleanup import Cleanup, CleanupReport
from harness.databases import Differences
from harness.databases.errors import told
from harness.errors import BackupError, RestoreError, UsageError
from harness.guard.attempts import Attempts
from harness.guard.chain import Chain
from harness.guard.journal import CAPTURED, CAPTURING, PROVEN, Entry
from harness.guard.locked import noting_who
from harness.guard.options import Options
from harness.guard.result import UNKNOWN, GuardResult
from harness.guard.target import Target
from harness.log import Log
from harness.steps import Entity, Failure, Step

_LOG = Log("guard.trip")
# Those under way: one that nobody refers to any more must keep its locks all the same.
_under_way: set[Trip] = set()


class Trip:
    """One trip of the guard; ``protocol.py`` says in what order its steps are made.

    Args:
        target: the database.
        options: how it is guarded.
    """

    def __init__(self, target: Target, options: Options) -> None:
        self.target, self.options, self.policy = target, options, options.when
        self.result = GuardResult()
        noting = partial(noting_who, target) if options.names_lockers else nullcontext
        self.attempts = Attempts(options.retry, options.listener, self.result, noting)
        names = tuple(options.recoveries) or target.engine.default_recoveries
        self._chain = Chain(target, names, self.attempts, options.vfs)
        self.entities: Sequence[Entity] = ()  # what the tests made, in the order they made it

    def back_up(self) -> None:
        """Back up by every recovery that can, each proven; see ``Guard.begin`` for what raises."""
        result, chain, journal = self.result, self._chain, self.target.journal
        _LOG.info("guarding %s", self.target.address)
        try:
            self.target.refuse_unreadable()
            self.target.note_place()
        except (UsageError, BackupError):
            result.ended = "refused"
            raise
        except self.target.engine.Error as error:  # of a server that went away just now
            result.ended = "refused"
            raise BackupError(
                f"{self.target.address} cannot be looked at, so no test was run: {told(error)}"
            ) from error
        chain.make()
        begun = chain.entry(CAPTURING, captured=False) | self._mark()
        if not self.attempts.noted("backup", lambda: journal.begin(begun)):
            self._refuse()
        _under_way.add(self)
        chain.capture(verified=self.policy.verifies)
        if chain.captured:
            result.unprotected = chain.keep_out_of_reach()
            self.target.keep_private()
        if not chain.captured or not self.attempts.noted(
            "backup", lambda: journal.write(chain.entry(CAPTURED))
        ):
            self._refuse()
        result.backed_up_by = tuple(recovery.name for recovery in chain.captured)
        result.absent = any(recovery.of_absence for recovery in chain.captured)
        result.backup_bytes = chain.captured[0].size_bytes
        by = ", ".join(result.backed_up_by)
        _LOG.info("backed up by %s, %d bytes", by, result.backup_bytes)

    def _mark(self) -> Entry:
        """Say by what the next guard knows what the tests have started."""
        survivors = self.options.survivors
        return {} if survivors is None else {"mark": survivors.mark.token}

    def _refuse(self) -> None:
        self.result.ended = "refused"
        removed = self._chain.give_up()
        ended = self.attempts.noted("dispose", self.target.journal.end)
        self.result.undisposed = not (ended and removed)
        _under_way.discard(self)
        last = {failure.step.operation: failure for failure in self.result.failures}
        why = "; ".join(f"{name}: {failure.error}" for name, failure in last.items())
        raise BackupError(
            f"no backup of {self.target.address} could be taken, so no test was run: {why}"
        )

    def clean(self, cleanup: Cleanup) -> CleanupReport:
        """Delete the test data; whatever is raised is a cleanup that failed."""
        try:
            report = cleanup.clean(
                self.target.given,
                self.entities,
                connect=self.options.connect or self._connect,
                retry=self.options.retry,
                listener=self.options.listener,
            )
        except Exception as error:  # noqa: BLE001 - whatever a cleanup raises is a failed cleanup
            failure = self.attempts.failed(Step("cleanup", cleanup.name, 1), error)
            everything = Entity(table="everything", key=())
            return CleanupReport(failed=[(everything, failure)], failures=[failure])
        self.result.failures += report.failures
        _LOG.info("cleanup by %s: %d failed", cleanup.name, len(report.failed))
        return report

    def _connect(self, database: Any) -> Any:
        timeout_ms = self.options.busy_timeout_ms
        return self.target.engine.connect(database, busy_timeout_ms=timeout_ms)

    def verify(self) -> Differences:
        """Find what differs from the baseline; UNKNOWN where that cannot be told.

        Attributes are put back on the way, where they can be; that they differed is told.
        """
        attributes = self.target.attributes()
        return replace(self._content(), attributes=attributes) if attributes else self._content()

    def _content(self) -> Differences:
        for reason in self.target.put_attributes_back():
            self.attempts.failed(Step("restore", "attributes", 1), PermissionError(reason))
        try:
            found = self.attempts.make(
                "verify", "differences", lambda: self._chain.differences(self.options.grade)
            )
            found = found.without(self.result.own_settings)
            _LOG.info("verified: %s", lambda: "; ".join(found.sentences()) or "nothing differs")
            return found
        except Exception:  # noqa: BLE001 - kept as a failure; what cannot be verified is not clean
            return UNKNOWN

    def is_baseline(self, found: Differences) -> bool:
        """Whether nothing is left to put back, attributes included that could be by themselves."""
        now = replace(found, attributes=self.target.attributes())
        if now.proves(self.options.grade):
            self.result.remaining = now if found.attributes else None
            return True
        return False

    def restore(self) -> bool:
        """Put the baseline back, what is thrown away kept; whether it is proven back."""
        if self.target.is_elsewhere:
            return False  # what stands there is not ours; the reason has been told
        if self.options.archives and not self.attempts.succeed("restore", "archive", self._keep):
            return False  # what people did meanwhile is not for the guard to lose
        self.result.restored_by = self._chain.restore(self._proven)
        self.result.archive = self.target.archived(self.result.archive)
        return self.result.restored_by is not None

    def _keep(self) -> None:
        self.result.archive = self.target.archive(size_bytes=self.result.backup_bytes)

    def _proven(self) -> bool:
        if not self.policy.verifies:
            return True
        with self.attempts.timed("verify"):
            found = self._content()
            self.result.remaining = replace(found, attributes=self.target.attributes())
        return self.result.remaining.proves(self.options.grade)

    def name_survivors(self) -> bool:
        """Say who of the tests lives on; whether one may write, which nobody has allowed."""
        survivors = self.options.survivors
        if survivors is None:
            return False
        self.result.survivors = survivors.left()
        return not survivors.allowed and any(one.has_it_open for one in self.result.survivors)

    # The ends: left to the next guard, or nothing is left.

    def end(self) -> None:
        """Remove backups and journal where the baseline is proven; else leave them to the next."""
        result, journal = self.result, self.target.journal
        if not result.says_clean:
            result.lost = not self._rescued() and self._chain.is_lost()
            with suppress(OSError):  # a courtesy to whoever comes next
                journal.failed()
            self.abandon()
            result.lost |= self._journal_is_gone()
        elif not journal.is_held:
            # without the journal nobody could tell the next guard that a backup is gone
            result.undisposed = True
            self.abandon()
        elif journal.is_anothers:
            self._dirty_by_another()
            self.abandon()
        else:
            with self.attempts.timed("dispose"):
                self._dispose()
                self.target.put_times_back()
            _under_way.discard(self)

    def _rescued(self) -> bool:
        """Keep as a file what only this process holds, and note it; whether there was any."""
        entry, journal = self._chain.rescued(), self.target.journal
        if entry is None or not journal.is_held:
            return False
        return self.attempts.noted("restore", lambda: journal.write(entry))

    def _dirty_by_another(self) -> None:
        why = f"another guard has begun on {self.target.address}, as the tests removed the journal"
        step = Step("dispose", "journal", 1)
        self.result.failures.append(Failure(step, "another guard is at work", why, 0))
        self.result.ended = "dirty"

    def _dispose(self) -> None:
        result, attempts, journal = self.result, self.attempts, self.target.journal
        if not attempts.succeed("dispose", "sync", self.target.make_durable):
            result.ended = "dirty"  # the backup stays: what it is of may not last
            self.abandon()
            return
        proven = attempts.noted("dispose", lambda: journal.write(self._chain.entry(PROVEN)))
        # a journal that still says "captured" must not outlive its backups
        if not proven and not attempts.noted("dispose", lambda: journal.end(lasting=True)):
            result.undisposed = True
            self.abandon()
            return
        removed = self._chain.dispose()
        result.undisposed = not removed
        _LOG.info("backups removed" if removed else "a backup could not be removed")
        if proven and removed:
            result.undisposed = not attempts.noted("dispose", journal.end)
        elif proven:
            journal.release()  # it says what is left, for the next guard to remove

    def note_lost(self) -> None:
        """Note whether there is nothing that the next guard could restore from."""
        self.result.lost = self._chain.is_lost()
        self.result.lost |= self._journal_is_gone()

    def _journal_is_gone(self) -> bool:
        """Whether there is none; where nobody can ask, there may be one."""
        try:
            return not self.target.journal.exists
        except (UsageError, self.target.engine.Error):
            return False
        finally:
            self.target.journal.release()  # nothing that was opened to look stays open

    def abandon(self) -> None:
        """Let go of every lock and leave backups and journal on disk, as a kill would."""
        _LOG.info("backups and journal are left to the next guard")
        self.bring_back_names()
        self._chain.release()
        self.target.journal.release()
        _under_way.discard(self)

    def bring_back_names(self) -> None:
        """See that journal and backups can be found, whatever the tests removed."""
        if not self.target.journal.is_held:
            return
        try:
            if self.target.bring_back():
                self._chain.bring_back()
        except (OSError, RestoreError) as error:
            self.attempts.failed(Step("restore", "names", 1), error)
