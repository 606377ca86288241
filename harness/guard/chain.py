"""The chain of recoveries: each backs up where it can; one restore that is proven is enough."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from harness.databases import Differences, Grade
from harness.errors import RecoveryRefused, RestoreError
from harness.guard.attempts import Attempts
from harness.guard.journal import CAPTURED, Entry
from harness.guard.result import GONE
from harness.guard.target import Target
from harness.log import Log
from harness.recovery import Recovery

_LOG = Log("guard.chain")
_TRIES = 5  # how often others may write between a backup and its verification


class Chain:
    """The recoveries of one trip, in the order they are tried.

    Args:
        target: the database.
        names: of the recoveries.
        attempts: of the trip.
        vfs: a SQLite VFS for their connections.
    """

    def __init__(
        self, target: Target, names: tuple[str, ...], attempts: Attempts, vfs: str | None
    ) -> None:
        self._target, self._names, self._attempts, self._vfs = target, names, attempts, vfs
        self._all: list[Recovery] = []
        self.captured: list[Recovery] = []  # those that hold a backup

    # Before the tests.

    def make(self) -> None:
        """Make every recovery; nothing is written yet."""
        self._all = [
            self._target.recovery(name, place, vfs=self._vfs)
            for place, name in enumerate(self._names)
        ]

    def capture(self, *, verified: bool) -> None:
        """Back up by each that can; ``verified``: proven to be the database before it counts."""
        # first those that copy: what another then puts into the database is none of their copy's
        in_turn = sorted(self._all, key=lambda recovery: recovery.changes_database)
        taken = [
            recovery
            for recovery in in_turn
            if self._attempts.succeed("backup", recovery.name, self._taken(recovery, verified))
        ]
        self.captured = [recovery for recovery in self._all if recovery in taken]

    def _taken(self, recovery: Recovery, verified: bool) -> Callable[[], None]:
        def take() -> None:
            differences = Differences()
            for _ in range(_TRIES):
                recovery.capture()
                if not verified or recovery.untouched():
                    return
                differences = recovery.differences()
                if differences.clean("exact"):
                    return
            recovery.dispose()
            raise RecoveryRefused(
                f"after {_TRIES} backups the database still was not the same as its backup "
                f"({'; '.join(differences.sentences())}): stop what writes to it"
            )

        return take

    def keep_out_of_reach(self) -> str:
        """Take what was captured out of the tests' reach; why not, where that cannot be."""
        places = [(self._names.index(recovery.name), recovery) for recovery in self.captured]
        return self._target.keep_out_of_reach(places)

    def give_up(self) -> bool:
        """Remove what each has begun, as no test will run; whether nothing is left of it."""
        self.captured = []
        return self._disposed(self._all)

    # After the tests.

    def differences(self, grade: Grade) -> Differences:
        """Find what differs from the baseline, by the first backup that is what it was.

        Raises:
            RestoreError: something else stands in the database's place, or no backup is sound.
        """
        self._target.refuse_detour()
        holding = [recovery for recovery in self.captured if not recovery.released] or self.captured
        if self._target.is_gone and not holding[0].of_absence:
            return GONE
        if holding[0].untouched():
            return Differences()  # proven without reading it
        return _first_sound(holding).differences(grade=grade)

    def restore(self, proven: Callable[[], bool]) -> str | None:
        """Restore by one after the other until ``proven`` says so; the name of that one."""
        for recovery in self.captured:
            with self._attempts.timed("restore"):
                succeeded = self._attempts.succeed("restore", recovery.name, recovery.restore)
            if succeeded and proven():
                _LOG.info("restored by %s", recovery.name)
                return recovery.name
            why = "did not bring the baseline back" if succeeded else "could not restore"
            _LOG.info("%s %s: the next of the chain does, if there is one", recovery.name, why)
            if recovery is not self.captured[-1]:
                recovery.release()
        return None

    def is_lost(self) -> bool:
        """Whether no backup is what was captured any more."""
        try:
            _first_sound(self.captured)
        except RestoreError:
            return True
        except Exception:  # noqa: BLE001 - it could not be looked at: it may be there
            return False
        return False

    def dispose(self) -> bool:
        """Remove every backup; whether all are gone."""
        return self._disposed(self.captured)

    def _disposed(self, recoveries: list[Recovery]) -> bool:
        removed = [
            self._attempts.succeed("dispose", recovery.name, recovery.dispose)
            for recovery in recoveries
        ]
        return all(removed)

    # For whoever comes after a kill.

    def bring_back(self) -> None:
        """See that every backup can be found, whatever the tests removed; RestoreError: not so."""
        for recovery in self.captured:
            recovery.bring_back()

    def release(self) -> None:
        """Let go of every lock and leave the backups where they are."""
        for recovery in self.captured:
            recovery.release()

    def entry(self, state: str, *, captured: bool = True) -> Entry:
        """Say for the journal what stands; ``captured``: of those alone that hold a backup."""
        recoveries = self.captured if captured else self._all
        return {"state": state, "backups": [self._described(recovery) for recovery in recoveries]}

    def rescued(self) -> Entry | None:
        """Keep as files what only this process holds, and say it; None where there is nothing."""
        backups, any_kept = [], False
        for recovery in self.captured:
            rescued = None
            with suppress(OSError, RestoreError):  # then it is lost, and that is said
                rescued = recovery.rescue()
            any_kept |= rescued is not None
            place = {"place": self._names.index(recovery.name)}
            backups.append(self._described(recovery) if rescued is None else rescued | place)
        return {"state": CAPTURED, "backups": backups} if any_kept else None

    def _described(self, recovery: Recovery) -> Entry:
        # the place, not a path: nothing in a journal may send anybody to another folder
        return recovery.describe() | {"place": self._names.index(recovery.name)}


def _first_sound(recoveries: list[Recovery]) -> Recovery:
    """Give the first whose backup is what it captured; RestoreError of the first when none is."""
    errors: list[RestoreError] = []
    for recovery in recoveries:
        try:
            recovery.check()
        except RestoreError as error:
            errors.append(error)
        else:
            return recovery
    raise errors[0]
