"""The path of a SQLite file, as it is given at the door; what can be none is refused, once."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from harness.databases.engine import Engine, Given
from harness.databases.engines import engine_of
from harness.errors import UsageError

_MOST_NAME_BYTES = 200  # of 255: the longest name beside it is of an archive that is being made


@dataclass(frozen=True, slots=True)
class SqliteFile:
    """A SQLite file by its path, as it was given."""

    path: Path
    engine: Engine

    @property
    def name(self) -> str:
        """The file's name in its folder."""
        return self.path.name

    @property
    def whole(self) -> str:
        """The absolute path."""
        return os.path.abspath(self.path)

    def absolute(self) -> SqliteFile:
        """Make one of the absolute path."""
        return SqliteFile(Path(self.whole), self.engine)

    def __fspath__(self) -> str:
        """Stand for the path, wherever the system wants one."""
        return str(self.path)

    def __str__(self) -> str:
        """Print as the path that was given."""
        return str(self.path)


def path_of(given: Given, *, what: str = "--database") -> Path:
    """Return the path that was given; it need not be there.

    Raises:
        UsageError: it is empty, a folder, an address of another engine, or none that SQLite and
            the system could be given.
    """
    text = os.fsdecode(given)
    engine_of(text)
    if not text.strip():
        raise UsageError(f"{what} is empty: give the path of the SQLite file (an unset variable?)")
    if "\0" in text:
        raise UsageError(f"{what} {text!r} cannot be the path of a database: it has a zero byte")
    try:
        os.path.abspath(text).encode()
    except UnicodeEncodeError:
        whole = os.fsencode(os.path.abspath(text))
        raise UsageError(
            f"{what} {whole!r}: the name is not in UTF-8, and SQLite takes no "
            "other. Rename it, or give another name of it"
        ) from None
    path = Path(text)
    if len(os.fsencode(path.name)) > _MOST_NAME_BYTES:
        raise UsageError(
            f"{what} {path.name[:40]!r}... cannot be the path of a database to guard: backups "
            f"have longer names. Give it one of at most {_MOST_NAME_BYTES} bytes"
        )
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        pass  # that there is none is said by whoever needs one
    except OSError as error:
        raise UsageError(f"{what} {text[:200]} cannot be reached: {error.strerror}") from None
    if not path.name or path.name == "..":
        raise UsageError(f"{what} {text} is a folder. Give the path of the SQLite file.")
    return path
