"""How SQL of one's own is written for PostgreSQL."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from harness.databases.engine import Dialect
from harness.databases.postgresql.names import quoted
from harness.databases.postgresql.references import references
from harness.databases.postgresql.tables import FIRST_OF_USERS, Name, told

_VERSION = """
SELECT coalesce(md5(string_agg(concat_ws(' ', oid, conrelid::regclass, confrelid::regclass), ','
  ORDER BY oid)), '') FROM pg_constraint WHERE contype = 'f'"""
_NAMES = f"""
SELECT n.nspname::text, c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
WHERE c.relkind IN ('r', 'm', 'p') AND c.relpersistence <> 't' AND c.oid >= {FIRST_OF_USERS}"""


class PostgresDialect:
    """See ``harness.databases.engine.Dialect``."""

    placeholder = "%s"

    def column(self, name: str) -> str:
        """Quote it, also for the driver, to which a percent sign is a value's place."""
        return quoted(name).replace("%", "%%")

    def table(self, name: str) -> str:
        """Quote schema and table; a name without a dot is in the schema public."""
        if name.startswith('"') and '"."' in name and name.endswith('"'):
            return name.replace("%", "%%")  # quoted already: dots are in it
        schema, dot, table = name.partition(".")
        return ".".join(map(self.column, (schema, table) if dot else ("public", name)))

    def folded(self, name: str) -> str:
        """Leave it: names that differ are of different tables."""
        return name

    def referred_tables(self, connection: Any) -> dict[str, set[str]]:
        """Read them, under the names that tables are told by; parts refer as their whole does."""
        tables: list[Name] = [(schema, name) for schema, name in connection.execute(_NAMES)]
        called, parents = told(tables), defaultdict[str, set[str]](set)
        for key in references(connection):
            if key.table in called and key.parent in called:
                parents[called[key.table]].add(called[key.parent])
        return dict(parents)

    def schema_version(self, connection: Any) -> str:
        """Give a digest of all foreign keys and the names of their tables."""
        ((version,),) = connection.execute(_VERSION).fetchall()
        return str(version)


DIALECT: Dialect = PostgresDialect()
