"""Compare the large objects of two databases: not by their pages, but each as a whole.

https://www.postgresql.org/docs/current/largeobjects.html
"""

from __future__ import annotations

from psycopg import Connection

from harness.databases import TableDifferences
from harness.databases.postgresql.mark import Mark
from harness.databases.postgresql.matching import Columns, matched
from harness.databases.postgresql.reading import Cells, both, each
from harness.databases.postgresql.session import Row

NAME = "pg_largeobject"  # under which they are told, as a table of (oid, bytes, digest)
_COLUMNS = Columns(("oid", "bytes", "digest"), ("oid",), ("oid", "bytes"))

_PRESENT = """
SELECT coalesce(array_agg(oid::int8 ORDER BY oid), '{}'),
  has_table_privilege('pg_catalog.pg_largeobject', 'SELECT') FROM pg_largeobject_metadata"""
_WRITTEN = """
SELECT count(*), count(*) FILTER (WHERE age(xmin) <= age('{number}'::xid)),
  pg_snapshot_xmax(pg_current_snapshot())::text::int8 FROM pg_largeobject"""
_DIGESTS = """
SELECT m.oid::text, coalesce(sum(length(data)), 0)::text,
  coalesce(md5(string_agg(pageno || md5(data), ' ' ORDER BY pageno)), '')
FROM pg_largeobject_metadata m LEFT JOIN pg_largeobject l ON l.loid = m.oid GROUP BY m.oid"""


def differences(
    live: Connection[Row], baseline: Connection[Row], mark: Mark | None = None
) -> tuple[TableDifferences, dict[str, str]]:
    """Compare them; where there are none it is a question to each side.

    Args:
        live: in a transaction.
        baseline: in a transaction.
        mark: of the baseline, if it is one of this live database.

    Returns:
        Those that differ, as rows; and why some cannot be read, by "large object" and number.
    """
    (was, may_all_before), (now, may_all_now) = both(
        lambda: _present(baseline), lambda: _present(live)
    )
    may_read_all = may_all_before and may_all_now
    if not (was or now):
        return TableDifferences(), {}
    if was == now and may_read_all and mark is not None:
        counted = _WRITTEN.format(number=mark.first_new % 2**32)
        ((rows, new, _),), ((rows_now, new_now, following),) = both(
            lambda: baseline.execute(counted).fetchall(), lambda: live.execute(counted).fetchall()
        )
        if rows == rows_now and not (new or new_now) and mark.reaches(following):
            return TableDifferences(), {}
    (old, failed), (new, failed_now) = both(
        lambda: _digests(baseline, was, all_at_once=may_read_all),
        lambda: _digests(live, now, all_at_once=may_read_all),
    )
    unread = {f"large object {number}": why for number, why in (failed | failed_now).items()}
    found = matched(
        _COLUMNS,
        [row for row in old if int(row[0] or 0) not in failed_now],
        [row for row in new if int(row[0] or 0) not in failed],
    )
    return found, unread


def _present(connection: Connection[Row]) -> tuple[list[int], bool]:
    ((numbers, may_read_all),) = connection.execute(_PRESENT).fetchall()
    return numbers, may_read_all


def _digests(
    connection: Connection[Row], numbers: list[int], *, all_at_once: bool
) -> tuple[list[Cells], dict[int, str]]:
    if all_at_once:
        return connection.execute(_DIGESTS).fetchall(), {}
    rows, failed = each(
        connection,
        numbers,
        lambda number: f"SELECT {number}::text, length(d)::text, md5(d) FROM lo_get({number}) d",
    )
    return rows, failed


__all__ = ["NAME", "differences"]
