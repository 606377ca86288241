"""DELETE in the order of foreign keys, and the rows again. A control.

Needs and survives: as ``truncate``, but it locks no table for readers.
Loses: what ``truncate`` loses; and sequences, those of columns too, stay where the tests left them,
rows that tests have put into tables of their own keep rows from being deleted, and triggers fire
at each row that goes.
"""

from __future__ import annotations

from psycopg import Connection

from harness.databases.postgresql.session import Row
from harness.recovery.postgresql.refilling import Table
from harness.recovery.truncate import Truncate


class Delete(Truncate):
    """Delete every row, children first, and fill the tables from the backup."""

    name = "delete"
    contract = "deletes all rows and puts them back; misses all that is no row; a control"

    def empty(self, live: Connection[Row], tables: list[Table]) -> None:
        """Delete the rows of tables, given parents first."""
        for table in reversed(tables):
            live.execute(f"DELETE FROM {table.rows}".encode())
