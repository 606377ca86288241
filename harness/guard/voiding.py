"""What a killed guard meant to do is void once people have put back another backup by hand.

Else the next guard would bring back its own baseline, and what they chose would be gone.
The order is such that whenever the process dies nothing is lost: what was chosen is in place, then
the guard's backups are copied to archives, then the journal says that the live state is the
baseline, and only then its backups go.
"""

from __future__ import annotations

from harness.errors import RestoreError, UsageError
from harness.guard import leftovers
from harness.guard.journal import PROVEN, Entry, how_to_recover
from harness.guard.result import Kept
from harness.guard.resumed import Resumed
from harness.guard.survivors import refuse_living
from harness.guard.target import Target


class Intent:
    """What a killed guard left of a database, held so that no other takes it up meanwhile."""

    def __init__(self, target: Target, *, restoring: bool = True) -> None:
        """Take it over, if there is any; UsageError while the guard or its command is alive.

        ``restoring``: the database is going to be written, so a baseline in it would be lost.
        """
        self._target, self._journal = target, target.journal
        self._entries: list[Entry] = []
        self.damaged = ""  # a journal that nobody can read, and that stays
        try:
            self._entries = self._journal.adopt()
        except RestoreError:
            self.damaged = str(self._journal)
            if restoring and not target.standing_backups():
                self._refuse_what_may_be_pinned()
        try:
            if leftovers.captured_by_the_dead(self._entries):
                refuse_living(target, self._entries)
                if restoring:
                    self._refuse_to_lose_the_baseline()
        except RestoreError as error:
            self.release()
            raise UsageError(str(error)) from None
        except BaseException:
            self.release()
            raise

    def end(self, chosen: Kept | None, *, busy_timeout_ms: int = 0) -> tuple[Kept, ...] | None:
        """End it, now that ``chosen`` is in the database; the archives of its other backups.

        ``chosen`` None is what the database holds anyway; None is returned when no guard was
        killed. May be called again by whoever comes after a kill.
        """
        if not self._entries:
            return None
        backups = self._backups(busy_timeout_ms)
        archive_paths: tuple[Kept, ...] = ()
        if leftovers.captured_by_the_dead(self._entries):
            archives = [
                self._target.archive_backup(backup.recovery, chosen=chosen) for backup in backups
            ]
            archive_paths = tuple(path for path in archives if path is not None)
            if self._target.is_there:  # else there is nothing to last, and nobody asked for it
                self._target.make_durable()
            described = self._entries[-1].get("backups", [])
            self._journal.write({"state": PROVEN, "backups": described})
        leftovers.tidy(backups)
        self._journal.end()
        return archive_paths

    def _backups(self, busy_timeout_ms: int) -> list[Resumed]:
        backups = leftovers.known_again(self._target, self._entries[-1])
        for backup in backups:
            backup.recovery.busy_timeout_ms = busy_timeout_ms
        return backups

    def _refuse_what_may_be_pinned(self) -> None:
        """Refuse where a damaged journal alone tells of a baseline, and newer content is there."""
        if self._target.may_be_pinned():
            raise UsageError(
                f"{self.damaged} is damaged and there is no backup: the baseline may be in "
                f"{self._target.address} itself, and what came after in its -wal. Keep copies of "
                f"both, then give it up: {how_to_recover(self._target.address)} --discard"
            )

    def _refuse_to_lose_the_baseline(self) -> None:
        """Refuse where it is nowhere but in the database's own file, which a restore writes."""
        backups = self._backups(0)
        if any(one.recovery.stands_apart or one.recovery.of_absence for one in backups):
            return
        for backup in backups:
            try:
                backup.must_be_resumed()
            except RestoreError:
                continue  # lost already
            backup.recovery.release()
            raise UsageError(
                f"a guard was killed, and its baseline is in {self._target.address} itself, from "
                "where a restore would remove it: nothing was touched. Bring it back first "
                f"('{how_to_recover(self._target.address)}')"
            )

    def give_up(self) -> tuple[Kept, ...] | None:
        """Take the database as it is; the archives of what had been backed up.

        Where the folder is gone there is nothing to keep them in: they are removed.
        """
        if not self._target.has_place:
            self._target.forget()
            return ()
        if not self.damaged and not (self._entries and "pid" not in self._entries[0]):
            return self.end(None)
        # nobody can read the journal, or it says nothing: whatever is there is kept
        return self._target.archive_standing()

    def release(self) -> None:
        """Let go; what was not ended stays for the next guard."""
        self._journal.release()
