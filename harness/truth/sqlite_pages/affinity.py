"""Where in a tree's records a whole number may be stored either way: the columns of type REAL.

SQLite keeps a whole number of such a column as an integer to save space, or as a real, as it was
written (https://www.sqlite.org/datatype3.html, section 3); whoever reads gets a real. So the two
are one value there, and in every other column they are not.
"""

from __future__ import annotations

import struct
from typing import Any

import apsw

from harness.truth.sqlite_pages.file_format.records import Record, SchemaObject

_INTEGER_FIRST = ("INT", "CHAR", "CLOB", "TEXT", "BLOB")  # each of them wins over REAL
_REAL = ("REAL", "FLOA", "DOUB")
_VIRTUAL = 2  # how table_xinfo marks a generated column that no record holds


def real_places(connection: apsw.Connection, relation: SchemaObject) -> frozenset[int]:
    """Return which fields of the records of a table or index belong to columns of type REAL.

    None of them where SQLite cannot say: what differs as stored differs then.
    """
    table = "'" + relation.table.replace("'", "''") + "'"
    try:
        columns: list[Any] = connection.execute(f"PRAGMA main.table_xinfo({table})").fetchall()
        index = _index_of(connection, relation, table)
        reals = {row[0] for row in columns if is_real(str(row[2] or ""))}
        if index is None:
            stored = [row[0] for row in columns if row[6] != _VIRTUAL]
        else:
            quoted = "'" + index.replace("'", "''") + "'"
            fields: list[Any] = connection.execute(f"PRAGMA main.index_xinfo({quoted})").fetchall()
            stored = [row[1] for row in fields]  # -1 the rowid, -2 an expression
    except apsw.Error:
        return frozenset()
    return frozenset(place for place, column in enumerate(stored) if column in reals)


def is_real(declared: str) -> bool:
    """Whether a column declared so has the affinity REAL (datatype3.html, section 3.1)."""
    declared = declared.upper()
    return not any(word in declared for word in _INTEGER_FIRST) and any(
        word in declared for word in _REAL
    )


def as_read(record: Record, reals: frozenset[int]) -> Record:
    """Give a record with the whole numbers at ``reals`` as the reals that SQLite reads there."""
    if not reals:
        return record
    return tuple(
        ("real", struct.pack(">d", content))
        if place in reals and kind == "integer" and isinstance(content, int)
        else (kind, content)
        for place, (kind, content) in enumerate(record)
    )


def _index_of(connection: apsw.Connection, relation: SchemaObject, table: str) -> str | None:
    """Name the index whose fields the tree holds; None for a table that has a rowid.

    A table without rowid is its primary key's index, with all other columns behind the key.
    """
    if relation.kind == "index":
        return relation.name
    listed = connection.execute("PRAGMA main.table_list").fetchall()
    if not any(row[1] == relation.name and row[4] for row in listed):
        return None
    indexes = connection.execute(f"PRAGMA main.index_list({table})").fetchall()
    return next(str(row[1]) for row in indexes if row[3] == "pk")
