from __future__ import annotations

import pytest

pytest.importorskip("psycopg", reason="the extra [postgres] is not installed")

from harness.databases import TableDifferences
from harness.databases.postgresql.large_objects import differences
from harness.databases.postgresql.mark import Mark
from harness.databases.postgresql.reading import one_moment
from tests.databases.postgresql.pairs import BASELINE, Pair, opened
from tests.postgres import Databases

SCRIPT = """
SELECT lo_from_bytea(90001, 'one'), lo_from_bytea(90002, 'two'), lo_from_bytea(90003, ''),
  lo_from_bytea(90004, convert_to(repeat('x', 9000), 'UTF8'))
"""


def found(
    pair: Pair, mark: Mark | None, user: str = "postgres"
) -> tuple[TableDifferences, dict[str, str]]:
    """Compare."""
    with (
        opened(pair.address(BASELINE, user)) as was,
        opened(pair.address(user=user)) as now,
        one_moment(was),
        one_moment(now),
    ):
        return differences(now, was, mark)


def test_large_objects_are_compared_as_a_whole(databases: Databases) -> None:
    """Made, removed, emptied or written in the middle; by the mark and without it."""
    pair = Pair(databases, SCRIPT)
    for mark in (pair.mark, None):
        assert found(pair, mark) == (TableDifferences(), {})
    pair.run(
        "SELECT lo_unlink(90001)",
        "SELECT lo_put(90002, 1, 'X')",
        "SELECT lo_from_bytea(90005, '')",
        "SELECT lo_put(90004, 5000, 'x')",  # as it is
    )
    for mark in (pair.mark, None):
        rows, unread = found(pair, mark)
        assert [row[:2] for row in rows.added] == [(90005, 0)]
        assert [row[:2] for row in rows.missing] == [(90001, 3)]
        assert [(was[:2], now[:2]) for was, now in rows.changed] == [((90002, 3), (90002, 3))]
        assert unread == {}


def test_a_large_object_that_may_not_be_read_is_said(databases: Databases) -> None:
    """The others of a role that may not read them all are compared one by one."""
    databases.admin("CREATE ROLE app LOGIN")
    pair = Pair(databases, SCRIPT + "; GRANT SELECT ON LARGE OBJECT 90001, 90003 TO app")
    pair.run("SELECT lo_put(90001, 1, 'X')", "SELECT lo_put(90002, 1, 'X')")
    rows, unread = found(pair, pair.mark, "app")
    assert [was[0] for was, _ in rows.changed] == [90001]
    assert unread.keys() == {"large object 90002", "large object 90004"}
    assert "permission denied" in unread["large object 90002"]
