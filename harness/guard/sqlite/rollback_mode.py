"""Put a database back into rollback mode, now or when the process that has it open has ended.

The fixtures of pytest set WAL mode, and nobody leaves WAL mode while anybody else is connected: a
pool of connections that the tests never close keeps it until their process is gone. What waits for
that is a process of its own, which then does it at once.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

import apsw

from harness.databases.sqlite.files import connect, real
from harness.guard.leftovers import is_pending
from harness.guard.sqlite.second_library import is_open, leave_wal
from harness.system.attributes import attributes_of, put_times_back

PATIENCE_S = 60.0  # for others who are connected, once that process has ended
_POLL_S = 0.02


def leave_now(database: Path) -> bool:
    """Leave WAL mode, through Python's sqlite3 where that has it open here; whether it is left.

    The file keeps its times: nothing else of it changes.
    """
    was = attributes_of(database, thorough=False)
    left = leave_wal(database) if is_open(database) else _left_by_ours(database)
    if left and was is not None:
        put_times_back(database, was)
    return left


def _left_by_ours(database: Path) -> bool:
    try:
        with closing(connect(real(database), busy_timeout_ms=0)) as connection:
            return bool(connection.pragma("journal_mode", "delete") == "delete")
    except apsw.Error:
        return False


def leave_later(database: Path) -> bool:
    """Start to wait for the end of this process; whether that could be started."""
    # -P: what stands in the folder the tests run in is not to be imported
    module = [sys.executable, "-P", "-m", "harness.guard.sqlite.rollback_mode"]
    status = os.stat(database)
    numbers = [str(n) for n in (status.st_dev, status.st_ino, os.getpid())]
    try:
        waiting = subprocess.Popen(  # noqa: S603 - this very Python
            [*module, os.path.abspath(database), *numbers],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # what ends the tests' process is for it to outlive
        )
    except OSError:
        return False
    assert waiting.stdout is not None  # noqa: S101 - for mypy: it is a pipe
    with waiting.stdout as told:
        if not told.readline():  # it waits from here on
            waiting.wait()
            return False
    waiting.returncode = 0  # for Popen: nobody is to be warned that it goes on
    return True


def is_done(database: Path, device: int, inode: int) -> bool:
    """Leave WAL mode; True also where another file stands there, or none."""
    if is_pending(database):
        return False  # a guard is at work, or has to put back what it found
    try:
        status = os.stat(database)
    except FileNotFoundError:
        return True
    return (status.st_dev, status.st_ino) != (device, inode) or leave_now(database)


def main(database: str, device: str, inode: str, parent: str) -> None:
    """Wait for the end of ``parent``, then put the mode back as soon as that can be done."""
    is_pending(Path(database))  # loads what is needed: afterwards it has to be quick
    os.write(1, b"waiting\n")
    os.close(1)
    _wait_for(int(parent))
    deadline = time.monotonic() + PATIENCE_S
    while not is_done(Path(database), int(device), int(inode)) and time.monotonic() < deadline:
        time.sleep(_POLL_S)


def _wait_for(parent: int) -> None:
    with suppress(AttributeError, OSError):  # Linux alone has pidfd_open(2), since 5.3
        descriptor = os.pidfd_open(parent)
        if os.getppid() == parent:
            select.select([descriptor], [], [])
        os.close(descriptor)
    while os.getppid() == parent:
        time.sleep(_POLL_S)


if __name__ == "__main__":
    main(*sys.argv[1:])
