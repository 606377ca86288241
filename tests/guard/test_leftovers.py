from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from harness.guard import Guard
from tests.guard.test_protocol import RECOVERIES, baseline

KILLED = """
import os, signal, sys
from harness.guard import Guard
from tests.guard.test_protocol import make_rows
from pathlib import Path
with Guard(sys.argv[1], recoveries=[sys.argv[2]]):
    make_rows(Path(sys.argv[1]))
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("recovery", RECOVERIES)
def test_a_killed_guard_is_finished_by_the_next(folder: Path, recovery: str) -> None:
    """After kill -9 while the tests run, the next guard brings the baseline back first."""
    database, truth = baseline(folder)
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(database), recovery], cwd=root, check=False
    )
    assert done.returncode == -signal.SIGKILL
    with Guard(database, recoveries=["file_copy"]):
        connection = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
        assert connection.execute("SELECT count(*) FROM users WHERE email LIKE '%test%'")
        connection.close()
    judgement = truth.judge(database)
    assert judgement.exact, judgement.differences
    assert judgement.left_behind == ()
