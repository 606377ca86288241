"""Addresses of databases on the tests' server, and sessions as an application has them."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from harness.databases.engines import address_of
from harness.databases.postgresql.address import PostgresDatabase
from tests.pipes import line_of
from tests.postgres import Databases

_CLIENT = """
import sys, psycopg
with psycopg.connect(sys.argv[1], autocommit=True) as connection:
    for statement in sys.argv[2:]:
        connection.execute(statement)
        print(connection.info.backend_pid, flush=True)
    sys.stdin.read()
"""


def of(databases: Databases, name: str = "app_dev", user: str = "postgres") -> PostgresDatabase:
    """Give the address of a database as the engine knows it."""
    return cast(PostgresDatabase, address_of(databases.address(name, user)))


@contextmanager
def client(address: str, *statements: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run another process that has a session, and the server's number of that; then kill it.

    It has run all statements but the last, which may take long.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", _CLIENT, address, *statements],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        pid = 0
        for _ in statements[:-1] or statements:
            pid = int(line_of(process))
        yield process, pid
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
