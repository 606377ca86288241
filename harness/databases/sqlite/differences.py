"""Verify by SQL that a SQLite database is its baseline."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import apsw

from harness.databases import Differences, Grade, SchemaDifference, TableDifferences
from harness.databases.sqlite import pages, trees, virtual
from harness.databases.sqlite.changes import Changes, Roots, changes, overflow_changed, table_ranges
from harness.databases.sqlite.damage import Look, damage, damage_by_sqlite, doubts_of, states_of
from harness.databases.sqlite.header import settings, settings_apart
from harness.databases.sqlite.holders import holders_of
from harness.databases.sqlite.pages import EVERY_ROWID, Image, WalState
from harness.databases.sqlite.rearranged import rearranged
from harness.databases.sqlite.records import root_in
from harness.databases.sqlite.rows import Pair, compare
from harness.databases.sqlite.session import connect
from harness.databases.sqlite.stored import (
    Objects,
    StoredTable,
    objects,
    sequence_rows,
    stored_tables,
)

_LOOKS = 3  # how often others may write between a look at the WAL and the lock
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
        state, found = _found_steady(live, baseline, grade, same_file=same_file, checked=checked)
        if not same_file and state is not None and state.frames <= 0:
            live.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0)  # leave no empty -wal behind
        return found
    finally:
        live.close()


def _found_steady(
    live: apsw.Connection, baseline: Path, grade: Grade, *, same_file: bool, checked: bool
) -> tuple[WalState | None, Differences]:
    """Find the differences, and tell the WAL's state that was the same around the lock."""
    state = pages.wal_state(live)
    for _ in range(_LOOKS):
        with _locked(live):
            found = _find(live, baseline, state, grade, same_file=same_file, checked=checked)
        looked_at, state = state, pages.wal_state(live)
        if looked_at == state:
            return state, found
    with _locked(live):  # somebody writes all the time
        return state, _find(live, baseline, None, grade, same_file=same_file, checked=checked)


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
    images, look = None, None
    if same_file:
        # the baseline's pages can be read through the live connection: spare the second one
        with suppress(pages.Unfollowable):
            images = _images(live, live, state)
            look = _look(live, live, images, same_file=True)
            if _nothing_of_rows(look, grade) and not doubts_of(look):
                return Differences()
    base = connect(baseline, immutable=True)
    try:
        try:
            images = images or _images(base, live, state)
            look = look or _look(base, live, images, same_file=same_file)
            return _by_pages(base, live, look, checked=checked)
        except pages.Unfollowable:
            return _by_rows(base, live, images, checked=checked)
    finally:
        base.close()


def _nothing_of_rows(look: Look, grade: Grade) -> bool:
    """Whether the pages alone tell that nothing differs that ``grade`` asks for."""
    if look.settings:
        return False
    if not look.changed:
        return True
    if grade != "rows" or len(look.changed) > 1:
        return False
    # one page is left, and the schema's are not among the changed: is it that of the sequences?
    root = root_in(look.before, "sqlite_sequence")
    return root is not None and look.changed == {root} and look.before.is_leaf(root)


def _images(
    base: apsw.Connection, live: apsw.Connection, state: WalState | None
) -> tuple[Image, Image]:
    sizes = pages.page_size_of(base), pages.page_size_of(live)
    if state is None or 0 in sizes:
        raise pages.Unfollowable("what the WAL holds is not known, or there is no header")
    frames = pages.newest_frames(live, state, sizes[1])
    return Image(base, sizes[0]), Image(live, sizes[1], frames)


def _look(
    base: apsw.Connection, live: apsw.Connection, images: tuple[Image, Image], *, same_file: bool
) -> Look:
    before, now = images
    if before.page_size != now.page_size:
        raise pages.Unfollowable("the page sizes differ")
    apart: set[int] = set()
    if not same_file:
        sizes = os.path.getsize(_file(base)), os.path.getsize(_file(live))
        apart = pages.pages_apart(base, live, now.page_size, sizes)
    differing, altered = trees.altered(before, now, apart | now.frames.keys() | {1})
    moved = rearranged(before, now, altered)
    counts = _pages_in(before, base), _pages_in(now, live)
    settings = settings_apart(before, now)
    return Look(before, now, counts, differing, altered, altered - moved.unchanged, moved, settings)


def _pages_in(image: Image, connection: apsw.Connection) -> int:
    """Count the pages of a state; page_count would read the whole schema."""
    change, counted, valid_for = (image.header_field(offset) for offset in (24, 28, 92))
    if counted and change == valid_for:
        return counted
    whole: int = connection.pragma("page_count")  # written by a SQLite before 3.7.0
    return whole


def _file(connection: apsw.Connection) -> str:
    return connection.db_filename("main")


def _by_pages(
    base: apsw.Connection, live: apsw.Connection, look: Look, *, checked: bool
) -> Differences:
    """Compare rows where pages differ; raise Unfollowable where pages do not tell enough."""
    images = (look.before, look.now) if look.settings else None
    if not look.changed and not doubts_of(look):
        return Differences(settings=settings(base, live, images) if images else {})
    states, of_nobody = states_of(look), set[int]()
    if long_rows := overflow_changed(*states, look.changed):
        held_by, of_nobody = holders_of(states[0], long_rows)
        look = look._replace(changed=look.changed | held_by)
    before, now, changed = look.before, look.now, look.changed
    objects_before = objects_now = objects(base)
    ranges, of_schema = table_ranges(before, now, changed, (1, 1))
    if ranges:
        objects_now = objects(live)
    schemas = objects_before, objects_now
    tables = stored_tables(base, objects_before)
    tables_of_both = (
        tables,
        tables if objects_now is objects_before else stored_tables(live, objects_now),
    )
    doubtful = changes(before, now, changed, (_roots(tables_of_both[0]), _roots(tables_of_both[1])))
    found = _compared(base, live, schemas, tables_of_both, doubtful)
    damaged = damage(
        base,
        live,
        look,
        states,
        schemas,
        unclear=found.tables.keys() | found.unread.keys(),
        unsure=doubtful.whole,
        unfound=doubtful.unfound - of_schema | of_nobody,
    )
    if damaged or images:
        told = settings(base, live, images) if images else {}
        found = replace(found, settings=told, damage=damaged)
    return virtual.told(base, live, schemas, found, checked=checked)


def _by_rows(
    base: apsw.Connection,
    live: apsw.Connection,
    images: tuple[Image, Image] | None,
    *,
    checked: bool,
) -> Differences:
    """Compare all rows of all tables."""
    schemas = objects(base), objects(live)
    tables_of_both = stored_tables(base, schemas[0]), stored_tables(live, schemas[1])
    everything = Changes(
        {name: [EVERY_ROWID] for name in tables_of_both[0].keys() | tables_of_both[1].keys()}
    )
    found = replace(
        _compared(base, live, schemas, tables_of_both, everything),
        settings=settings(base, live, images),
        damage=damage_by_sqlite(base, live),
    )
    return virtual.told(base, live, schemas, found, checked=checked)


def _compared(
    base: apsw.Connection,
    live: apsw.Connection,
    schemas: tuple[Objects, Objects],
    tables: tuple[dict[str, StoredTable], dict[str, StoredTable]],
    changes: Changes,
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
        # SQLite keeps nobody from writing names there that are no text
        name if isinstance(name, str) else repr(name): (
            _only(values_before.get(name)),
            _only(values_now.get(name)),
        )
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
