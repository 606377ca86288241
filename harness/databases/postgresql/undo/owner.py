"""Whose the undo log in a database is: nothing of another role's is believed."""

from __future__ import annotations

from typing import NamedTuple

from psycopg import Connection

from harness.databases.postgresql.session import Row
from harness.databases.postgresql.undo.names import LOG, SCHEMA


class Owner(NamedTuple):
    """Who has made the schema that the log is in.

    Attributes:
        name: of the role.
        ours: whether it is this session's.
        whole: whether the log and its state are in there.
    """

    name: str
    ours: bool
    whole: bool


def owner(connection: Connection[Row]) -> Owner | None:
    """Tell it; None where there is no such schema.

    Raises:
        psycopg.Error: the server did not answer.
    """
    rows = connection.execute(
        "SELECT pg_get_userbyid(nspowner), nspowner = current_user::regrole,"
        " to_regclass(%s) IS NOT NULL AND to_regclass(%s) IS NOT NULL"
        " FROM pg_namespace WHERE nspname = %s",
        [LOG, f"{SCHEMA}.state", SCHEMA],
    )
    return next((Owner(*row) for row in rows), None)
