"""Copy a user's database without a trace.

It is taken byte by byte, with what SQLite keeps beside it: opening the file itself through SQLite
may make a ``-shm`` there, fold a ``-wal`` as it closes, or play back the journal of a program that
was killed. A copy during which somebody wrote is thrown away and taken again.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import UsageError
from harness.experiment.cycle.grounds.sqlite.sizes import states

_HEADER = b"SQLite format 3\x00"
_FILES = ("", "-wal", "-journal")  # what holds the database's content
_TRIES, _PAUSE_S = 5, 0.2  # of taking a copy that nobody wrote to meanwhile


@contextmanager
def private_copy(database: Path, within: Path | None = None) -> Iterator[Path]:
    """Give a copy of the database in a folder of its own, gone afterwards.

    Args:
        database: the user's own; nothing is written to it or beside it.
        within: where to make the folder; None is the system's temporary one.

    Raises:
        UsageError: there is no such file, it is no SQLite database or it cannot be copied.
    """
    _refuse_what_is_none(database)
    with tempfile.TemporaryDirectory(prefix="harness-copy-", dir=within) as folder:
        copy = Path(folder) / "copy.sqlite3"
        try:
            _copy(database, copy)
        except OSError as error:
            raise UsageError(
                f"{database} cannot be copied to {folder}: {error.strerror}; make room there, "
                "or set TMPDIR to a folder that has it"
            ) from error
        yield copy


def _refuse_what_is_none(database: Path) -> None:
    if database.is_dir():
        raise UsageError(f"{database} is a folder. Give the path of the SQLite file in it.")
    if database.exists() and not database.is_file():
        raise UsageError(f"{database} is no regular file. Give the path of the SQLite file.")
    try:
        with database.open("rb") as file:
            header = file.read(len(_HEADER))
    except OSError as error:
        raise UsageError(
            f"{database}: {error.strerror}. Give the path of a SQLite file that can be read."
        ) from error
    if header not in (_HEADER, b""):
        raise UsageError(
            f"{database} is no SQLite database: it does not begin as one does (an encrypted one "
            "does not either, and cannot be measured). Give the path of the SQLite file."
        )


def _copy(database: Path, copy: Path) -> None:
    """Copy what belongs together; again where somebody has written meanwhile."""
    for _ in range(_TRIES):
        before = states(database, _FILES)
        for suffix, state in zip(_FILES, before, strict=True):
            Path(f"{copy}{suffix}").unlink(missing_ok=True)
            if state != (0, 0):
                shutil.copyfile(f"{database}{suffix}", f"{copy}{suffix}")
        if before == states(database, _FILES):
            return
        time.sleep(_PAUSE_S)
    raise UsageError(
        f"{database} is being written to all the time, so no copy of it can be read. "
        "Stop what writes to it, then try again."
    )


__all__ = ["private_copy"]
