"""Whether SQLite reads a database at all, found out without writing a byte of it or beside it.

Asked before anything opens it for writing: an encrypted file whose header is plain, or a -wal or
-journal of another database, are taken by SQLite for its own, and what is then written back is
neither. https://www.sqlite.org/howtocorrupt.html, section 1.4.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import apsw

from harness.databases.sqlite import pages
from harness.databases.sqlite.files import MainFile, beside, real, size_of, sole_access
from harness.databases.sqlite.stored import roots
from harness.errors import BackupError, UsageError
from harness.system.holders import holders
from harness.system.trusted import kind_of

# ruff: noqa: PLC0415 - few databases have anything beside them

# What quick_check says of a b-tree that is none. Not of pages that nothing uses ("Page 5: never
# used") and of what an application's own SQLite sees otherwise ("wrong # of entries in index i").
_DAMAGE = re.compile(r"(\*\*\* in database main \*\*\*\s*)?(On tree|Tree \d+)")
_B_TREES = frozenset({2, 5, 10, 13})  # the first byte of their pages
_WORTH_ANOTHER_LOOK = (apsw.BusyError, apsw.CantOpenError, apsw.ReadOnlyError)


class Unreadable(NamedTuple):
    """Why a database cannot be read."""

    why: str
    beside: str = ""  # the suffix of the file that makes it so; empty for the main file itself
    odd: bool = False  # whether that is no regular file


def unreadable(database: Path, *, busy_timeout_ms: int = 1000) -> Unreadable | None:
    """Say why SQLite cannot read a database; None where it can, or others keep it from being seen.

    Costs the schema and one page a table; where a -wal was left by somebody who is gone, every
    page of every b-tree.
    """
    main = real(database)
    for suffix in ("-wal", "-shm", "-journal"):
        path = beside(main, suffix)
        if os.path.lexists(path) and not stat.S_ISREG(os.lstat(path).st_mode):
            return Unreadable(f"it is {kind_of(os.lstat(path))}", suffix, odd=True)
    hot = [suffix for suffix in ("-wal", "-journal") if size_of(beside(main, suffix)) > 0]
    if size_of(main) <= 0:
        if size_of(main) == 0 and hot:
            return Unreadable("the file is empty, and SQLite would remove the rest unread", hot[0])
        return None
    why = _wrong_with(main, immutable=True, busy_timeout_ms=busy_timeout_ms)
    if not hot:
        return None if why is None or _is_written(main, busy_timeout_ms) else Unreadable(why)
    suffix = hot[0]
    if suffix == "-journal" and _is_finished(beside(main, suffix)):
        return None if why is None else Unreadable(why)
    if holders(main) - {os.getpid()}:  # theirs, and in use
        return None
    try:
        with _private(main, hot) as copy:
            together = _wrong_with(copy, immutable=False, busy_timeout_ms=0, thorough=True)
    except apsw.BusyError:
        return None  # as well, in this very process
    if together is None:
        return None
    return Unreadable(together, suffix if why is None else "")


def refuse_unreadable(database: Path, *, busy_timeout_ms: int = 1000) -> None:
    """Refuse what could not be verified, before anything is written.

    Raises:
        UsageError: the file itself is none that SQLite reads.
        BackupError: what stands beside it makes it so.
    """
    try:
        wrong = unreadable(database, busy_timeout_ms=busy_timeout_ms)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        import tempfile

        room = f". Make room in {tempfile.gettempdir()}, where a copy is made" if full else ""
        raise UsageError(
            f"{database} cannot be looked at together with what stands beside it: {error}{room}; "
            "nothing was changed"
        ) from error
    if wrong is None:
        return
    if wrong.odd:
        raise UsageError(
            f"{beside(real(database), wrong.beside)}, where SQLite keeps its own, is no regular "
            f"file ({wrong.why}): nothing was changed. Move it away"
        )
    if wrong.beside:
        raise BackupError(
            f"no backup of {database} could be taken, so no test was run: together with "
            f"{beside(real(database), wrong.beside)} SQLite cannot read it ({wrong.why}). If that "
            "file is of another database, move it away; nothing was changed"
        )
    raise UsageError(
        f"{database} cannot be read by SQLite ({wrong.why}), so no backup of it could be verified: "
        "it is encrypted, or damaged. Nothing was changed. Give a database that can be read, or "
        "repair it first"
    )


def damage_in(connection: apsw.Connection) -> str:
    """Give the first thing that SQLite finds wrong with the b-trees themselves; "" for nothing.

    It reads every page. What only an application's own collation, function or module could tell
    is no damage.
    """
    with suppress(apsw.SQLError):
        connection.pragma("ignore_check_constraints", True)  # they may need an own function
    try:
        for (line,) in connection.execute("PRAGMA quick_check"):
            damage = next((part for part in str(line).splitlines() if _DAMAGE.match(part)), "")
            if damage:
                return damage.strip()
    except apsw.SQLError as error:
        return "" if "no such" in str(error) else sentence_of(error)
    except (apsw.NotADBError, apsw.CorruptError) as error:
        return sentence_of(error)
    return ""


def sentence_of(error: apsw.Error) -> str:
    """Give SQLite's words; where it only says that there was no error, the name of its code."""
    text = str(error)
    if text and text != "not an error":
        return text
    return {
        apsw.CorruptError: "the database disk image is malformed",
        apsw.NotADBError: "file is not a database",
    }.get(type(error), type(error).__name__)


