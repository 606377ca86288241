"""Small real databases for the tests of the truth, and what SQL itself says they hold."""

from __future__ import annotations

import ctypes
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import apsw
import numpy as np

from harness.truth.sqlite import SqliteTruth
from harness.truth.sqlite_pages.baseline import Baseline
from harness.truth.sqlite_pages.changes import Changes
from harness.truth.sqlite_pages.file_format.image import Image

TABLES = """
CREATE TABLE users(id INTEGER PRIMARY KEY AUTOINCREMENT, email TEXT UNIQUE, score);
CREATE TABLE bots(id INTEGER PRIMARY KEY AUTOINCREMENT, user_id INT REFERENCES users(id), body);
CREATE INDEX bots_user ON bots(user_id, body);
CREATE TABLE notes(body, at REAL);
CREATE TABLE pairs(a TEXT, b INT, c, PRIMARY KEY (a, b)) WITHOUT ROWID;
CREATE VIEW busy AS SELECT user_id FROM bots;
"""


def run(path: Path, *statements: str) -> None:
    """Execute statements on a connection of their own."""
    connection = apsw.Connection(str(path))
    try:
        for statement in statements:
            connection.execute(statement).fetchall()
    finally:
        connection.close()


_BUILT: dict[tuple[tuple[str, Any], ...], bytes] = {}


def build(path: Path, **options: Any) -> None:
    """Write a database with all kinds of trees, overflow chains and a free list; see ``_build``."""
    key = tuple(sorted(options.items()))
    if key not in _BUILT:
        _build(path, **options)
        _BUILT[key] = path.read_bytes()
    path.write_bytes(_BUILT[key])


def _build(
    path: Path,
    *,
    page_size: int = 1024,
    encoding: str = "UTF-8",
    auto_vacuum: str = "NONE",
    journal_mode: str = "DELETE",
    reserved: int = 0,
    rows: int = 60,
) -> None:
    connection = apsw.Connection(str(path))
    if reserved:
        wanted = ctypes.c_int(reserved)
        connection.file_control("main", apsw.SQLITE_FCNTL_RESERVE_BYTES, ctypes.addressof(wanted))
    settings = f"PRAGMA page_size={page_size}; PRAGMA encoding='{encoding}'"
    connection.execute(f"{settings}; PRAGMA auto_vacuum={auto_vacuum}").fetchall()
    connection.execute(f"PRAGMA journal_mode={journal_mode}").fetchall()
    connection.execute("BEGIN; " + TABLES).fetchall()
    for number in range(1, rows + 1):
        text = f"row {number} " * (number % 7 * 3)
        many = [
            ("INSERT INTO users VALUES(?, ?, ?)", (number, f"{number}@example.org", number % 3)),
            ("INSERT INTO bots VALUES(?, ?, ?)", (number, number, text)),
            ("INSERT INTO notes VALUES(?, ?)", (text, number / 4)),
            ("INSERT INTO pairs VALUES(?, ?, ?)", (text[:9], number, text)),
        ]
        for statement, values in many:
            connection.execute(statement, values)
    for number in (2, 5):
        large = bytes(range(256)) * (number * page_size // 256)
        connection.execute("UPDATE notes SET body = ? WHERE rowid = ?", (large, number))
        connection.execute("UPDATE pairs SET c = ? WHERE b = ?", (large, number))
    connection.execute(
        "CREATE TABLE gone AS SELECT * FROM notes; DROP TABLE gone; COMMIT"
    ).fetchall()
    connection.close()


def judged(folder: Path, **options: Any) -> tuple[SqliteTruth, Path]:
    """Build a baseline, and return its truth with a live copy of it in a folder of its own."""
    pristine = folder / "pristine.sqlite3"
    build(pristine, **options)
    return guard_copy(pristine)


def guard_copy(pristine: Path) -> tuple[SqliteTruth, Path]:
    """Return a baseline's truth and a live copy in a folder of its own."""
    live = pristine.parent / "live" / "app.sqlite3"
    live.parent.mkdir()
    shutil.copy(pristine, live)
    return SqliteTruth(pristine), live


def changes(pristine: Path, live: Path) -> Changes:
    """Return which pages of a live file differ from the baseline's."""
    baseline, live_image = Baseline(pristine), image(live)
    both = min(baseline.image.page_count, live_image.page_count)
    pairs = ((baseline.image.page_bytes(n), live_image.page_bytes(n)) for n in range(1, both + 1))
    differing = [number for number, (old, new) in enumerate(pairs, 1) if old != new]
    return Changes(baseline, live_image, np.array(differing, np.int64))


def alter(path: Path, at: int, data: bytes) -> None:
    """Overwrite bytes of a file."""
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


def image(path: Path) -> Image:
    """Read a file as pages."""
    return Image(memoryview(path.read_bytes()))


def root(path: Path, name: str) -> int:
    """Return the root page of a table or index, as SQL says."""
    connection = apsw.Connection(str(path))
    question = "SELECT rootpage FROM sqlite_schema WHERE name = ?"
    found = connection.execute(question, (name,)).fetchall()
    connection.close()
    return int(found[0][0])


def dump(path: Path, *, without: str = "") -> dict[str, Counter[Any]]:
    """Return everything SQL can show, by table, typed; sequences, schema and settings as well."""
    connection = apsw.Connection(str(path))
    found: dict[str, Counter[Any]] = {}
    schema = "SELECT type, name, tbl_name, sql FROM sqlite_schema"
    for kind, name, _, sql in connection.execute(schema).fetchall():
        if kind == "table" and name != without and not str(sql).startswith("CREATE VIRTUAL"):
            key = "" if "WITHOUT ROWID" in str(sql) or name == "sqlite_sequence" else "rowid, "
            rows = connection.execute(f'SELECT {key}* FROM "{name}"').fetchall()
            found[name] = Counter(tuple(f"{type(v).__name__} {v!r}" for v in r) for r in rows)
    found["schema"] = Counter(connection.execute(schema).fetchall())
    for name in ("user_version", "application_id", "journal_mode", "auto_vacuum", "page_size"):
        found[name] = Counter(connection.execute(f"PRAGMA {name}").fetchall())
    connection.close()
    return found
