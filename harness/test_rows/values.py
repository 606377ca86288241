"""Values for one column: what it may hold at all, and what it does not hold yet.

Both are suggestions, the likeliest first; the database is asked whether it takes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import count
from random import Random
from typing import Any

import apsw

from harness.databases.schema import Column
from harness.databases.sqlite.names import quoted
from harness.test_rows.checks import DATES, Check
from harness.test_rows.schema import Table
from harness.test_rows.words import kind_of, pool

_LENGTH = re.compile(r"(?:CHAR|TEXT|STRING|CLOB|CHARACTER|VARYING)\w*\s*\(\s*(\d+)")
_LITERAL = re.compile(r"\(?\s*(?:[-+]?[\d.]+|'(?:[^']|'')*'|TRUE|FALSE)\s*\)?", re.IGNORECASE)
_DAY = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?!\d)")
_HEX = re.compile(r"[0-9a-fA-F-]{8,}")
_PLAIN = ("a", "A", "7", "abc", "ABC", "1234", "a1", "A-1", "12345678", "a@b.example", "")
_NUMBERS = (1, 0, 2, 3, 10, 100, -1, 1000, 18, 50)
_GREAT = 2**62  # beyond, a greater number may not fit
_MOST = 80  # suggestions kept of a column
_AFFINITIES = (
    ("INT", "INTEGER"),
    ("CHAR", "TEXT"),
    ("CLOB", "TEXT"),
    ("TEXT", "TEXT"),
    ("BLOB", "BLOB"),
    ("REAL", "REAL"),
    ("FLOA", "REAL"),
    ("DOUB", "REAL"),
)


def affinity(declared: str) -> str:
    """What SQLite makes of a declared type (https://www.sqlite.org/datatype3.html)."""
    if not declared:
        return "BLOB"
    return next((name for part, name in _AFFINITIES if part in declared), "NUMERIC")


def suggestions(
    connection: Any, table: Table, column: Column, seed: int, held: Sequence[Any]
) -> list[Any]:
    """List values that the column may hold; ``held`` are some that it does.

    Those that a CHECK on this column alone refuses are left out.
    """
    checks = list(table.checks_on(column.name))
    values = [value for value in held if value is not None]
    values += _default(connection, column)
    hints = [hint for check in checks for hint in check.hints]
    if affinity(column.type) == "BLOB" and column.type:
        hints = [*(hint.encode() for hint in hints if isinstance(hint, str)), *hints]
    made_up = list(_made(column, seed))
    values += (
        [*hints, *made_up] if any(table.alone(check) for check in checks) else [*made_up, *hints]
    )
    longest = _LENGTH.search(column.type)
    if longest:
        limit = int(longest[1])
        values = [value[:limit] if isinstance(value, str) else value for value in values]
    alone = [check for check in checks if table.alone(check)]
    distinct = list({(type(value), value): value for value in values}.values())
    allowed = [value for value in distinct if passes(connection, table, column, alone, value)]
    return allowed[:_MOST]


def passes(
    connection: Any, table: Table, column: Column, checks: Sequence[Check], value: Any
) -> bool:
    """Ask the database whether CHECKs that look at this column alone take ``value``."""
    for check in checks:
        sql = (
            f"SELECT ({check.expression}\n) FROM "
            f"(SELECT ? AS {quoted(column.name)}) AS {quoted(table.name)}"
        )
        try:
            row = connection.execute(sql, (value,)).fetchone()
        except apsw.Error:
            return False
        if row[0] is not None and not row[0]:
            return False
    return True


def _default(connection: Any, column: Column) -> list[Any]:
    if column.default is None or not _LITERAL.fullmatch(column.default):
        return []  # another moment, another value
    try:
        (value,) = connection.execute(f"SELECT {column.default}").fetchone()
    except apsw.Error:
        return []
    return [] if value is None else [value]


def _made(column: Column, seed: int) -> Iterator[Any]:
    """Make values of the column's type, then of every other."""
    kind = kind_of(column.name, column.type)
    words = pool(kind, seed)
    numbers: list[Any] = list(_NUMBERS)
    if "BOOL" in column.type:
        numbers = [0, 1]
    of_type = affinity(column.type)
    if of_type == "INTEGER" or "BOOL" in column.type:
        yield from numbers
    elif of_type == "REAL" or (of_type == "NUMERIC" and kind == "word"):
        yield from (19.99, 0.5, 4.25, 120.0)
        yield from numbers
    elif of_type == "BLOB" and column.type:
        yield from (word.encode() for word in words)
    yield from words
    yield from _PLAIN
    yield from DATES
    yield from numbers
    yield from (0.5, b"blob", b"")


def fresh(
    connection: Any, table: Table, column: Column, suggested: Sequence[Any], random: Random
) -> Iterator[Any]:
    """Give values that the column does not hold yet, one after the other, as long as it takes.

    Whatever looks like what is there already is likelier to be accepted.
    """
    alone = [check for check in table.checks_on(column.name) if table.alone(check)]
    bases = suggested or [f"{column.name}"]
    top = _top(connection, table, column)
    if "BOOL" in column.type:
        yield from bases[:2]
    for number in count():
        base = bases[number % min(len(bases), 8)] if number % 3 else bases[number % len(bases)]
        if top is not None and number % 4 < 2:
            value: Any = top + 1 + number // 4 * 2 + number % 4
        elif number % 4 == 3 and number < 4 * len(bases):
            value = bases[number // 4]  # as it is: a CHECK may know only a few
        elif number > 24 and isinstance(base, str):
            value = f"{base}-{number}"
        else:
            value = another(base, random)
        if passes(connection, table, column, alone, value):
            yield value
        elif number > 4 * _MOST:
            yield bases[number % len(bases)]


def _top(connection: Any, table: Table, column: Column) -> int | None:
    """The greatest number that a column of numbers holds."""
    if affinity(column.type) not in ("INTEGER", "NUMERIC") or "BOOL" in column.type:
        return None
    name = quoted(column.name)
    (top,) = connection.execute(
        f"SELECT max({name}) FROM {quoted(table.name)} WHERE typeof({name}) = 'integer'"
    ).fetchone()
    if top is None:
        return 0 if affinity(column.type) == "INTEGER" else None
    return int(top) if int(top) < _GREAT else None


def another(base: Any, random: Random) -> Any:
    """Write another value that looks like ``base``: the same form, other days, letters, digits."""
    if isinstance(base, str):
        return _another_day(base, random) or _another_text(base, random)
    if isinstance(base, bytes):
        return random.randbytes(max(len(base), 4))
    if isinstance(base, int):
        step = random.randrange(1, 10_000)
        return base - step if base > _GREAT else base + step
    if isinstance(base, float):
        return base + random.randrange(1, 1000)
    return base


def _another_day(base: str, random: Random) -> str | None:
    match = _DAY.match(base)
    if not match:
        return None
    try:
        day = date(int(match[1]), int(match[2]), int(match[3]))
        later = day + timedelta(days=random.randrange(1, 2000))
    except (ValueError, OverflowError):
        return None
    return later.isoformat() + base[match.end() :]


def _another_text(base: str, random: Random) -> str:
    hexadecimal = _HEX.fullmatch(base) is not None
    small, great = ("abcdef", "ABCDEF") if hexadecimal else ("bcdfghklmnprstvw", "BCDFGHKLMNPRSTVW")
    written = []
    for letter in base:
        if "a" <= letter <= "z":
            written.append(random.choice(small))
        elif "A" <= letter <= "Z":
            written.append(random.choice(great))
        elif letter.isdecimal():
            written.append(random.choice("123456789"))
        else:
            written.append(letter)
    return "".join(written)


__all__ = ["affinity", "another", "fresh", "passes", "suggestions"]
