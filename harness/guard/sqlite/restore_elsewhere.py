"""Bring a baseline back in a process of its own.

For a process that has the database open by another SQLite library than the guard's, as Python's
sqlite3 is: the locks of a process are one, so there each library would break the other's. From
another process they are seen for what they are, and the restore waits for them or says so.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from harness.errors import RestoreError
from harness.guard.survivors import Dealing

_SCRIPT = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from pathlib import Path
from harness.errors import HarnessError
from harness.guard import recover
try:
    by = recover(Path(sys.argv[2]), busy_timeout_ms=int(sys.argv[3]), archives=sys.argv[4] == "1",
                 asked=True, survivors=sys.argv[5])
except HarnessError as error:
    sys.exit(str(error))
print(by or "")
"""


def recover_elsewhere(
    database: Path,
    *,
    busy_timeout_ms: int = 1000,
    archives: bool = False,
    survivors: Dealing = "refuse",
) -> str:
    """Do in another process what ``recover`` does; the guard here must have been abandoned.

    Returns the name of the recovery that brought the baseline back.

    Raises:
        RestoreError: the baseline is not proven back; journal and backups are kept. Also where
            there was no journal any more: tests removed it, or another guard came between.
    """
    path = json.dumps([entry for entry in sys.path if isinstance(entry, str)])
    arguments = [path, str(database), str(busy_timeout_ms), "1" if archives else "0", survivors]
    try:
        process = subprocess.run(  # noqa: S603 - this very Python
            [sys.executable, "-P", "-c", _SCRIPT, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            start_new_session=True,  # what is typed at a terminal must not break it off
        )
    except OSError as error:
        raise RestoreError(
            f"no process to restore {database} in could be started: {error}"
        ) from error
    if process.returncode != 0:
        reason = process.stderr.strip() or f"it ended with status {process.returncode}"
        raise RestoreError(f"{database} was not restored by another process: {reason}")
    recovery = process.stdout.strip()
    if not recovery:
        raise RestoreError(
            f"the journal of {database} is gone, so nothing was put back: compare it with a backup "
            "('harness verify'), and put that back if need be ('harness restore')"
        )
    return recovery
