"""What the undo log notes of the moment at which it was begun, and keeps beside itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from harness.databases.postgresql import catalog, unlogged
from harness.databases.postgresql.catalog.reading import Key, Objects, Thing, objects
from harness.databases.postgresql.names import literal
from harness.databases.postgresql.session import Row
from harness.databases.postgresql.undo.names import SCHEMA
from harness.databases.postgresql.undo.owner import owner


@dataclass(frozen=True)
class State:
    """What is known of the baseline beside what the log itself holds.

    Attributes:
        token: of this undo log, and of no other.
        since: the number of the server's first transaction after it was begun.
        properties: what the database has beside its content, as JSON.
        defined: all that is defined in it, the log's own things as well.
        counts: how many rows each catalog has.
        unlogged: the UNLOGGED tables that hold rows.
        large_objects: how many there are.
    """

    token: str
    since: int
    properties: Mapping[str, Any]
    defined: Objects
    counts: Mapping[str, int]
    unlogged: tuple[str, ...]
    large_objects: int

    @classmethod
    def taken(cls, connection: Connection[Row], token: str, properties: Mapping[str, Any]) -> State:
        """Look at a database in the transaction that has installed the log, and keep it there."""
        ((own,),) = connection.execute("SELECT pg_current_xact_id()::text::int8").fetchall()
        ((large,),) = connection.execute("SELECT count(*) FROM pg_largeobject_metadata").fetchall()
        state = cls(
            token,
            int(own) + 1,
            properties,
            objects(connection),
            catalog.counts(connection),
            tuple(n for n in unlogged.filled(connection) if not n.startswith(f"{SCHEMA}.")),
            int(large),
        )
        connection.execute(
            f"INSERT INTO {SCHEMA}.state VALUES ({literal(token)}, {literal(state._text)})".encode()
        )
        return state

    @classmethod
    def read(cls, connection: Connection[Row]) -> State | None:
        """Read it; None where there is none, or another role has put it there."""
        there = owner(connection)
        if there is None or not (there.ours and there.whole):
            return None
        rows = connection.execute(f"SELECT token, noted FROM {SCHEMA}.state").fetchall()
        return cls._parsed(*rows[0]) if len(rows) == 1 else None

    @property
    def _text(self) -> str:
        things = [[*key, *thing] for key, thing in self.defined.things.items()]
        return json.dumps(
            {
                "since": self.since,
                "properties": self.properties,
                "things": things,
                "unread": self.defined.unread,
                "system": self.defined.system,
                "counts": self.counts,
                "unlogged": self.unlogged,
                "large_objects": self.large_objects,
            }
        )

    @classmethod
    def _parsed(cls, token: str, text: str) -> State:
        noted = json.loads(text)
        things = {Key(*one[:4]): Thing(*one[4:]) for one in noted["things"]}
        return cls(
            token,
            int(noted["since"]),
            noted["properties"],
            Objects(things, noted["unread"], noted["system"]),
            noted["counts"],
            tuple(noted["unlogged"]),
            int(noted["large_objects"]),
        )


__all__ = ["State"]
