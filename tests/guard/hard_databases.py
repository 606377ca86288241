"""Databases that are hard to back up, to read, to compare or to put back, each made by hand.

A database is a list of statements, or a function where statements do not suffice.
"""

from __future__ import annotations

import ctypes
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import apsw

from tests.guard.damage import as_the_application

Build = Callable[[Path], None]

SHOP = """
CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, email TEXT UNIQUE, score REAL);
CREATE TABLE bots (id INTEGER PRIMARY KEY, user_id INT REFERENCES users ON DELETE CASCADE, b BLOB);
CREATE INDEX bots_user ON bots (user_id);
CREATE TABLE loose (a, b);
INSERT INTO users (email, score) VALUES ('a@x', 1), ('b@x', 2.5), ('ü😀@x', -0.0);
INSERT INTO bots VALUES (1, 1, zeroblob(3000)), (2, 2, x'00ff'), (3, 3, 'text');
INSERT INTO loose VALUES (1, 1.0), (1, 1.0), ('1', x'31'), (NULL, '');
"""
MANY = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)"
    " INSERT INTO loose SELECT i, zeroblob(i % 90) FROM n;"
)


def scripted(*scripts: str, before: str = "", reserved: int = 0) -> Build:
    """Build by statements; ``before`` are pragmas for the empty file."""

    def build(path: Path) -> None:
        with closing(apsw.Connection(str(path))) as connection:
            as_the_application(connection)
            if reserved:
                wanted = ctypes.c_int(reserved)
                connection.file_control(
                    "main", apsw.SQLITE_FCNTL_RESERVE_BYTES, ctypes.addressof(wanted)
                )
            for script in (before, *scripts):
                connection.execute(script).fetchall()

    return build


def odd_values(path: Path) -> None:
    """Every value that is easily taken for another one."""
    values = (
        None, 0, 1, -1, 2**63 - 1, -(2**63), 2**53 + 1, 0.0, -0.0, 1.0, 2.0**53, 1e308 * 10,
        -1e308 * 10, 5e-324, float("nan"), "", "1", "1.0", "a\0b", "\0", b"", b"1", b"a\0b", "é",
        "e\u0301", "😀",
    )  # fmt: skip
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute(
            "CREATE TABLE odd (id INTEGER PRIMARY KEY, a, b TEXT, c REAL, d NUMERIC)"
        )
        for value in values:
            connection.execute("INSERT INTO odd VALUES (NULL, ?1, ?1, ?1, ?1)", (value,))
        connection.execute(
            "INSERT INTO odd (a, b) VALUES (CAST(x'ff' AS TEXT), CAST(x'61c3' AS TEXT)),"
            " (CAST(x'ff00ff' AS TEXT), CAST(x'eda080' AS TEXT)), (x'ff', x'61c3')"
        )
        connection.execute("CREATE INDEX odd_values ON odd (a, c)")


