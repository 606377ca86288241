"""Other processes at a database: what commits and goes, and what stays connected."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.pipes import line_of

_STAY = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=0)
for sql in sys.argv[2:]:
    connection.execute(sql).fetchone()
print(1, flush=True)
input()
"""


def elsewhere(path: Path, sql: str) -> None:
    """Commit from another process."""
    script = (
        "import sqlite3, sys; "
        "sqlite3.connect(sys.argv[1], timeout=0).executescript(sys.argv[2]).connection.close()"
    )
    subprocess.run([sys.executable, "-c", script, str(path), sql], check=True, timeout=20)


@contextmanager
def connected(path: Path, *statements: str) -> Iterator[None]:
    """Keep a process connected that has run ``statements``."""
    process = subprocess.Popen(
        [sys.executable, "-c", _STAY, str(path), *statements],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert line_of(process) == b"1\n"
        yield
    finally:
        process.communicate(b"\n", timeout=20)
