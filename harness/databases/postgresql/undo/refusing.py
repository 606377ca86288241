"""What an undo log cannot be begun with: each is told before anything is written."""

from __future__ import annotations

from psycopg import Connection

from harness.databases.postgresql import prepared
from harness.databases.postgresql.address import PostgresDatabase
from harness.databases.postgresql.session import Row
from harness.databases.postgresql.undo.names import SCHEMA
from harness.databases.postgresql.undo.owner import owner
from harness.databases.postgresql.undo.tables import tables
from harness.errors import RecoveryRefused

_NAMED = 5  # of many, as many are told
# While it undoes, the session is as one that replicates, in which ordinary triggers do not fire.
# https://www.postgresql.org/docs/current/sql-altertable.html
_ALWAYS = """
SELECT 'trigger ' || t.tgname || ' on ' || t.tgrelid::regclass FROM pg_trigger t
WHERE NOT t.tgisinternal AND t.tgenabled IN ('A', 'R')
UNION ALL SELECT 'event trigger ' || evtname FROM pg_event_trigger WHERE evtenabled IN ('A', 'R')
UNION ALL SELECT 'rule ' || r.rulename || ' on ' || r.ev_class::regclass FROM pg_rewrite r
WHERE r.ev_enabled IN ('A', 'R') AND r.ev_type <> '1' ORDER BY 1"""
# Then a row's text would not be what its types make of it.
_CASTS = """
SELECT format('%s AS %s', format_type(castsource, NULL), format_type(casttarget, NULL))
FROM pg_cast JOIN pg_class c ON c.reltype IN (castsource, casttarget) ORDER BY 1"""
_VIEWS = """
SELECT oid::regclass::text FROM pg_class WHERE relkind = 'm' AND relispopulated
  AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) ORDER BY 1"""


# What is applied of another server's writes fires no trigger of a statement.
_SUBSCRIPTIONS = """
SELECT 'subscription ' || subname FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid
WHERE d.datname = current_database() ORDER BY 1"""
# A subscriber has none of the log's tables; and what has no identity cannot be deleted again.
_PUBLISHED = """
SELECT 'publication ' || pubname FROM pg_publication WHERE puballtables
UNION SELECT format('table %I.%I', t.schemaname, t.tablename) FROM pg_publication_tables t
JOIN pg_publication p USING (pubname) JOIN pg_class c
  ON c.oid = format('%I.%I', t.schemaname, t.tablename)::regclass
WHERE p.pubdelete AND (c.relreplident = 'n' OR c.relreplident = 'd' AND NOT EXISTS (
  SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)) ORDER BY 1"""
_LANGUAGE = "SELECT FROM pg_language WHERE lanname = 'plpgsql'"


class UnderWay(RecoveryRefused):
    """Somebody has written and is not at the end of a transaction; later it may be tried again."""


def refuse(connection: Connection[Row], database: PostgresDatabase) -> None:
    """Refuse what could not be undone.

    Raises:
        RecoveryRefused: what it is.
    """
    if there := owner(connection):
        raise RecoveryRefused(
            f"there is an undo log in {database} already, the schema {SCHEMA} of "
            f"{there.name}, of which "
            f"no journal tells: where no guard is at work there, remove it (DROP SCHEMA {SCHEMA} "
            "CASCADE)"
        )
    if not connection.execute(_LANGUAGE).fetchall():
        raise RecoveryRefused(f"{database}: the language plpgsql is not in it")
    for why, query in (
        ("writes what no trigger of the undo log sees", _SUBSCRIPTIONS),
        ("is published so that the undo log cannot be beside it", _PUBLISHED),
        ("fires whatever the undo log does about it (ENABLE ALWAYS or REPLICA)", _ALWAYS),
        ("is a cast of a table's rows", _CASTS),
        ("is a materialised view, and without a superuser nobody notices its refresh", _VIEWS),
    ):
        if found := [str(what) for (what,) in connection.execute(query)]:
            raise RecoveryRefused(f"{database}: {_some(found)} {why}")
    known = tables(connection)
    if empty := [one.sql for one in known.values() if not one.written]:
        raise RecoveryRefused(f"{database}: {_some(empty)} has no column of its own")
    if other := [one.sql for one in known.values() if one.columns != known[one.root].columns]:
        raise RecoveryRefused(
            f"{database}: {_some(other)} has its columns in another order than the table of which "
            "it is a partition"
        )


def refuse_under_way(connection: Connection[Row], database: PostgresDatabase) -> None:
    """Refuse to begin while a transaction is open that has written: it may have defined things.

    Raises:
        UnderWay: there is one.
    """
    found = prepared.under_way(connection, database.name)
    found += prepared.differences(connection, database.name)
    if found:
        raise UnderWay(f"{database}: {'; '.join(map(str, found))}")


def _some(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
