"""What differs between a database and its baseline, another database of the same server.

Everything that a database holds is compared, by name and content. What a backup noted of the moment
at which it was taken makes that fast: rows by the transactions that wrote them, definitions by the
rows of the catalogs. Each is read as of one moment, and both at once.
"""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import replace

from psycopg import Connection

from harness.databases import Differences, Grade, SchemaDifference
from harness.databases.postgresql import (
    catalog,
    large_objects,
    properties,
    rows,
    sequences,
    unlogged,
)
from harness.databases.postgresql.address import PostgresDatabase
from harness.databases.postgresql.mark import Mark
from harness.databases.postgresql.properties import Properties
from harness.databases.postgresql.reading import both, one_moment
from harness.databases.postgresql.sealed import Sealed, sealed
from harness.databases.postgresql.session import Row, connect


def differences(
    database: PostgresDatabase,
    baseline: PostgresDatabase,
    *,
    grade: Grade = "exact",
    checked: bool = True,
    busy_timeout_ms: int = 1000,
    quiet: bool = False,
    stands_for: int | None = None,
    believed: bool = True,
) -> Differences:
    """Find every difference between a live database and its baseline.

    Args:
        database: the live one.
        baseline: the other; a backup of a guard's says more than its content.
        grade: both are looked at alike.
        checked: means nothing here: nothing is judged beside what is compared.
        busy_timeout_ms: how long to wait for another's lock.
        quiet: nobody has written on the server since, so only sequences can have moved.
        stands_for: the OID of a database that was itself cloned from the baseline: what is told of
            the one that was backed up holds for it.
        believed: what the baseline says of itself may be used; not so of what anybody has made.

    Raises:
        psycopg.Error: one of them cannot be read, or a lock not be had.
    """
    with ExitStack() as sessions:
        live, was = both(
            lambda: connect(database, busy_timeout_ms=busy_timeout_ms),
            lambda: connect(baseline, busy_timeout_ms=busy_timeout_ms),
        )
        for one in (live, was):
            sessions.enter_context(closing(one))
            sessions.enter_context(one_moment(one))
        moved, unread = _moved(live, was)
        if quiet:
            return Differences(sequences=moved, unread=unread)
        seal = sealed(was, baseline.name) if believed else None
        mark = _mark(seal, live, stands_for)
        tables, unread_tables = rows.differences(live, was, mark)
        large, unread_large = large_objects.differences(live, was, mark)
        schema, unread_schema, unseen = _defined(live, was, mark)
        return Differences(
            tables=tables | ({large_objects.NAME: large} if len(large) else {}),
            sequences=moved,
            schema=schema,
            settings=_settings(live, database, seal),
            damage=_emptied(was, seal),
            unread=unread | unread_tables | unread_large | unread_schema,
            unseen=unseen,
        )


def _moved(
    live: Connection[Row], was: Connection[Row]
) -> tuple[dict[str, tuple[object, object]], dict[str, str]]:
    return sequences.differences(
        *both(lambda: sequences.values(was), lambda: sequences.values(live))
    )


def _mark(seal: Sealed | None, live: Connection[Row], stands_for: int | None) -> Mark | None:
    """Give what the backup noted, if it is told of this database; None where it tells nothing."""
    if seal is None:
        return None
    mark = Mark.from_json(seal.mark)
    if stands_for is not None:
        mark = replace(mark, database=stands_for)
    ((number,),) = live.execute(
        "SELECT oid::int8 FROM pg_database WHERE datname = current_database()"
    ).fetchall()
    return mark if mark.database == number else None


def _defined(
    live: Connection[Row], was: Connection[Row], mark: Mark | None
) -> tuple[tuple[SchemaDifference, ...], dict[str, str], dict[str, str]]:
    # what was not cloned has other numbers, and more or fewer rows in its catalogs
    if mark is not None and mark.shapes is None:
        counted = catalog.counts(was)
        if catalog.unchanged(live, mark.first_new, counted):
            return (), {}, {}
    return catalog.differences(live, was)


def _emptied(was: Connection[Row], seal: Sealed | None) -> dict[str, str]:
    """Give what a crash of the server has emptied in the baseline too: nobody can put that back."""
    noted: list[str] = seal.mark.get("unlogged", []) if seal is not None else []
    filled = unlogged.filled(was) if noted else []
    return {
        f"UNLOGGED table {name}": "was emptied by a crash of the server, in the backup as well"
        for name in noted
        if name not in filled
    }


def _settings(
    live: Connection[Row], database: PostgresDatabase, seal: Sealed | None
) -> dict[str, tuple[object, object]]:
    if seal is None:
        return {}
    now = properties.read(live, database.name)
    return properties.differences(now, Properties.from_json(seal.properties))
