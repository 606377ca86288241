"""SQLite files, for the contract."""

from __future__ import annotations

from contextlib import closing

import apsw

from tests.contract.subject import Rows
from tests.contract.subject import Subject as Base


class Subject(Base):
    """See ``tests.contract.subject.Subject``."""

    def make(self, name: str = "app_dev") -> str:
        """Make a file in WAL mode."""
        path = str(self.folder / name)
        with closing(apsw.Connection(path)) as connection:
            connection.pragma("journal_mode", "wal")
            connection.execute(
                "CREATE TABLE item (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT);"
                "INSERT INTO item (name) VALUES ('one'), ('two')"
            )
        return path

    def run(self, given: str, statement: str) -> None:
        """On a connection of its own."""
        with closing(apsw.Connection(given)) as connection:
            connection.execute(statement)

    def rows(self, given: str) -> Rows:
        """Read through SQLite."""
        with closing(apsw.Connection(given)) as connection:
            return list(connection.execute("SELECT id, name FROM item ORDER BY id"))

    def locked(self, given: str) -> BaseException:
        """Another connection has the write lock."""
        with closing(apsw.Connection(given)) as one, closing(apsw.Connection(given)) as other:
            one.execute("BEGIN IMMEDIATE")
            try:
                other.execute("BEGIN IMMEDIATE")
            except apsw.BusyError as error:
                return error
        raise AssertionError("nobody was kept out")

    def left(self) -> set[str]:
        """Every file but the databases."""
        return {path.name for path in self.folder.iterdir() if "." in path.name}
