from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import apsw

from harness.guard.sqlite.second_library import is_open

SCRIPT = """
import sys, threading
from pathlib import Path
from harness.guard.sqlite.second_library import is_open
path = Path(sys.argv[1])
said = [is_open(path)]
import sqlite3
elsewhere = sqlite3.connect(":memory:")
said.append(is_open(path))
kept = sqlite3.connect(path)
kept.execute("SELECT 1 FROM sqlite_schema")
kept.row_factory = lambda cursor, row: {}
said.append(is_open(path))
kept.close()
said.append(is_open(path))
def loop():
    made = sqlite3.connect(path)
    ring = [made]
    ring.append(ring)
loop()
said.append(is_open(path))
other = []
def connect():
    other.append(sqlite3.connect(path))
    other[0].execute("SELECT 1 FROM sqlite_schema")
thread = threading.Thread(target=connect)
thread.start(); thread.join()
said.append(is_open(path))
print(*said)
"""


def test_what_sqlite3_has_open_is_seen(folder: Path) -> None:
    """Open, closed, unreachable, of another thread, to another file: each is told for what it is.

    In a process of its own, so that nobody else's connections count.
    """
    path = folder / "app.db"
    apsw.Connection(str(path)).execute("CREATE TABLE t(x)")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "False", "True", "False", "False", "True"]


LEAVE = """
import os, sqlite3, sys, threading
from pathlib import Path
from harness.guard.sqlite.second_library import leave_wal
path = Path(sys.argv[1])
file = os.open(path, os.O_RDONLY)  # never closed, which would drop the locks
one = sqlite3.connect(path)
said = []
def asked():
    said.append((leave_wal(path), os.pread(file, 1, 18)[0]))
one.row_factory = sqlite3.Row
one.execute("INSERT INTO t VALUES (1)")
asked()  # in a transaction
one.commit()
other = sqlite3.connect(path)
other.execute("SELECT * FROM t").fetchall()
asked()  # two of them
other.close()
threads = [threading.Thread(target=asked)]
threads[0].start(); threads[0].join()  # another thread's
asked()
print(*(f"{left}:{mode}" for left, mode in said))
"""


def test_the_only_connection_leaves_wal_mode(folder: Path) -> None:
    """Not within its transaction, not beside another one, not from another thread; else it does."""
    path = folder / "app.db"
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute("PRAGMA journal_mode=wal; CREATE TABLE t(x)").fetchall()
    done = subprocess.run(
        [sys.executable, "-c", LEAVE, str(path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False:2", "False:2", "False:2", "True:1"]


def test_apsw_is_no_second_library(folder: Path) -> None:
    """The guard's own library keeps its own books and is no trouble."""
    connection = apsw.Connection(str(folder / "app.db"))
    connection.execute("CREATE TABLE t(x)")
    assert not is_open(folder / "app.db")
    connection.close()