def _wrong_with(
    path: Path,
    *,
    immutable: bool,
    busy_timeout_ms: int,
    thorough: bool = False,
    odd_schema: bool = False,
) -> str | None:
    """Read the schema and the root of every b-tree; what is wrong, None for nothing."""
    flags = apsw.SQLITE_OPEN_READWRITE
    name = str(path)
    if immutable:
        flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
        name = f"file:{quote(name)}?immutable=1"
    try:
        with closing(apsw.Connection(name, flags=flags)) as connection:
            connection.set_busy_timeout(busy_timeout_ms)
            if odd_schema:
                connection.execute("PRAGMA writable_schema=ON").fetchall()
            wrong = _wrong_root(connection, roots(connection), immutable=immutable)
            return wrong or (damage_in(connection) if thorough else "") or None
    except _WORTH_ANOTHER_LOOK:
        return None
    except apsw.Error as error:
        if "malformed database schema" in str(error) and not odd_schema:
            return _wrong_with(
                path,
                immutable=immutable,
                busy_timeout_ms=busy_timeout_ms,
                thorough=thorough,
                odd_schema=True,
            )
        return sentence_of(error)


def _wrong_root(
    connection: apsw.Connection, roots: dict[str, int], *, immutable: bool
) -> str | None:
    count = connection.pragma("page_count")
    for name, root in roots.items():
        if root > count:
            return f"{name} begins on page {root} of {count}"
    if not immutable:
        return None  # its pages may stand in a -wal: the thorough look is for them
    size_bytes = pages.page_size_of(connection)
    for name, root in roots.items():
        whole, kind = connection.read("main", 0, (root - 1) * size_bytes, 1)
        if root > 1 and (not whole or kind[0] not in _B_TREES):
            return f"page {root}, where {name} begins, is no page of a table or index"
    return None


def _is_written(main: Path, busy_timeout_ms: int) -> bool:
    """Whether somebody wrote it while it was read without a lock: then it says nothing."""
    before = os.stat(main).st_mtime_ns
    with suppress(apsw.Error):
        file = MainFile(main)
        try:
            file.shared()
            again = _wrong_with(main, immutable=True, busy_timeout_ms=busy_timeout_ms)
            return again is None or os.stat(main).st_mtime_ns != before
        finally:
            file.close()
    return True


def _is_finished(journal: Path) -> bool:
    """Whether a journal is one that was kept (``journal_mode=PERSIST``), and so not hot."""
    with journal.open("rb") as file:
        return file.read(1) == b"\0"


@contextmanager
def _private(main: Path, suffixes: list[str]) -> Iterator[Path]:
    """Copy the database and what stands beside it, while nobody writes it."""
    import shutil
    import tempfile

    with tempfile.TemporaryDirectory(prefix="harness-look-") as folder:
        copy = Path(folder, "database")
        with sole_access(main, 0) as file, copy.open("wb") as target:
            size_bytes = file.size_bytes()
            for offset in range(0, size_bytes, 1 << 20):
                target.write(file.read(min(1 << 20, size_bytes - offset), offset))
            for suffix in suffixes:
                with suppress(FileNotFoundError):
                    shutil.copyfile(beside(main, suffix), beside(copy, suffix))
        yield copy
