"""What differs between a database and its baseline, another database of the same server."""

from __future__ import annotations

from contextlib import ExitStack, closing

from psycopg import Connection

from harness.databases import Differences, Grade, SchemaDifference
from harness.databases.postgresql import large_objects, rows, sequences
from harness.databases.postgresql.address import PostgresDatabase
from harness.databases.postgresql.mark import Mark
from harness.databases.postgresql.reading import both, one_moment
from harness.databases.postgresql.session import Row, connect
from harness.databases.postgresql.tables import stored, told


def differences(
    database: PostgresDatabase,
    baseline: PostgresDatabase,
    *,
    grade: Grade = "exact",
    checked: bool = True,
    busy_timeout_ms: int = 1000,
    quiet: bool = False,
    mark: Mark | None = None,
) -> Differences:
    """Find every difference between a live database and its baseline."""
    was, live = both(
        lambda: connect(baseline, busy_timeout_ms=busy_timeout_ms),
        lambda: connect(database, busy_timeout_ms=busy_timeout_ms),
    )
    with closing(was), closing(live), ExitStack() as moments:
        moments.enter_context(one_moment(was))
        moments.enter_context(one_moment(live))
        moved, unread = sequences.differences(
            *both(lambda: sequences.values(was), lambda: sequences.values(live))
        )
        if quiet:
            return Differences(sequences=moved, unread=unread)
        tables, unread_tables = rows.differences(live, was, mark)
        objects, unread_objects = large_objects.differences(live, was, mark)
        if len(objects):
            tables[large_objects.NAME] = objects
        return Differences(
            tables=tables,
            sequences=moved,
            schema=_schema(was, live),
            unread=unread | unread_tables | unread_objects,
        )


def _schema(was: Connection[Row], live: Connection[Row]) -> tuple[SchemaDifference, ...]:
    before, now = stored(was).tables, stored(live).tables
    called = told(before.keys() | now.keys())
    return tuple(
        SchemaDifference("table", called[n], "added" if n in now else "missing", called[n])
        for n in sorted(before.keys() ^ now.keys())
    )