def huge_blobs(path: Path) -> None:
    """Two rows of 10 MB, and one small one."""
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute("CREATE TABLE files (name TEXT PRIMARY KEY, body BLOB)")
        for number in range(2):
            body = bytes(range(256)) * (10_000_000 // 256) + bytes([number])
            connection.execute("INSERT INTO files VALUES (?, ?)", (f"file {number}", body))
        connection.execute("INSERT INTO files VALUES ('small', x'00')")


def many_tables(path: Path) -> None:
    """367 tables, each with an index and a row."""
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute("BEGIN")
        for number in range(367):
            connection.execute(
                f"CREATE TABLE t{number} (id INTEGER PRIMARY KEY, v TEXT UNIQUE);"
                f"INSERT INTO t{number} (v) VALUES ('a'), ('b'), ('c')"
            )
        connection.execute("COMMIT")


def odd_names(path: Path) -> None:
    """Names with everything a name can have."""
    names = (
        "a'b",
        'a"b',
        "a`b]",
        "line\nbreak",
        "😀",
        "sp ace",
        "semi;colon",
        "--",
        "select",
        "%s: ",
    )
    with closing(apsw.Connection(str(path))) as connection:
        for name in names:
            table = '"' + name.replace('"', '""') + '"'
            connection.execute(f"CREATE TABLE {table} ({table} TEXT PRIMARY KEY, b)")
            connection.execute(f'CREATE INDEX {table[:-1]} index" ON {table} (b)')
            connection.execute(f"INSERT INTO {table} VALUES ('a', 1), ('b', 2), ('c', 3)")


def left_behind(mode: str, *, hot: bool = False) -> Build:
    """Build files as a process leaves them that dies: rows in the -wal only, or a hot journal."""

    def build(path: Path) -> None:
        made = path.with_name("made")
        with closing(apsw.Connection(str(made))) as connection:
            connection.execute(SHOP + MANY)
            connection.pragma("journal_mode", mode)
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            connection.pragma("cache_size", 5)
            connection.execute("BEGIN; UPDATE loose SET b = a; DELETE FROM bots WHERE id = 1")
            if not hot:
                connection.execute("COMMIT")
            else:
                connection.cache_flush()
            for suffix in ("", "-wal", "-journal"):
                if Path(f"{made}{suffix}").exists():
                    shutil.copyfile(f"{made}{suffix}", f"{path}{suffix}")

    return build


def odd_schema(path: Path) -> None:
    """A schema written by hand: comments, odd spaces, a view and a trigger on nothing."""
    rows = (
        ("table", "t", "t", "CREATE TABLE t /* \n */ (a INT  ,b -- last\n)"),
        ("view", "v", "v", "CREATE VIEW v AS SELECT * FROM nowhere"),
    )
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute("CREATE TABLE t (a INT, b)")
        connection.pragma("writable_schema", True)
        connection.execute("UPDATE sqlite_schema SET sql = ? WHERE name = 't'", (rows[0][3],))
        connection.execute("INSERT INTO sqlite_schema VALUES (?, ?, ?, 0, ?)", rows[1])
        connection.pragma("schema_version", 77)
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute("INSERT INTO t VALUES (1, 2), (3, 4), (5, 6)")


def missing_module(path: Path) -> None:
    """A virtual table whose module the guard does not have, and an ordinary table."""
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute(SHOP)
        connection.pragma("writable_schema", True)
        connection.execute(
            "INSERT INTO sqlite_schema VALUES"
            " ('table', 'foreign_data', 'foreign_data', 0,"
            " 'CREATE VIRTUAL TABLE foreign_data USING module_of_the_application (a)')"
        )


def swallowing(action: str) -> str:
    """Triggers of every kind on a table and a view that end every write the same way."""
    made = "".join(
        f"CREATE TRIGGER {when}_{event} {when} {event} ON kept BEGIN SELECT RAISE({action}); END;"
        for when in ("BEFORE", "AFTER")
        for event in ("INSERT", "UPDATE", "DELETE")
    )
    seen = "".join(
        f"CREATE TRIGGER instead_{event} INSTEAD OF {event} ON seen"
        f" BEGIN SELECT RAISE({action}); END;"
        for event in ("INSERT", "UPDATE", "DELETE")
    )
    return (
        "CREATE TABLE kept (id INTEGER PRIMARY KEY, v); CREATE VIEW seen AS SELECT * FROM kept;"
        f"INSERT INTO kept (v) VALUES ('a'), ('b'), ('c'), ('d'); {made}{seen}"
    )


SQLITE_READS: dict[str, Build] = {
    "utf-16le": scripted(SHOP, before="PRAGMA encoding = 'UTF-16le'"),
    "utf-16be": scripted(SHOP, before="PRAGMA encoding = 'UTF-16be'"),
    "page size 512": scripted(SHOP, MANY, before="PRAGMA page_size = 512"),
    "page size 1024": scripted(SHOP, MANY, before="PRAGMA page_size = 1024"),
    "page size 65536": scripted(SHOP, MANY, before="PRAGMA page_size = 65536"),
    "reserved bytes": scripted(SHOP, MANY, reserved=32),
    "auto_vacuum full": scripted(SHOP, MANY, before="PRAGMA auto_vacuum = FULL"),
    "auto_vacuum incremental": scripted(
        SHOP, MANY, "DELETE FROM loose WHERE a > 10", before="PRAGMA auto_vacuum = INCREMENTAL"
    ),
    "free pages": scripted(SHOP, MANY, "DELETE FROM loose WHERE a > 10"),
    "foreign keys broken": scripted(
        SHOP, "INSERT INTO bots VALUES (9, 99, 1), (10, 98, 2)", before="PRAGMA foreign_keys = OFF"
    ),
    "fts3": scripted(
        "CREATE VIRTUAL TABLE f USING fts3(a, b);"
        "INSERT INTO f VALUES ('one two', 'x'), ('two', 'y')"
    ),
    "fts4": scripted(
        "CREATE VIRTUAL TABLE f USING fts4(a, b, prefix='2');"
        "INSERT INTO f VALUES ('one two', 'x'), ('two', 'y'); INSERT INTO f(f) VALUES ('optimize')"
    ),
    "fts5 external content": scripted(
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, body);"
        "CREATE VIRTUAL TABLE f USING fts5(body, content=notes, content_rowid=id);"
        "CREATE TRIGGER a AFTER INSERT ON notes BEGIN"
        " INSERT INTO f(rowid, body) VALUES (new.id, new.body); END;"
        "INSERT INTO notes (body) VALUES ('one'), ('two three'), ('four')"
    ),
    "fts5 contentless": scripted(
        "CREATE VIRTUAL TABLE f USING fts5(body, content='');"
        "INSERT INTO f(rowid, body) VALUES (1, 'one'), (2, 'two three')"
    ),
    "r-tree": scripted(
        "CREATE VIRTUAL TABLE r USING rtree(id, x0, x1, +label);"
        "INSERT INTO r VALUES (1, 0, 1, 'a'), (2, 1.5, 2, 'b'), (3, -1, 0, 'c')"
    ),
    "geopoly": scripted(
        "CREATE VIRTUAL TABLE g USING geopoly(name);"
        "INSERT INTO g(_shape, name) VALUES ('[[0,0],[1,0],[0,1],[0,0]]', 'a'),"
        " ('[[0,0],[2,0],[0,2],[0,0]]', 'b')"
    ),
    "without rowid": scripted(
        "CREATE TABLE w (a TEXT, b INT, c, PRIMARY KEY (b DESC, a)) WITHOUT ROWID;"
        "INSERT INTO w VALUES ('a', 1, zeroblob(9000)), ('b', 1, 2), ('c', 2, NULL)"
    ),
    "without rowid, nocase key": scripted(
        "CREATE TABLE w (a TEXT COLLATE NOCASE PRIMARY KEY, b) WITHOUT ROWID;"
        "INSERT INTO w VALUES ('Alpha', 1), ('beta', 2), ('GAMMA', 3)"
    ),
    "strict": scripted(
        "CREATE TABLE s (id INTEGER PRIMARY KEY, a INT, b REAL, c TEXT, d BLOB, e ANY) STRICT;"
        "INSERT INTO s VALUES (1, 1, 1, '1', x'01', 1.0), (2, 2, 2.5, '2', x'02', '2'),"
        " (3, NULL, NULL, NULL, NULL, NULL)"
    ),
    "generated columns": scripted(
        "CREATE TABLE g (id INTEGER PRIMARY KEY, a, v AS (a * 2) VIRTUAL, s AS (a || 'x') STORED,"
        " u AS (a + 1) UNIQUE, z); CREATE INDEX g_v ON g (v);"
        "INSERT INTO g (a, z) VALUES (1, 'a'), (2, 'b'), (3, 'c')"
    ),
    "duplicate rows": scripted(
        "CREATE TABLE d (a, b); INSERT INTO d VALUES (1, 2), (1, 2), (1, 2), (1, 2.0), (1, '2')"
    ),
    "367 tables": many_tables,
    "triggers that swallow": scripted(swallowing("IGNORE")),
    "triggers that raise": scripted(swallowing("ABORT, 'no'")),
    "odd names": odd_names,
    "odd values": odd_values,
    "odd values, utf-16": scripted(
        "CREATE TABLE o (id INTEGER PRIMARY KEY, a TEXT);"
        "INSERT INTO o (a) VALUES (CAST(x'00d8' AS TEXT)), (CAST(x'41004200' AS TEXT)), ('c')",
        before="PRAGMA encoding = 'UTF-16le'",
    ),
    "huge blobs": huge_blobs,
    "partial and expression index": scripted(
        SHOP,
        "CREATE UNIQUE INDEX p ON loose (a) WHERE a > 5;CREATE INDEX e ON users (lower(email), id)",
        MANY,
    ),
    "rowid names taken": scripted(
        "CREATE TABLE n (rowid, _rowid_, oid); INSERT INTO n VALUES (1, 2, 3), (1, 2, 3), (4, 5, 6)"
    ),
    "short records": scripted(
        "CREATE TABLE s (a); INSERT INTO s VALUES (1), (2), (3), (4);"
        "ALTER TABLE s ADD COLUMN b DEFAULT 'late'; ALTER TABLE s ADD COLUMN c REAL DEFAULT 1;"
        "INSERT INTO s VALUES (5, 'late', 1)"
    ),
    "settings": scripted(SHOP, "PRAGMA user_version = -5; PRAGMA application_id = 1179011410"),
    "statistics": scripted(SHOP, MANY, "CREATE INDEX l ON loose (a); ANALYZE"),
    "odd schema": odd_schema,
    "hot journal": left_behind("delete", hot=True),
    "rows in the -wal only": left_behind("wal"),
    "journal_mode persist": left_behind("persist"),
    "journal_mode truncate": left_behind("truncate"),
    "wal mode": scripted(SHOP, MANY, "PRAGMA journal_mode = WAL"),
}

