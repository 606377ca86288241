"""Compare the rows of one SQLite table in two states by SQL, exact in type as well as value."""

from __future__ import annotations

import marshal
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import apsw

from harness.databases import Row, TableDifferences
from harness.databases.sqlite.names import free_rowid, quoted
from harness.databases.sqlite.pages import EVERY_ROWID, Range, encoding_of
from harness.databases.sqlite.stored import StoredTable, column_names

_AT_ONCE = 10_000  # rows of the baseline held in memory at a time
# A definition that may have generated columns, or columns that hide the rowid's names.
_ASK_FOR_COLUMNS = re.compile(r"\bas\b|rowid|\boid\b", re.IGNORECASE)


class Columns(NamedTuple):
    """What to select from a table."""

    key: str | None  # a name of the rowid; None where there is none, or columns took all names
    stored: tuple[str, ...]  # () for all, which spares asking
    primary_key: tuple[str, ...]


class Pair(NamedTuple):
    """The same table before and now; None where it is not."""

    before: StoredTable | None
    now: StoredTable | None


def compare(
    before: apsw.Connection,
    now: apsw.Connection,
    pair: Pair,
    ranges: Sequence[Range],
    *,
    exact: bool,
) -> TableDifferences:
    """Compare a table's rows within rowid ranges (a table without rowid: all its rows).

    Rows are (rowid, columns...), of WITHOUT ROWID tables (columns...). Rows with the same rowid
    or primary key that are not the same in type and value are ``changed``. Where columns hide
    every name of the rowid, equal rows pair up and the others are ``added`` or ``missing``.

    Args:
        before: the baseline.
        now: the live database.
        pair: the table in both.
        ranges: the rowid ranges in which rows may differ.
        exact: whether to compare text as its bytes from the start, as UTF-16 needs, where a
            conversion may lose what is not valid; otherwise only where text is not valid UTF-8.

    Raises:
        apsw.Error: SQLite cannot read the table in one of the states.
    """
    table_before, table_now = pair
    if (
        table_before is None
        or table_now is None
        or table_before.without_rowid != table_now.without_rowid
    ):
        return TableDifferences(
            added=_all_rows(now, table_now) if table_now else (),
            missing=_all_rows(before, table_before) if table_before else (),
        )
    try:
        columns = _common_columns(before, now, pair, ask=exact)
        return _compare(before, now, table_before.name, columns, ranges, exact=exact)
    except UnicodeDecodeError:  # text that is not UTF-8
        columns = _common_columns(before, now, pair, ask=True)
        return _compare(before, now, table_before.name, columns, ranges, exact=True)


def _all_rows(connection: apsw.Connection, table: StoredTable) -> tuple[Row, ...]:
    columns = _columns(connection, table, ask=True)
    try:
        return tuple(_Reader(connection, table.name, columns, exact=False).read())
    except UnicodeDecodeError:
        reader = _Reader(connection, table.name, columns, exact=True)
        return tuple(map(reader.present, reader.read()))


def _common_columns(
    before: apsw.Connection, now: apsw.Connection, pair: Pair, *, ask: bool
) -> Columns:
    """Choose the columns to compare: all stored ones, of two definitions those in both."""
    table_before, table_now = pair
    assert table_before is not None  # noqa: S101 - says it to the type checker
    assert table_now is not None  # noqa: S101 - and here
    if table_before.sql == table_now.sql:
        return _columns(before, table_before, ask=ask)
    columns_before, columns_now = (
        _columns(before, table_before, ask=True),
        _columns(now, table_now, ask=True),
    )
    stored = tuple(name for name in columns_before.stored if name in columns_now.stored)
    same_key = (
        columns_before.key == columns_now.key
        and columns_before.primary_key == columns_now.primary_key
    )
    return Columns(
        columns_before.key if same_key else None,
        stored,
        columns_before.primary_key if same_key else (),
    )


def _columns(connection: apsw.Connection, table: StoredTable, *, ask: bool = False) -> Columns:
    if not (ask or table.without_rowid or _ASK_FOR_COLUMNS.search(table.sql)):
        return Columns("rowid", (), ())
    every, stored, primary_key = column_names(connection, table.name)
    if table.without_rowid:
        return Columns(None, stored, primary_key)
    return Columns(free_rowid(every), stored, ())


