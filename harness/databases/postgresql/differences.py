"""What differs between a database and its baseline, another database of the same server."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from psycopg import Connection

from harness.databases import Differences, Grade, SchemaDifference, TableDifferences
from harness.databases.postgresql.address import PostgresDatabase
from harness.databases.postgresql.names import quoted
from harness.databases.postgresql.session import Row, connect


def differences(
    database: PostgresDatabase,
    baseline: PostgresDatabase,
    *,
    grade: Grade = "exact",
    checked: bool = True,
    busy_timeout_ms: int = 1000,
    quiet: bool = False,
) -> Differences:
    """Find every difference between a live database and its baseline."""
    with (
        closing(connect(database, busy_timeout_ms=busy_timeout_ms)) as live,
        closing(connect(baseline, busy_timeout_ms=busy_timeout_ms)) as was,
    ):
        before, now = _sequences(was), _sequences(live)
        moved = {
            name: (before.get(name), now.get(name))
            for name in before.keys() | now.keys()
            if before.get(name) != now.get(name)
        }
        if quiet:
            return Differences(sequences=moved)
        tables: dict[str, TableDifferences] = {}
        schema: list[SchemaDifference] = []
        a, b = _tables(was), _tables(live)
        for name in sorted(a.keys() | b.keys()):
            if name not in a or name not in b:
                schema.append(
                    SchemaDifference("table", name, "missing" if name not in b else "added", name)
                )
            x, y = _rows(was, a.get(name)), _rows(live, b.get(name))
            if x != y:
                changed = tuple((x[key], y[key]) for key in x if key in y and x[key] != y[key])
                tables[name] = TableDifferences(
                    tuple(y[key] for key in y if key not in x),
                    tuple(x[key] for key in x if key not in y),
                    changed,
                )
        return Differences(tables=tables, sequences=moved, schema=tuple(schema))


def _sequences(connection: Connection[Row]) -> dict[str, Any]:
    return {
        f"{schema}.{name}": value
        for schema, name, value in connection.execute(
            "SELECT schemaname, sequencename, last_value FROM pg_sequences"
        )
    }


def _tables(connection: Connection[Row]) -> dict[str, str]:
    return {
        name if schema == "public" else f"{schema}.{name}": f"{quoted(schema)}.{quoted(name)}"
        for schema, name in connection.execute(
            "SELECT schemaname, tablename FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
    }


def _rows(connection: Connection[Row], table: str | None) -> dict[Any, Row]:
    if table is None:
        return {}
    rows = connection.execute(f"SELECT * FROM ONLY {table}").fetchall()
    return {row[0]: row for row in rows}
