"""Cleanup by SQL: every entity by its key, children before parents, one transaction each.

What it models: the cleanup script of most teams, done with care: order by foreign keys, retries
with backoff for what may pass, nothing given up because one entity failed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.cleanup import Cleanup, CleanupReport, Connect
from harness.databases.engine import Dialect
from harness.databases.engines import engine_of
from harness.databases.errors import describe, is_transient
from harness.retry import Retry
from harness.steps import Entity, Listener


class SqlCleanup(Cleanup):
    """Delete test rows and put changed baseline rows back, by SQL."""

    name = "sql"
    contract = "Deletes by key in foreign-key order, one transaction an entity, with retries."

    def __init__(self) -> None:
        # (database, schema version) -> ranks: what refers to what changes with the schema alone
        self._ranks: dict[tuple[str, str], dict[str, int]] = {}

    def clean(
        self,
        database: Path,
        entities: Sequence[Entity],
        *,
        connect: Connect,
        retry: Retry,
        listener: Listener,
    ) -> CleanupReport:
        """Delete ``entities``; failures of single entities are reported, not raised."""
        report = CleanupReport()
        dialect = engine_of(database).dialect
        connection = connect(database)
        try:
            version = dialect.schema_version(connection)
            ranks = self._ranks.setdefault((str(database), version), {})
            for entity in in_order(connection, entities, dialect, ranks):
                undone = statement(entity, dialect)
                self._remove(connection, entity, undone, report, retry, listener)
        finally:
            connection.close()
        return report

    def _remove(
        self,
        connection: Any,
        entity: Entity,
        undone: tuple[str, tuple[Any, ...]],
        report: CleanupReport,
        retry: Retry,
        listener: Listener,
    ) -> None:
        table = entity.table
        report.wanted[table] = report.wanted.get(table, 0) + 1
        sql, values = undone
        try:
            retry.run(
                "cleanup",
                entity.label,
                lambda: connection.execute(sql, values),
                worth=_worth_another,
                listener=listener,
                failures=report.failures,
            )
        except Exception:  # noqa: BLE001 - Retry has kept it; the other entities must still go
            report.failed.append((entity, report.failures[-1]))
        else:
            report.removed[table] = report.removed.get(table, 0) + 1


def statement(entity: Entity, dialect: Dialect) -> tuple[str, tuple[Any, ...]]:
    """Return the SQL that undoes ``entity``, and its values."""
    table, mark = dialect.table(entity.table), dialect.placeholder
    keys = tuple(value for _, value in entity.key)
    where = _where(entity, dialect)
    if entity.before is None:
        return f"DELETE FROM {table} WHERE {where}", keys
    columns = ", ".join(f"{dialect.column(name)} = {mark}" for name, _ in entity.before)
    values = tuple(value for _, value in entity.before)
    return f"UPDATE {table} SET {columns} WHERE {where}", values + keys


def _where(entity: Entity, dialect: Dialect) -> str:
    compared = f"{'>' if entity.after else '='} {dialect.placeholder}"
    return " AND ".join(f"{dialect.column(name)} {compared}" for name, _ in entity.key)


def in_order(
    connection: Any,
    entities: Sequence[Entity],
    dialect: Dialect,
    known: dict[str, int] | None = None,
) -> list[Entity]:
    """Order ``entities`` for removal: reverts, then rows with children first, then purges.

    Within a table, and within a circle of tables that refer to each other, the newest goes first:
    a row can only have been made after the rows it refers to. What triggers wrote goes last:
    reverting and deleting may write more. ``known`` holds the ranks of tables met before and
    takes those of new ones.
    """
    rank = {} if known is None else known
    new = {entity.table for entity in entities} - rank.keys()
    if new:
        rank.update(_ranks(connection, new, dialect))
    newest_first = list(reversed(entities))

    def place(entity: Entity) -> tuple[int, int]:
        if entity.after:
            return 2, 0
        return (0, 0) if entity.before is not None else (1, -rank[entity.table])

    return sorted(newest_first, key=place)


def _ranks(connection: Any, tables: Iterable[str], dialect: Dialect) -> dict[str, int]:
    """Give every table a number greater than its parents'; equal ones within a circle of tables.

    The number counts the table and all it refers to, directly or not. A circle's tables refer to
    the same ones; whoever refers to a circle from outside refers to one table more: itself.
    """
    folded = dialect.folded
    above = {
        folded(name): {folded(parent) for parent in parents}
        for name, parents in dialect.referred_tables(connection).items()
    }
    return {name: len(_reach(above, folded(name))) for name in tables}


def _reach(above: Mapping[str, set[str]], table: str) -> set[str]:
    """The table and every table that it refers to, directly or not."""
    found, pending = {table}, [table]
    while pending:
        new = above.get(pending.pop(), set()) - found
        found |= new
        pending += new
    return found


def _worth_another(error: Exception) -> bool:
    if is_transient(error):
        return True
    # a child row that another process made may be gone a moment later
    return describe(error)[0] == "foreign-key violation"


__all__ = ["SqlCleanup", "in_order", "statement"]
