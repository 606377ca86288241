"""Verify by SQL that a SQLite database is its baseline."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import apsw

from harness.databases import Differences, Grade, SchemaDifference, TableDifferences
from harness.databases.sqlite import pages, trees, virtual
from harness.databases.sqlite.changes import Changes, Roots, changes, table_ranges
from harness.databases.sqlite.pages import EVERY_ROWID, Image, WalState
from harness.databases.sqlite.rows import Pair, compare
from harness.databases.sqlite.session import connect
from harness.databases.sqlite.stored import (
    Objects,
    StoredTable,
    objects,
    root_of,
    sequence_rows,
    stored_tables,
)

_SETTINGS = ("user_version", "application_id", "encoding", "auto_vacuum", "page_size")
# Where the file's header keeps them: page size and format, auto_vacuum, encoding and user_version,
# incremental vacuum and application_id. What lies between counts changes.
_SETTINGS_BYTES = (slice(16, 20), slice(52, 72))
_UNREADABLE = (apsw.SQLError, apsw.CorruptError)  # this table; other errors are the connection's


def differences(
    database: Path,
    baseline: Path,
    *,
    grade: Grade = "exact",
    checked: bool = True,
    busy_timeout_ms: int = 1000,
) -> Differences:
    """Find every difference between a live database and its baseline.

    The live side is read under the write lock, so no other writer slips in between (a database
    that cannot be written is read in a read transaction). Nothing is written, no checkpoint made.
    It costs what changed: only rows on pages that differ are read.

    Args:
        database: the live database; with its ``-wal``, if any.
        baseline: a file whose own bytes, without any ``-wal``, are the baseline: a backup, or the
            database's own main file while a reader keeps checkpoints from writing to it.
        grade: at "rows" sequences need not be looked at, and where nothing else can differ they
            are not.
        checked: whether the index of a virtual table that is stored otherwise is checked to match
            its rows, which reads all of them; off for who puts back what is stored in any case.
        busy_timeout_ms: how long to wait for the write lock.

    Raises:
        apsw.BusyError: the write lock could not be had.
        apsw.Error: a whole state cannot be read (a table that cannot be is in ``unread``).
        FileNotFoundError: one of the files is not there.
    """
    same_file = os.path.samefile(database, baseline)
    live = connect(database, busy_timeout_ms=busy_timeout_ms)
    try:
        live.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)  # it would write over the baseline
        live.pragma("user_version")  # opens the WAL
        state = pages.wal_state(live)
        with _locked(live):
            found = _find(live, baseline, state, grade, same_file=same_file, checked=checked)
        if state is not None and state != pages.wal_state(live):  # written to around the lock
            with _locked(live):
                found = _find(live, baseline, None, grade, same_file=same_file, checked=checked)
        if not same_file and state is not None and state.frames <= 0:
            live.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0)  # leave no empty -wal behind
        return found
    finally:
        live.close()


@contextmanager
def _locked(connection: apsw.Connection) -> Iterator[None]:
    """Hold the write lock; SQLite makes it a read transaction where the file cannot be written."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        if connection.in_transaction:  # SQLite itself ends it after some errors
            connection.execute("ROLLBACK")


def _find(
    live: apsw.Connection,
    baseline: Path,
    state: WalState | None,
    grade: Grade,
    *,
    same_file: bool,
    checked: bool,
) -> Differences:
    """Find the differences while the lock is held; ``state`` None: without looking at pages."""
    if same_file and state is not None and state.frames <= 0:
        return Differences()  # the file's own bytes are all there is
    if same_file and state is not None:
        # the baseline's pages can be read through the live connection: spare the second one
        with suppress(pages.Unfollowable):
            if _nothing_of_rows(live, _look(live, live, state, same_file=True), grade):
                return Differences()
    base = connect(baseline, immutable=True)
    try:
        try:
            found = _by_pages(base, live, _look(base, live, state, same_file=same_file))
        except pages.Unfollowable:
            found = _by_rows(base, live)
        return virtual.told(base, live, found, checked=checked)
    finally:
        base.close()


def _nothing_of_rows(live: apsw.Connection, look: _Look, grade: Grade) -> bool:
    """Whether the pages alone tell that nothing differs that ``grade`` asks for."""
    if look.settings:
        return False
    if not look.changed:
        return True
    if grade != "rows" or len(look.changed) > 1:
        return False
    # one page is left, and the schema's are not among the changed: is it that of the sequences?
    root = root_of(live, "sqlite_sequence")
    return root is not None and look.changed == {root} and look.before.is_leaf(root)


class _Look(NamedTuple):
    """Both states' pages, and the numbers of those whose content differs."""

    before: Image
    now: Image
    changed: set[int]
    settings: bool  # whether the header's settings differ


def _look(
    base: apsw.Connection, live: apsw.Connection, state: WalState | None, *, same_file: bool
) -> _Look:
    size = pages.page_size_of(base)
    if state is None or size == 0 or size != pages.page_size_of(live):
        raise pages.Unfollowable("the page sizes differ")
    frames = pages.frame_offsets(live, state, size)
    before, now = Image(base, size, {}), Image(live, size, frames)
    apart: set[int] = set()
    if not same_file:
        sizes = os.path.getsize(_file(base)), os.path.getsize(_file(live))
        apart = pages.pages_apart(base, live, size, sizes)
    headers = before.page(1), now.page(1)
    settings = any(headers[0][where] != headers[1][where] for where in _SETTINGS_BYTES)
    return _Look(before, now, trees.apart(before, now, apart | frames.keys() | {1}), settings)


