"""Put back what differs of a PostgreSQL database: rows in one transaction, then sequences.

Where the role may, with ``session_replication_role`` at ``replica``: triggers and foreign keys do
not act on a row put back, and afterwards no foreign key may be broken that the baseline had whole.
Elsewhere the server minds foreign keys: tables are written in their order, and one with triggers
is left. (https://www.postgresql.org/docs/current/runtime-config-client.html)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

import psycopg
from psycopg import Connection

from harness.databases import Differences
from harness.databases.postgresql.address import PostgresDatabase
from harness.databases.postgresql.names import quoted
from harness.databases.postgresql.reading import is_of_what_is_read, one_moment, said
from harness.databases.postgresql.references import (
    Reference,
    ranks,
    references,
    violations,
    with_wholes,
)
from harness.databases.postgresql.session import Row
from harness.databases.postgresql.session import connect as connect_to
from harness.databases.postgresql.tables import FIRST_OF_USERS, Name, StoredTable, stored, told
from harness.databases.postgresql.writing import Rewriting

# What a row of the baseline cannot be for, as things are now: this table is left.
_UNFIT = (psycopg.errors.CheckViolation, psycopg.errors.NotNullViolation)

_FIRING = """
SELECT ARRAY[n.nspname, c.relname]::text[], 'trigger ' || tgname FROM pg_trigger
JOIN pg_class c ON c.oid = tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT tgisinternal AND tgenabled IN ('A', %(when)s)
UNION ALL SELECT ARRAY[n.nspname, c.relname]::text[], 'rule ' || rulename FROM pg_rewrite
JOIN pg_class c ON c.oid = ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND ev_type <> '1' AND ev_enabled IN ('A', %(when)s)"""

_FORBIDDEN = f"""
SELECT ARRAY[n.nspname, c.relname]::text[] FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND c.oid >= {FIRST_OF_USERS}
AND NOT (has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'INSERT')
  AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE'))"""


def put_back(
    database: PostgresDatabase,
    baseline: PostgresDatabase,
    found: Differences,
    *,
    connect: Callable[[PostgresDatabase], Any],
    checks_foreign_keys: bool = True,
) -> dict[str, str]:
    """Make what ``found`` says differs the baseline's again; by table, why what cannot be is not.

    May be begun again anywhere: whatever is raised, and whenever it is killed, the rows are as
    they were, or all that can be is put back. Sequences, which no transaction holds, come last.

    Args:
        database: the live one.
        baseline: another of its server.
        found: by ``differences`` of the two.
        connect: opens the live one.
        checks_foreign_keys: off only for who verifies afterwards that everything is the
            baseline's, keys included: the check reads whole tables.

    Raises:
        psycopg.errors.IntegrityError: a row was in the way, or a foreign key would be left broken.
        psycopg.Error: the server refuses.
    """
    refused = _refused(found)
    if not (found.tables or found.sequences):
        return refused
    with closing(connect_to(baseline)) as base, closing(connect(database)) as live:
        with one_moment(base), live.transaction():
            alone = _stand_aside(live)
            work = _work(base, live, found, refused, alone=alone)
            if alone:
                _write_each(base, live, work, refused)
                if checks_foreign_keys:
                    _check_foreign_keys(base, live, {name for name, _ in work.values()})
            else:
                _write_in_order(live, work, refused)
        _put_back_sequences(live, found, refused)
    return refused


def _refused(found: Differences) -> dict[str, str]:
    """Say what rows alone cannot make the baseline's again."""
    refused = {name: f"not readable: {why}" for name, why in found.unread.items()}
    refused |= {thing.name: f"schema changed: {thing}" for thing in found.schema}
    refused |= found.damage
    refused |= {
        f"setting {name}": f"{now}, was {was}" for name, (was, now) in found.settings.items()
    }
    return refused


def _stand_aside(live: Connection[Row]) -> bool:
    """Let nothing act on the rows put back; False where the role may not."""
    ((may,),) = live.execute(
        "SELECT has_parameter_privilege('session_replication_role', 'SET')"
    ).fetchall()
    if may:
        live.execute("SET LOCAL session_replication_role = replica")
    else:
        live.execute("SET CONSTRAINTS ALL DEFERRED")
    return bool(may)


_Work = dict[str, tuple[Name, Rewriting]]  # by the name that people are told


def _work(
    base: Connection[Row],
    live: Connection[Row],
    found: Differences,
    refused: dict[str, str],
    *,
    alone: bool,
) -> _Work:
    """Say what is to be written, and refuse what cannot be."""
    was, now = stored(base).tables, stored(live).tables
    firing = {
        (table[0], table[1]): what
        for table, what in live.execute(_FIRING, {"when": "R" if alone else "O"}).fetchall()
    }
    forbidden = {(table[0], table[1]) for (table,) in live.execute(_FORBIDDEN).fetchall()}
    work: _Work = {}
    for name, called in told(was.keys() | now.keys()).items():
        if called not in found.tables or called in refused:
            continue
        before, after, rows = was.get(name), now.get(name), found.tables[called]
        why = _unlike(before, after)
        if name in firing:
            why = f"{firing[name]} would act on the rows"
        elif name in forbidden:
            why = "permission denied: it needs INSERT, UPDATE and DELETE"
        elif not alone and rows.rest:
            why = "too many rows differ to put them back one by one"
        if why or after is None:
            refused[called] = why
        else:
            work[called] = name, Rewriting(after, rows)
    for called in found.tables.keys() - work.keys() - refused.keys():
        refused[called] = "it is no table that rows can be put into"
    return work


