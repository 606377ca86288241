"""Put the undo log into a database, and remove it again; each in one transaction.

Until its end nobody writes to a recorded table, so it begins with a moment at which no transaction
that has written is open.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, suppress

import psycopg
from psycopg import Connection

from harness.databases.postgresql.address import PostgresDatabase
from harness.databases.postgresql.names import literal, quoted
from harness.databases.postgresql.session import Row, connect
from harness.databases.postgresql.tables import FIRST_OF_USERS
from harness.databases.postgresql.undo import functions, statements
from harness.databases.postgresql.undo.functions import Recorder
from harness.databases.postgresql.undo.names import BODY, EVENTS, LOG, OURS, SCHEMA, TRIGGER
from harness.databases.postgresql.undo.owner import owner
from harness.databases.postgresql.undo.tables import Recorded, tables

# The log says of a row under which table it is kept, whether it has come (1) or gone (-1), its
# text, and the level around the last that was begun after it. It may be in a publication of all
# tables, which wants to be told what is deleted.
_TABLES = f"""
CREATE SCHEMA {SCHEMA};
CREATE TABLE {LOG} (relation oid NOT NULL, sign int2 NOT NULL, image text NOT NULL, level int4);
CREATE TABLE {SCHEMA}.recorded (relation oid PRIMARY KEY, name text NOT NULL,
  has_key bool NOT NULL, undoing text);
CREATE TABLE {SCHEMA}.sequences (level int4, sequence oid, last_value int8, is_called bool);
CREATE TABLE {SCHEMA}.state (token text NOT NULL, noted text NOT NULL);
CREATE UNLOGGED TABLE {SCHEMA}.not_crashed AS SELECT"""
_OWN_TABLES = ("log", "recorded", "sequences", "state", "not_crashed")
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('reliability harness: undo log', 0))"
_SEQUENCES = f"""
SELECT c.oid::int8, format('%I.%I', n.nspname, c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND c.oid >= {FIRST_OF_USERS} ORDER BY 1"""
# Whatever default privileges have given: what acts as the guard's role is nobody else's.
_TAKE_RIGHTS = f"""
DO $take$ DECLARE one record; BEGIN
  FOR one IN
    SELECT 'SCHEMA {SCHEMA}' AS what, a.grantee FROM pg_namespace n, aclexplode(n.nspacl) a
    WHERE n.nspname = '{SCHEMA}' AND a.grantee <> n.nspowner
    UNION SELECT format('TABLE {SCHEMA}.%I', c.relname), a.grantee
    FROM pg_class c, aclexplode(c.relacl) a
    WHERE c.relnamespace = '{SCHEMA}'::regnamespace AND a.grantee <> c.relowner
    UNION SELECT 'FUNCTION ' || p.oid::regprocedure, a.grantee
    FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
    WHERE p.pronamespace = '{SCHEMA}'::regnamespace AND a.grantee <> p.proowner
  LOOP
    EXECUTE format('REVOKE ALL ON %s FROM %s CASCADE', one.what,
      CASE one.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(one.grantee)) END);
  END LOOP;
