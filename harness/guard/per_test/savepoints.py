"""The process that holds the baseline from test to test: ``harness.guard.per_test.savepoints``.

It is a process of its own because it holds SQLite's locks: in the tests' process Python's sqlite3,
another SQLite library, would drop them. It answers one-line requests on its standard input (begin,
finish, end), a line of JSON each, and ends when that input closes or its parent is gone, so it
never outlives the tests. Killed or not, what it leaves is for the session's guard to bring back.

Baselines nest, as fixtures do: each ``finish`` comes back to where the last open ``begin`` was.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
from contextlib import closing, suppress
from pathlib import Path

import apsw

from harness.cleanup.by_difference import DifferenceCleanup
from harness.databases.errors import explained
from harness.databases.sqlite.differences import differences
from harness.databases.sqlite.files import beside, fold, real
from harness.databases.sqlite.session import connect
from harness.errors import HarnessError, RecoveryRefused, RestoreError
from harness.guard.locked import note_who
from harness.guard.per_test.standing_pin import StandingPin
from harness.guard.sqlite.in_use import OpenFile
from harness.retry import Retry
from harness.steps import nobody

SUFFIX = ".e2e-test"  # of copies: DATABASE.e2e-test.1, .2, ...
PIN, DIFFERENCE, PAGES = "pin", "difference", "pages"  # the ways back
_TRIES = 3  # how often somebody's commit may come between putting back and verifying
_LOOK_AT_PARENT_S = 1.0


class Keeper:
    """What the process does, one method a request.

    Args:
        database: the database.
        busy_timeout_ms: how long to wait for others.
    """

    def __init__(self, database: Path, *, busy_timeout_ms: int = 1000) -> None:
        self.main, self.busy_timeout_ms = real(database), busy_timeout_ms
        self._pin = StandingPin(self.main, busy_timeout_ms=busy_timeout_ms)
        self._begun: list[Path | None] = []  # where each open begin has its baseline; None: pinned
        self._copies = 0
        self.switched = False  # from rollback mode to WAL mode, and not back

    def begin(self) -> str:
        """Take the state that is there as the baseline; the way it will be brought back."""
        if not self.main.exists():
            raise RecoveryRefused(
                f"{self.main}: there is no such database yet. Have it made before, by a fixture of "
                "the session"
            )
        if self._pin.untouched():
            self._begun.append(None)
            return PIN
        if None in self._begun:  # the pinned file is the baseline of an outer begin: keep it
            self._pin.check()
            copy = self._copied(immutable=True)
            self._begun = [path or copy for path in self._begun]
        try:
            self._into_wal()
            self._pin.take()
        except (RecoveryRefused, apsw.BusyError):
            self._begun.append(self._copied(immutable=False))
            return PAGES
        self._begun.append(None)
        return PIN

    def finish(self) -> str:
        """Put the baseline of the last begin back and prove it; the way that was taken.

        Raises:
            RestoreError: the database is not proven.
            apsw.Error, OSError: as well.
        """
        if not self._begun:
            raise RestoreError(f"no baseline of {self.main} was taken")
        copy = self._begun.pop()
        if copy is None:
            with suppress(apsw.BusyError):
                self._pin.restore()
                return PIN
            self._pin.check()
            way = self._put_back(self.main)
            self._pin.check()
            return way
        way = self._put_back(copy)
        if copy not in self._begun:
            copy.unlink(missing_ok=True)
        return way

    def end(self) -> str:
        """Let go, and leave the files as they were found; the journal mode too."""
        self._pin.let_go()
        if self.switched:
            with closing(connect(self.main, busy_timeout_ms=self.busy_timeout_ms)) as connection:
                self.switched = connection.pragma("journal_mode", "delete") != "delete"
        elif self._pin_was_used:
            fold(self.main, vfs=None, busy_timeout_ms=self.busy_timeout_ms)
        return ""

    def close(self) -> None:
        """Let go as a kill would, but remove the copies, which are of no use to anybody else."""
        self._pin.let_go()
        for number in range(1, self._copies + 1):
            beside(self.main, f"{SUFFIX}.{number}").unlink(missing_ok=True)

    @property
    def _pin_was_used(self) -> bool:
        return beside(self.main, "-shm").exists()

    def _into_wal(self) -> None:
        """Leave rollback mode until the end; BusyError where somebody is in the way."""
        with closing(connect(self.main, busy_timeout_ms=0)) as connection:
            if connection.pragma("journal_mode") != "delete":
                return
            if connection.pragma("journal_mode", "wal") == "wal":
                self.switched = True

    def _copied(self, *, immutable: bool) -> Path:
        """Copy the live state or, ``immutable``, the pinned one, into a file beside the database.

        Nothing is synced: nobody reads the copy after a power cut.
        """
        self._copies += 1
        path = beside(self.main, f"{SUFFIX}.{self._copies}")
        path.unlink(missing_ok=True)  # of a killed keeper; never written through what stands there
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
        with (
            closing(self._opened(self.main, immutable=immutable)) as source,
            closing(self._opened(path)) as target,
        ):
            target.execute("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF").fetchall()
            _every_page(source, target)
        return path

    def _put_back(self, baseline: Path) -> str:
        """Make the live state ``baseline`` through SQL, while others stay connected."""
        for _ in range(_TRIES):
            way = self._written_back(baseline)
            index = self._pin.index()
            remaining = differences(self.main, baseline, busy_timeout_ms=self.busy_timeout_ms)
            if remaining.clean("exact") and self._pin.index() == index:
                self._pin.proven(index if baseline == self.main else b"")
                return way
        raise RestoreError("; ".join(remaining.sentences()) or "somebody else goes on writing")

    def _written_back(self, baseline: Path) -> str:
        """Put back what changed; all pages, where rows are not all that did."""
        cleanup = DifferenceCleanup(
            baseline, busy_timeout_ms=self.busy_timeout_ms, checks_foreign_keys=False
        )  # everything is verified afterwards
        report = cleanup.clean(
            self.main, (), connect=self._opened, retry=Retry(attempts=1), listener=nobody
        )
        if report.ok:
            return DIFFERENCE
        with (
            closing(self._opened(baseline, immutable=True)) as source,
            closing(self._opened(self.main)) as target,
        ):
            target.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            _every_page(source, target)
        return PAGES

    def _opened(self, path: Path, *, immutable: bool = False) -> apsw.Connection:
        connection = connect(path, busy_timeout_ms=self.busy_timeout_ms, immutable=immutable)
        if not immutable:
            with suppress(apsw.SQLError, apsw.CorruptError):  # it parses the schema; no matter
                connection.execute("PRAGMA synchronous=OFF")  # no power cut: see standing_pin
        return connection


def _every_page(source: apsw.Connection, target: apsw.Connection) -> None:
    with target.backup("main", source, "main") as backup:
        backup.step(-1)


def answer(keeper: Keeper, request: str) -> dict[str, str]:
    """Do what ``request`` asks; ``way`` or, whatever went wrong, ``error``.

    ``mode`` is there while the database is in WAL mode for the tests alone.
    """
    answered = _answer(keeper, request)
    return answered | {"mode": "wal"} if keeper.switched else answered


def _answer(keeper: Keeper, request: str) -> dict[str, str]:
    actions = {"begin": keeper.begin, "finish": keeper.finish, "end": keeper.end}
    try:
        return {"way": actions[request]()}
    except (apsw.Error, OSError) as error:  # of a lock in the way SQLite says "not an error"
        note_who(error, OpenFile(keeper.main))
        return {"error": explained(error)}
    except HarnessError as error:
        return {"error": str(error)}
    except Exception as error:  # noqa: BLE001 - whoever asked waits for an answer, and tells it
        return {"error": f"{type(error).__name__}: {error}"}


def main(database: str, busy_timeout_ms: str) -> None:
    """Answer until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests; their end is ours
    parent = os.getppid()
    keeper = Keeper(Path(database), busy_timeout_ms=int(busy_timeout_ms))
    waiting = select.poll()
    waiting.register(0, select.POLLIN)
    try:
        while os.getppid() == parent:  # a child forked by a test may keep the pipe open for ever
            if not waiting.poll(_LOOK_AT_PARENT_S * 1000):
                continue
            request = os.read(0, 64)  # one at a time: the next is sent when this is answered
            if not request:
                return
            os.write(1, json.dumps(answer(keeper, request.decode().strip())).encode() + b"\n")
    except BrokenPipeError:
        return
    finally:
        keeper.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
