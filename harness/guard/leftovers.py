"""What a killed guard left behind, and how the next one brings the baseline back from it."""

from __future__ import annotations

import glob
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import apsw

from harness import registry
from harness.databases.engines import engine_of
from harness.databases.errors import describe
from harness.databases.sqlite.files import MainFile, beside, real
from harness.errors import RestoreError, UsageError
from harness.guard.journal import CAPTURED, CAPTURING, PROVEN, AtWork, Journal, how_to_recover
from harness.guard.sqlite import archive
from harness.recovery import Recovery
from harness.system import processes
from harness.system.files import Files

BACKUP_SUFFIX = ".e2e-backup"
_BACKUPS = re.compile(r"\.e2e-backup(\.\d+)?$")
WAIT_S = 3.0  # for the command of a killed guard, which was perhaps just told to end


def backup_path(database: Path, place: int) -> Path:
    """Where the recovery at ``place`` (0 is the first) of a chain keeps its backup."""
    suffix = BACKUP_SUFFIX if place == 0 else f"{BACKUP_SUFFIX}.{place + 1}"
    real = Path(os.path.realpath(database))
    return real.with_name(real.name + suffix)


def is_pending(database: Path, *, state: Path | None = None) -> bool:
    """Whether a guard has left anything of a database, or is at work on it; opens nothing."""
    return Journal(database, Files(), state).exists


def recover(
    database: Path,
    *,
    files: Files | None = None,
    busy_timeout_ms: int = 1000,
    archives: bool = False,
    state: Path | None = None,
    asked: bool = False,
) -> str | None:
    """Bring back the baseline that a killed guard left behind; what the next guard does by itself.

    Nothing opens the database before a pinned baseline is held again.

    Args:
        database: its path; the folder may be gone.
        files: the file operations.
        busy_timeout_ms: how long to wait for another's lock.
        archives: what is there now is kept beside the database before anything is put back; that is
            done in any case where nothing beside the database tells of a guard any more.
        state: the folder of the second names; None is this user's own.
        asked: people want it, also where it may have been done already by somebody else.

    Returns:
        the name of the recovery that did it, None when there was nothing to do.

    Raises:
        UsageError: a guard is at work, or what stands there is none of ours; nothing was changed.
        RestoreError: no backup could be put back; journal and backups are kept.
    """
    files = files or Files()
    journal = Journal(database, files, state)
    if journal.exists:
        _refuse_what_replaced(database, journal)
    entries = journal.adopt()
    if not entries:
        journal.second.sweep()
        archive.sweep(journal.database, files)
        return None
    backups: list[Resumed] = []
    try:
        if "pid" not in entries[0] and (kept := standing_backups(journal)):
            raise RestoreError(
                f"{journal.path} is empty, but there is a backup, {kept[0]}: nothing was "
                f"changed. Compare them ('harness verify') and put it back if need be ('harness "
                f"restore'), then {how_to_recover(database)} --discard"
            )
        backups = known_again(journal, entries[-1], files, busy_timeout_ms=busy_timeout_ms)
        if entries[-1]["state"] in (CAPTURING, PROVEN):  # the baseline is live, only tidy up
            if not journal.database.parent.is_dir():  # or was: its folder is gone since
                journal.second.remove_all()
                return None
            _tidy_up(database, journal, backups, files)
            return None
        refuse_while_running(entries, database)
        if journal.is_doubtful and not asked:
            raise RestoreError(
                f"a guard of {database} was killed, and its journal beside the database is gone: "
                "the tests removed it; or another user, or one with another home, has brought the "
                "baseline back since; or this is another database at the same path. Bring it back "
                f"('{how_to_recover(database)}') or keep what is there (the same with --discard)"
            )
        if journal.exists:
            _refuse_what_replaced(journal.database, journal)  # somebody may have used the wait
        _make_folder(journal)
        archive.sweep(database, files)
        hold_pins(backups)
        _refuse_what_is_lost(database, backups)
        if archives or not os.path.lexists(journal.path):
            _keep(journal.database, files, busy_timeout_ms)
        return _put_back(database, journal, backups, files, busy_timeout_ms)
    finally:
        for one in backups:
            one.recovery.release()
        journal.release()  # whatever went wrong, the next one must be able to take over


