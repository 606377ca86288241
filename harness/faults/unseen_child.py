"""Unseen child row: what foreign_key is for the platform, for any schema and anybody's cleanup.

Models a backend that goes on working while the tests are cleaned up: another connection commits
a row that refers, through a foreign key with RESTRICT or NO ACTION, to a row the tests have made.
The database refuses to delete that row, whichever way the cleanup goes about it.

Strikes just before one attempt at one operation of a cleanup of the user's own. Which rows are
new is seen by comparing keys with the baseline; the child row is one that the schema takes.
Lasting for one attempt, the other program takes its row away again before the next; what triggers
wrote because of it stays. A cleanup that deletes the children of its rows, whoever made them,
deletes this one too: the fault then fired and was masked. The guard must survive it: the backup
knows neither row.
"""

from __future__ import annotations

import os
from typing import Any, NamedTuple
from urllib.parse import quote

import apsw

from harness.cleanup.sql import statement
from harness.databases.schema import ForeignKey
from harness.databases.sqlite.dialect import DIALECT
from harness.databases.sqlite.names import quoted
from harness.faults import Fault, Shape, Slot
from harness.steps import Entity, Step
from harness.test_rows.making import Maker, Refused
from harness.test_rows.schema import Table, read_schema, restricted

_MOST = 100  # new rows of a table that are looked at
_SQL = "statement "  # how the operations of a cleanup by SQL begin


class _Target(NamedTuple):
    """A new row, and a foreign key through which a child may refer to it."""

    child: str
    reference: ForeignKey
    values: tuple[Any, ...]  # for the columns of the foreign key
    key: str  # the new row's, for people


class UnseenChild(Fault):
    """Commit a child of a row that the tests have made."""

    name = "unseen_child"
    contract = "A child row that another connection commits makes a cleanup's DELETE fail."
    # What code of the user's own says of it is for it to choose: "exit status 1", "IntegrityError".
    reasons = None
    _child: Entity | None = None

    @classmethod
    def slots(cls, shape: Shape) -> list[Slot]:
        """Every attempt at every operation of a cleanup of the user's own."""
        return list(shape.own) if shape.cleans and shape.restricted else []

    @classmethod
    def why_never(cls, shape: Shape) -> str | None:
        """Explain what is missing."""
        if cls.slots(shape):
            return None
        if not shape.cleans:
            return "the policy runs no cleanup"
        if not shape.own:
            return "the cleanup is none of the user's own; see foreign_key"
        return "no restricting foreign key refers to a table"

    def strike(self, step: Step) -> None:
        """Commit the child row. While a lock keeps every writer out there can be none."""
        if self.scene.pristine is None:
            return
        if step.operation.startswith(_SQL):
            self.reasons = frozenset({"foreign-key violation"})
        connection = _beside(self.scene.database, self.scene.pristine)
        try:
            connection.execute("BEGIN IMMEDIATE")
            self._strike(connection)
        except (apsw.BusyError, apsw.ConstraintError):
            self._child, self.evidence = None, ""  # locked out, or refused when it was committed
        finally:
            connection.close()

    def _strike(self, connection: apsw.Connection) -> None:
        schema = read_schema(connection)
        targets = [
            target
            for name in sorted(restricted(schema))
            for target in _targets(connection, schema, schema[name])
        ]
        start = int(self.planned.where * len(targets))
        for target in targets[start:] + targets[:start]:
            child = _adopt(connection, schema, target, int(self.planned.where * 2**32))
            if child is not None:
                connection.execute("COMMIT")
                self._child = child
                key = " ".join(str(value) for _, value in child.key)
                parent = target.reference.parent
                self.evidence = f"{child.table} {key} committed, refers to {parent} {target.key}"
                return

    def lift(self) -> None:
        """Take the child row away, if that is what it was to last for."""
        if self._child is None or self.planned.lasting != "attempt":
            return
        child, self._child = self._child, None
        connection = self.scene.other()
        try:
            connection.execute(*statement(child, DIALECT))
        except apsw.BusyError:
            self.evidence += "; still there, the database was locked"
        except apsw.ConstraintError as error:
            self.evidence += f"; still there: {error}"
        finally:
            connection.close()


def _beside(database: Any, pristine: Any) -> apsw.Connection:
    """Connect as another program would, with the baseline attached as ``was``."""
    live_path, pristine_path = (
        quote(os.fsencode(os.path.abspath(path))) for path in (database, pristine)
    )
    connection = apsw.Connection(
        f"file://{live_path}", flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_URI
    )
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_FKEY, 1)
    connection.execute("ATTACH ? AS was", (f"file://{pristine_path}?immutable=1",))
    return connection


def _targets(connection: Any, schema: dict[str, Table], table: Table) -> list[_Target]:
    """Every way in which a child may refer to a new row of ``table``."""
    rows = _new_rows(connection, table)
    return [
        _Target(child.name, reference, values, " ".join(str(row[name]) for name in table.key))
        for row in rows
        for child in schema.values()
        for reference in child.references
        if reference.restricts and reference.parent == table.name
        if None not in (values := tuple(row.get(name) for name in reference.referred))
    ]


def _new_rows(connection: Any, table: Table) -> list[dict[str, Any]]:
    """The rows whose keys the baseline does not know.

    Most often they have the greatest numbers; only where no row has, all keys are compared.
    """
    if not table.key:
        return []
    names = list(dict.fromkeys([*table.key, *table.readable]))
    listed = ", ".join(f"m.{quoted(name)}" for name in names)
    name, first_key = quoted(table.name), quoted(table.key[0])
    numbered = table.alias is not None or table.key[0] not in table.readable
    queries = [
        f"SELECT {listed} FROM main.{name} m WHERE NOT EXISTS (SELECT 1 FROM was.{name} w WHERE "
        + " AND ".join(f"w.{quoted(key)} = m.{quoted(key)}" for key in table.key)
        + f") LIMIT {_MOST}"
    ]
    if numbered:
        queries.insert(
            0,
            f"SELECT {listed} FROM main.{name} m WHERE m.{first_key} > "
            f"coalesce((SELECT max({first_key}) FROM was.{name}), 0) LIMIT {_MOST}",
        )
    for query in queries:
        rows = connection.execute(query).fetchall()
        if rows:
            return [dict(zip(names, row, strict=True)) for row in rows]
    return []


def _adopt(connection: Any, schema: dict[str, Table], target: _Target, seed: int) -> Entity | None:
    """Give the new row a child; None where the schema takes none that could be thought of."""
    given = dict(zip(target.reference.columns, target.values, strict=True))
    try:
        return Maker(connection, schema, seed).row(target.child, given).entity
    except Refused:
        return None


__all__ = ["UnseenChild"]