END $take$"""
# Shorter than the server takes to find that two wait in a circle: it would choose the application.
_SHORT_WAITS = """
SELECT set_config('lock_timeout', least(%s, greatest(setting::int / 2, 1))::text, false)
FROM pg_settings WHERE name = 'deadlock_timeout'"""
_TRIGGERS = f"""
SELECT tgrelid::regclass::text, array_agg(quote_ident(tgname)) FROM pg_trigger
WHERE tgname ^@ '{TRIGGER}' AND NOT tgisinternal GROUP BY tgrelid"""
# Somebody has a lock, or waits for one of ours while we wait for one of theirs.
IN_USE = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)
_TRANSITIONS = {
    "INSERT": "REFERENCING NEW TABLE AS come",
    "DELETE": "REFERENCING OLD TABLE AS gone",
    "UPDATE": "REFERENCING OLD TABLE AS gone NEW TABLE AS come",
}
_DOES = {"INSERT": "inserted", "DELETE": "deleted", "UPDATE": "updated"}


def opened(database: PostgresDatabase, *, busy_timeout_ms: int) -> Connection[Row]:
    """Open a session in which neither triggers nor foreign keys of the application's do anything.

    For the whole of it: the server throws every plan away when that changes.
    https://www.postgresql.org/docs/current/runtime-config-client.html

    Raises:
        psycopg.Error: it cannot be reached, or the role may not.
    """
    connection = connect(database, busy_timeout_ms=busy_timeout_ms)
    try:
        connection.execute("SET session_replication_role = replica")
        connection.execute(_SHORT_WAITS, [max(1, busy_timeout_ms)])
    except BaseException:
        connection.close()
        raise
    return connection


def alone(connection: Connection[Row]) -> None:
    """Wait for whoever installs or removes it just now, also after its client was killed."""
    connection.execute(_LOCK)
    connection.execute("SELECT set_config(%s, 'on', true)", [OURS])


def install(connection: Connection[Row]) -> dict[int, Recorded]:
    """Install it, in a transaction that is open and is ``alone``; what is recorded, by number.

    Raises:
        psycopg.Error: a right is missing, or a lock was not to be had.
    """
    found = tables(connection)
    ((is_superuser,),) = connection.execute(
        "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
    ).fetchall()
    script = [
        _TABLES,
        *(one.written() for one in sorted({r for t in found.values() for r in _recorders(t)})),
        functions.EMPTIED,
        *([functions.DEFINED] if is_superuser else []),
        _values(connection.execute(_SEQUENCES).fetchall()),
        functions.ALONE,
        functions.BEGIN,
        functions.FORGET,
        functions.UNDO,
        *(statement for table in found.values() for statement in _triggers(table)),
        *_rows(found),
        *_own_triggers(),
        _TAKE_RIGHTS,
        *(_event_triggers() if is_superuser else []),
    ]
    connection.execute(";\n".join(script).encode())
    connection.execute(
        f"INSERT INTO {SCHEMA}.sequences SELECT 0, v.* FROM {SCHEMA}.sequence_values() v"
    )
    return found


def _recorders(table: Recorded) -> Iterator[Recorder]:
    """Give what its triggers call: for what is inserted, deleted, updated, truncated."""
    prefix = "row_" if table.inherits else ""
    for does in (*(f"{prefix}{does}" for does in _DOES.values()), "truncated"):
        yield Recorder(does, table.root != table.oid, table.settings)


def _triggers(table: Recorded) -> Iterator[str]:
    """Write those of a table; they fire whatever role of replication a session takes."""
    kept_under = f"('{table.root}')"
    *each_row, truncated = _recorders(table)
    each = "ROW" if table.inherits else "STATEMENT"
    for (event, does), recorder in zip(_DOES.items(), each_row, strict=True):
        seen = "" if table.inherits else _TRANSITIONS[event]
        yield (
            f"CREATE TRIGGER {quoted(f'{TRIGGER}_{does}')} AFTER {event} ON {table.sql} {seen} "
            f"FOR EACH {each} EXECUTE FUNCTION {SCHEMA}.{recorder.name}{kept_under}"
        )
    yield (
        f"CREATE TRIGGER {quoted(f'{TRIGGER}_truncated')} BEFORE TRUNCATE ON {table.sql} "
        f"EXECUTE FUNCTION {SCHEMA}.{truncated.name}{kept_under}"
    )
    enabled = ", ".join(
        f"ENABLE ALWAYS TRIGGER {quoted(f'{TRIGGER}_{does}')}"
        for does in (*_DOES.values(), "truncated")
    )
    yield f"ALTER TABLE ONLY {table.sql} {enabled}"


def _rows(found: Mapping[int, Recorded]) -> Iterator[str]:
    """Write how each table is undone, a partition with its root."""
    for one in found.values():
        if one.oid != one.root:
            yield (
                f"INSERT INTO {SCHEMA}.recorded VALUES ({one.oid}, {literal(one.sql)}, false, NULL)"
            )
        else:
            name = f"undo_{one.oid}"
            yield functions.of_table(
                name,
                statements.deletion(one),
                statements.insertion(one),
                statements.remainder(one),
            )
            yield (
                f"INSERT INTO {SCHEMA}.recorded VALUES ({one.oid}, {literal(one.sql)}, "
                f"{bool(one.key)}, 'SELECT {SCHEMA}.{name}($1)')"
            )


def _own_triggers() -> Iterator[str]:
    """Write those that notice when tests empty or change what is kept here."""
    for table in _OWN_TABLES:
        events = f"{'INSERT OR ' if table != 'log' else ''}DELETE OR UPDATE OR TRUNCATE"
        yield f"ALTER TABLE {SCHEMA}.{table} REPLICA IDENTITY FULL"
        yield (
            f"CREATE TRIGGER emptied AFTER {events} ON {SCHEMA}.{table} "
            f"EXECUTE FUNCTION {SCHEMA}.emptied()"
        )
        yield f"ALTER TABLE {SCHEMA}.{table} ENABLE ALWAYS TRIGGER emptied"


def _event_triggers() -> Iterator[str]:
    for event in EVENTS:
        name = f"{TRIGGER}_{event}"
        yield f"CREATE EVENT TRIGGER {name} ON {event} EXECUTE FUNCTION {SCHEMA}.defined()"
        yield f"ALTER EVENT TRIGGER {name} ENABLE ALWAYS"


def _values(sequences: list[Row]) -> str:
    """Write the function that reads every sequence; its plan is kept for the session."""
    queries = [
        f"SELECT {oid}::oid, s.last_value, s.is_called FROM {name} s" for oid, name in sequences
    ] or ["SELECT 0::oid, 0::int8, false WHERE false"]
    return (
        f"CREATE FUNCTION {SCHEMA}.sequence_values() RETURNS TABLE (sequence oid, last_value int8, "
        f"is_called bool) LANGUAGE plpgsql AS {BODY} #variable_conflict use_column\n"
        f"BEGIN RETURN QUERY {' UNION ALL '.join(queries)}; END {BODY}"
    )


def remove(connection: Connection[Row]) -> None:
    """Remove it, in a transaction that is open and is ``alone``; its triggers with it.

    Raises:
        psycopg.Error: a lock was not to be had, of a table that somebody reads or writes.
    """
    for event in EVENTS:
        connection.execute(f"DROP EVENT TRIGGER IF EXISTS {TRIGGER}_{event}")
    connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")


def remove_triggers(connection: Connection[Row]) -> None:
    """Remove those of each table by itself: who uses one table keeps no other from being freed.

    Nothing of what was recorded can be undone any more.

    Args:
        connection: outside of a transaction.

    Raises:
        psycopg.Error: it cannot be read; where a lock was not to be had, the triggers stay.
    """
    rows = connection.execute(_TRIGGERS).fetchall()
    for table, names in rows:
        drops = (f"DROP TRIGGER IF EXISTS {name} ON {table}" for name in names)
        with suppress(*IN_USE), connection.transaction():
            connection.execute("; ".join(drops).encode())


def free(database: PostgresDatabase) -> None:
    """Remove it from a database that is put aside with it, if it is there and is one's own."""
    with closing(opened(database, busy_timeout_ms=1000)) as connection, connection.transaction():
        alone(connection)
        there = owner(connection)
        if there is not None and there.ours:
            remove(connection)


__all__ = ["IN_USE", "alone", "free", "install", "opened", "remove", "remove_triggers"]
