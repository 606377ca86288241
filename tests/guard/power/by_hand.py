"""Backups and restores by hand to cut the power of, and what must be there afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from harness.guard import Guard, recover
from harness.guard.by_hand import backup, restore
from tests.guard.power.judging import Recording, content_aside, found_in, settled
from tests.guard.power.layers import RecordingFiles, recorded
from tests.guard.power.scenes import KEPT, archives_of, begun, left_behind
from tests.recovery.helpers import execute

SAVED, RESTORED = "the backup is made", "the restore has ended"
DAMAGE = b"no database" * 1000
Before = Literal["changed", "damaged", "missing", "guarded"]


@dataclass
class Whole:
    """The law of a backup by hand: under its name it is whole or absent; once made it lasts."""

    database: Path
    backup: Path
    holds: dict[str, Any]
    marks = frozenset({SAVED})

    def __call__(self, known: frozenset[str]) -> str:
        """Look at the database and at the backup, and make another one."""
        if found_in(self.database) != self.holds:
            return "the database is not what it was"
        if self.backup.exists() and self.backup.stat().st_size:  # else its name was only taken
            found = found_in(self.backup)
            if found != self.holds:
                return f"the backup {found if isinstance(found, str) else 'holds something else'}"
        elif SAVED in known:
            return "the backup is gone"
        return ""


@dataclass
class Restored:
    """The law of a restore by hand: before or after it, nothing between; once done it lasts."""

    database: Path
    backup: Path
    chosen: dict[str, Any]
    may_be: list[dict[str, Any]]  # what it may hold before, and after ``recover``
    before: Before
    marks = frozenset({RESTORED})

    def __call__(self, known: frozenset[str]) -> str:
        """Recover, look, and restore once more."""
        try:
            recover(self.database, busy_timeout_ms=0)
        except Exception as error:  # noqa: BLE001 - every refusal is a failure here
            return f"recover: {type(error).__name__}: {error}"
        if wrong := self._wrong(known):
            return wrong
        try:
            restore(self.database, self.backup)
        except Exception as error:  # noqa: BLE001 - as above
            return f"restored again: {type(error).__name__}: {error}"
        found = found_in(self.database)
        if found != self.chosen:
            return f"restored again: {found if isinstance(found, str) else 'not what was chosen'}"
        # a restore that was cut off leaves a half-made archive; the next recover may remove it
        halves = self.database.parent.glob("*.e2e-archive-part-*")
        return left_behind(self.database, [*archives_of(self.database), *halves])

    def _wrong(self, known: frozenset[str]) -> str:
        if RESTORED not in known and not self._holds_something():
            return ""  # as it was
        found = found_in(self.database)
        if isinstance(found, str):
            return f"the database {found}"
        if found not in ([self.chosen] if RESTORED in known else [self.chosen, *self.may_be]):
            return "the database is neither what it was nor what was chosen"
        if found == self.chosen and self.before != "missing":
            kept = [path for path in archives_of(self.database) if path.stat().st_size]
            if self.before == "damaged":
                if DAMAGE not in [path.read_bytes() for path in kept]:
                    return "what was thrown away is in no archive"
                return ""
            held = [found_in(path) for path in kept]
            if self.may_be[-1] not in held:
                return "what was thrown away is in no archive"
            if self.before == "guarded" and RESTORED in known and self.may_be[0] not in held:
                return "what the killed guard had backed up is in no archive"
        return ""

    def _holds_something(self) -> bool:
        if self.before == "missing":
            return self.database.exists()
        return self.before != "damaged" or self.database.read_bytes() != DAMAGE


def record_backup(folder: Path, mode: str, *, unfolded: bool = False) -> Recording:
    """Back up by hand; ``unfolded``: with rows in the -wal, so that SQLite copies the pages."""
    root, database = begun(folder, mode, unfolded=unfolded)
    (root / "kept").mkdir()
    target = root / "kept" / "by-hand.sqlite3"
    holds = content_aside(database)
    with settled(root), recorded(root) as recorder:
        backup(database, target, files=RecordingFiles(recorder))
        recorder.mark(SAVED)
    return Recording.of(recorder, Whole(database, target, holds))


def record_restore(folder: Path, mode: str, before: Before) -> Recording:
    """Restore by hand over what is there."""
    root, database = begun(folder, mode)
    (root / "kept").mkdir()
    target = root / "kept" / "by-hand.sqlite3"
    backup(database, target)
    chosen = content_aside(target)
    # on a page that the -wal will not hold: this -wal on another file makes a damaged database
    execute(database, "CREATE TABLE later(x); INSERT INTO later VALUES (randomblob(100))")
    may_be = [content_aside(database)]
    if before == "guarded":
        with settled(root):
            guard = Guard(database, recoveries=["file_copy"])
            guard.begin()
            guard.abandon()
    for sql in KEPT:  # in WAL mode such that the -wal stays
        execute(database, sql, fold=mode != "wal" or before == "damaged")
    may_be.append(content_aside(database))
    if before == "damaged":
        database.write_bytes(DAMAGE)
    elif before == "missing":
        database.unlink()
    with settled(root), recorded(root) as recorder:
        restore(database, target, files=RecordingFiles(recorder))
        recorder.mark(RESTORED)
    return Recording.of(
        recorder,
        Restored(database, target, chosen, may_be, before),
    )
