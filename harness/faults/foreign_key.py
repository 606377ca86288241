"""Foreign-key violation: a child row that the cleanup does not know of.

Models a backend that goes on working while the tests are cleaned up: another connection commits
a row that refers to the row about to be deleted, through a foreign key with RESTRICT or NO
ACTION. The database itself refuses the DELETE.

Strikes just before one attempt at one DELETE. Lasting for one attempt, the other program takes
its row away again before the next; lasting for the phase or the cycle, nobody does, and the child
row is one more thing left behind. The guard must survive it: the backup knows neither row.
"""

from __future__ import annotations

from typing import Any

import apsw

from harness.databases.sqlite.names import quoted
from harness.faults import Fault, Shape, Slot
from harness.faults.reach.scene import copy_statement, primary_key
from harness.steps import Step


class ForeignKey(Fault):
    """Commit an unseen child row, so that the database refuses the DELETE."""

    name = "foreign_key"
    contract = "An unseen child row, committed by another connection, makes a DELETE fail."
    reasons = frozenset({"foreign-key violation"})
    _child = ("", 0)

    @classmethod
    def slots(cls, shape: Shape) -> list[Slot]:
        """Every attempt at deleting a row of a table that a restricting foreign key refers to."""
        deletes = {
            entity.label
            for entity in shape.operations
            if entity.before is None
            and not entity.after
            and len(entity.key) == 1
            and entity.table in shape.restricted
        }
        return [slot for slot in shape.cleanup_slots() if slot.operation in deletes]

    @classmethod
    def why_never(cls, shape: Shape) -> str | None:
        """Explain what is missing."""
        if cls.slots(shape):
            return None
        if not shape.cleans:
            return "the policy runs no cleanup"
        return "no restricting foreign key refers to the tables that the cleanup deletes from"

    def strike(self, step: Step) -> None:
        """Commit the child row. While a lock keeps every writer out there can be none."""
        table, _, key = step.operation.removeprefix("delete ").partition(" ")
        connection = self.scene.other()
        try:
            reference = self.scene.child_of(connection, table)
            if reference is None:
                return
            child, column, referred = reference
            value = _referred_value(connection, table, key, referred)
            connection.execute(copy_statement(connection, child, column), (value,))
            if not connection.changes():
                return  # no row to copy
            self._child = (child, connection.last_insert_rowid())
            self.evidence = f"{child} {self._child[1]} committed, refers to {table} {key}"
        except (apsw.BusyError, apsw.ConstraintError):
            return  # locked out, or the parent is gone already: it did not fire
        finally:
            connection.close()

    def lift(self) -> None:
        """Take the child row away, if that is what it was to last for."""
        child, rowid = self._child
        if not rowid or self.planned.lasting != "attempt":
            return
        connection = self.scene.other()
        try:
            connection.execute(f"DELETE FROM {quoted(child)} WHERE rowid = ?", (rowid,))
        except apsw.BusyError:
            self.evidence += "; still there, the database was locked"
        finally:
            connection.close()


def _referred_value(connection: apsw.Connection, table: str, key: str, referred: str) -> Any:
    """What a child must hold to refer to the row of this key; SQLite makes text a number itself."""
    key_column = primary_key(connection, table)
    if key_column.lower() == referred.lower():
        return key
    row = connection.execute(
        f"SELECT {quoted(referred)} FROM {quoted(table)} WHERE {quoted(key_column)} = ?", (key,)
    ).fetchone()
    return row[0] if row else None