def _file(connection: apsw.Connection) -> str:
    return connection.db_filename("main")


def _by_pages(base: apsw.Connection, live: apsw.Connection, look: _Look) -> Differences:
    """Compare rows where pages differ; raise Unfollowable where pages do not tell enough."""
    before, now, changed, settings = look
    if not changed:
        return Differences(settings=_settings(base, live) if settings else {})
    objects_before = objects_now = objects(base)
    if table_ranges(before, now, changed, (1, 1))[0]:  # the schema's own table
        objects_now = objects(live)
    tables = stored_tables(base, objects_before)
    tables_of_both = (
        tables,
        tables if objects_now is objects_before else stored_tables(live, objects_now),
    )
    doubtful = changes(before, now, changed, (_roots(tables_of_both[0]), _roots(tables_of_both[1])))
    return _compared(
        base, live, (objects_before, objects_now), tables_of_both, doubtful, settings=settings
    )


def _by_rows(base: apsw.Connection, live: apsw.Connection) -> Differences:
    """Compare all rows of all tables."""
    objects_before, objects_now = objects(base), objects(live)
    tables_of_both = stored_tables(base, objects_before), stored_tables(live, objects_now)
    everything = Changes(
        {name: [EVERY_ROWID] for name in tables_of_both[0].keys() | tables_of_both[1].keys()}
    )
    return _compared(
        base, live, (objects_before, objects_now), tables_of_both, everything, settings=True
    )


def _compared(
    base: apsw.Connection,
    live: apsw.Connection,
    schemas: tuple[Objects, Objects],
    tables: tuple[dict[str, StoredTable], dict[str, StoredTable]],
    changes: Changes,
    *,
    settings: bool,
) -> Differences:
    by_table: dict[str, TableDifferences] = {}
    sequences: dict[str, tuple[Any, Any]] = {}
    unread: dict[str, str] = {}
    exact = pages.encoding_of(base) != "utf-8"
    for name in sorted(changes.ranges.keys() | changes.whole):
        pair = Pair(tables[0].get(name), tables[1].get(name))
        try:
            if name == "sqlite_sequence":
                sequences = _sequences(base, live, pair)
            elif rows := compare(base, live, pair, changes.ranges.get(name, ()), exact=exact):
                by_table[name] = rows
        except _UNREADABLE as error:
            unread[name] = f"{type(error).__name__}: {error}"
    return Differences(
        tables=by_table,
        sequences=sequences,
        schema=_schema_differences(*schemas),
        settings=_settings(base, live) if settings else {},
        unread=unread,
    )


def _roots(tables: dict[str, StoredTable]) -> Roots:
    return Roots(
        {name: table.root for name, table in tables.items() if not table.without_rowid},
        {name: table.root for name, table in tables.items() if table.without_rowid},
    )


def _schema_differences(old: Objects, new: Objects) -> tuple[SchemaDifference, ...]:
    if old is new:
        return ()
    differing = []
    for kind, name in sorted(old.keys() | new.keys()):
        was, now = old.get((kind, name)), new.get((kind, name))
        if was is None and now is not None:
            differing.append(SchemaDifference(kind, name, "added", now[0]))
        elif was is not None and now is None:
            differing.append(SchemaDifference(kind, name, "missing", was[0]))
        elif was and now and (was[0], was[2]) != (now[0], now[2]):  # where it begins is no matter
            differing.append(SchemaDifference(kind, name, "changed", was[0]))
    return tuple(differing)


def _sequences(
    base: apsw.Connection, live: apsw.Connection, pair: Pair
) -> dict[str, tuple[Any, Any]]:
    values_before = _sequence_values(base) if pair.before else {}
    values_now = _sequence_values(live) if pair.now else {}
    return {
        name: (_only(values_before.get(name)), _only(values_now.get(name)))
        for name in values_before.keys() | values_now.keys()
        if repr(values_before.get(name)) != repr(values_now.get(name))  # exact in type too
    }


def _sequence_values(connection: apsw.Connection) -> dict[Any, list[Any]]:
    values: defaultdict[Any, list[Any]] = defaultdict(list)
    for _, name, value in sequence_rows(connection):
        values[name].append(value)
    return values


def _only(values: list[Any] | None) -> Any:
    """Give the one value there nearly always is; SQLite does not forbid a second."""
    return values[0] if values and len(values) == 1 else values


def _settings(base: apsw.Connection, live: apsw.Connection) -> dict[str, tuple[Any, Any]]:
    pairs = {name: (base.pragma(name), live.pragma(name)) for name in _SETTINGS}
    pairs["journal_mode"] = _journal_mode(base), _journal_mode(live)
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _journal_mode(connection: apsw.Connection) -> str:
    """Say which journal the file's format asks for (bytes 18 and 19 of its header)."""
    formats = connection.read("main", 0, 18, 2)[1]
    return {b"\x02\x02": "wal", b"\x01\x01": "delete", b"\0\0": "delete"}.get(
        formats, formats.hex()
    )