def standing_backups(journal: Journal) -> list[Path]:
    """Give every backup file there is, whether or not a journal tells of it; each once."""
    names = f"{glob.escape(journal.database.name)}{BACKUP_SUFFIX}*"
    beside_it = [p for p in journal.database.parent.glob(names) if _BACKUPS.search(p.name)]
    found: dict[tuple[int, int], Path] = {}
    for path in [*sorted(beside_it), *journal.second.backups()]:
        status = os.lstat(path)
        if stat.S_ISREG(status.st_mode) and status.st_size:
            found.setdefault((status.st_dev, status.st_ino), path)
    return list(found.values())


@contextmanager
def undisturbed(database: Path, files: Files, *, busy_timeout_ms: int) -> Iterator[None]:
    """Hold what a killed guard has pinned, while somebody looks at the database.

    Its last connection to close would write the test data into the only copy of the baseline.
    """
    journal = Journal(database, files)
    backups: list[Resumed] = []
    held: MainFile | None = None
    try:
        if database.is_file() and not journal.replaced and _may_be_pinned(journal):
            held = MainFile(journal.database)  # whatever the journal says: no close is the last
            held.shared()
        with suppress(AtWork, RestoreError):  # alive, it holds them itself; or nobody can tell
            entries = journal.adopt()
            if entries and entries[-1]["state"] == CAPTURED:
                backups = known_again(journal, entries[-1], files, busy_timeout_ms=busy_timeout_ms)
                hold_pins(backups)
        yield
    finally:
        for one in backups:
            one.recovery.release()
        if held is not None:
            held.close()
        journal.release()


def _may_be_pinned(journal: Journal) -> bool:
    """Whether a guard has left anything, here or, for all one can see, by another hard link."""
    return journal.exists or os.stat(journal.database).st_nlink > 1


def _make_folder(journal: Journal) -> None:
    """Make the database's folder again where tests removed it, as anybody's new folder is."""
    folder = journal.database.parent
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise RestoreError(
            f"{folder}, the folder of the database, is gone and cannot be made again: {error}. "
            "Make it, and recover again"
        ) from error


def _refuse_what_replaced(database: Path, journal: Journal) -> None:
    """Leave alone what the tests put in the database's place, if it is no file."""
    what = ""
    if journal.replaced:
        what = f"a symbolic link to {os.path.realpath(database)}"
    elif database.exists() and not database.is_file():
        what = "a folder" if database.is_dir() else "no regular file"
    if what:
        raise RestoreError(
            f"where the database was, {database} is {what} now: nothing was touched, and the "
            "backup is kept. Move it away and recover again"
        )
    for suffix in ("-wal", "-shm", "-journal"):
        path = beside(real(database), suffix)
        if os.path.lexists(path) and not stat.S_ISREG(os.lstat(path).st_mode):
            raise RestoreError(
                f"{path}, where SQLite keeps its own, is no regular file now, so nobody can open "
                "the database: nothing was touched. Move it away and recover again"
            )


def refuse_while_running(entries: list[dict[str, Any]], database: Path) -> None:
    """Wait a moment for the command of the killed guard; RestoreError when it goes on.

    It would write its test data into the baseline that is brought back.
    """
    command = next((e["command"] for e in reversed(entries) if "command" in e), None)
    if command is None:
        return
    pid, since = int(command["pid"]), str(command["started"])
    if not processes.is_gone_within(pid, since, WAIT_S):
        raise RestoreError(
            f"the command of a guard that was killed still runs, as process "
            f"{processes.named([pid])}, and may write to {database}: nothing was touched. "
            f"End it ('kill {pid}')"
        )


def _keep(database: Path, files: Files, busy_timeout_ms: int) -> None:
    try:
        archive.keep(database, files=files, busy_timeout_ms=busy_timeout_ms)
    except (OSError, apsw.Error) as error:
        raise RestoreError(
            f"what {database} holds now could not be kept as an archive, so nothing was put back: "
            f"{_why(error)}"
        ) from error


def _why(error: Exception) -> str:
    """Say it in people's words where the system has only a code ("not an error", SQLite says)."""
    if isinstance(error, apsw.Error | OSError):
        return f"{describe(error)[0]} ({error})"
    return str(error)


def _refuse_what_is_lost(database: Path, backups: list[Resumed]) -> None:
    """Refuse before anything is archived where no backup of the chain is what it was."""
    reasons = []
    for one in backups:
        try:
            one.must_be_resumed()
            one.recovery.check()
        except (RestoreError, UsageError) as error:
            reasons.append(f"{one.recovery.name}: {error}")
        except Exception:  # noqa: BLE001 - a lock or the disk is in the way: it may be there
            return
        else:
            return
    raise _could_not(database, reasons)


