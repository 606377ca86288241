"""Compare tables by what is in them: every row is read where it is, and a digest of it leaves.

A digest has 64 bits, and is one of the text of all the row's values. Tables that are alike give
one number each; of a large one that is not, one for each part, so that only parts that differ are
looked at row by row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import merge
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

import psycopg
from psycopg import Connection

from harness.databases import TableDifferences
from harness.databases.postgresql.matching import MOST_ROWS, Columns, matched
from harness.databases.postgresql.reading import (
    Cells,
    both,
    each,
    is_of_what_is_read,
    said,
    texts,
)
from harness.databases.postgresql.session import Row
from harness.databases.postgresql.tables import StoredTable

_PARTS = 1024  # of a large table with a key; a power of two
_LARGE = 256  # pages
_AT_ONCE = 20_000  # digests held in memory at a time, of each side


class Pair(NamedTuple):
    """One table on both sides; None where it is not."""

    number: int
    was: StoredTable | None
    now: StoredTable | None


class _Row(NamedTuple):
    """A row that one side has."""

    key: int
    digest: int
    place: str
    of_live: bool


def compare(
    was: Connection[Row], now: Connection[Row], pairs: Sequence[Pair]
) -> tuple[dict[int, TableDifferences], dict[int, str]]:
    """Compare tables whatever happened to them.

    Columns that one side alone has are left out; of a table that one side alone has, all rows are.

    Returns:
        By number, how tables differ; and why a table cannot be read.
    """
    columns = {pair.number: Columns.common(pair.was, pair.now) for pair in pairs}
    of_both = [pair for pair in pairs if _is_read(pair.was) and _is_read(pair.now)]
    parts = {
        pair.number: _PARTS if columns[pair.number].key and _is_large(pair) else 1
        for pair in of_both
    }
    (before, failed), (after, failed_now) = both(
        lambda: _sums(was, {one.number: one.was for one in of_both if one.was}, columns, parts),
        lambda: _sums(now, {one.number: one.now for one in of_both if one.now}, columns, parts),
    )
    failed |= failed_now
    found: dict[int, TableDifferences] = {}
    for pair in pairs:
        number = pair.number
        if number in failed:
            continue
        try:
            if number not in parts:
                rows = _one_sided(was, now, pair, columns[number])
            elif differing := _differing(before.get(number, {}), after.get(number, {})):
                only = differing if parts[number] > 1 else None
                rows = _row_by_row(was, now, pair, columns[number], only)
            else:
                continue
        except _Unreadable as why:
            failed[number] = str(why)
            continue
        if len(rows):
            found[number] = rows
    return found, failed


class _Unreadable(Exception):
    """This table cannot be read; why."""


def _is_read(table: StoredTable | None) -> bool:
    return table is not None and table.populated


def _is_large(pair: Pair) -> bool:
    return any(table is not None and table.pages > _LARGE for table in (pair.was, pair.now))


def _digest(text: str) -> str:
    return f'hashtextextended({text} COLLATE "C", 0)'


_Sums = dict[int, tuple[int, Any]]  # part -> rows, sum of their digests


def _sums(
    connection: Connection[Row],
    tables: Mapping[int, StoredTable],
    columns: Mapping[int, Columns],
    parts: Mapping[int, int],
) -> tuple[dict[int, _Sums], dict[int, str]]:
    def query(number: int) -> str:
        compared, table = columns[number], tables[number].sql
        summed = f"count(*), sum({_digest(compared.row)})"
        if parts[number] == 1:
            return f"SELECT {number}, 0::int8, {summed} FROM {table}"
        return (
            f"SELECT {number}, {_part(compared, parts[number])}, {summed} FROM {table} GROUP BY 2"
        )

    sums: dict[int, _Sums] = {}
    rows, failed = each(connection, sorted(tables), query)
    for number, part, count, total in rows:
        sums.setdefault(number, {})[part] = (count, total)
    return sums, failed


def _part(columns: Columns, parts: int) -> str:
    return f"{_digest(columns.key_row)} & {parts - 1}"


def _differing(was: _Sums, now: _Sums) -> list[int]:
    return sorted(part for part in was.keys() | now.keys() if was.get(part) != now.get(part))


def _one_sided(
    was: Connection[Row], now: Connection[Row], pair: Pair, columns: Columns
) -> TableDifferences:
    """Give the rows of a table that only one side has, or can have."""
    rows: dict[bool, list[Cells]] = {False: [], True: []}
    beyond = {False: 0, True: 0}
    for of_live, connection, table in ((False, was, pair.was), (True, now, pair.now)):
        if table is None or not table.populated:
            continue
        selected = f"SELECT {columns.selected} FROM {table.sql} LIMIT {MOST_ROWS}"
        rows[of_live] = _texts(connection, selected)
        if len(rows[of_live]) == MOST_ROWS:
            ((count,),) = _texts(connection, f"SELECT count(*) FROM {table.sql}")
            beyond[of_live] = int(count or 0) - MOST_ROWS
    return matched(columns, rows[False], rows[True], (beyond[True], beyond[False], 0))


def _texts(connection: Connection[Row], query: str) -> list[Cells]:
    """Read what may turn out not to be readable."""
    connection.execute("SAVEPOINT reading")
    try:
        return texts(connection, query)
    except psycopg.Error as error:
        if not is_of_what_is_read(error):
            raise
        connection.execute("ROLLBACK TO reading")
        raise _Unreadable(said(error)) from error


@dataclass(slots=True)
class _Found:
    """What comparing row by row finds: places while they are few, and how many beside."""

    was: list[str] = field(default_factory=list)
    now: list[str] = field(default_factory=list)
    beyond: list[int] = field(default_factory=lambda: [0, 0, 0])

    def take(self, rows: Sequence[_Row], *, keyed: bool) -> None:
        """Take the rows of one key."""
        before = Counter(row.digest for row in rows if not row.of_live)
        after = Counter(row.digest for row in rows if row.of_live)
        if before == after:
            return
        gone, new = before - after, after - before
        if len(self.was) + len(self.now) + gone.total() + new.total() > MOST_ROWS:
            changed = min(gone.total(), new.total()) if keyed else 0
            for place, more in enumerate((new.total() - changed, gone.total() - changed, changed)):
                self.beyond[place] += more
            return
        for row in rows:
            left, places = (new, self.now) if row.of_live else (gone, self.was)
            if left[row.digest] > 0:
                left[row.digest] -= 1
                places.append(row.place)


def _row_by_row(
    was: Connection[Row], now: Connection[Row], pair: Pair, columns: Columns, only: list[int] | None
) -> TableDifferences:
    """Go through the rows of both sides in the same order, and read those that differ."""
    assert pair.was is not None  # noqa: S101 - for mypy: it is on both sides
    assert pair.now is not None  # noqa: S101 - and here
    found = _Found()
    sides = (
        _digests(was, pair.was, columns, only, of_live=False),
        _digests(now, pair.now, columns, only, of_live=True),
    )
    for _, rows in groupby(merge(*sides), key=itemgetter(0)):
        found.take(list(rows), keyed=bool(columns.key))
    was_sql, now_sql = pair.was.sql, pair.now.sql
    before, after = both(
        lambda: _at(was, was_sql, columns, found.was),
        lambda: _at(now, now_sql, columns, found.now),
    )
    added, missing, changed = found.beyond
    return matched(columns, before, after, (added, missing, changed))


def _digests(
    connection: Connection[Row],
    table: StoredTable,
    columns: Columns,
    only: list[int] | None,
    *,
    of_live: bool,
) -> Iterator[_Row]:
    """Give what stands for each row, in order, a bounded number in memory."""
    digest = _digest(columns.row)
    key = _digest(columns.key_row) if columns.key else "digest"
    where = (
        f" WHERE {_part(columns, _PARTS)} = ANY('{{{','.join(map(str, only))}}}')" if only else ""
    )
    rows = f"SELECT {digest} AS digest, ctid::text AS place"
    rows += f", {key} AS key" if columns.key else ""
    ordered = f"SELECT {'key' if columns.key else 'digest'}, digest, place"
    ordered += f" FROM ({rows} FROM {table.sql}{where}) r ORDER BY 1, 2"
    connection.execute(f"DECLARE rows NO SCROLL CURSOR FOR {ordered}")
    try:
        while block := connection.execute(f"FETCH {_AT_ONCE} FROM rows").fetchall():
            yield from (_Row(key, digest, place, of_live) for key, digest, place in block)
    finally:
        connection.execute("CLOSE rows")


def _at(
    connection: Connection[Row], sql: str, columns: Columns, places: Iterable[str]
) -> list[Cells]:
    quoted_places = ",".join(f'"{place}"' for place in places)
    if not quoted_places:
        return []
    return texts(
        connection,
        f"SELECT {columns.selected} FROM {sql} WHERE ctid = ANY('{{{quoted_places}}}'::tid[])",
    )


__all__ = ["Pair", "compare"]
