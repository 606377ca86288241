"""Read all things of a database: one query a kind, sent together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

from psycopg import Connection

from harness.databases.postgresql.catalog import (
    belonging,
    outside,
    programs,
    relations,
    searching,
    types,
)
from harness.databases.postgresql.catalog.kinds import FIRST_OF_USERS, catalogs

Row = tuple[Any, ...]
_FAMILIES: tuple[Callable[..., list[str]], ...] = (
    belonging.queries,
    types.queries,
    programs.queries,
    relations.queries,
    searching.queries,
    outside.queries,
)
# every relation, and those of their kind that a part of one can be of
_RELATIONS = """
SELECT oid, relnamespace::regnamespace::text, relname FROM pg_class WHERE oid >= 16384
  AND relkind NOT IN ('t', 'i', 'I')
"""
_ONE_RELATION = "SELECT oid, relnamespace::regnamespace::text, relname FROM pg_class WHERE oid = %s"
# What a server has from the beginning is told only where it was changed, so what can be dropped of
# it is counted.
_DROPPABLE = (
    "pg_cast", "pg_class", "pg_collation", "pg_constraint", "pg_conversion", "pg_proc",
    "pg_rewrite", "pg_ts_config", "pg_ts_dict", "pg_ts_parser", "pg_ts_template", "pg_type",
)  # fmt: skip
_COUNTED = " UNION ALL ".join(
    f"SELECT '{name}', count(*) FROM {name} WHERE {oid} < {FIRST_OF_USERS}"
    for name, oid in (*((name, "oid") for name in _DROPPABLE), ("pg_description", "objoid"))
)
_TEMPORARY = re.compile(r"pg_(toast_)?temp(_\d+)?|pg_toast")
_DEFAULT = "public"


class Key(NamedTuple):
    """What a thing is known by in both databases.

    Attributes:
        kind: "table", "column", "function" and so on.
        schema: its own, or that of what it is a part of; "" for a thing that is in none. Quoted
            where it needs to be.
        of: the table, view or type that it is a part of (a column, a trigger); "" for none.
        name: within these; a function's with the types of its arguments.
    """

    kind: str
    schema: str
    of: str
    name: str

    @property
    def shown(self) -> str:
        """The name for people: ``schema.name``, without schema public; "t on schema.table"."""
        if self.kind in ("comment", "security label"):
            return f"on {self.name}"
        if not self.of:
            return shown(self.schema, self.name)
        whole = shown(self.schema, self.of)
        return f"{whole}.{self.name}" if self.kind == "column" else f"{self.name} on {whole}"


class Thing(NamedTuple):
    """What a thing is.

    Attributes:
        definition: text that is the same for the same thing in another database.
        table: the table that it belongs to or is, for people; "" for none.
        place: where it stands among the columns of its table; 0.
        system: whether a server has it from the beginning; it is told only where it was changed.
    """

    definition: str
    table: str
    place: int
    system: bool


class Objects(NamedTuple):
    """All things of a database.

    Attributes:
        things: what is the server's own only where it was changed.
        unread: what this role may not look at -> why.
        system: catalog -> how many rows the server has from the beginning.
    """

    things: dict[Key, Thing]
    unread: dict[str, str]
    system: dict[str, int]


def shown(schema: str, name: str) -> str:
    """Write a name for people: plain, without the schema public."""
    plain = schema[1:-1].replace('""', '"') if schema.startswith('"') else schema
    return name if plain in ("", _DEFAULT) else f"{plain}.{name}"


def objects(connection: Connection[Any], *, everything: bool = False) -> Objects:
    """Read all things of a database.

    Args:
        connection: of this package's own, for names are written as its search_path wants it.
        everything: whether also what is the server's own and was not changed.
    """
    return several([connection], everything=everything)[0]


def several(connections: list[Connection[Any]], *, everything: bool = False) -> list[Objects]:
    """Read some databases of one server at the same time."""
    first = connections[0]
    written = queries(first, everything=everything)
    with ExitStack() as pipelines:
        for connection in connections:
            pipelines.enter_context(connection.pipeline())
        asked = [[c.execute(query) for query in written] for c in connections]
    return [
        _read(c, *[one.fetchall() for one in a]) for c, a in zip(connections, asked, strict=True)
    ]


def _read(
    connection: Connection[Any],
    found: list[Row],
    unread: list[Row],
    counted: list[Row],
    *kinds: list[Row],
) -> Objects:
    relations = {oid: (schema, name) for oid, schema, name in found}
    rows = [row for of_kind in kinds for row in of_kind]
    for oid in {row[3] for row in rows} - relations.keys() - {0}:  # of the system
        for _, schema, name in connection.execute(_ONE_RELATION, [oid]):
            relations[oid] = (schema, name)
    return Objects(dict(_things(rows, relations)), dict(unread), dict(counted))


_kept: dict[tuple[int, bool], list[str]] = {}


def queries(connection: Connection[Any], *, everything: bool = False) -> list[str]:
    """Write all queries, for this server; they are kept for each version."""
    version = connection.info.server_version
    if (version, everything) not in _kept:
        known = catalogs(connection)
        written = [q for family in _FAMILIES for q in family(known, everything=everything)]
        _kept[version, everything] = [_RELATIONS, outside.UNREAD, _COUNTED, *written]
    return _kept[version, everything]


def _things(rows: list[Row], relations: dict[int, tuple[str, str]]) -> Iterator[tuple[Key, Thing]]:
    for kind, schema, name, relation, part, place, system, definition in rows:
        of_schema, of = relations.get(relation, ("", ""))
        if _TEMPORARY.fullmatch(of_schema) or (schema and _TEMPORARY.fullmatch(schema)):
            continue
        key = Key(kind, of_schema, of, name) if part else Key(kind, schema or "", "", name)
        yield key, Thing(definition, shown(of_schema, of) if of else "", place, system)
