"""TRUNCATE, and the rows again: what many test suites do between tests. A control.

Needs: what ``template`` needs for its copy of the baseline, and tables that are there.
Survives: being killed: it is one transaction.
Loses: whatever is no row of a table. Tables, columns and functions that tests have made or changed
stay so; sequences of columns begin at their start again, below the rows that were put back, and
others stay where the tests left them; large objects and materialised views stay as they are;
triggers fire while the rows come back. It waits for everybody who has a table locked. Never use it
where the baseline must come back.
"""

from __future__ import annotations

from contextlib import closing

from psycopg import Connection

from harness.databases.postgresql.session import Row, connect
from harness.recovery.postgresql.refilling import Table, fill, parents_first
from harness.recovery.template import Template


class Truncate(Template):
    """Empty every table at once and fill it from the backup."""

    name = "truncate"
    contract = "empties all tables and puts their rows back; misses all that is no row; a control"
    control = True
    rows_alone = True
    needs_sole_access = False

    def restore(self) -> None:
        """Do it, in one transaction; RestoreError or the server's own error: nothing is changed."""
        self.check()
        timeout_ms = self.busy_timeout_ms
        with (
            closing(connect(self.database, busy_timeout_ms=timeout_ms)) as live,
            closing(connect(self.backup, busy_timeout_ms=timeout_ms, read_only=True)) as baseline,
            live.transaction(),
        ):
            tables = parents_first(baseline)
            self.empty(live, tables)
            fill(live, baseline, tables)

    def empty(self, live: Connection[Row], tables: list[Table]) -> None:
        """Empty tables, given parents first."""
        names = ", ".join(table.name for table in tables)
        if names:
            live.execute(f"TRUNCATE {names} RESTART IDENTITY CASCADE".encode())
