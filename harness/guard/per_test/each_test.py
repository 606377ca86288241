"""Bring a database back after every single test, in a millisecond where nobody else is connected.

No journal of its own: the guard of the whole session has one, and the baseline it kept is what a
kill in the middle of a test comes back to. The work is done by
``harness.guard.per_test.savepoints``, in a process of its own, which is asked over pipes; what it
cannot prove fails the test.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from harness.errors import BackupError, RestoreError

_PATIENCE_S = 30.0  # and what a whole copy of the database may take
_SLOW_COPY_BYTES_A_S = 20e6


class EachTest:
    """The baselines of one session's tests: ``begin`` before each, ``finish`` after it.

    The keeper is started by the first ``begin``. In a forked child nothing here does anything.

    Args:
        database: the database.
        busy_timeout_ms: how long the keeper waits for others.
        patience_s: how long it may take to answer; None goes by the size of the database.
    """

    left = ""  # what it could not take away: nothing of it is in the database

    def __init__(
        self, database: Path, *, busy_timeout_ms: int = 1000, patience_s: float | None = None
    ) -> None:
        self.database, self.busy_timeout_ms = database, busy_timeout_ms
        self.ways: Counter[str] = Counter()  # how tests were brought back
        self.switched = False  # whether the database was in WAL mode only for the tests
        # settings that were made for the tests and are not back: name -> (baseline, now)
        self.own_settings: dict[str, tuple[Any, Any]] = {}
        self._patience_s = patience_s
        self._keeper: subprocess.Popen[bytes] | None = None
        self._pid = os.getpid()

    def begin(self) -> None:
        """Take the state that is there as the baseline.

        Raises:
            BackupError: it could not be taken.
        """
        try:
            if self._keeper is None:
                self._keeper = self._started()
            self._ask("begin")
        except (RestoreError, OSError) as error:
            raise BackupError(f"no backup of {self.database} could be taken: {error}") from error

    def finish(self) -> None:
        """Put the baseline of the last ``begin`` back and prove it.

        Raises:
            RestoreError: the database is not proven; the session's guard has to bring it back.
        """
        try:
            self.ways[self._ask("finish")] += os.getpid() == self._pid
        except RestoreError as error:
            raise RestoreError(
                f"{self.database} could not be restored after the test: {error}. End every "
                "transaction and close every connection in the test or its fixtures."
            ) from error

    def end(self) -> None:
        """End the keeper; a setting that it could not put back is in ``own_settings``."""
        if self._keeper is None or os.getpid() != self._pid:
            return
        with suppress(RestoreError):
            self._ask("end")
        self._gone()

    def _started(self) -> subprocess.Popen[bytes]:
        # -P: what stands in the folder the tests run in is not for the keeper to import. A session
        # of its own: Ctrl-C is for the tests.
        module = [sys.executable, "-P", "-m", "harness.guard.per_test.savepoints"]
        return subprocess.Popen(  # noqa: S603 - this very Python
            [*module, str(self.database), str(self.busy_timeout_ms)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )

    def _ask(self, request: str) -> str:
        """Send a request and wait for its answer, at most as long as patience lasts."""
        if os.getpid() != self._pid:
            return ""  # the parent's keeper is the parent's
        keeper = self._keeper
        if keeper is None or keeper.stdin is None or keeper.stdout is None:
            raise RestoreError("no keeper is at work")
        if keeper.returncode is not None:
            raise RestoreError(f"its keeper has died (status {keeper.returncode})")
        try:
            keeper.stdin.write(request.encode() + b"\n")
            line = self._line(keeper.stdout.fileno())
        except BrokenPipeError:
            line = b""
        if not line:
            raise RestoreError(f"its keeper, a helper process, died (status {self._gone()})")
        answered = json.loads(line)
        self.switched |= "mode" in answered
        self.own_settings = {"journal_mode": ("delete", "wal")} if "mode" in answered else {}
        if "error" in answered:
            raise RestoreError(answered["error"])
        return str(answered["way"])

    def _line(self, descriptor: int) -> bytes:
        patience_s = self._patience_s
        if patience_s is None:
            patience_s = _PATIENCE_S
            with suppress(OSError):
                patience_s += os.stat(self.database).st_size / _SLOW_COPY_BYTES_A_S
        deadline = time.monotonic() + patience_s
        waiting = select.poll()
        waiting.register(descriptor, select.POLLIN)
        line = b""
        while not line.endswith(b"\n"):
            left_s = deadline - time.monotonic()
            if left_s <= 0 or not waiting.poll(left_s * 1000):
                self._gone()
                raise RestoreError(f"its keeper did not answer within {patience_s:g} s")
            part = os.read(descriptor, 4096)
            if not part:
                return b""
            line += part
        return line

    def _gone(self) -> int:
        """End the keeper, by force where closing its input does not do it; its status."""
        keeper = self._keeper
        if keeper is None or keeper.stdin is None or keeper.stdout is None:
            return 0
        keeper.stdin.close()
        try:
            keeper.wait(1)
        except subprocess.TimeoutExpired:
            keeper.kill()  # also when it is stopped
            keeper.wait()
        keeper.stdout.close()
        return keeper.returncode
