"""Verify a baseline, and bring it back, in a process of its own.

For a process that has the database open by another SQLite library than the guard's, as Python's
sqlite3 is: the locks of a process are one, so there each library would break the other's. From
another process they are seen for what they are, and the restore waits for them or says so.
"""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness.errors import HarnessError
from harness.guard.leftovers import bring_back
from harness.guard.result import GuardResult
from harness.guard.survivors import Dealing
from harness.guard.target import target_of
from harness.steps import Failure, Step

_SCRIPT = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from harness.guard.sqlite.restore_elsewhere import main
main(*sys.argv[2:])
"""


def finish_elsewhere(
    database: Path,
    result: GuardResult,
    *,
    busy_timeout_ms: int = 1000,
    archives: bool = False,
    survivors: Dealing = "refuse",
) -> None:
    """Finish in another process what a guard has begun here; it must have been abandoned.

    How it went is in ``result``: not proven, with the reason, also where there was no journal any
    more, because tests removed it or another guard came between.
    """
    started = time.perf_counter()
    path = json.dumps([entry for entry in sys.path if isinstance(entry, str)])
    with tempfile.TemporaryFile() as answer:
        pickle.dump(result.own_settings, answer)
        answer.seek(0)
        arguments = [path, str(database), str(busy_timeout_ms), "1" if archives else "0", survivors]
        try:
            process = subprocess.run(  # noqa: S603 - this very Python
                [sys.executable, "-P", "-c", _SCRIPT, *arguments, str(answer.fileno())],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                pass_fds=(answer.fileno(),),
                start_new_session=True,  # what is typed at a terminal must not break it off
            )
        except OSError as error:
            _failed(result, f"no process to restore {database} in could be started: {error}")
            return
        if process.returncode == 0:
            answer.seek(0)
            result.ended_elsewhere(pickle.load(answer))  # noqa: S301 - our own process wrote it
        else:
            reason = process.stderr.strip() or f"it ended with status {process.returncode}"
            _failed(result, f"{database} was not restored by another process: {reason}")
    result.timings_ms["restore"] = (time.perf_counter() - started) * 1000


def _failed(result: GuardResult, sentence: str) -> None:
    step = Step("restore", "another process", 1)
    result.failures.append(Failure(step, "the baseline is not proven", sentence, 0))
    result.ended = "dirty"


# From here on: what the other process does.


def main(
    database: str, busy_timeout_ms: str, archives: str, survivors: Dealing, descriptor: str
) -> None:
    """Finish, and write how it went to an open file, in which the settings of our own stand."""
    with open(int(descriptor), "r+b") as answer:
        result = GuardResult(own_settings=pickle.load(answer))  # noqa: S301 - our own process's
        target = target_of(Path(database), busy_timeout_ms=int(busy_timeout_ms))
        try:
            bring_back(
                target, archives=archives == "1", asked=True, survivors=survivors, into=result
            )
            if result.ended == "dirty":
                _failed(
                    result,
                    f"the journal of {database} is gone, so nothing was put back: compare it with "
                    "a backup ('harness verify'), and put that back if need be ('harness restore')",
                )
        except HarnessError as error:
            _failed(result, f"{database} was not restored by another process: {error}")
        answer.seek(0)
        pickle.dump(result, answer)
