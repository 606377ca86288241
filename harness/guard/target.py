"""The guarded database, as its engine deals with it: made at the door, and carried through a trip.

What a guard does is the same for every engine; where its journal, backups and archives lie, and
what tests may have put in the database's place, each engine knows for itself, in ``guard/ENGINE``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast

from harness.databases.engine import Address, Engine, Given
from harness.databases.engines import address_of, known
from harness.guard.journal import Journal
from harness.guard.loading import load
from harness.guard.result import GuardResult, Kept
from harness.recovery import Recovery
from harness.system.files import Files

Say = Callable[[str], None]  # tells people a sentence


class Pending(NamedTuple):
    """A database that a guard is at work on, or was when it was killed."""

    whole: str  # its address, as it can be given from anywhere
    folder_is_gone: bool
    at_work: bool  # its guard lives


class Target(Protocol):
    """One database, and where a guard keeps its own of it."""

    @property
    def address(self) -> Address:
        """The database as people named it."""

    @property
    def engine(self) -> Engine:
        """Of what kind it is."""

    @property
    def given(self) -> Any:
        """The database as cleanups and connections of this engine are given it."""

    @property
    def database(self) -> Any:
        """And as recoveries are: what the journal goes by."""

    @property
    def journal(self) -> Journal:
        """What a guard notes of it."""

    # What must not be guarded.

    def names(self) -> tuple[str, ...]:
        """Give every name that may say what it is for."""

    def refuse_name(self) -> None:
        """Refuse a name by which nobody would find what is kept; UsageError."""

    def refuse_place(self, *, override: bool, absent_ok: bool = False) -> None:
        """Refuse what is no database, or lies where none can be guarded; UsageError.

        ``override``: the user answers for a place that only looks wrong. ``absent_ok``: there need
        not be any yet.
        """

    def refuse_unfit(self, recoveries: Sequence[str]) -> None:
        """Refuse what recoveries could not work on, now that nothing is left of a killed guard."""

    def fitting(self, recoveries: Sequence[str], *, say: Say) -> tuple[str, ...]:
        """Of an engine's own chain, give those that can work on this database, on this system.

        ``say`` is told why, where that is a matter of who is at work.
        """

    def refuse_in_use(self, recoveries: Sequence[str]) -> None:
        """Refuse where every recovery has to be alone to restore, and somebody is there."""

    @property
    def is_open_here(self) -> bool:
        """Whether this process has it open in a way that a restore from it would break."""

    def finish_elsewhere(
        self, result: GuardResult, *, archives: bool, beside_survivors: bool = False
    ) -> None:
        """Verify and restore in another process, once its guard here was abandoned.

        How it went is in ``result``; where the baseline is not proven back, journal and backups
        are kept. ``beside_survivors``: also while something lives that the tests have started.
        """

    # What stands in its place.

    def refuse_unreadable(self) -> None:
        """Refuse what could not be verified; UsageError or BackupError, and nothing is written."""

    def note_place(self) -> None:
        """Remember how it stands there, and its attributes, before any test runs."""

    def attributes(self) -> dict[str, tuple[Any, Any]]:
        """Give the attributes that are not as they were noted: name -> (was, now)."""

    def put_attributes_back(self) -> list[str]:
        """Make them again what they were, as far as nothing must be restored for it; why not."""

    def put_times_back(self) -> None:
        """Give it the times that were noted, once nothing is written any more; as far as may be."""

    def know_attributes(self, recovery: Recovery, description: dict[str, Any]) -> None:
        """Note them after a kill, from a backup and what a journal says of it."""

    def refuse_stranger(self, *, given: bool = False) -> None:
        """Raise RestoreError where tests have put something else in its place: it is left alone.

        ``given``: look at it by the name that people gave.
        """

    def refuse_detour(self) -> None:
        """Raise RestoreError where its name leads somewhere else than when it was noted."""

    @property
    def is_elsewhere(self) -> bool:
        """Whether the place that was noted leads somewhere else now."""

    @property
    def is_gone(self) -> bool:
        """Whether nothing has its name any more."""

    @property
    def is_there(self) -> bool:
        """Whether its name leads to anything."""

    @property
    def has_place(self) -> bool:
        """Whether there is still anything that it could stand in."""

    def make_place(self) -> None:
        """Make that again; RestoreError where it cannot be."""

    def bring_back(self) -> bool:
        """Give place and journal their names again; False where another thing stands there.

        Raises:
            OSError, RestoreError: they cannot be had.
        """

    def users(self) -> set[int]:
        """Give the processes that have it open, as far as this user sees them."""

    def lockers(self) -> set[int]:
        """Give the processes of which the system says that they have it locked."""

    def orphans(self) -> tuple[str, ...]:
        """Name what its server still does for clients of the tests that are gone, to its end."""

    def end_orphans(self) -> tuple[str, ...]:
        """End that; name what goes on all the same."""

    # What is kept of it.

    @property
    def absence(self) -> str:
        """The name of the recovery whose baseline is that there is no database."""

    def recovery(self, name: str, place: int, *, vfs: str | None = None) -> Recovery:
        """Make a recovery whose backup lies where that of this place of a chain does."""

    def recovery_again(self, description: dict[str, Any]) -> Recovery:
        """Make the recovery that a journal describes, its second name included."""

    def keep_out_of_reach(self, chain: list[tuple[int, Recovery]]) -> str:
        """Take backups, each with its place, out of the tests' reach; why not, where it cannot."""

    def keep_private(self) -> None:
        """See that no repository takes up what is kept here; a courtesy that raises nothing."""

    def standing_backups(self) -> Sequence[Kept]:
        """Give every backup there is, whether or not a journal tells of it; each once."""

    def may_be_pinned(self) -> bool:
        """Whether its baseline may be in the database itself, and newer content beside it."""

    def archive(self, *, size_bytes: int = 0) -> Kept | None:
        """Keep what it holds now, or say as what a restore will; None where that is nothing.

        Raises:
            OSError, the engine's Error: nothing was kept, so nothing may be thrown away.
        """

    def archived(self, kept: Kept | None) -> Kept | None:
        """Give back what ``archive`` gave, where it is there after the restore."""

    def archive_backup(self, recovery: Recovery, *, chosen: Kept | None = None) -> Kept | None:
        """Keep what a recovery backed up; None where it has no file, or that is ``chosen``."""

    def archive_standing(self) -> tuple[Kept, ...]:
        """Keep every standing backup, and remove it and the journal that nobody can read."""

    def sweep(self, *, archives_alone: bool = False) -> None:
        """Remove what the dead have left half made."""

    def forget(self) -> None:
        """Remove all that is out of the tests' reach."""

    def make_durable(self) -> None:
        """Make its present content last a power cut."""


