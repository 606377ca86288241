"""The tables of a database, emptied and filled again from its backup, as test suites do by hand."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

from psycopg import Connection

from harness.databases.postgresql.names import quoted
from harness.databases.postgresql.session import Row
from harness.errors import RestoreError

# Partitions are of their tables; rows that are computed from others are not written.
_TABLES = """
SELECT c.oid::int8, n.nspname, c.relname, c.relkind::text,
  (SELECT coalesce(array_agg(attname::text ORDER BY attnum), '{}') FROM pg_attribute
   WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = '')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 2, 3
"""
_KEYS = "SELECT conrelid::int8, confrelid::int8 FROM pg_constraint WHERE contype = 'f'"


class Table:
    """One table, as SQL names it."""

    def __init__(self, row: Row) -> None:
        self.oid, schema, name, kind, columns = row
        self.name = f"{quoted(schema)}.{quoted(name)}"
        self.rows = self.name if kind == "p" else f"ONLY {self.name}"  # without what descends of it
        self.columns = ", ".join(map(quoted, columns))


def parents_first(baseline: Connection[Row]) -> list[Table]:
    """Give the tables of a baseline, each after those that its foreign keys point to.

    Raises:
        RestoreError: foreign keys go round in a circle.
    """
    tables = {table.oid: table for table in map(Table, baseline.execute(_TABLES).fetchall())}
    parents: dict[int, set[int]] = {oid: set() for oid in tables}
    for child, parent in baseline.execute(_KEYS).fetchall():
        if child != parent and child in tables and parent in tables:
            parents[child].add(parent)
    try:
        return [tables[oid] for oid in TopologicalSorter(parents).static_order()]
    except CycleError as error:
        circle = ", ".join(tables[oid].name for oid in error.args[1])
        raise RestoreError(
            f"foreign keys go round in a circle ({circle}): the tables cannot be filled in order"
        ) from None


def fill(live: Connection[Row], baseline: Connection[Row], tables: list[Table]) -> None:
    """Copy every row of the baseline into empty tables, in this order; triggers fire."""
    for table in tables:
        if not table.columns:
            continue
        unload = f"COPY (SELECT {table.columns} FROM {table.rows}) TO STDOUT"
        reload = f"COPY {table.name} ({table.columns}) FROM STDIN"
        with (
            baseline.cursor() as reading,
            live.cursor() as writing,
            reading.copy(unload.encode()) as rows,
            writing.copy(reload.encode()) as copied,
        ):
            for part in rows:
                copied.write(part)
