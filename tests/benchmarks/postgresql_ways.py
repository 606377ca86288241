"""What brings a database back after each test, and what does not: a table for the docs.

`python -m tests.benchmarks.postgresql_ways`: each way is put around each thing that a test does, on
a server of its own, and what is different afterwards is looked up by SQL; the times are medians, in
memory and without fsync. Nothing here passes or fails.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from harness.databases.engines import address_of
from harness.databases.postgresql.address import PostgresDatabase
from harness.databases.postgresql.server import Server
from harness.errors import RestoreError
from harness.recovery.undo_log import UndoLog
from harness.system.files import Files
from tests.benchmarks.postgresql_rows import MEMORY, SCHEMA

TIMES = 15
Session = psycopg.Connection[Any]
ROWS = ("INSERT INTO item (owner, name) VALUES (1, 'x')", "DELETE FROM t3 WHERE id = 7")
_TEXT = "SELECT md5(string_agg(t::text, ',' ORDER BY t::text)) FROM {} t"
_OF_ROWS = (_TEXT.format("item"), _TEXT.format("t3"))
# What a test does: whose connection does it (on the test's own the way may have a transaction), by
# what statements, and what is looked at afterwards.
DOES: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "rows, by the test's own connection": ("test", ROWS, _OF_ROWS),
    "rows that the backend commits": ("backend", ROWS, _OF_ROWS),
    "sequences": (
        "test",
        ("SELECT nextval('item_id_seq')",),
        ("SELECT last_value, is_called FROM item_id_seq",),
    ),
    "a table that is made": (
        "backend",
        ("CREATE TABLE made (a int)",),
        ("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace",),
    ),
    "a large object": (
        "backend",
        ("SELECT lo_from_bytea(0, 'x')",),
        ("SELECT count(*) FROM pg_largeobject_metadata",),
    ),
}


class Way:
    """One way: made while nobody is connected, begun before a test, ended after it."""

    name = ""
    test: Session  # the test's own connection

    def __init__(self, address: PostgresDatabase) -> None:
        self.address = address

    def begin(self) -> None:
        """Do what is done before a test."""

    def end(self) -> bool:
        """Bring back; whether it says that it has."""
        return True

    def close(self) -> None:
        """Leave nothing of the way itself."""


class Rollback(Way):
    """The test runs in a transaction."""

    name = "`ROLLBACK`"

    def begin(self) -> None:
        """Begin it."""
        self.test.execute("BEGIN")

    def end(self) -> bool:
        """Roll it back."""
        self.test.execute("ROLLBACK")
        return True


class Emptied(Way):
    """Every table is emptied, as cleaners do, and nothing put back."""

    name = "`TRUNCATE` of every table"

    def end(self) -> bool:
        """Empty them."""
        with psycopg.connect(self.address.whole, autocommit=True) as session:
            names = session.execute("SELECT quote_ident(tablename) FROM pg_tables WHERE"
                                    " schemaname = 'public'").fetchall()  # fmt: skip
            session.execute(f"TRUNCATE {', '.join(name for (name,) in names)} RESTART IDENTITY")
        return True


class MadeAnew(Way):
    """The database is dropped, and made from a template."""

    name = "`DROP` and `CREATE ... TEMPLATE`"

    def __init__(self, address: PostgresDatabase) -> None:
        super().__init__(address)
        with self._door() as door:
            door.execute("CREATE DATABASE bench_template TEMPLATE bench_dev")

    def end(self) -> bool:
        """Drop it, whoever is connected, and make it anew."""
        with self._door() as door:
            door.execute("DROP DATABASE bench_dev WITH (FORCE)")
            door.execute("CREATE DATABASE bench_dev TEMPLATE bench_template")
        return True

    def close(self) -> None:
        """Remove the template."""
        with self._door() as door:
            door.execute("DROP DATABASE bench_template")

    def _door(self) -> Session:
        return psycopg.connect(self.address.named("postgres").whole, autocommit=True)


class Undone(Way):
    """The undo log, as the pytest fixtures have it."""

    name = "`undo_log`"

    def __init__(self, address: PostgresDatabase) -> None:
        super().__init__(address)
        self._recovery = UndoLog(address, address, files=Files())
        self._recovery.stays_open = True
        self._recovery.capture()

    def begin(self) -> None:
        """Begin a level."""
        self._recovery.begin()

    def end(self) -> bool:
        """Undo it; False where it says that it cannot."""
        try:
            self._recovery.undo()
        except RestoreError:
            return False
        return True

    def close(self) -> None:
        """Remove the log."""
        self._recovery.dispose()


def main() -> None:
    """Print the table."""
    folder = Path(tempfile.mkdtemp(prefix="ways", dir=MEMORY if MEMORY.is_dir() else None))
    folder.chmod(0o755)  # the server may run as somebody else
    server = Server.made(folder / "pg")
    ways = (Rollback, Emptied, MadeAnew, Undone)
    try:
        _print(["is it back?", *(way.name for way in ways)])
        _print(["---"] * (len(ways) + 1))
        for what in DOES:
            _print([what, *(_tried(server, way, what) for way in ways)])
        _print(["open connections", *(_stays(server, way) for way in ways)])
        _print(["ms for each test, begun and brought back", *(_taken(server, way) for way in ways)])
    finally:
        server.stop("immediate")
        shutil.rmtree(folder)


def _tried(server: Server, way: type[Way], what: str) -> str:
    who, statements, looked_at = DOES[what]
    with _given(server, way) as (around, test, backend):
        before = _held(around.address, looked_at)
        around.begin()
        for statement in statements:
            (test if who == "test" else backend).execute(statement)
        says = around.end()
        back = _held(around.address, looked_at) == before
    return "yes" if back and says else "**no**" if says else "no, and says so"


def _stays(server: Server, way: type[Way]) -> str:
    with _given(server, way) as (around, _, backend):
        around.begin()
        around.end()
        try:
            backend.execute("SELECT 1")
        except psycopg.OperationalError:
            return "are ended"
        return "stay"


def _taken(server: Server, way: type[Way]) -> str:
    taken = []
    with _given(server, way) as (around, _, _):
        for _ in range(TIMES):
            with psycopg.connect(around.address.whole, autocommit=True) as around.test:
                begun_ms = _timed(around.begin)
                for statement in ROWS:
                    around.test.execute(statement)
                taken.append(begun_ms + _timed(around.end))
    return f"{statistics.median(taken):.1f}"


@contextmanager
def _given(server: Server, way: type[Way]) -> Iterator[tuple[Way, Session, Session]]:
    """Give a way on a database of its own, and two connections to that."""
    address = address_of(server.address("bench_dev"))
    assert isinstance(address, PostgresDatabase)
    with psycopg.connect(address.named("postgres").whole, autocommit=True) as door:
        door.execute("DROP DATABASE IF EXISTS bench_dev WITH (FORCE)")
        door.execute("CREATE DATABASE bench_dev")
    with psycopg.connect(address.whole, autocommit=True) as session:
        session.execute(SCHEMA)
        session.execute("INSERT INTO item (owner) SELECT n FROM generate_series(1, 40000) n")
    around = way(address)
    around.test, backend = (psycopg.connect(address.whole, autocommit=True) for _ in range(2))
    try:
        yield around, around.test, backend
    finally:
        backend.close()
        around.test.close()
        around.close()


def _held(address: PostgresDatabase, looked_at: tuple[str, ...]) -> list[Any]:
    with psycopg.connect(address.whole, autocommit=True) as session:
        return [session.execute(query).fetchall() for query in looked_at]


def _timed(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return (time.perf_counter() - started) * 1000


def _print(cells: list[str]) -> None:
    print(f"| {' | '.join(cells)} |", flush=True)  # noqa: T201 - a script


if __name__ == "__main__":
    main()
