from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.pipes import line_of
from tests.processes.test_server import PATIENT_S, START, gone, make_database

_MASTER = """
import os, sys, time
from pathlib import Path
from harness.processes.supervisor import descendants
from harness.processes.server import Server
start, database = sys.argv[1:]
server = Server(start, home=Path(database).parent, database=Path(database),
    environment={**os.environ, "DATABASE_PATH": database})
server.start()
print(*descendants(os.getpid()), flush=True)
time.sleep(1000)
"""


def test_nothing_outlives_a_master_that_was_killed(folder: Path) -> None:
    """After kill -9 the keeper ends the backend, and what has left its group and session."""
    database = make_database(folder / "d.sqlite")
    line = f"setsid sleep 1000 & {START}"
    master = subprocess.Popen(
        [sys.executable, "-c", _MASTER, line, str(database)], stdout=subprocess.PIPE
    )
    assert master.stdout is not None
    pids = [int(pid) for pid in line_of(master).split()]
    assert len(pids) >= 3
    master.kill()
    master.wait()
    assert gone(pids)
    master.stdout.close()


def test_nothing_serves_without_its_keeper(folder: Path) -> None:
    """When the keeper itself is killed, the kernel ends the backend's first process."""
    database = make_database(folder / "d.sqlite")
    master = subprocess.Popen(
        [sys.executable, "-c", _MASTER, f"exec {START}", str(database)], stdout=subprocess.PIPE
    )
    assert master.stdout is not None
    keeper, backend = (int(pid) for pid in line_of(master).split())
    os.kill(keeper, signal.SIGKILL)
    ends = time.monotonic() + PATIENT_S
    while Path(f"/proc/{backend}").exists() and time.monotonic() < ends:
        time.sleep(0.01)
    assert not Path(f"/proc/{backend}").exists()
    master.kill()
    master.wait()
    master.stdout.close()
