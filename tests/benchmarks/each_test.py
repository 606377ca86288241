"""What bringing a database back for every test costs: `python -m tests.benchmarks.each_test`.

Each way does the same for the same small test (a user changed and committed through Python's
sqlite3), on one machine, in turns. Counted is what a way adds before and after the test, not the
test. ``--big`` adds a database of 1 GB. Nothing here passes or fails.
"""

from __future__ import annotations

import os
import shutil
import sqlite3  # what most people's tests use
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import apsw

from harness import registry
from harness.databases.sqlite.differences import differences
from harness.databases.sqlite.session import connect
from harness.guard.per_test.each_test import EachTest
from harness.recovery.wal_pin import WalPin
from harness.system.files import Files

SIZES_BYTES = {"2.69 MB": 2_691_072, "150 MB": 150_003_712, "1 GB": 1_000_001_536}
ROUNDS, BUDGET_S = 100, 5.0  # of each way: so many tests, or as many as fit
FOLDERS = {"disk": None, "memory": "/dev/shm"}  # noqa: S108 - a tmpfs; the folder made is private

Step = Callable[[], None]


class Way(NamedTuple):
    """What a way does before and after each test, and how the test comes by a connection."""

    before: Step
    after: Step
    connection: sqlite3.Connection | None = None  # of the test's own, where there is none
    connects: Callable[[str], Any] = sqlite3.connect


def opened(path: str) -> apsw.Connection:
    """Open as sqlite3.connect does."""
    return apsw.Connection(path)


def nothing() -> None:
    """Do nothing."""


@contextmanager
def keeper(path: Path) -> Iterator[Way]:
    """The fixture database_connection: nobody is connected when the test has ended."""
    each = EachTest(path)
    yield Way(each.begin, each.finish)
    each.end()


@contextmanager
def keeper_held(path: Path) -> Iterator[Way]:
    """The fixture database_restored with a connection that tests leave open."""
    each = EachTest(path)
    with closing(sqlite3.connect(path)) as connection:
        yield Way(each.begin, each.finish, connection)
    each.end()


@contextmanager
def captured_anew(path: Path) -> Iterator[Way]:
    """A pin in the tests' own process, taken, restored and verified anew for each test.

    Its tests use apsw: Python's sqlite3 would drop the pin's locks as it closes.
    """
    pins: list[WalPin] = []

    def before() -> None:
        pins.append(WalPin(path, path.with_name("unused"), files=Files()))
        pins[-1].capture()

    def after() -> None:
        pins[-1].restore()
        if not differences(path, path).clean("exact"):
            raise AssertionError("not restored")
        pins.pop().dispose()

    yield Way(before, after, connects=opened)


def copying(path: Path, *, synced: bool) -> Iterator[Way]:
    """The script most people have: the file copied away and back; nobody looks."""
    copy = path.with_name("copy")

    def one(source: Path, target: Path) -> None:
        shutil.copyfile(source, target)
        if synced:
            descriptor = os.open(target, os.O_RDONLY)
            os.fsync(descriptor)
            os.close(descriptor)

    def after() -> None:
        one(copy, path)
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)

    yield Way(lambda: one(path, copy), after)


@contextmanager
def copied(path: Path) -> Iterator[Way]:
    """Copy there and back."""
    yield from copying(path, synced=False)


@contextmanager
def copied_synced(path: Path) -> Iterator[Way]:
    """Copy there and back, synced."""
    yield from copying(path, synced=True)


@contextmanager
def flushed(path: Path) -> Iterator[Way]:
    """The statements of Django's flush with fixtures, without Django.

    Every table is emptied and the baseline's rows inserted again from memory, in one transaction.
    Nothing is verified.
    """
    with closing(sqlite3.connect(path)) as connection:
        listed = connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        )
        tables = [name for (name,) in listed]
        tables.sort(key="audit_log".__eq__)  # last: the baseline's triggers write into it
        rows = {name: connection.execute(f'SELECT * FROM "{name}"').fetchall() for name in tables}

    def after() -> None:
        with closing(sqlite3.connect(path)) as live, live:
            live.execute("PRAGMA foreign_keys=OFF")
            live.execute("DELETE FROM sqlite_sequence")
            for name, held in rows.items():
                live.execute(f'DELETE FROM "{name}"')
                if held:
                    marks = ", ".join("?" * len(held[0]))
                    live.executemany(f'INSERT INTO "{name}" VALUES ({marks})', held)

    yield Way(nothing, after)


WAYS = {
    "fixture, its own connection": keeper,
    "fixture, a connection left open": keeper_held,
    "pin captured anew each test": captured_anew,
    "file copied there and back": copied,
    "the same, with fsync": copied_synced,
    "delete all, insert fixtures again": flushed,
}


def a_test(path: Path, way: Way) -> None:
    """One small test, by the connection it is given or one of its own."""
    mine = way.connection or way.connects(str(path))
    mine.execute("UPDATE users SET email = 'test@example.org' WHERE id = 1")
    if isinstance(mine, sqlite3.Connection):  # apsw has committed
        mine.commit()
    if way.connection is None:
        mine.close()


def measured(way: Way, path: Path) -> list[float]:
    """Run tests; milliseconds spent outside each."""
    spent_ms: list[float] = []
    started = time.perf_counter()
    for number in range(ROUNDS + 1):
        before = time.perf_counter()
        way.before()
        test = time.perf_counter()
        a_test(path, way)
        after = time.perf_counter()
        way.after()
        now = time.perf_counter()
        if number:  # the first one starts the keeper
            spent_ms.append((now - after + test - before) * 1000)
        if now - started > BUDGET_S and spent_ms:
            break
    return spent_ms


def compare(pristine: Path, where: str, size: str) -> None:
    """Print one table: all ways on one kind of storage, at one size."""
    sys.stdout.write(f"\n{size}, {where}: ms a test\n")
    sys.stdout.write(f"  {'':34} {'median':>9} {'p95':>9} {'ratio':>8} {'tests':>6}\n")
    first = 0.0
    for name, way in WAYS.items():
        if way is flushed and pristine.stat().st_size > SIZES_BYTES["150 MB"] * 1.5:
            continue  # its rows would have to fit into memory
        with tempfile.TemporaryDirectory(dir=FOLDERS[where]) as folder:
            path = Path(folder) / "dev.sqlite3"
            shutil.copyfile(pristine, path)
            os.sync()
            with way(path) as made:
                spent = sorted(measured(made, path))
        median, late = statistics.median(spent), spent[int(len(spent) * 0.95)]
        first = first or median
        ratio = f"{median / first:.1f}x"
        sys.stdout.write(f"  {name:34} {median:9.2f} {late:9.2f} {ratio:>8} {len(spent):6}\n")
        sys.stdout.flush()


def main() -> None:
    """Measure every size on every storage."""
    sizes = dict(SIZES_BYTES)
    if "--big" not in sys.argv:
        del sizes["1 GB"]
    sys.stdout.write(f"SQLite {apsw.sqlite_lib_version()} guards, {sqlite3.sqlite_version} tests\n")
    with tempfile.TemporaryDirectory() as folder:
        for size, size_bytes in sizes.items():
            pristine = Path(folder) / "pristine"
            registry.find("workloads", "platform").build_baseline(
                pristine, size_bytes=size_bytes, seed=1, journal_mode="wal"
            )
            with closing(connect(pristine)) as connection:
                connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            for where in FOLDERS:
                compare(pristine, where, size)
            pristine.unlink()


if __name__ == "__main__":
    main()
