"""Databases whose pages are looked at."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import apsw

from harness.databases.sqlite.pages import (
    Image,
    page_size_of,
    pages_apart,
)
from harness.databases.sqlite.session import connect
from tests.databases.guarded import COUNT

TABLES = f"""
CREATE TABLE t(v);
CREATE TABLE w(k PRIMARY KEY, v) WITHOUT ROWID;
CREATE INDEX i ON t(v);
{COUNT.format(2000)} INSERT INTO t SELECT hex(zeroblob(40)) || i FROM n;
{COUNT.format(500)} INSERT INTO w SELECT i, hex(zeroblob(40)) FROM n;
"""
PAGES = "SELECT pageno FROM dbstat WHERE name = ? AND pagetype = ?"


def made(path: Path, script: str = TABLES) -> apsw.Connection:
    """Make a database and connect to it."""
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute(script)
    return connect(path)


def copied(connection: apsw.Connection, path: Path) -> apsw.Connection:
    """Copy a database page by page and connect to the copy."""
    with closing(apsw.Connection(str(path))) as copy, copy.backup("main", connection, "main") as b:
        b.step(-1)
    return connect(path)


def image(connection: apsw.Connection) -> Image:
    """Look at a database that is not in WAL mode."""
    return Image(connection, page_size_of(connection))


def pages_of(connection: apsw.Connection, name: str, kind: str) -> set[int]:
    """Ask SQLite for a b-tree's pages of a kind: internal, leaf or overflow."""
    return {number for (number,) in connection.execute(PAGES, (name, kind))}


def root_of(connection: apsw.Connection, name: str) -> int:
    """Ask SQLite where a b-tree begins."""
    return int(connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (name,)).get)


def apart(one: apsw.Connection, other: apsw.Connection) -> set[int]:
    """Compare the main files of two connections."""
    sizes = tuple(Path(c.db_filename("main")).stat().st_size for c in (one, other))
    return pages_apart(one, other, page_size_of(one), (sizes[0], sizes[1]))
