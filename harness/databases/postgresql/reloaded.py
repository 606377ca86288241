"""What a database loses that is unloaded and reloaded, and what can be done about it.

pg_dump writes what a database is *for*, not how it stands: a materialised view is filled anew, a
foreign key's triggers are enabled again, an index that is not valid is left out, and the schema
public is there again. https://www.postgresql.org/docs/current/app-pgdump.html#APP-PGDUMP-NOTES
"""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from harness.databases.postgresql.names import quoted
from harness.databases.postgresql.session import Row
from harness.errors import RecoveryRefused
from harness.printable import printable

_INVALID = """
SELECT x.indexrelid::regclass::text FROM pg_index x JOIN pg_class t ON t.oid = x.indrelid
WHERE NOT x.indisvalid AND t.relkind <> 'p' ORDER BY 1
"""
# Those of a constraint carry numbers in their names: they are known by what they are of.
_TRIGGERS = """
SELECT n.nspname, c.relname, k.conname, t.tgfoid::regproc::text, t.tgtype, t.tgenabled, t.tgname
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_constraint k ON k.oid = t.tgconstraint
WHERE t.tgisinternal
"""
_EVENT_TRIGGERS = 170000  # the version from which on they can be turned off by themselves
_ENABLED = {"O": "ENABLE", "D": "DISABLE", "R": "ENABLE REPLICA", "A": "ENABLE ALWAYS"}
_VIEWS = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'm' AND c.relispopulated ORDER BY 1, 2
"""


def settings(connection: Connection[Row]) -> dict[str, str]:
    """Give what keeps the application's event triggers from what is done by a superuser.

    Nobody else can have reloaded one: pg_restore makes them before it fills the last views.
    """
    if not _is_superuser(connection):
        return {}
    if connection.info.server_version >= _EVENT_TRIGGERS:
        return {"event_triggers": "off"}
    return {"session_replication_role": "replica"}


def refuse(live: Connection[Row]) -> None:
    """Refuse what cannot be reloaded as it is.

    Raises:
        RecoveryRefused: what, each by its name, and what to do.
    """
    if invalid := _names(live, _INVALID):
        raise RecoveryRefused(
            f"a reload leaves out what is not valid, the index {_listed(invalid)}: REINDEX or drop "
            "it, or take the recovery template"
        )


def prepare(live: Connection[Row], backup: Connection[Row]) -> None:
    """Remove from an empty database what the live one has no more, and a reload does not remove."""
    had = {name for (name,) in live.execute("SELECT nspname FROM pg_namespace")}
    if "public" not in had:
        backup.execute("DROP SCHEMA public")
    if not live.execute("SELECT FROM pg_extension WHERE extname = 'plpgsql'").fetchall():
        backup.execute("DROP EXTENSION plpgsql")


def mend(live: Connection[Row], backup: Connection[Row]) -> None:
    """Disable the triggers of constraints that are disabled in the live database.

    Raises:
        RecoveryRefused: this role may not; of which tables.
    """
    was, now = _triggers(live), _triggers(backup)
    wrong = {key: enabled for key, (enabled, _) in was.items() if now.get(key, ("",))[0] != enabled}
    wrong = {key: enabled for key, enabled in wrong.items() if key in now}
    if not wrong:
        return
    if not _is_superuser(backup):
        tables = sorted({f"{schema}.{table}" for schema, table, *_ in wrong})
        raise RecoveryRefused(
            f"a reload enables the triggers of foreign keys of {_listed(tables)} again, and only a "
            "superuser may disable them: enable them, guard as one, or take the recovery template"
        )
    for name, value in settings(backup).items():
        backup.execute(f"SET {name} = {value}")
    for key, enabled in wrong.items():
        schema, table, *_ = key
        backup.execute(
            f"ALTER TABLE ONLY {quoted(schema)}.{quoted(table)} {_ENABLED[enabled]} TRIGGER "
            f"{quoted(now[key][1])}"
        )


def refuse_stale(live: Connection[Row], backup: Connection[Row]) -> None:
    """Refuse materialised views that a reload has filled with something else.

    Args:
        live: in the transaction whose snapshot was unloaded.
        backup: the reloaded database.

    Raises:
        RecoveryRefused: which.
    """
    views = [(schema, name) for schema, name in live.execute(_VIEWS)]
    stale = [f"{s}.{n}" for s, n in views if _print_of(live, s, n) != _print_of(backup, s, n)]
    if stale:
        raise RecoveryRefused(
            f"a reload fills materialised views anew, and then {_listed(stale)} holds something "
            f"else: REFRESH MATERIALIZED VIEW {stale[0]}, or take the recovery template"
        )


def _print_of(connection: Connection[Row], schema: str, name: str) -> Any:
    return connection.execute(
        "SELECT count(*), sum(hashtextextended((v.*)::text, 0)::numeric)"
        f" FROM {quoted(schema)}.{quoted(name)} v"
    ).fetchall()


def _triggers(connection: Connection[Row]) -> dict[tuple[Any, ...], tuple[str, str]]:
    """Give those of constraints: of what -> (enabled how, its name)."""
    return {tuple(key): (enabled, name) for *key, enabled, name in connection.execute(_TRIGGERS)}


def _is_superuser(connection: Connection[Row]) -> bool:
    rows = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
    return any(bool(is_one) for (is_one,) in rows)


def _names(connection: Connection[Row], query: str) -> list[str]:
    return [str(name) for (name,) in connection.execute(query).fetchall()]


def _listed(names: list[str]) -> str:
    return printable(", ".join(names))
