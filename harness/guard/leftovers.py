"""What a killed guard left behind, and how the next one brings the baseline back from it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import apsw

from harness import registry
from harness.databases.engines import engine_of
from harness.errors import RestoreError
from harness.files import Files
from harness.guard import archive
from harness.guard.journal import CAPTURING, PROVEN, Journal
from harness.recovery import Recovery

BACKUP_SUFFIX = ".e2e-backup"


def backup_path(database: Path, place: int) -> Path:
    """Where the recovery at ``place`` (0 is the first) of a chain keeps its backup."""
    suffix = BACKUP_SUFFIX if place == 0 else f"{BACKUP_SUFFIX}.{place + 1}"
    real = Path(os.path.realpath(database))
    return real.with_name(real.name + suffix)


def recover(
    database: Path,
    *,
    files: Files | None = None,
    busy_timeout_ms: int = 1000,
    archives: bool = False,
) -> str | None:
    """Bring back the baseline that a killed guard left behind; what the next guard does by itself.

    ``archives``: what is there now is kept beside the database before anything is put back.
    Returns the name of the recovery that did it, None when there was nothing to do. Raises
    RestoreError, with journal and backups kept, when no backup could be put back.
    """
    files = files or Files()
    journal = Journal(database, files)
    entries = journal.adopt()
    if not entries:
        return None
    try:
        backups = [
            (_again(database, description, files, busy_timeout_ms), description)
            for description in entries[-1].get("backups", [])
        ]
        if entries[-1]["state"] in (CAPTURING, PROVEN):  # the baseline is live, only tidy up
            _tidy(backups)
            journal.end()
            return None
        if archives:
            _keep(database, files, busy_timeout_ms)
        return _put_back(database, journal, backups, busy_timeout_ms)
    finally:
        journal.release()  # whatever went wrong, the next one must be able to take over


def _keep(database: Path, files: Files, busy_timeout_ms: int) -> None:
    try:
        archive.keep(database, files=files, busy_timeout_ms=busy_timeout_ms)
    except (OSError, apsw.Error) as error:
        raise RestoreError(
            f"what {database} holds now could not be kept as an archive, so nothing was put back: "
            f"{error}"
        ) from error


def _put_back(
    database: Path,
    journal: Journal,
    backups: list[tuple[Recovery, dict[str, Any]]],
    busy_timeout_ms: int,
) -> str:
    """Restore from the first backup of the chain that brings the baseline back."""
    reasons = []
    for recovery, description in backups:
        try:
            recovery.resume(description)
            recovery.restore()
            left = engine_of(database).differences(
                database, recovery.baseline, busy_timeout_ms=busy_timeout_ms
            )
        except Exception as error:  # noqa: BLE001 - the reason is told, the next backup is tried
            recovery.release()
            reasons.append(f"{recovery.name}: {error}")
            continue
        if left.clean("exact"):
            journal.write({"state": PROVEN, "backups": [known for _, known in backups]})
            _tidy(backups)
            journal.end()
            return recovery.name
        recovery.release()
        reasons.append(f"{recovery.name}: {'; '.join(left.sentences())}")
    raise RestoreError(f"{database} could not be brought back: {' | '.join(reasons)}")


def _tidy(backups: list[tuple[Recovery, dict[str, Any]]]) -> None:
    """Remove what every recovery of the chain kept, whether or not it could still be used."""
    for recovery, description in backups:
        with suppress(RestoreError):  # there may be nothing left to resume
            recovery.resume(description)
        recovery.dispose()


def _again(
    database: Path, description: dict[str, Any], files: Files, busy_timeout_ms: int
) -> Recovery:
    made: Recovery = registry.find("recovery", str(description["recovery"]))(
        database,
        backup_path(database, int(description["place"])),
        files=files,
        busy_timeout_ms=busy_timeout_ms,
    )
    return made
