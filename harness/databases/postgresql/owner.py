"""Whose a database is: what another role can have put there is not believed."""

from __future__ import annotations

from psycopg import Connection

from harness.databases.postgresql.session import Row


def is_own(connection: Connection[Row], name: str) -> bool:
    """Whether the session's own role has a database, and not only the power over it."""
    query = "SELECT pg_get_userbyid(datdba) = current_user FROM pg_database WHERE datname = %s"
    return any(is_own for (is_own,) in connection.execute(query, [name]))


def stranger(connection: Connection[Row], name: str, *, of: str = "") -> str | None:
    """Give the role that has a database, where its word does not count; else None.

    That of the session's own role counts, that of a superuser, who may do anything, and that of
    whoever has the database ``of``, and so may write there whatever pleases them.

    Args:
        connection: to any database of the server.
        name: of the database.
        of: the name of another, or "".
    """
    rows = connection.execute(
        "SELECT r.rolname FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba"
        " WHERE d.datname = %s AND r.rolname <> current_user AND NOT r.rolsuper"
        " AND d.datdba IS DISTINCT FROM (SELECT datdba FROM pg_database WHERE datname = %s)",
        [name, of],
    ).fetchall()
    return next((str(role) for (role,) in rows), None)