class _Reader:
    """Reads rows of one table; ``exact`` reads text as its bytes, beside a flag that it is text."""

    def __init__(
        self, connection: apsw.Connection, name: str, columns: Columns, *, exact: bool
    ) -> None:
        self._connection = connection
        self._key = columns.key
        self._exact = exact
        self._leading = 0 if columns.key is None else 1
        stored = [quoted(column) for column in columns.stored]
        if exact:
            stored = [
                f"CASE typeof({c}) WHEN 'text' THEN CAST({c} AS BLOB) ELSE {c} END, "
                f"typeof({c}) = 'text'"
                for c in stored
            ]
            self._codec = encoding_of(connection)
        selected = ([columns.key] if columns.key else []) + (stored or ["*"])
        self._sql = f"SELECT {', '.join(selected)} FROM main.{quoted(name)}"
        width = 2 if exact else 1  # a value and its flag
        self._key_cells = [0] * self._leading + [
            columns.stored.index(column) * width + i
            for column in columns.primary_key
            for i in range(width)
        ]

    def read(self, covered: Range = EVERY_ROWID, limit: int = -1) -> list[Row]:
        """Read the rows of a rowid range in order, or all rows where there is no rowid."""
        if self._key is None:  # no ranges then, and no limit
            return self._connection.execute(self._sql).fetchall()
        where = f" WHERE {self._key} BETWEEN ? AND ? ORDER BY {self._key} LIMIT ?"
        return self._connection.execute(self._sql + where, (*covered, limit)).fetchall()

    def key_of(self, row: Row) -> Row:
        """Give what identifies a row: its rowid or its primary key; () where there is neither."""
        return tuple(row[cell] for cell in self._key_cells)

    def present(self, row: Row) -> Row:
        """Give a row for people to see, text as text."""
        if not self._exact:
            return row
        pairs = zip(row[self._leading :: 2], row[self._leading + 1 :: 2], strict=True)
        return row[: self._leading] + tuple(
            value.decode(self._codec, "surrogateescape" if self._codec == "utf-8" else "replace")
            if is_text
            else value
            for value, is_text in pairs
        )


def _compare(
    before: apsw.Connection,
    now: apsw.Connection,
    name: str,
    columns: Columns,
    ranges: Iterable[Range],
    *,
    exact: bool,
) -> TableDifferences:
    reader_before = _Reader(before, name, columns, exact=exact)
    reader_now = _Reader(now, name, columns, exact=exact)
    added: list[Row] = []
    missing: list[Row] = []
    changed: list[tuple[Row, Row]] = []
    for rows_before, rows_now in _blocks(
        reader_before, reader_now, ranges if columns.key else (EVERY_ROWID,)
    ):
        if marshal.dumps(rows_before, 2) == marshal.dumps(rows_now, 2):
            continue
        differing = _apart(rows_before, rows_now, reader_before.key_of)
        added += map(reader_now.present, differing.added)
        missing += map(reader_before.present, differing.missing)
        changed += [
            (reader_before.present(row_before), reader_now.present(row_now))
            for row_before, row_now in differing.changed
        ]
    return TableDifferences(tuple(added), tuple(missing), tuple(changed))


def _blocks(
    old: _Reader, new: _Reader, ranges: Iterable[Range]
) -> Iterator[tuple[list[Row], list[Row]]]:
    """Give the rows of the ranges before and now, a bounded number of the baseline's at a time."""
    for low, high in ranges:
        start = low
        while True:
            block = old.read((start, high), _AT_ONCE)
            if len(block) != _AT_ONCE:  # the last, or all that a table without rowid has
                yield block, new.read((start, high))
                break
            last_rowid = block[-1][0]
            yield block, new.read((start, last_rowid))
            if last_rowid == high:
                break
            start = last_rowid + 1


def _apart(
    rows_before: list[Row], rows_now: list[Row], key_of: Callable[[Row], Row]
) -> TableDifferences:
    """Pair rows by key and compare each pair's bytes; where keys are not unique pair equal rows."""
    by_key_before = {key_of(row): row for row in rows_before}
    by_key_now = {key_of(row): row for row in rows_now}
    if (
        () in by_key_before
        or () in by_key_now
        or len(by_key_before) != len(rows_before)
        or len(by_key_now) != len(rows_now)
    ):
        return _apart_by_content(rows_before, rows_now)
    return TableDifferences(
        added=tuple(row for key, row in by_key_now.items() if key not in by_key_before),
        missing=tuple(row for key, row in by_key_before.items() if key not in by_key_now),
        changed=tuple(
            (row, by_key_now[key])
            for key, row in by_key_before.items()
            if key in by_key_now and marshal.dumps(row, 2) != marshal.dumps(by_key_now[key], 2)
        ),
    )


def _apart_by_content(rows_before: list[Row], rows_now: list[Row]) -> TableDifferences:
    unmatched: defaultdict[bytes, list[Row]] = defaultdict(list)
    for row in rows_before:
        unmatched[marshal.dumps(row, 2)].append(row)
    added: list[Row] = []
    for row in rows_now:
        equal_rows = unmatched[marshal.dumps(row, 2)]
        if equal_rows:
            equal_rows.pop()
        else:
            added.append(row)
    return TableDifferences(
        added=tuple(added), missing=tuple(row for rows in unmatched.values() for row in rows)
    )
