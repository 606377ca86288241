"""What a guard costs on PostgreSQL: `python -m tests.benchmarks.postgresql_guard`.

At about 12 and 111 MB, on a server of its own, in memory where there is such a folder, without
fsync for all alike: one clone by SQL; the swap of two names; verification of a database that nobody
has touched and of one in which a few rows were written; `guard -- true` as a command, beside the
same on a SQLite file of 2.69 MB. Medians and best of the times. Nothing here passes or fails.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import apsw

from harness.databases.engines import address_of
from harness.databases.postgresql.address import PostgresDatabase
from harness.databases.postgresql.server import Server
from harness.databases.postgresql.session import connect
from harness.recovery.template import Template
from harness.system.files import Files
from tests.benchmarks.postgresql_rows import FEW, MEMORY, SCHEMA, SIZES

TIMES = 7
_NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"
GUARD = [sys.executable, "-m", "harness", "guard", "--quiet", "--no-archive", "--database"]


def main() -> None:
    """Measure on a new server, which is removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="guard", dir=MEMORY if MEMORY.is_dir() else None))
    folder.chmod(0o755)  # the server may run as somebody else
    server = Server.made(folder / "pg")
    try:
        sqlite_ms = _command(str(_sqlite_file(folder)), folder / "bytecode")
        _say("guard -- true, SQLite 2.69 MB", sqlite_ms)
        for size, rows in SIZES.items():
            _measure(server, size, rows, sqlite_ms)
    finally:
        server.stop("immediate")
        shutil.rmtree(folder)


def _measure(server: Server, size: str, rows: int, sqlite_ms: list[float]) -> None:
    address = address_of(server.address("bench_dev"))
    assert isinstance(address, PostgresDatabase)
    _sql(
        address.named("postgres"), "DROP DATABASE IF EXISTS bench_dev", "CREATE DATABASE bench_dev"
    )
    _sql(
        address,
        SCHEMA,
        f"INSERT INTO public.item (owner, name, price) SELECT n % 100, md5(n::text), n / 7.0"
        f" FROM generate_series(1, {rows}) n",
        "VACUUM ANALYZE",
    )
    clone_ms = [_clone(address) for _ in range(TIMES)]
    _say(f"{size}: one clone", clone_ms)
    template = Template(address, address.named("bench_dev_e2e_backup"), files=Files())
    template.capture()
    _say(f"{size}: verified, untouched", [_timed(template.differences) for _ in range(TIMES)])
    template.seat.unsettle()  # as where somebody has written to another database
    _say(f"{size}: verified, others at work", [_timed(template.differences) for _ in range(TIMES)])
    _sql(address, *FEW)
    _say(f"{size}: verified, touched", [_timed(template.differences) for _ in range(TIMES)])
    restored = [_restored(template) for _ in range(TIMES)]
    _say(f"{size}: restored, with the clone", [whole for whole, _ in restored])
    _say(f"{size}: of it the swap", [swap for _, swap in restored])
    template.dispose()
    template.seat.close()
    guard_ms = _command(address.whole, server.folder.parent / "bytecode")
    _say(f"{size}: guard -- true", guard_ms)
    allowed = 1.3 * statistics.median(clone_ms) + statistics.median(sqlite_ms)
    print(f"{size}: guard -- true is {statistics.median(guard_ms) / allowed:.2f} of what it may be")  # noqa: T201


def _sqlite_file(folder: Path) -> Path:
    path = folder / "app.sqlite3"
    connection = apsw.Connection(str(path))
    connection.pragma("journal_mode", "wal")
    connection.execute("CREATE TABLE t (a); BEGIN")
    connection.executemany("INSERT INTO t VALUES (?)", [("x" * 1000,)] * 2300)
    connection.execute("COMMIT")
    connection.close()
    return path


def _clone(address: PostgresDatabase) -> float:
    with connect(address.named("postgres")) as session:
        took_ms = _timed(lambda: session.execute("CREATE DATABASE one_clone TEMPLATE bench_dev"))
        session.execute("DROP DATABASE one_clone")
    return took_ms


def _restored(template: Template) -> tuple[float, float]:
    swap_ms = 0.0
    swap = template._swap

    def timed(*args: str, there: bool) -> None:
        nonlocal swap_ms
        swap_ms = _timed(lambda: swap(*args, there=there)) - template.ended_ms

    template._swap = timed  # type: ignore[method-assign]
    whole_ms = _timed(template.restore)
    template._swap = swap  # type: ignore[method-assign]
    return whole_ms, swap_ms


def _command(database: str, bytecode: Path) -> list[float]:
    call = [*GUARD, database, "--", "true"]
    # with its bytecode on the disk, as an installed command has it
    environment = {key: value for key, value in os.environ.items() if key != _NO_BYTECODE}
    environment["PYTHONPYCACHEPREFIX"] = str(bytecode)
    subprocess.run(call, check=True, env=environment)
    return [_timed(lambda: subprocess.run(call, check=True, env=environment)) for _ in range(TIMES)]


def _sql(address: PostgresDatabase, *statements: str) -> None:
    with connect(address) as session:
        for statement in statements:
            session.execute(statement)


def _timed(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return (time.perf_counter() - started) * 1000


def _say(what: str, times_ms: list[float]) -> None:
    median = statistics.median(times_ms)
    print(f"{what}: median {median:.1f} ms, best {min(times_ms):.1f} ms")  # noqa: T201 - a script


if __name__ == "__main__":
    main()
