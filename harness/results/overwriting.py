"""Run into a folder that holds results: ``harness run --overwrite``.

What an edited experiment brings is not known before it has run, so the last run that ended well
stays until the next has ended well: its files lie in the folder's ``overwritten`` meanwhile. Only
files that a run writes are ever moved or removed, whatever else lies there.
"""

from __future__ import annotations

import os
from pathlib import Path

from harness.errors import MeasurementError, UsageError
from harness.results.folder import CYCLES, REPORT, RUN, locked
from harness.results.stored_summary import PARQUET, SUMMARY

ASIDE = "overwritten"
_HALF = f"{ASIDE}.part"  # while the files are on their way there
_FILES = (
    *(CYCLES, f"{CYCLES}-wal", f"{CYCLES}-shm", f"{CYCLES}-journal"),
    *(PARQUET, SUMMARY, REPORT, RUN),  # run.json last: until then it is a run that is there
)


def refuse_no_results(folder: Path) -> None:
    """Raise UsageError where something stands in ``folder`` that is no run.

    Nothing, an empty folder, and a run that was published without its cycles can be run into.
    """
    if folder.is_dir() and any(folder.iterdir()) and not _there(folder):
        raise UsageError(
            f"{folder} holds no run (there is no {RUN}), so nothing of it is overwritten; "
            "name another folder with --output"
        )
    if (folder / ASIDE).exists() and not _there(folder / ASIDE):
        raise UsageError(
            f"{folder / ASIDE} is in the way of the results that would be kept there; move it, or "
            "name another folder with --output"
        )
    if folder.is_dir():
        os.close(locked(folder))  # refused where another run is writing


def move_aside(folder: Path) -> None:
    """Clear ``folder`` for a new run; its results go to ``overwritten``, unless others are there.

    Those that are there are of the last run that ended well, and what followed is removed.
    """
    if not _there(folder):
        return
    lock = locked(folder)
    half = folder / _HALF
    try:
        _mend(folder)
        if _there(folder / ASIDE):
            _remove(folder)
            return
        half.mkdir()
        _move(folder, half)
        half.rename(folder / ASIDE)
    except OSError as error:
        raise MeasurementError(
            f"{folder}: its results cannot be moved aside: {error}; nothing was lost"
        ) from error
    finally:
        os.close(lock)


def _mend(folder: Path) -> None:
    """Put back what a start that was killed on the way has moved, where no run has followed it."""
    half = folder / _HALF
    if not half.is_dir():
        return
    if any((folder / path.name).exists() for path in _named(half)):
        half.rename(folder / ASIDE)
    else:
        _move(half, folder)


def put_back(folder: Path) -> bool:
    """Undo ``move_aside`` where the new run has stored nothing; whether there was anything."""
    aside = folder / ASIDE
    if not _there(aside):
        return False
    _remove(folder)
    _move(aside, folder)
    return True


def settle(folder: Path) -> None:
    """Remove what was moved aside: the run in ``folder`` has ended well."""
    if _there(folder / ASIDE):
        _remove(folder / ASIDE)
        _leave(folder / ASIDE)


def sentence(folder: Path) -> str:
    """Say where the earlier results are; "" where none were moved aside."""
    if not _there(folder / ASIDE):
        return ""
    return (
        f"the results from before are kept in {folder / ASIDE}, until a run into {folder} ends "
        "without a harness error"
    )


def _there(folder: Path) -> bool:
    return any((folder / name).exists() for name in (RUN, CYCLES, f"{_HALF}/{RUN}"))


def _named(folder: Path) -> list[Path]:
    return [path for name in _FILES if (path := folder / name).exists()]


def _move(source: Path, target: Path) -> None:
    for path in _named(source):
        path.rename(target / path.name)
    if source.name in (ASIDE, _HALF):
        _leave(source)


def _remove(folder: Path) -> None:
    for path in _named(folder):
        path.unlink()


def _leave(folder: Path) -> None:
    """Remove the folder, unless somebody has put something of his own there."""
    if not any(folder.iterdir()):
        folder.rmdir()


__all__ = ["ASIDE", "move_aside", "put_back", "refuse_no_results", "sentence", "settle"]
