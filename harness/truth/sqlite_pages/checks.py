"""What SQLite itself says of a file: asked only where reading its pages leaves a question."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path
from typing import NamedTuple

import apsw

Violation = tuple[str, object, str]  # table, rowid (None without one), the table it refers to
TypedRow = tuple[tuple[str, object], ...]
NOT_RUN = "the check could not run: "
_ROWID_NAMES = ("rowid", "_rowid_", "oid")


class Witness:
    """SQLite's own look at one file or image; it never changes or locks it."""

    def __init__(self, source: Path | bytes) -> None:
        """Take a file that nobody writes to, or a file's bytes."""
        self._source = source
        self._connection: apsw.Connection | None = None
        self.integrity = cache(self._integrity)
        self.violations = cache(self._violations)

    def connection(self) -> apsw.Connection:
        """Open it at the first question."""
        if self._connection is None:
            self._connection = _open(self._source)
        return self._connection

    def close(self) -> None:
        """Close the connection, if any question was asked."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _integrity(self, table: str | None = None) -> tuple[str, ...]:
        """What ``PRAGMA integrity_check`` finds, in ``table`` and its indexes or everywhere.

        An error counts as a finding: an application's own collation or function may be missing,
        and then the check cannot run: its line begins with ``NOT_RUN``.
        """
        question = "PRAGMA integrity_check" + ("" if table is None else f"({_quoted(table)})")
        try:
            lines = [str(row[0]) for row in self.connection().execute(question)]
        except apsw.Error as error:
            return (f"{NOT_RUN}{type(error).__name__}: {error}",)
        return tuple(line for line in lines if line != "ok")

    def _violations(self) -> Counter[Violation]:
        """Rows that refer to a missing row (``PRAGMA foreign_key_check``)."""
        try:
            rows = self.connection().execute("PRAGMA foreign_key_check").fetchall()
        except apsw.Error as error:
            return Counter([(f"{NOT_RUN}{error}", None, "")])
        return Counter((str(row[0]), row[1], str(row[2])) for row in rows)

    def chooses_rowids(self, table: str) -> bool:
        """Whether no column is the rowid, so that SQLite (VACUUM) may give rows other ones."""
        try:
            columns = self.connection().execute(f"PRAGMA table_xinfo({_quoted(table)})").fetchall()
        except apsw.Error:
            return False
        key = [str(row[2]).upper() for row in columns if row[5]]
        return key != ["INTEGER"]

    def asked(self, question: str) -> list[TypedRow] | str:
        """What SQL answers, typed; or why it does not."""
        try:
            rows = self.connection().execute(question).fetchall()
        except (apsw.Error, UnicodeDecodeError) as error:
            return f"{type(error).__name__}: {error}"
        return [tuple((type(value).__name__, value) for value in row) for row in rows]

    def rows(self, table: str, rowid: int | None = None) -> list[TypedRow] | None:
        """All columns of one row, or of all rows, as SQL shows them; None where SQL cannot."""
        try:
            described = self.connection().execute(f"PRAGMA table_xinfo({_quoted(table)})")
            columns = {str(row[1]).lower() for row in described.fetchall()}
            question, bound = f"SELECT * FROM {_quoted(table)}", tuple[int, ...]()
            if rowid is not None:
                name = next((n for n in _ROWID_NAMES if n not in columns), None)
                if name is None:
                    return None
                question, bound = f"{question} WHERE {name} = ?", (rowid,)
            rows = self.connection().execute(question, bound)
            return [tuple((type(value).__name__, value) for value in row) for row in rows]
        except (apsw.Error, UnicodeDecodeError):
            return None


class Witnesses(NamedTuple):
    """SQLite's look at both files of a comparison."""

    pristine: Witness
    live: Witness


def fold_in(database: Path) -> None:
    """Let SQLite roll back a hot journal and move a -wal into the file; raise apsw.Error."""
    connection = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        connection.set_busy_timeout(100)
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
        busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()[0][0]
    finally:
        connection.close()
    if busy:
        raise apsw.BusyError("somebody still holds the -wal")


def _open(source: Path | bytes) -> apsw.Connection:
    if isinstance(source, Path):
        flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
        return apsw.Connection(f"{source.absolute().as_uri()}?immutable=1", flags=flags)
    image = bytearray(source)
    image[18:20] = b"\x01\x01"  # a database in memory cannot be in WAL mode
    connection = apsw.Connection(":memory:")
    connection.deserialize("main", bytes(image))
    return connection


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
