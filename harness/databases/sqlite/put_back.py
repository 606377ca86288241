"""Make the rows of one SQLite table that differ the baseline's again, exact in type and bytes."""

from __future__ import annotations

import marshal
from collections.abc import Iterable
from typing import Any, NamedTuple

import apsw

from harness.databases import Row, TableDifferences
from harness.databases.sqlite.names import free_rowid, quoted
from harness.databases.sqlite.schema import columns
from harness.databases.sqlite.stored import is_without_rowid

# Bound as whether it is text, then twice as bytes or itself: text may be valid in no encoding.
_VALUE = "CASE WHEN ? THEN CAST(? AS TEXT) ELSE ? END"


class Refused(Exception):
    """This table cannot be put back by SQL; says why. Nothing of it was touched."""


class _Shape(NamedTuple):
    """How to read and write a table's rows."""

    table: str  # quoted
    columns: tuple[str, ...]  # all but the generated ones, quoted; the rowid first where there is
    key: tuple[int, ...]  # which of ``columns`` identify a row
    has_rowid: bool


def put_back(base: Any, live: Any, name: str, rows: TableDifferences) -> None:
    """Delete what ``rows`` says was added or changed, insert what was missing or changed.

    All deletes first: values that unique columns exchanged between rows are never in the way.

    Every row is counted: one that a trigger swallows (RAISE(IGNORE)), or that somebody else has
    removed meanwhile, is no row put back.

    Raises:
        Refused: the table is one that this cannot do.
        apsw.ConstraintError: not every row was deleted or inserted; roll back.
        apsw.Error: SQLite refuses; roll back.
    """
    shape = _shape(base, name)
    if shape.has_rowid:
        changed = [before[0] for before, _ in rows.changed]
        to_delete = [((0, key, key),) for key in [row[0] for row in rows.added] + changed]
        to_insert = _read_keys(base, shape, [row[0] for row in rows.missing] + changed)
    else:
        baseline_rows, live_rows = _read_all(base, shape), _read_all(live, shape)
        to_delete = [
            tuple(row[place] for place in shape.key)
            for mark, row in live_rows.items()
            if mark not in baseline_rows
        ]
        to_insert = [row for mark, row in baseline_rows.items() if mark not in live_rows]
    where = " AND ".join(f"{shape.columns[place]} = {_VALUE}" for place in shape.key)
    _write_all(live, f"DELETE FROM {shape.table} WHERE {where}", to_delete)
    values = ", ".join([_VALUE] * len(shape.columns))
    columns = ", ".join(shape.columns)
    _write_all(live, f"INSERT INTO {shape.table} ({columns}) VALUES ({values})", to_insert)


def _write_all(live: Any, statement: str, rows: list[Row]) -> None:
    before = live.total_changes()
    live.executemany(statement, map(_bindings, rows))
    written = live.total_changes() - before
    if written != len(rows):
        raise apsw.ConstraintError(f"{written} of {len(rows)} rows written by: {statement}")


def _shape(connection: Any, name: str) -> _Shape:
    all_columns = columns(connection, name)
    # the generated ones come by themselves
    written = [column for column in all_columns if not column.generated]
    selected = tuple(quoted(column.name) for column in written)
    table = f"main.{quoted(name)}"
    if is_without_rowid(connection, name):
        key = tuple(place for place, column in enumerate(written) if column.key)
        return _Shape(table, selected, key, has_rowid=False)
    rowid = free_rowid(column.name for column in all_columns)
    if rowid is None:
        raise Refused("its columns take all three names of the rowid")
    return _Shape(table, (rowid, *selected), (0,), has_rowid=True)


def _select(shape: _Shape) -> str:
    # for every column what _VALUE takes: whether it is text, and the value twice
    cells = (
        f"typeof({c}) = 'text', CASE typeof({c}) WHEN 'text' THEN CAST({c} AS BLOB) ELSE {c} END"
        for c in shape.columns
    )
    return f"SELECT {', '.join(cells)} FROM {shape.table}"


def _read_keys(connection: Any, shape: _Shape, keys: Iterable[int]) -> list[Row]:
    select = f"{_select(shape)} WHERE {shape.columns[0]} = ?"
    return [_cells(row) for key in keys for row in connection.execute(select, (key,))]


def _read_all(connection: Any, shape: _Shape) -> dict[bytes, Row]:
    """Read every row, by bytes that only the very same row has."""
    return {marshal.dumps(row, 2): _cells(row) for row in connection.execute(_select(shape))}


def _cells(row: Row) -> Row:
    """Group what was selected: for each column the three values that _VALUE takes."""
    return tuple(
        (is_text, value, value) for is_text, value in zip(row[::2], row[1::2], strict=True)
    )


def _bindings(cells: Row) -> tuple[Any, ...]:
    return tuple(value for cell in cells for value in cell)


__all__ = ["Refused", "put_back"]
