"""What differs from the baseline of an undo log: what it holds, and what it cannot hold.

It holds rows. Where sequences are is kept beside it; what is defined is compared with what was
noted; large objects, which no trigger sees, are told by who wrote them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import psycopg
from psycopg import Connection

from harness.databases import Differences, SchemaDifference, TableDifferences
from harness.databases.postgresql import catalog, prepared, properties
from harness.databases.postgresql.catalog.comparing import changes
from harness.databases.postgresql.catalog.reading import objects
from harness.databases.postgresql.matching import MOST_ROWS, Columns, matched
from harness.databases.postgresql.names import quoted
from harness.databases.postgresql.properties import Properties
from harness.databases.postgresql.reading import Cells, is_of_what_is_read, texts
from harness.databases.postgresql.session import Row
from harness.databases.postgresql.tables import told
from harness.databases.postgresql.undo import at_work, statements
from harness.databases.postgresql.undo.names import (
    EVENTS,
    LOG,
    NO_TABLE,
    SCHEMA,
    TRIGGER,
)
from harness.databases.postgresql.undo.state import State
from harness.databases.postgresql.undo.tables import Recorded, tables

T = TypeVar("T")
_LARGE_OBJECTS = "large objects"
_HALF = 2**31  # of all transaction numbers: what is older cannot be told from what is newer
_COUNTED = f"""
SELECT n.nspname::text, c.relname::text, coalesce(sum(l.n) FILTER (WHERE l.n > 0), 0)::int8,
  coalesce(-sum(l.n) FILTER (WHERE l.n < 0), 0)::int8
FROM (SELECT relation, image, sum(sign) AS n FROM {LOG} WHERE relation <> {NO_TABLE}
  GROUP BY relation, image HAVING sum(sign) <> 0) l
JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace
GROUP BY 1, 2 ORDER BY 1, 2"""
_MOVED = f"""
SELECT n.nspname::text, c.relname::text, b.last_value, b.is_called, v.last_value, v.is_called
FROM {SCHEMA}.sequences b JOIN {SCHEMA}.sequence_values() v USING (sequence)
JOIN pg_class c ON c.oid = b.sequence JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE b.level = 0 AND (b.last_value, b.is_called) IS DISTINCT FROM (v.last_value, v.is_called)"""
_WATCHING = (
    f"SELECT count(*) FROM pg_event_trigger WHERE evtname ^@ '{TRIGGER}' AND evtenabled = 'A'"
)
_LEFT = f"""
SELECT ({_WATCHING}),
  (SELECT count(*) FROM pg_largeobject_metadata),
  (SELECT count(*) FROM pg_trigger WHERE tgname ^@ '{TRIGGER}' AND {{newer}})"""
_NEWER = "age(xmin) <= age('{since}'::xid)"
# What was changed and changed back: rows may have been written past every trigger on the way.
_CHANGED_BACK = f"""
SELECT DISTINCT 'columns of ' || attrelid::regclass FROM pg_attribute
WHERE attrelid IN (SELECT relation FROM {SCHEMA}.recorded) AND {_NEWER}
UNION ALL SELECT DISTINCT 'triggers of ' || tgrelid::regclass FROM pg_trigger
WHERE tgname ^@ '{TRIGGER}' AND {_NEWER}
UNION ALL SELECT 'event trigger ' || evtname FROM pg_event_trigger
WHERE evtname ^@ '{TRIGGER}' AND {_NEWER} ORDER BY 1"""
_LARGE_CHANGED = f"""
SELECT EXISTS (SELECT FROM pg_largeobject_metadata WHERE {_NEWER}) OR {{pages}},
  (SELECT count(*) FROM pg_largeobject_metadata)"""
_PAGES_CHANGED = f"EXISTS (SELECT FROM pg_largeobject WHERE {_NEWER})"
_MAY_READ_PAGES = "SELECT has_table_privilege('pg_catalog.pg_largeobject', 'SELECT')"
_NUMBERS = """
SELECT pg_snapshot_xmax(pg_current_snapshot())::text::int8, count(*) FROM pg_largeobject_metadata"""


def differences(connection: Connection[Row], database: str, state: State) -> Differences:
    """Find what differs from the baseline.

    Args:
        connection: in a transaction that sees one moment.
        database: its name.
        state: what was noted of the baseline.

    Raises:
        psycopg.Error: it cannot be read, or a lock not be had.
    """
    schema, unread = _defined(connection, state)
    damage = _by_hand(connection, state)
    # where anything was defined anew a row's text is read as nothing: whose code would read it?
    rows = {} if schema or damage else _if_readable(connection, _rows)
    rows = rows or _counted(connection)
    return Differences(
        tables=rows,
        sequences=_if_readable(connection, _moved),
        schema=(
            *schema,
            *prepared.differences(connection, database),
            *_at_work(connection, database),
        ),
        settings=properties.differences(
            properties.read(connection, database), Properties.from_json(state.properties)
        ),
        damage=({} if schema else damage) | _emptied(connection, state) | _large(connection, state),
        unread=unread,
    )


def left(connection: Connection[Row], state: State) -> list[str]:
    """Say what is not as it was when a level was begun, beside the rows, which undoing has proven.

    Where event triggers note what is defined, that costs the same whatever the database holds.

    Args:
        connection: the session that has undone it; outside of a transaction.
        state: what was noted of the baseline.

    Raises:
        psycopg.Error: it cannot be read.
    """
    newer = _NEWER.format(since=state.since % 2**32)
    ((watching, large, changed),) = connection.execute(_LEFT.format(newer=newer)).fetchall()
    found: list[str] = []
    if large or state.large_objects:
        found += [f"{what} {how}" for what, how in _large(connection, state).items()]
    found += [f"{what} {how}" for what, how in _emptied(connection, state).items()]
    if watching < len(EVENTS) or changed:
        schema, _ = _defined(connection, state)
        found += map(str, schema)
        found += [] if schema else _by_hand(connection, state).values()
    return found


def _if_readable(
    connection: Connection[Row], read: Callable[[Connection[Row]], dict[str, T]]
) -> dict[str, T]:
    connection.execute("SAVEPOINT reading")
    try:
        return read(connection)
    except psycopg.Error as error:
        # a check of a domain may refuse what is there: it need not have held from the beginning
        if not is_of_what_is_read(error) and not isinstance(error, psycopg.IntegrityError):
            raise
        connection.execute("ROLLBACK TO reading")
        return {}


def _at_work(connection: Connection[Row], database: str) -> tuple[SchemaDifference, ...]:
    """Give whose transaction, or statement, may still bring rows, as differences."""
    found = prepared.under_way(connection, database)
    running = {
        SchemaDifference("open transaction", f"of session {pid}", "added")
        for pid in at_work.writing(connection)
    }
    return tuple(sorted({*found, *running}, key=str))


def _counted(connection: Connection[Row]) -> dict[str, TableDifferences]:
    """Count the rows that have come and gone, by the text in which they were recorded."""
    rows = connection.execute(_COUNTED).fetchall()
    called = told((schema, name) for schema, name, *_ in rows)
    return {
        called[schema, name]: TableDifferences(beyond=(int(come), int(gone), 0))
        for schema, name, come, gone in rows
    }


def _rows(connection: Connection[Row]) -> dict[str, TableDifferences]:
    touched = {oid for (oid,) in connection.execute(f"SELECT DISTINCT relation::int8 FROM {LOG}")}
    known = {oid: one for oid, one in tables(connection).items() if oid in touched}
    called = told((one.schema, one.name) for one in known.values())
    found = {called[one.schema, one.name]: _of(connection, one) for one in known.values()}
    return {name: rows for name, rows in sorted(found.items()) if len(rows)}


def _of(connection: Connection[Row], table: Recorded) -> TableDifferences:
    key = table.key if set(table.key) <= set(table.stored) else ()
    columns = Columns(table.stored, key, table.whole_numbers)
    gone, missing = _side(connection, table, "< 0")
    come, added = _side(connection, table, "> 0")
    return matched(columns, gone, come, (added, missing, 0))


def _side(connection: Connection[Row], table: Recorded, having: str) -> tuple[list[Cells], int]:
    """Give rows that have come or gone, and how many more there are."""
    selected = ", ".join(f"(g.v).{quoted(column)}" for column in table.stored)
    query = (
        f"SELECT abs(g.n), {selected} FROM (SELECT c.image::{table.sql} AS v, c.n "
        f"FROM ({statements.net(table, having, level='0')}) c LIMIT {MOST_ROWS}) g"
    )
    rows = [cells for n, *cells in texts(connection, query) for _ in range(int(n or 0))]
    more = 0
    if len(rows) >= MOST_ROWS:
        ((whole,),) = connection.execute(
            f"SELECT coalesce(sum(abs(n)), 0)::int8 FROM ({statements.net(table, having, '0')}) c"
        ).fetchall()
        rows = rows[:MOST_ROWS]
        more = int(whole) - len(rows)
    return [tuple(row) for row in rows], more


def _moved(connection: Connection[Row]) -> dict[str, tuple[object, object]]:
    rows = connection.execute(_MOVED).fetchall()
    called = told((row[0], row[1]) for row in rows)
    return {called[row[0], row[1]]: ((row[2], row[3]), (row[4], row[5])) for row in rows}


def _watching(connection: Connection[Row]) -> int:
    """Give how many event triggers note what is defined."""
    ((number,),) = connection.execute(_WATCHING).fetchall()
    return int(number)


def _defined(
    connection: Connection[Row], state: State
) -> tuple[tuple[SchemaDifference, ...], dict[str, str]]:
    if catalog.unchanged(connection, state.since, state.counts):
        return (), {}
    now = objects(connection)
    found = changes(now.things, state.defined.things)
    if _watching(connection) == len(EVENTS):
        # what is the server's own is told wherever its row was written anew, as VACUUM FULL does;
        # a change of it was noted by the event triggers
        found = [one for one in found if one.what != "added" or not (one.now and one.now.system)]
    unread = {what: why for what, why in now.unread.items() if what not in state.defined.unread}
    return tuple(change.difference for change in found), unread


def _by_hand(connection: Connection[Row], state: State) -> dict[str, str]:
    """Give what was done that is not seen any more, and that rows may have suffered from."""
    query = f"SELECT DISTINCT image FROM {LOG} WHERE relation = {NO_TABLE} ORDER BY 1"
    done = [text for (text,) in connection.execute(query)]
    since = state.since % 2**32
    done += [
        f"{what} were changed, and changed back"
        for (what,) in connection.execute(_CHANGED_BACK.format(since=since))
        if not done
    ]
    if not done:
        return {}
    return {"the undo log": f"cannot tell what came of this: {'; '.join(done)}"}


def _emptied(connection: Connection[Row], state: State) -> dict[str, str]:
    """Give what a crash of the server has emptied: no trigger sees that, a table of ours does."""
    if not state.unlogged or connection.execute(f"SELECT FROM {SCHEMA}.not_crashed").fetchall():
        return {}
    return {
        f"UNLOGGED table {name}": "was emptied by a crash of the server" for name in state.unlogged
    }


def _large(connection: Connection[Row], state: State) -> dict[str, str]:
    ((following, number),) = connection.execute(_NUMBERS).fetchall()
    if not (number or state.large_objects):
        return {}
    ((may_read,),) = connection.execute(_MAY_READ_PAGES).fetchall()
    query = _LARGE_CHANGED.format(
        since=state.since % 2**32,
        pages=_PAGES_CHANGED.format(since=state.since % 2**32) if may_read else "false",
    )
    ((is_changed, _),) = connection.execute(query).fetchall()
    if not may_read:
        return {_LARGE_OBJECTS: "cannot be looked at by this role"}
    if is_changed or number != state.large_objects or following - state.since >= _HALF:
        return {_LARGE_OBJECTS: "were written or removed, which the undo log does not record"}
    return {}


__all__ = ["differences", "left"]
