"""What differs in the rows of two databases of one server."""

from __future__ import annotations

from contextlib import ExitStack

from psycopg import Connection

from harness.databases import TableDifferences
from harness.databases.postgresql import by_content, by_writer
from harness.databases.postgresql.mark import Mark
from harness.databases.postgresql.reading import both, one_moment
from harness.databases.postgresql.session import Row
from harness.databases.postgresql.tables import Name, Stored, stored, told

Found = tuple[dict[str, TableDifferences], dict[str, str]]


def differences(
    live: Connection[Row], baseline: Connection[Row], mark: Mark | None = None
) -> Found:
    """Find the rows that differ, in every table of every schema: UNLOGGED, leaves, extensions'.

    Rows are told as all their columns, as text; integers as numbers. Of a table with a primary key
    a row of the same key is changed, of others rows are added and missing. A materialised view is
    compared if both sides can be read. Rows of foreign tables are not in the database, and those
    of temporary ones their session's.

    Both connections are read as of one moment each; a transaction that is open is joined, and must
    be REPEATABLE READ.

    Args:
        live: the live database, by ``session.connect``.
        baseline: what it is compared with; nobody writes there.
        mark: taken before the baseline was made from the live database; makes it fast.

    Returns:
        By table, its differences; and why a table could not be read.

    Raises:
        psycopg.Error: a lock was not had in time, or the server or session has ended.
    """
    with ExitStack() as moments:
        moments.enter_context(one_moment(baseline))
        moments.enter_context(one_moment(live))
        was, now = both(lambda: stored(baseline, mark), lambda: stored(live, mark))
        return _found((baseline, was), (live, now), mark)


def _found(
    was: tuple[Connection[Row], Stored], now: tuple[Connection[Row], Stored], mark: Mark | None
) -> Found:
    before, after = was[1].tables, now[1].tables
    names = sorted(before.keys() | after.keys())
    unread = {name: why for name in names if (why := _unread(was[1], now[1], name))}
    numbered = {number: name for number, name in enumerate(names) if name not in unread}
    fast: list[by_writer.Pair] = []
    others: list[int] = []
    fit = mark is not None and by_writer.is_fit(was[1], now[1], mark)
    for number, name in numbered.items():
        old, new = before.get(name), after.get(name)
        if fit and mark and old and new and by_writer.fits(".".join(name), old, new, mark):
            fast.append(by_writer.Pair(number, old, new))
        else:
            others.append(number)
    found, unclear, failed = by_writer.compare(was, now, fast)
    left = sorted([*others, *unclear])
    pairs = [by_content.Pair(n, before.get(numbered[n]), after.get(numbered[n])) for n in left]
    found_otherwise, failed_otherwise = by_content.compare(was[0], now[0], pairs)
    found |= found_otherwise
    failed |= failed_otherwise
    called = told(names)
    unread |= {numbered[number]: why for number, why in failed.items()}
    return (
        {called[numbered[number]]: found[number] for number in sorted(found)},
        {called[name]: why for name, why in sorted(unread.items())},
    )


def _unread(was: Stored, now: Stored, name: Name) -> str:
    return next(
        (
            side.tables[name].unread
            for side in (now, was)
            if name in side.tables and side.tables[name].unread
        ),
        "",
    )


__all__ = ["differences"]
