"""What must not be guarded on a PostgreSQL server, or cannot be with the rights that a role has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg import Connection

from harness.databases.postgresql import OLDEST
from harness.databases.postgresql.address import PostgresDatabase
from harness.databases.postgresql.session import reached
from harness.errors import UsageError
from harness.guard.postgresql.places import is_public, is_socket, public_address
from harness.guard.postgresql.rights import Rights, rights
from harness.guard.refusals import OVERRIDE

_STAYS = "undo_log"  # the recovery for which nobody has to leave
_TEMPLATES = frozenset({"template0", "template1"})
_MAINTENANCE = "postgres"
_OF_A_VERSION = 10000  # 150004 is 15.4
_SESSIONS = 5  # that a guard may have at once
_LIVE_ELSEWHERE = """
SELECT format('the replication slot %%s', slot_name), format(
  'SELECT pg_drop_replication_slot(%%L)', slot_name) FROM pg_replication_slots
WHERE database = %(name)s
UNION ALL SELECT format('the subscription %%s', subname), format('DROP SUBSCRIPTION %%I', subname)
FROM pg_subscription WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = %(name)s)
UNION ALL SELECT format('the prepared transaction %%s', gid), format('ROLLBACK PREPARED %%L', gid)
FROM pg_prepared_xacts WHERE database = %(name)s
"""
_OTHERS = """
SELECT a.pid, a.usename, r.rolsuper FROM pg_stat_activity a JOIN pg_roles r ON r.oid = a.usesysid
WHERE a.datname = %s AND a.pid <> pg_backend_pid() AND NOT pg_has_role(r.oid, 'USAGE') ORDER BY 1
"""


def names(database: PostgresDatabase) -> tuple[str, ...]:
    """Give what may say what it is for: its server's name, and its own."""
    hosts = (database.parameters.get(key, "") for key in ("host", "hostaddr"))
    return (*(host for host in hosts if not is_socket(host)), database.name)


def refuse_place(database: PostgresDatabase, *, override: bool) -> None:
    """Refuse, before anything is asked of a server, what must not be guarded there.

    Args:
        database: that is to be guarded.
        override: the user answers for what only looks wrong.

    Raises:
        UsageError: what it is, and what to do.
    """
    if database.name in _TEMPLATES:
        raise UsageError(
            f"{database} is the template of which the server makes new databases: it is no "
            "database for tests. Name the one that the tests use."
        )
    if override:
        return
    if database.name == _MAINTENANCE:
        raise UsageError(
            f"{database} is the server's maintenance database, which tools expect to be there and "
            f"connect to. Make one for the tests (createdb app_test), or say {OVERRIDE} if the "
            "tests do use this one."
        )
    host = database.parameters.get("hostaddr") or database.parameters.get("host", "")
    try:
        public = public_address(host)
    except OSError as error:
        raise UsageError(
            f"{database}: the host {host} cannot be found ({error.strerror}), so nobody can tell "
            "that it is not production. Check how it is written, and whether this machine is in "
            f"its network, or say {OVERRIDE} if it is a test database."
        ) from None
    if public is not None:
        at = f"{host} ({public})" if public != host else host
        raise UsageError(
            f"{database} looks like production: {at} is neither this machine nor in a private "
            f"network. Guard a database near the tests, or say {OVERRIDE} if it is a test database."
        )


def refuse_stand_in(
    connection: Connection[Any], database: PostgresDatabase, *, override: bool
) -> None:
    """Refuse what is no server of one's own to work on, before any lock is taken there.

    Args:
        connection: to any database of it.
        database: that is to be guarded.
        override: the user answers for what only looks wrong.

    Raises:
        UsageError: what answers, and what to do.
    """
    ((pid, path, version, standby, read_only, at),) = connection.execute(
        "SELECT pg_backend_pid(), current_setting('search_path'), version(), pg_is_in_recovery(),"
        " current_setting('transaction_read_only') = 'on', host(inet_server_addr())"
    ).fetchall()
    # another session than the one that was asked for, or one that was not told what ours is told
    if pid != connection.info.backend_pid or path != "pg_catalog":
        raise _pooler(database)
    if is_other_product(str(version)):
        raise UsageError(
            f"{database}: what answers is {str(version)[:60]}, which is no PostgreSQL: what a "
            "guard needs of it (a database made of another, names changed) is not the same there."
        )
    number = connection.info.server_version // _OF_A_VERSION
    if number < OLDEST:
        raise UsageError(
            f"{database}: the server is PostgreSQL {number}; a guard works from {OLDEST} on. "
            "Upgrade the server of the tests."
        )
    if standby or read_only:
        what = "is a standby (a replica)" if standby else "lets nobody write"
        raise UsageError(
            f"{database}: the server {what}, so a baseline could not be put back there. Give the "
            "address of the server that the tests write to."
        )
    if at is not None and not override and is_public(at):
        raise UsageError(
            f"{database} looks like production: the server itself is at {at}, to which a tunnel or "
            f"a proxy leads. Guard a database near the tests, or say {OVERRIDE} if it is a test "
            "database."
        )


def is_other_product(version: str) -> bool:
    """Whether what a server says of itself is another product's that speaks as PostgreSQL does."""
    others = ("-YB-", "Greenplum", "Redshift", "Materialize", "GaussDB")
    return not version.startswith("PostgreSQL ") or any(other in version for other in others)


