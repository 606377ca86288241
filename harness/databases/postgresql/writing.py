"""Write rows of one table so that it is the baseline's again, whatever refers to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import psycopg
from psycopg import Connection

from harness.databases import Row as Cells
from harness.databases import TableDifferences
from harness.databases.postgresql.names import quoted
from harness.databases.postgresql.session import Row
from harness.databases.postgresql.tables import StoredTable


@dataclass(frozen=True, slots=True)
class Rewriting:
    """What is to be written of one table, both sides of which have the same columns.

    Attributes:
        table: the live one.
        rows: what differs; as its columns, in order.
    """

    table: StoredTable
    rows: TableDifferences

    @property
    def sql(self) -> str:
        """Its name for SQL that takes parameters."""
        return self.table.sql.replace("%", "%%")

    def delete(self, live: Connection[Row], rows: Sequence[Cells]) -> None:
        """Delete just these rows, as often as they are given.

        Raises:
            psycopg.errors.SerializationFailure: one is there no longer.
        """
        if not rows:
            return
        if self.table.key:
            same = " AND ".join(f"{_named(name)} = %s" for name in self.table.key)
            statement = f"DELETE FROM {self.sql} WHERE {same} AND {self._row()} = {self._given()}"
            places = [self.table.columns.index(name) for name in self.table.key]
            _many(live, statement, [[row[place] for place in places] + list(row) for row in rows])
            return
        names = [f"c{place}" for place in range(len(self.table.columns))]
        arrays = ", ".join(["%s::text[]"] * len(names))
        gone = f"SELECT ROW({', '.join(names)})::text AS row, count(*) AS many"
        gone += f" FROM unnest({arrays}) u({', '.join(names)}) GROUP BY 1"
        place = "SELECT t.ctid, g.many, row_number() OVER (PARTITION BY g.row) AS nth"
        place += f" FROM {self.sql} t JOIN ({gone}) g ON {self._row('t')} = g.row"
        statement = f"DELETE FROM {self.sql} WHERE ctid = ANY(ARRAY("
        statement += f"SELECT ctid FROM ({place}) p WHERE nth <= many))"
        cursor = live.execute(statement, [*map(_texts, zip(*rows, strict=True))])
        _all_written(cursor.rowcount, len(rows), statement)

    def insert(self, live: Connection[Row], rows: Sequence[Cells]) -> None:
        """Insert these rows; computed columns come by themselves."""
        if not rows:
            return
        into = f"{_named(self.table.schema)}.{_named(self.table.name)}"
        columns = ", ".join(map(_named, self.table.written))
        values = ", ".join(["%s"] * len(self.table.written))
        places = [self.table.columns.index(name) for name in self.table.written]
        statement = f"INSERT INTO {into} ({columns}) OVERRIDING SYSTEM VALUE VALUES ({values})"
        _many(live, statement, [[row[place] for place in places] for row in rows])

    def update(self, live: Connection[Row], pairs: Sequence[tuple[Cells, Cells]]) -> None:
        """Give rows the values of the baseline's: (baseline, now), of the same key."""
        if not pairs:
            return
        identity = [name for name in self.table.written if name not in self.table.key]
        values = ", ".join(f"{_named(name)} = %s" for name in identity)
        same = " AND ".join(f"{_named(name)} = %s" for name in self.table.key)
        statement = (
            f"UPDATE {self.sql} SET {values} WHERE {same} AND {self._row()} = {self._given()}"
        )
        at = self.table.columns.index
        _many(
            live,
            statement,
            [
                [was[at(name)] for name in identity]
                + [now[at(name)] for name in self.table.key]
                + list(now)
                for was, now in pairs
            ],
        )

    def replace_all(self, base: Connection[Row], live: Connection[Row]) -> None:
        """Delete every row, and bring all of the baseline's: nothing of them is held in memory."""
        live.execute(f"DELETE FROM {self.table.sql}")
        columns = ", ".join(map(quoted, self.table.written))
        into = f"{quoted(self.table.schema)}.{quoted(self.table.name)}"
        with (
            base.cursor().copy(f"COPY (SELECT {columns} FROM {self.table.sql}) TO STDOUT") as read,
            live.cursor().copy(f"COPY {into} ({columns}) FROM STDIN") as written,
        ):
            for block in read:
                written.write(block)

    def _row(self, alias: str = "") -> str:
        prefix = f"{alias}." if alias else ""
        return f"ROW({', '.join(prefix + _named(name) for name in self.table.columns)})::text"

    def _given(self) -> str:
        # a row's text is made of its values' texts, whatever their types
        return f"ROW({', '.join(['%s::text'] * len(self.table.columns))})::text"


def _named(name: str) -> str:
    return quoted(name).replace("%", "%%")


def _texts(cells: Iterable[object]) -> list[str | None]:
    return [None if cell is None else str(cell) for cell in cells]


def _many(live: Connection[Row], statement: str, rows: Sequence[Sequence[object]]) -> None:
    with live.cursor() as cursor:
        cursor.executemany(statement, [_texts(row) for row in rows])
        _all_written(cursor.rowcount, len(rows), statement)


def _all_written(written: int, wanted: int, statement: str) -> None:
    if written != wanted:  # somebody else has changed a row since it was compared
        raise psycopg.errors.SerializationFailure(
            f"{written} of {wanted} rows written by: {statement}"
        )


__all__ = ["Rewriting"]
