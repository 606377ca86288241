"""Damage a database as careless tests do: ``python damage.py DATABASE rows|everything``.

This is the application: it knows the collation and the functions that the hard databases use and
SQLite lacks. What SQLite refuses is left; there is other damage. Says how many statements worked.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import apsw


def as_the_application(connection: apsw.Connection) -> None:
    """Bring what only the application has: a collation and a function."""
    connection.create_collation("app_order", app_order)
    connection.create_scalar_function("app_hash", app_hash, 1, deterministic=True)


def app_order(a: str, b: str) -> int:
    """Order by length first."""
    return ((len(a), a) > (len(b), b)) - ((len(a), a) < (len(b), b))


def app_hash(value: object) -> int:
    """Stand for anything an application computes."""
    return len(str(value))


def quoted(name: object) -> str:
    """Quote a name."""
    return '"' + str(name).replace('"', '""') + '"'


def statements(connection: apsw.Connection, *, everything: bool) -> Iterator[str]:
    """Give statements for every table and the settings, then, if wanted, for the schema."""
    names = [
        name
        for (name,) in connection.execute(
            "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
        ).fetchall()
    ]
    for name in names:
        yield from _rows(connection, quoted(name))
    yield "PRAGMA user_version = 987"
    yield "PRAGMA application_id = 654"
    if everything:
        yield from (f"ALTER TABLE {quoted(name)} ADD COLUMN made_by_tests" for name in names[:1])
        yield from (f"DROP TABLE {quoted(name)}" for name in names[-1:])
        yield "CREATE TABLE made_by_tests (a, b)"
        yield "INSERT INTO made_by_tests VALUES (1, zeroblob(9000))"
        yield "CREATE VIEW seen_by_tests AS SELECT 1"
        yield "ANALYZE"


def _rows(connection: apsw.Connection, table: str) -> Iterator[str]:
    yield f"INSERT INTO {table} DEFAULT VALUES"
    try:
        details = connection.execute(f"PRAGMA table_xinfo({table})").fetchall()
    except apsw.Error:  # a virtual table whose module nobody has
        return
    columns = [quoted(row[1]) for row in details if not row[6]]
    some = ", ".join(columns)
    for last in columns[-1:]:
        yield f"INSERT INTO {table} ({some}) SELECT {some} FROM {table} LIMIT 3"
        yield f"INSERT INTO {table} ({some}) VALUES ({', '.join(['9871'] * len(columns))})"
        one = f"{last} IN (SELECT {last} FROM {table} LIMIT 1)"
        yield f"UPDATE {table} SET {last} = 77 WHERE {one}"
        yield f"UPDATE {table} SET {last} = {last}"
        yield f"DELETE FROM {table} WHERE {one}"


def damage(database: str, *, everything: bool) -> int:
    """Do it all; count what could be done."""
    connection = apsw.Connection(database)
    connection.set_busy_timeout(1000)
    as_the_application(connection)
    connection.execute("BEGIN IMMEDIATE")
    done = 0
    for statement in statements(connection, everything=everything):
        try:
            connection.execute(statement).fetchall()
            done += 1
        except apsw.Error:
            continue
    connection.execute("COMMIT")
    connection.close()
    return done


if __name__ == "__main__":
    sys.stdout.write(f"{damage(sys.argv[1], everything=sys.argv[2] == 'everything')} done\n")