def _could_not(database: Path, reasons: list[str]) -> RestoreError:
    holding = processes.holders(database) - {os.getpid()}
    who = f"; it is open in process {processes.named(holding)}" if holding else ""
    return RestoreError(
        f"{database} could not be brought back: {' | '.join(reasons)}{who}. If what is there now "
        f"is what you want: {how_to_recover(database)} --discard"
    )


def _put_back(
    database: Path,
    journal: Journal,
    backups: list[Resumed],
    files: Files,
    busy_timeout_ms: int,
) -> str:
    """Restore from the first backup of the chain that brings the baseline back."""
    reasons = []
    for one in backups:
        recovery = one.recovery
        try:
            one.must_be_resumed()
            recovery.restore()
            recovery.check()
            left = engine_of(database).differences(
                database, recovery.baseline, busy_timeout_ms=busy_timeout_ms
            )
        except Exception as error:  # noqa: BLE001 - the reason is told, the next backup is tried
            recovery.release()
            reasons.append(f"{recovery.name}: {_why(error)}")
            continue
        if left.clean("exact"):
            _tidy_up(database, journal, backups, files, proven=True)
            return recovery.name
        recovery.release()
        reasons.append(f"{recovery.name}: {'; '.join(left.sentences())}")
    raise _could_not(database, reasons)


def _tidy_up(
    database: Path,
    journal: Journal,
    backups: list[Resumed],
    files: Files,
    *,
    proven: bool = False,
) -> None:
    """Remove what the guard left, the journal last; ``proven``: it must last and say so first."""
    try:
        if proven:
            engine_of(database).make_durable(journal.database, files)
            journal.write({"state": PROVEN, "backups": [one.description for one in backups]})
        tidy(backups)
        journal.end()
    except (OSError, apsw.Error) as error:
        raise RestoreError(
            f"{database} is at its baseline, but what a guard left beside it cannot be removed: "
            f"{error}. Put that right, then run '{how_to_recover(database)}'"
        ) from error


def tidy(backups: list[Resumed]) -> None:
    """Remove what every recovery of the chain kept, whether or not it could still be used."""
    for one in backups:
        one.resume()  # nothing left to resume, or others are at work: no matter
        one.recovery.dispose()


def hold_pins(backups: list[Resumed]) -> None:
    """Hold every baseline again that is in the database's own file; before anything opens it."""
    for one in backups:
        if one.recovery.pins:
            one.resume()


class Resumed:
    """A recovery that a journal names, made anew; it is resumed once."""

    def __init__(self, recovery: Recovery, description: dict[str, Any]) -> None:
        self.recovery, self.description = recovery, description
        self._error: Exception | None = None
        self._done = False

    def resume(self) -> None:
        """Resume it, if it has not been; why it cannot be is kept."""
        if not self._done:
            self._done = True
            try:
                self.recovery.resume(self.description)
            except Exception as error:  # noqa: BLE001 - raised by whoever needs it
                self._error = error

    def must_be_resumed(self) -> None:
        """Resume it; raise what kept it from that, trying once more where it was a lock."""
        if isinstance(self._error, apsw.Error | OSError):
            self._done, self._error = False, None
        self.resume()
        if self._error is not None:
            raise self._error


def known_again(
    journal: Journal, entry: dict[str, Any], files: Files, *, busy_timeout_ms: int
) -> list[Resumed]:
    """Make every recovery that a journal's entry names, each with what it said of itself."""
    return [
        Resumed(_again(journal, description, files, busy_timeout_ms), description)
        for description in entry.get("backups", [])
    ]


def _again(
    journal: Journal, description: dict[str, Any], files: Files, busy_timeout_ms: int
) -> Recovery:
    place = int(description["place"])
    made: Recovery = registry.find("recovery", str(description["recovery"]))(
        journal.database,
        backup_path(journal.database, place),
        files=files,
        busy_timeout_ms=busy_timeout_ms,
    )
    made.second = journal.second.backup(place)
    refuse_link(made, journal.database)
    return made


def refuse_link(recovery: Recovery, database: Path) -> None:
    """See that the file a recovery will write is the one that was meant, before anybody waits.

    Raises:
        RestoreError: a symbolic link has come to stand in its place.
    """
    if getattr(recovery, "main", database) != database:
        raise RestoreError(f"{database} is a symbolic link now; it was left alone")
