"""UNLOGGED tables: a crash of the server empties them, in every database and without a transaction.

https://www.postgresql.org/docs/current/sql-createtable.html
"""

from __future__ import annotations

from psycopg import Connection

from harness.databases.postgresql.names import quoted
from harness.databases.postgresql.session import Row
from harness.databases.postgresql.tables import told

_NAMES = """
SELECT n.nspname::text, c.relname::text
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relpersistence = 'u' AND c.relkind IN ('r', 'm') AND c.relispopulated
  AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') ORDER BY 1, 2
"""


def filled(connection: Connection[Row]) -> list[str]:
    """Name those that hold any row and that this role may read."""
    names = [(str(schema), str(name)) for schema, name in connection.execute(_NAMES)]
    called = told(names)

    def has_rows(schema: str, name: str) -> bool:
        table = f"{quoted(schema)}.{quoted(name)}"
        return bool(connection.execute(f"SELECT FROM ONLY {table} LIMIT 1").fetchall())

    return [called[one] for one in names if has_rows(*one)]
