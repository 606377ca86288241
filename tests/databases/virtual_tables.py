"""Virtual tables of every kind that is judged by its own rows, and what tests do to them."""

from __future__ import annotations

import zlib
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import apsw

Rows = dict[int, str]


class Kind(NamedTuple):
    """How a virtual table ``v`` is made, and how a row with a text comes and goes."""

    create: str
    insert: str
    delete: str


_BY_ROWID = "DELETE FROM v WHERE rowid = :id"
_TRIGGERS = """
CREATE TABLE p(id INTEGER PRIMARY KEY, a);
CREATE TRIGGER came AFTER INSERT ON p BEGIN {insert}; END;
CREATE TRIGGER went BEFORE DELETE ON p BEGIN {delete}; END;
"""
_KNOWN_ELSEWHERE = ("INSERT INTO p VALUES (:id, :text)", "DELETE FROM p WHERE id = :id")
_COLUMN = ("INSERT INTO v(rowid, a) VALUES (:id, :text)", _BY_ROWID)
KINDS = {
    "fts5": Kind("CREATE VIRTUAL TABLE v USING fts5(a, prefix='1 2')", *_COLUMN),
    "fts5, sizes and places left out": Kind(
        "CREATE VIRTUAL TABLE v USING fts5(a, detail=none, columnsize=0)", *_COLUMN
    ),
    "fts5 of a table": Kind(
        "CREATE VIRTUAL TABLE v USING fts5(a, content='p', content_rowid='id');"
        + _TRIGGERS.format(
            insert="INSERT INTO v(rowid, a) VALUES (new.id, new.a)",
            delete="INSERT INTO v(v, rowid, a) VALUES ('delete', old.id, old.a)",
        ),
        *_KNOWN_ELSEWHERE,
    ),
    "fts5 without rows": Kind(
        "CREATE VIRTUAL TABLE v USING fts5(a, content='')",
        _COLUMN[0],
        "INSERT INTO v(v, rowid, a) VALUES ('delete', :id, :text)",
    ),
    "fts5 without rows that deletes": Kind(
        "CREATE VIRTUAL TABLE v USING fts5(a, content='', contentless_delete=1)", *_COLUMN
    ),
    "fts4": Kind("CREATE VIRTUAL TABLE v USING fts4(a, prefix='1')", *_COLUMN),
    "fts4 of a table": Kind(
        'CREATE VIRTUAL TABLE v USING fts4(a, content="p");'
        + _TRIGGERS.format(
            insert="INSERT INTO v(docid, a) VALUES (new.id, new.a)",
            delete="DELETE FROM v WHERE docid = old.id",
        ),
        *_KNOWN_ELSEWHERE,
    ),
    "fts3": Kind("CREATE VIRTUAL TABLE v USING fts3(a)", *_COLUMN),
    "rtree": Kind(
        "CREATE VIRTUAL TABLE v USING rtree(id, low, high, +a)",
        "INSERT INTO v VALUES (:id, :low, :low + .1, :text)",
        "DELETE FROM v WHERE id = :id",
    ),
    "rtree of whole numbers": Kind(
        "CREATE VIRTUAL TABLE v USING rtree_i32(id, low, high)",
        "INSERT INTO v VALUES (:id, :low, :low + 9)",
        "DELETE FROM v WHERE id = :id",
    ),
}
BASELINE = {number: f"word{number % 5} {'w' * (number % 7)} other" for number in range(1, 13)}


def build(path: Path, kind: str, rows: Rows = BASELINE) -> None:
    """Write a database with one virtual table and rows in it."""
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute("PRAGMA synchronous=OFF").fetchall()
        connection.execute(KINDS[kind].create).fetchall()
        write(connection, kind, {}, rows)


def write(connection: apsw.Connection, kind: str, rows: Rows, wanted: Rows) -> None:
    """Make rows others, by what an application does: each that differs goes and comes."""
    _, insert, delete = KINDS[kind]
    with connection:
        for number in sorted(rows.keys() | wanted.keys()):
            if rows.get(number) != wanted.get(number):
                for statement, text in ((delete, rows), (insert, wanted)):
                    if number in text:
                        connection.execute(statement, _values(number, text[number]))


def _values(number: int, text: str) -> dict[str, int | str]:
    return {"id": number, "text": text, "low": zlib.crc32(text.encode()) % (1 << 20)}


def garbled(connection: apsw.Connection, kind: str) -> None:
    """Have the index find other rows than the table has, as a bug or a disk would."""
    if kind.startswith("rtree"):
        connection.execute("UPDATE v_rowid SET nodeno = 7 WHERE rowid = 3")
        return
    table, column = ("v_data", "block") if kind.startswith("fts5") else ("v_segdir", "root")
    for rowid, block in connection.execute(f"SELECT rowid, {column} FROM {table}").fetchall():
        other = block.replace(b"other", b"ether")
        connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (other, rowid))