def _unlike(was: StoredTable | None, now: StoredTable | None) -> str:
    """Say why rows of the one table could not be put into the other; empty if they can."""
    if was is None or now is None:
        return "the table is " + ("not the baseline's" if now else "gone")
    if was.kind != "r" or now.kind != "r":
        return "a materialised view holds what a query gave when it was refreshed"
    if was.columns != now.columns or was.written != now.written:
        return "its columns are not the baseline's"
    return "" if now.written else "it has no column that can be written"


def _write_each(
    base: Connection[Row], live: Connection[Row], work: _Work, refused: dict[str, str]
) -> None:
    """Write table by table, in any order; nothing of a table that turns out not to be possible."""
    for called, (_, table) in sorted(work.items()):
        rows = table.rows
        try:
            with live.transaction():
                if rows.rest:
                    table.replace_all(base, live)
                    continue
                table.delete(live, [*rows.added, *(now for _, now in rows.changed)])
                table.insert(live, [*rows.missing, *(was for was, _ in rows.changed)])
        except _UNFIT as error:
            refused[called] = said(error)
        except psycopg.Error as error:
            if not is_of_what_is_read(error):
                raise
            refused[called] = said(error)


def _check_foreign_keys(base: Connection[Row], live: Connection[Row], touched: set[Name]) -> None:
    """Raise if a foreign key is broken now that the baseline had whole."""
    wholes = with_wholes(live, touched)
    involved = set[Name]().union(*wholes.values())
    known = {(key.name, key.table): key for key in references(base)}
    for key in references(live):
        if key.of_whole or key.of_period or not key.enforced:
            continue
        if key.table not in touched and key.parent not in involved:
            continue
        broken = violations(live, key)
        if broken and (broken := broken - _violations_before(base, known, key)) > 0:
            raise psycopg.errors.ForeignKeyViolation(
                f"FOREIGN KEY constraint {key.name} failed: {broken} rows of {key.table[1]} would "
                "refer to rows that are gone; everything was left as it was"
            )


def _violations_before(
    base: Connection[Row], known: Mapping[tuple[str, Name], Reference], key: Reference
) -> int:
    was = known.get((key.name, key.table))
    return violations(base, was) if was is not None else 0


def _write_in_order(live: Connection[Row], work: _Work, refused: dict[str, str]) -> None:
    """Write so that no foreign key is broken on the way; all of it, or raise."""
    keys = references(live)
    names = {name: called for called, (name, _) in work.items()}
    for key in _cascading_out(keys, work, live):
        refused[names[key.parent]] = (
            f"{key.name} of {key.table[1]}, which is left, would act on its rows"
        )
        del work[names.pop(key.parent)]
    rank = ranks(keys, names, with_wholes(live, names))
    parents_first = [
        work[names[name]][1] for name in sorted(names, key=lambda one: (rank[one], one))
    ]
    try:
        with live.transaction():
            _write_all(live, parents_first, deletes_first=False)
    except psycopg.errors.UniqueViolation:  # what was added holds what a missing row needs
        _write_all(live, parents_first, deletes_first=True)


def _write_all(
    live: Connection[Row], parents_first: list[Rewriting], *, deletes_first: bool
) -> None:
    def delete() -> None:
        for table in reversed(parents_first):
            table.delete(live, table.rows.added)

    if deletes_first:
        delete()
    for table in parents_first:
        table.insert(live, table.rows.missing)
    for table in parents_first:
        table.update(live, table.rows.changed)
    if not deletes_first:
        delete()


def _cascading_out(keys: list[Reference], work: _Work, live: Connection[Row]) -> list[Reference]:
    """Give keys by which deleting rows of what is written would write to what is not."""
    names = {name for name, _ in work.values()}
    out: dict[Name, Reference] = {}
    acting = [key for key in keys if key.on_delete not in ("NO ACTION", "RESTRICT")]
    before = -1
    while before != len(out):
        before = len(out)
        for key in acting:
            kept = names - out.keys()
            if key.parent in kept and key.table not in kept and _refers(live, key):
                out[key.parent] = key
    return list(out.values())


def _refers(live: Connection[Row], key: Reference) -> bool:
    """Whether any row has such a key at all."""
    child = ".".join(map(quoted, key.table))
    present = " AND ".join(f"{quoted(column)} IS NOT NULL" for column in key.columns)
    return bool(live.execute(f"SELECT FROM {child} WHERE {present} LIMIT 1").fetchall())


def _put_back_sequences(live: Connection[Row], found: Differences, refused: dict[str, str]) -> None:
    rows = live.execute(
        "SELECT n.nspname::text, c.relname::text FROM pg_class c JOIN pg_namespace n"
        " ON n.oid = c.relnamespace WHERE c.relkind = 'S' AND c.relpersistence <> 't'"
    ).fetchall()
    for name, called in told((schema, name) for schema, name in rows).items():
        was, now = found.sequences.get(called, (None, None))
        if was is None or now is None or called in refused:
            continue
        try:
            live.execute("SELECT setval(%s::regclass, %s, %s)", [".".join(map(quoted, name)), *was])
        except psycopg.errors.InsufficientPrivilege as error:
            refused[called] = said(error)


__all__ = ["put_back"]
