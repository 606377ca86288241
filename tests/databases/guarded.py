"""A database with its baseline taken, in each of the ways a guard takes one."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw

from harness.databases import Differences, TableDifferences
from harness.databases.sqlite.differences import differences
from harness.databases.sqlite.session import connect

MODES = ("same file", "copy of wal", "copy of delete")
COUNT = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {})"


class Guarded:
    """A baseline, and a connection that may change the live database."""

    def __init__(self, database: Path, mode: str, script: str = "") -> None:
        """Write a database by ``script``, or take the one there is, and take its baseline."""
        with closing(apsw.Connection(str(database))) as connection:
            connection.execute(script)
            connection.pragma("journal_mode", "delete" if mode.endswith("delete") else "wal")
        self.database = self.baseline = database
        if mode != "same file":
            self.baseline = database.with_name("back up?#%41.sqlite")
            shutil.copyfile(database, self.baseline)
        self.writer = connect(database)
        self.writer.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)  # as a process that dies
        self.pin = None
        if mode == "same file":
            self.writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            self.pin = connect(database)
            self.pin.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            self.pin.execute("BEGIN")
            self.pin.execute("SELECT count(*) FROM sqlite_schema").fetchall()

    def find(self, *statements: str) -> Differences:
        """Run the statements, then find the differences."""
        for statement in statements:
            self.writer.execute(statement).fetchall()
        return differences(self.database, self.baseline, busy_timeout_ms=0)

    def close(self) -> None:
        """Close both connections."""
        self.writer.close()
        if self.pin:
            self.pin.close()


def whole_dump(connection: apsw.Connection) -> dict[str, dict[Any, Any]]:
    """Read every row of every table plainly: table -> key -> (row, types)."""
    dump: dict[str, dict[Any, Any]] = {}
    for _, name, kind, _, without_rowid, _ in connection.execute("PRAGMA main.table_list"):
        if kind not in ("table", "shadow") or name in ("sqlite_schema", "sqlite_temp_schema"):
            continue
        table = quoted(name)
        details = connection.execute(f"PRAGMA table_xinfo({table})").fetchall()
        columns = [quoted(row[1]) for row in details if row[6] != 2]
        primary_key = [i for i, row in enumerate(details) if row[5]]
        typed = ", ".join(
            f"CASE typeof({c}) WHEN 'text' THEN CAST({c} AS BLOB) ELSE {c} END, typeof({c})"
            for c in columns
        )
        rows = connection.execute(
            f"SELECT {'0' if without_rowid else 'rowid'}, {typed} FROM {table}"
        ).fetchall()
        dump[str(name)] = {}
        for key, *cells in rows:
            row = tuple(
                value.decode(errors="surrogateescape") if kind == "text" else value
                for value, kind in zip(cells[::2], cells[1::2], strict=True)
            )
            if without_rowid:
                dump[str(name)][tuple(row[i] for i in primary_key)] = (row, cells)
            else:
                dump[str(name)][key] = ((key, *row), cells)
    return dump


def quoted(name: Any) -> str:
    """Quote an identifier for SQL."""
    return '"' + str(name).replace('"', '""') + '"'


def apart(before: dict[str, dict[Any, Any]], now: dict[str, dict[Any, Any]]) -> dict[str, Any]:
    """Compare two dumps: table -> (rows added, missing, changed pairs), each sorted by repr."""
    found = {}
    for name in before.keys() | now.keys():
        old, new = before.get(name, {}), now.get(name, {})
        added = [new[key][0] for key in new.keys() - old.keys()]
        missing = [old[key][0] for key in old.keys() - new.keys()]
        changed = [(old[k][0], new[k][0]) for k in old.keys() & new.keys() if old[k] != new[k]]
        if added or missing or changed:
            found[name] = tuple(sorted(map(repr, rows)) for rows in (added, missing, changed))
    return found


def as_found(tables: dict[str, TableDifferences]) -> dict[str, Any]:
    """Bring what was found into the shape of ``apart``."""
    return {
        name: tuple(sorted(map(repr, rows)) for rows in (t.added, t.missing, t.changed))
        for name, t in tables.items()
    }