# SQL reads these in the application only: by rows they cannot be compared, by pages they can.
ONLY_THE_APPLICATION_READS: dict[str, Build] = {
    "missing collation": scripted(
        SHOP,
        "CREATE TABLE named (id INTEGER PRIMARY KEY, name TEXT COLLATE app_order);"
        "CREATE INDEX by_name ON named (name); INSERT INTO named (name) VALUES ('B'), ('a'), ('c')",
    ),
    "missing collation, without rowid": scripted(
        SHOP,
        "CREATE TABLE named (name TEXT COLLATE app_order PRIMARY KEY, v) WITHOUT ROWID;"
        "INSERT INTO named VALUES ('B', 1), ('a', 2), ('c', 3)",
    ),
    "missing function, generated": scripted(
        SHOP,
        "CREATE TABLE hashed (id INTEGER PRIMARY KEY, v, h AS (app_hash(v)) STORED,"
        " i AS (app_hash(v)) VIRTUAL, z); INSERT INTO hashed (v, z) VALUES (1, 1), (22, 2), (3, 3)",
    ),
    "missing function, check and index": scripted(
        SHOP,
        "CREATE TABLE hashed (id INTEGER PRIMARY KEY, v CHECK (app_hash(v) < 99));"
        "CREATE INDEX by_hash ON hashed (app_hash(v));"
        "INSERT INTO hashed (v) VALUES (1), (22), (3)",
    ),
    "missing function, view and trigger": scripted(
        SHOP,
        "CREATE VIEW seen AS SELECT app_hash(a) FROM loose;"
        "CREATE TRIGGER noted AFTER INSERT ON loose BEGIN"
        " UPDATE users SET score = app_hash(new.a); END",
    ),
    "missing module": missing_module,
}
