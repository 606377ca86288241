"""Read two databases at the same moment of each, both at once; and what of one table keeps back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import psycopg
from psycopg import Connection
from psycopg.pq import TransactionStatus

from harness.databases.postgresql.session import Row

T = TypeVar("T")
U = TypeVar("U")

# By its class, whether an error is of what was read, and not of the session or the server.
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_OF_WHAT_IS_READ = {"0A", "22", "2F", "38", "39", "42", "54", "58", "P0", "XX"}

Cells = tuple[str | None, ...]  # as the server writes each value for the session


def both(was: Callable[[], T], now: Callable[[], U]) -> tuple[T, U]:
    """Call both at once; what is raised by one is raised when the other has ended as well."""
    with ThreadPoolExecutor(1) as other:
        first = other.submit(was)
        second = now()
        return first.result(), second


@contextmanager
def one_moment(connection: Connection[Row]) -> Iterator[None]:
    """See the database as it is at one moment; a transaction that is open already is joined."""
    if connection.info.transaction_status != TransactionStatus.IDLE:
        yield
        return
    connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("ROLLBACK")


def each(
    connection: Connection[Row], numbers: Sequence[int], query: Callable[[int], str]
) -> tuple[list[Row], dict[int, str]]:
    """Run a query for each of several things, together as long as that is possible.

    Args:
        connection: in a transaction.
        numbers: of the things.
        query: gives the query of one; its rows begin with its number.

    Returns:
        The rows of all; and by number, why those of one cannot be had.

    Raises:
        psycopg.Error: it is not of what is read: a lock, the session's end.
    """
    rows: list[Row] = []
    failed: dict[int, str] = {}
    for start in range(0, len(numbers), _TOGETHER):
        _read(connection, numbers[start : start + _TOGETHER], query, rows, failed)
    return rows, failed


_TOGETHER = 200  # queries in one statement


def _read(
    connection: Connection[Row],
    numbers: Sequence[int],
    query: Callable[[int], str],
    rows: list[Row],
    failed: dict[int, str],
) -> None:
    connection.execute("SAVEPOINT reading")
    try:
        rows += connection.execute(" UNION ALL ".join(map(query, numbers))).fetchall()
    except psycopg.Error as error:
        if not is_of_what_is_read(error):
            raise
        connection.execute("ROLLBACK TO reading")
        if len(numbers) == 1:
            failed[numbers[0]] = said(error)
            return
        for number in numbers:
            _read(connection, [number], query, rows, failed)
        return
    connection.execute("RELEASE reading")


def is_of_what_is_read(error: psycopg.Error) -> bool:
    """Whether an error is of the table that was read; others are the session's or the server's."""
    return (error.sqlstate or "")[:2] in _OF_WHAT_IS_READ


def said(error: psycopg.Error) -> str:
    """Give what the server said, in one line."""
    return error.diag.message_primary or " ".join(str(error).split())


def texts(connection: Connection[Row], query: str) -> list[Cells]:
    """Read every value as the server writes it, whatever its type: no driver's idea of it."""
    cursor = connection.execute(query)
    result = cursor.pgresult
    if result is None:
        return []
    columns = range(result.nfields)
    return [
        tuple(_text(result.get_value(row, column)) for column in columns)
        for row in range(result.ntuples)
    ]


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "surrogateescape")


__all__ = ["Cells", "both", "each", "is_of_what_is_read", "one_moment", "said", "texts"]
