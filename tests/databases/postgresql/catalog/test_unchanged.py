# ruff: noqa: PLC0415 - the packages may not be there

from __future__ import annotations

import pytest

from tests.databases.postgresql.catalog.conftest import Scene, connected
from tests.postgres import Databases
from tests.recovery.postgresql.given import until

SCRIPT = """
CREATE TABLE t (a int PRIMARY KEY, b text); CREATE INDEX i ON t (b); INSERT INTO t VALUES (1, 'x');
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; COMMENT ON TABLE t IS 'x'
"""


class Mark:
    """A database, and what a backup of it would note."""

    def __init__(self, databases: Databases) -> None:
        from harness.databases.postgresql.catalog import counts

        self.databases = databases
        databases.make("marked", SCRIPT)
        self.live = connected(databases, "marked")
        self.since = self.live.execute(
            "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::int8"
        ).fetchall()[0][0]
        self.counts = counts(self.live)

    def unchanged(self) -> bool:
        """Ask again."""
        from harness.databases.postgresql.catalog import unchanged

        return unchanged(self.live, self.since, self.counts)


def test_what_defines_nothing_leaves_it_unchanged(databases: Databases) -> None:
    """Rows, VACUUM, ANALYZE, a temporary table and what is rolled back change no catalog."""
    mark = Mark(databases)
    databases.run(
        "marked", "INSERT INTO t SELECT n, 'y' FROM generate_series(2, 500) n", "DELETE FROM t",
        "VACUUM", "VACUUM FREEZE t", "ANALYZE", "CREATE TEMP TABLE gone (a int)",
        "BEGIN; CREATE TABLE back (a int); DROP TABLE t; ROLLBACK",
    )  # fmt: skip
    until(mark.unchanged, "the end of that session, and of its temporary table")


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE more (a int)",
        "DROP INDEX i",
        "DROP FUNCTION f()",
        "COMMENT ON TABLE t IS NULL",
        "COMMENT ON TABLE t IS 'y'",
        "ALTER TABLE t ADD c int",
        "GRANT SELECT ON t TO public",
        "ALTER TABLE t DISABLE TRIGGER ALL; ALTER TABLE t CLUSTER ON i",
        "SELECT lo_create(5)",
    ],
)
def test_what_defines_is_a_change(databases: Databases, statement: str) -> None:
    """What is added, changed or dropped is told, also where only a row of a catalog is gone."""
    mark = Mark(databases)
    assert mark.unchanged()
    databases.run("marked", statement)
    assert not mark.unchanged()


def test_a_mark_of_half_of_all_transactions_ago_proves_nothing(scene: Scene) -> None:
    """Where a transaction's age has no meaning any more, definitions have to be read."""
    from harness.databases.postgresql.catalog import counts, unchanged

    assert not unchanged(scene.live, -(2**31), counts(scene.live))
