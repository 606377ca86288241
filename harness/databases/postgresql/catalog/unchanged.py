"""Tell by the catalogs' own rows that nothing was defined, dropped or changed since a backup."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psycopg import Connection

from harness.databases.postgresql.catalog.kinds import catalogs

# shared by all databases, or written without that anything was defined
_NOT_OURS = {
    "pg_auth_members", "pg_authid", "pg_database", "pg_db_role_setting", "pg_largeobject",
    "pg_parameter_acl", "pg_replication_origin", "pg_shdepend", "pg_shdescription", "pg_shseclabel",
    "pg_statistic", "pg_statistic_ext_data", "pg_subscription", "pg_subscription_rel",
    "pg_tablespace",
}  # fmt: skip
_MAPPINGS = "pg_user_mapping"  # which only a superuser may read
# a session's first temporary table leaves a schema for the next ones
_BUT = {"pg_namespace": "nspname !~ '^pg_(toast_)?temp_'"}
_HALF = 2**31  # of all transaction ids: what is older than that cannot be told from what is newer
_NOW = f"""
SELECT pg_snapshot_xmax(pg_current_snapshot())::text::int8,
  has_table_privilege('{_MAPPINGS}', 'SELECT') OR NOT EXISTS (SELECT FROM pg_user_mappings)
"""


def counts(connection: Connection[Any]) -> dict[str, int]:
    """Count the rows of each catalog."""
    return {name: rows for name, (rows, _) in _counted(connection, "false").items()}


def unchanged(live: Connection[Any], since: int, was: Mapping[str, int]) -> bool:
    """Tell whether definitions need not be read: no row of a catalog is newer, and none is gone.

    Args:
        live: the database that the backup was made of.
        since: the next transaction's id, with its epoch, when the backup was made.
        was: how many rows each catalog had then, or has in the clone.
    """
    (now, told) = live.execute(_NOW).fetchall()[0]
    if not told or now - since >= _HALF:
        return False
    found = _counted(live, f"age(xmin) <= age('{since % 2**32}'::xid)")
    return all(new == 0 and rows == was.get(name) for name, (rows, new) in found.items())


def _counted(connection: Connection[Any], newer: str) -> dict[str, tuple[int, int]]:
    names = [name for name in catalogs(connection) if name not in _NOT_OURS]
    ((readable,),) = connection.execute(
        f"SELECT has_table_privilege('{_MAPPINGS}', 'SELECT')"
    ).fetchall()
    if not readable:
        names.remove(_MAPPINGS)
    query = " UNION ALL ".join(
        f"SELECT '{name}', count(*), count(*) FILTER (WHERE {newer}) FROM {name}"
        f" WHERE {_BUT.get(name, 'true')}"
        for name in names
    )
    return {name: (rows, new) for name, rows, new in connection.execute(query)}