def target_of(
    database: Given | Address | Target,
    *,
    files: Files | None = None,
    busy_timeout_ms: int = 1000,
    state: Path | None = None,
) -> Target:
    """Return the target that an address means; one that was made before is itself.

    Args:
        database: as it was given.
        files: the file operations.
        busy_timeout_ms: how long to wait for another's lock.
        state: the folder of what is out of the tests' reach; None is this user's own.

    Raises:
        UsageError: it is no address of an engine that is known.
    """
    if hasattr(database, "journal"):
        return cast(Target, database)
    address = address_of(cast(Any, database))
    target = load(f"{address.engine.guarding}.target").made(
        address, files or Files(), busy_timeout_ms=busy_timeout_ms, state=state
    )
    return cast(Target, target)


def state_folders() -> Iterator[tuple[Path | None, str]]:
    """Give the folders out of the tests' reach, each with the variable that names it, or "".

    None where an engine has a folder and this user has no place for it.
    """
    for engine in known():
        target = load(f"{engine.guarding}.target")
        if hasattr(target, "state_folder"):  # an engine may keep all on its server
            yield target.state_folder()


def pending() -> Iterator[Pending]:
    """Give every database that this user's guards have noted and not come to an end with."""
    for engine in known():
        yield from load(f"{engine.guarding}.target").pending()
