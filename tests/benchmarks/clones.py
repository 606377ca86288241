"""How long PostgreSQL takes to clone a database, by each of its ways: what ``cloning.py`` cites.

`python -m tests.benchmarks.clones FOLDER... [--size-mb N]...`: one server in each folder, on whose
file system it is measured. Nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import psycopg

from harness.databases.postgresql.server import HASTY, Server

TURNS = 3
_MAKE = (
    "CREATE TABLE filled AS SELECT n AS id, md5(n::text) || repeat(md5((n + 1)::text), 28) AS body"
    " FROM generate_series(1, %s) n"
)
_ROW_BYTES = 1000


def say(line: str) -> None:
    """Print at once: the largest takes its time."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--size-mb", type=int, action="append", help="of the database's own rows")
    asked = parser.parse_args()
    for folder in asked.folders:
        for settings in ({}, HASTY):
            _measure(folder, asked.size_mb or [5, 100, 1000], dict(settings))


def _measure(parent: Path, sizes_mb: list[int], settings: dict[str, str]) -> None:
    folder = Path(tempfile.mkdtemp(dir=parent))
    folder.chmod(0o755)
    server = Server.made(folder / "server", settings=settings)
    try:
        with psycopg.connect(server.address(), autocommit=True) as admin:
            for size_mb in sizes_mb:
                _measure_size(server, admin, size_mb, f"{parent} {settings or 'durable'}")
    finally:
        server.stop("immediate")
        shutil.rmtree(folder)


def _measure_size(
    server: Server, admin: psycopg.Connection[tuple[object, ...]], size_mb: int, where: str
) -> None:
    ways = {"wal_log": "", "file_copy": "copy"}
    if admin.info.server_version >= 180000:
        ways["file_copy, clone"] = "clone"
    spent_ms: dict[str, list[float]] = {way: [] for way in ways}
    admin.execute("CREATE DATABASE live")
    with psycopg.connect(server.address("live"), autocommit=True) as live:
        live.execute(_MAKE.replace("%s", str(size_mb * 1_000_000 // _ROW_BYTES)))
    for _ in range(TURNS):
        for way, method in ways.items():
            if method and "file_copy, clone" in ways:
                admin.execute(f"SET file_copy_method = {method}")
            began = time.perf_counter()
            try:
                admin.execute(
                    f"CREATE DATABASE clone TEMPLATE live STRATEGY {way.partition(',')[0]}"
                )
            except psycopg.Error as error:
                say(f"{where}: {way}: {str(error).splitlines()[0]}")
                continue
            spent_ms[way].append((time.perf_counter() - began) * 1000)
            admin.execute("DROP DATABASE clone")
    ((size_bytes,),) = admin.execute("SELECT pg_database_size('live')").fetchall()
    admin.execute("DROP DATABASE live")
    told = ", ".join(f"{way} {statistics.median(ms):.0f} ms" for way, ms in spent_ms.items() if ms)
    say(f"{where}: {size_bytes:,} bytes, medians of {TURNS}: {told}")


if __name__ == "__main__":
    main()
