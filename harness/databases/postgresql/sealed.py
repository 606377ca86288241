"""What a backup that is a database says of itself: in its comment, which nothing in it can change.

A clone loses what belongs to the database itself: owner, rights, comment, settings, limit. They
are kept there, and what the backup noted of the moment at which it was taken.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from harness.databases.postgresql.names import literal, quoted
from harness.databases.postgresql.properties import Properties
from harness.databases.postgresql.session import Row

VERSION = 1
_WORD = "reliability-harness backup "


@dataclass(frozen=True)
class Sealed:
    """What a backup was taken of.

    Attributes:
        of: the name of the database.
        oid: its number on the server at that moment.
        token: which capture it was of.
        properties: what the database had beside its content.
        mark: what was noted of the moment.
    """

    of: str
    oid: int
    token: str
    properties: dict[str, Any]
    mark: dict[str, Any]

    def statement(self, name: str) -> str:
        """Give the SQL that writes it into the comment of the database ``name``."""
        text = json.dumps({"version": VERSION, **self.__dict__}, sort_keys=True)
        return f"COMMENT ON DATABASE {quoted(name)} IS {literal(_WORD + text)}"


def sealed(connection: Connection[Row], name: str) -> Sealed | None:
    """Read it of a database; None for one that is no backup of ours, or says what none can say."""
    rows = connection.execute(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", [name]
    ).fetchall()
    text = rows[0][0] if rows else None
    if not text or not text.startswith(_WORD):
        return None
    try:
        known = json.loads(text.removeprefix(_WORD))
        if known.pop("version") != VERSION:
            return None
        seal = Sealed(**known)
        Properties.from_json(seal.properties)
        return seal
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
