"""The path of a SQLite file, as it is given at the door; what can be none is refused, once."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from harness.databases.engine import Engine, Given
from harness.databases.engines import engine_of
from harness.databases.sqlite.hints import hint
from harness.errors import UsageError
from harness.system.links import followed

_BESIDE_BYTES = 55  # what the longest name beside it has more: of an archive that is being made
_MOST_NAME_BYTES = 255 - _BESIDE_BYTES
_MOST_PATH_BYTES = 512 - _BESIDE_BYTES  # SQLite opens no longer path (os_unix.c, MAX_PATHNAME)


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
        UsageError: it is empty, a folder, an address as an ORM takes it, one of another engine, or
            none that SQLite and the system could be given.
    """
    text = os.fsdecode(given)
    if (other := engine_of(text).name) != "sqlite":
        scheme = text.partition("://")[0]
        raise UsageError(f"{what} is an address of {other} ({scheme}://): give the path of a file")
    if not text.strip():
        raise UsageError(
            f"{what} is empty: give the path of the SQLite file, as ./dev.db (an unset variable?)"
        )
    if "\0" in text:
        raise UsageError(f"{what} {text!r} cannot be the path of a database: it has a zero byte")
    if (meant := hint(text)) and not os.path.lexists(text):
        raise UsageError(f"{what} {meant}")
    try:
        os.path.abspath(text).encode()
    except UnicodeEncodeError:
        whole = os.fsencode(os.path.abspath(text))
        raise UsageError(
            f"{what} {whole!r}: the name is not in UTF-8, and SQLite takes no "
            "other. Rename it, or give another name of it"
        ) from None
    path = Path(text)
    _refuse_too_long(path, what)
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        pass  # that there is none is said by whoever needs one
    except OSError as error:
        raise UsageError(f"{what} {text[:200]} cannot be reached: {error.strerror}") from None
    if not path.name or path.name == "..":
        raise UsageError(f"{what} {text} is a folder. Give the path of the SQLite file.")
    return path


def _refuse_too_long(path: Path, what: str) -> None:
    """Refuse a path beside which nothing could be kept."""
    for kind, text, most_bytes in (
        ("name", path.name, _MOST_NAME_BYTES),
        ("path", followed(path), _MOST_PATH_BYTES),
    ):
        size_bytes = len(os.fsencode(text))
        if size_bytes > most_bytes:
            raise UsageError(
                f"{what} {text[:40]!r}... is too long for a database to guard: its {kind} has "
                f"{size_bytes} bytes, and what is kept beside it has longer ones. Give it one of "
                f"at most {most_bytes} bytes"
            )
