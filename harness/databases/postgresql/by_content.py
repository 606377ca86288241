"""Compare tables by what is in them: every row is read where it is, and a digest of it leaves.

A digest has 64 bits, and is one of the text of all the row's values. Tables that are alike give
one number each; of a large one that is not, one for each part, so that only parts that differ are
looked at row by row.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
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
_SORTING_KB = 65_536  # that the server may use to sort those of one table

_Row = tuple[int, int, str]  # a digest of the key, of the row, and the row's place


class Pair(NamedTuple):
    """One table on both sides; None where it is not."""

    number: int
    was: StoredTable | None
    now: StoredTable | None


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

    keyed: bool
    was: list[str] = field(default_factory=list)
    now: list[str] = field(default_factory=list)
    beyond: Counter[str] = field(default_factory=Counter)

    def take(self, was: Sequence[_Row], now: Sequence[_Row]) -> None:
        """Take all rows of some keys."""
        before, after = _places(was), _places(now)
        if len(before) < len(was) or len(after) < len(now):
            gone, new = _spare(was, now), _spare(now, was)
        else:
            gone = {row: before[row] for row in before.keys() - after.keys()}
            new = {row: after[row] for row in after.keys() - before.keys()}
        room = MOST_ROWS - len(self.was) - len(self.now)
        if len(gone) + len(new) > room:
            self._count(gone, new, room)
        self.was += gone.values()
        self.now += new.values()

    def _count(self, gone: dict[Any, str], new: dict[Any, str], room: int) -> None:
        """Leave as many as there is room for; count the others."""
        keys = {row[0] for row in gone}, {row[0] for row in new}
        kept = set(sorted(keys[0] | keys[1])[: max(0, room) // 2])
        changed = len((keys[0] & keys[1]) - kept) if self.keyed else 0
        for rows, what in ((gone, "missing"), (new, "added")):
            others = [row for row in rows if row[0] not in kept]
            self.beyond[what] += len(others) - changed
            for row in others:
                del rows[row]
        self.beyond["changed"] += changed


def _places(rows: Iterable[_Row]) -> dict[Any, str]:
    return {(key, digest): place for key, digest, place in rows}


def _spare(rows: Iterable[_Row], others: Iterable[_Row]) -> dict[Any, str]:
    """Give the rows that have no partner among the others, where equal rows may be several."""
    left = Counter((key, digest) for key, digest, _ in others)
    spare: dict[Any, str] = {}
    for key, digest, place in rows:
        left[key, digest] -= 1
        if left[key, digest] < 0:
            spare[key, digest, place] = place
    return spare


def _row_by_row(
    was: Connection[Row], now: Connection[Row], pair: Pair, columns: Columns, only: list[int] | None
) -> TableDifferences:
    """Go through the rows of both sides in the same order, and read those that differ."""
    assert pair.was is not None  # noqa: S101 - for mypy: it is on both sides
    assert pair.now is not None  # noqa: S101 - and here
    was_sql, now_sql = pair.was.sql, pair.now.sql
    found = _Found(bool(columns.key))
    with (
        _Digests(was, was_sql, columns, only) as before,
        _Digests(now, now_sql, columns, only) as after,
    ):
        while True:
            both(before.fill, after.fill)
            ends = [one.rows[-1][0] for one in (before, after) if not one.is_done]
            end = min(ends) if ends else None
            found.take(before.up_to(end), after.up_to(end))
            if end is None:
                break
    old, new = both(
        lambda: _at(was, was_sql, columns, found.was),
        lambda: _at(now, now_sql, columns, found.now),
    )
    beyond = found.beyond
    return matched(columns, old, new, (beyond["added"], beyond["missing"], beyond["changed"]))


class _Digests:
    """What stands for each row of a table, in the order of keys; a bounded number in memory."""

    def __init__(
        self, connection: Connection[Row], sql: str, columns: Columns, only: list[int] | None
    ) -> None:
        self._connection = connection
        self.rows: list[_Row] = []
        self.is_done = False
        digest = _digest(columns.row)
        rows = f"SELECT {digest} AS digest, ctid::text AS place"
        rows += f", {_digest(columns.key_row)} AS key" if columns.key else ""
        where = ""
        if only is not None:
            parts = ",".join(map(str, only))
            where = f" WHERE {_part(columns, _PARTS)} = ANY('{{{parts}}}')"
        ordered = f"SELECT {'key' if columns.key else 'digest'}, digest, place"
        ordered += f" FROM ({rows} FROM {sql}{where}) r ORDER BY 1"
        connection.execute(f"SET LOCAL work_mem = {_SORTING_KB}")
        connection.execute(f"DECLARE rows NO SCROLL CURSOR FOR {ordered}")

    def __enter__(self) -> _Digests:
        """Be open."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close; an error has done it already."""
        if error[0] is None:
            self._connection.execute("CLOSE rows")

    def fill(self) -> None:
        """Have rows of more than one key, or all that are left."""
        while not self.is_done and (
            len(self.rows) < _AT_ONCE or self.rows[0][0] == self.rows[-1][0]
        ):
            cursor = self._connection.execute(f"FETCH {_AT_ONCE} FROM rows", binary=True)
            block = cursor.fetchall()
            self.is_done = len(block) < _AT_ONCE
            self.rows += block

    def up_to(self, end: int | None) -> list[_Row]:
        """Take the rows of the keys before ``end``; None takes all. Later keys may go on."""
        count = len(self.rows) if end is None else bisect_left(self.rows, end, key=itemgetter(0))
        taken, self.rows = self.rows[:count], self.rows[count:]
        return taken


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