def refuse_server(
    connection: Connection[Any], database: PostgresDatabase, recoveries: Sequence[str]
) -> None:
    """Refuse a database with which the recoveries cannot work, or a role that may not.

    Args:
        connection: to any database of its server.
        database: that is to be guarded.
        recoveries: the names of those that are asked for.

    Raises:
        UsageError: what is in the way, and what to do.
    """
    rows = connection.execute(
        "SELECT datistemplate, quote_ident(datname) FROM pg_database WHERE datname = %s",
        [database.name],
    ).fetchall()
    if not rows:
        _refuse_rights(rights(connection, database), database, recoveries)
        return
    ((is_template, typed),) = rows
    if is_template:
        raise _template(database, typed)
    with reached(database) as session:
        found = rights(session, database)
        _refuse_rights(found, database, recoveries)
        if set(recoveries) != {_STAYS}:
            _refuse_what_stays_behind(session, database)
            _refuse_unendable(session, found, database)
        _refuse_login_triggers(session, database)


def fitting(
    connection: Connection[Any], database: PostgresDatabase, recoveries: Sequence[str]
) -> tuple[str, ...]:
    """Give the recoveries for which the role has its rights; all where it has them for none.

    Then ``refuse_server`` says what it lacks. It takes the same arguments.
    """
    there = connection.execute(
        "SELECT 1 FROM pg_database WHERE datname = %s", [database.name]
    ).fetchall()
    if not there:
        return tuple(recoveries)
    with reached(database) as session:
        return rights(session, database).fitting(recoveries) or tuple(recoveries)


def _refuse_rights(found: Rights, database: PostgresDatabase, recoveries: Sequence[str]) -> None:
    limit = found.connection_limit
    if not found.is_superuser and 0 <= limit < _SESSIONS:
        raise UsageError(
            f"{database}: the role {found.role} may have {limit} sessions at once, and a guard "
            f"needs {_SESSIONS}. Run: ALTER ROLE {found.role_typed} CONNECTION LIMIT -1"
        )
    for recovery in recoveries:
        lacks = found.missing(recovery)
        if not lacks:
            continue
        whats = "; ".join(what for what, _ in lacks)
        statements = "; ".join(statement for _, statement in lacks)
        who = "as a superuser"
        if found.managed:
            who = f"as a member of {found.managed} (a managed server has no superuser for you)"
        raise UsageError(
            f"{database}: the recovery {recovery} needs rights that the role {found.role} does not "
            f"have: it {whats}. Run, {who}: {statements}"
        )


def _refuse_what_stays_behind(session: Connection[Any], database: PostgresDatabase) -> None:
    """Refuse what is bound to this very database, and would stay with the one that is put aside."""
    for what, statement in session.execute(_LIVE_ELSEWHERE, {"name": database.name}).fetchall():
        raise UsageError(
            f"{database}: {what} is bound to it, and would be lost with the database that the "
            f"tests leave behind. Guard a copy without it, or remove it first: {statement}"
        )


def _refuse_unendable(session: Connection[Any], found: Rights, database: PostgresDatabase) -> None:
    """Refuse sessions of others that this role cannot end, and that would be in a clone's way."""
    if found.is_superuser:
        return
    for pid, role, is_superuser in session.execute(_OTHERS, [database.name]).fetchall():
        if is_superuser:
            raise UsageError(
                f"{database}: a session of the superuser {role} (process {pid} of the server) is "
                f"connected, and {found.role} may not end it. Close it, or guard as a superuser."
            )
        if not found.may_end_others:
            raise UsageError(
                f"{database}: a session of the role {role} (process {pid} of the server) is "
                f"connected, and {found.role} may not end it. Close it, or run as a superuser: "
                f"GRANT pg_signal_backend TO {found.role_typed}"
            )


def _refuse_login_triggers(session: Connection[Any], database: PostgresDatabase) -> None:
    """Refuse what writes whenever anybody connects: no two looks at it would be the same."""
    for (name,) in session.execute(
        "SELECT quote_ident(evtname) FROM pg_event_trigger"
        " WHERE evtevent = 'login' AND evtenabled IN ('O', 'A')"
    ):
        raise UsageError(
            f"{database} runs the event trigger {name} whenever anybody connects, the guard too, "
            f"so it is never as it was. Run: ALTER EVENT TRIGGER {name} DISABLE"
        )


def refuse_template(connection: Connection[Any], database: PostgresDatabase) -> None:
    """Refuse a database that others are made from; UsageError."""
    rows = connection.execute(
        "SELECT quote_ident(datname) FROM pg_database WHERE datname = %s AND datistemplate",
        [database.name],
    ).fetchall()
    for (typed,) in rows:
        raise _template(database, typed)


def _template(database: PostgresDatabase, typed: str) -> UsageError:
    return UsageError(
        f"{database} is a template database, a backup of a guard's for instance: it is no database "
        f"for tests. If it is, run: ALTER DATABASE {typed} IS_TEMPLATE false"
    )


def _pooler(database: PostgresDatabase) -> UsageError:
    return UsageError(
        f"{database}: between here and the server is a pooler, which gives the sessions of one "
        "client to another. Give the address of the server itself, for instance by its port (5432)."
    )
