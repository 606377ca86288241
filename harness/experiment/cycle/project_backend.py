"""A user's own backend in a cycle: it stays connected, and requests to it go through a proxy.

It is started once a site. Between cycles it goes on holding the database open, so the baseline is
put back as another connection would, through SQLite, and the truth proves that it is there; where
that cannot be had, the backend is ended, the bytes are written, and it is started anew.

What a backend makes of the database when it starts (WAL mode, a row of its own) is the baseline of
its site: the tests are not to blame for it, and no cleanup could undo it.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import apsw

from harness.databases.sqlite.session import connect
from harness.errors import BackendError, HarnessError, MeasurementError
from harness.experiment.cycle.project import OwnApplication
from harness.experiment.plan.project_workload import OwnProject
from harness.experiment.written.project import BackendSetting, ProjectSetting
from harness.faults.wire.proxy import Proxy
from harness.processes.context import Context
from harness.processes.server import Server
from harness.recovery.online_backup import OnlineBackup
from harness.steps import Listener
from harness.system.files import Files
from harness.truth import Judgement
from harness.truth.sqlite import SqliteTruth
from harness.workloads import TestData

_REST_MS = 500  # for a transaction of the backend's to end though no request is under way
_SUSPECTED_S = 0.3  # for a death to be seen, where a request has failed
_BEYOND_MS = 1000.0  # the proxy holds a request for longer than any command runs
_LIVING = ("-wal", "-shm", "-journal")  # what a backend that lives, or was killed, has beside it


class OwnBackend(OwnApplication):
    """Create and test through a proxy in front of the project's own backend."""

    def __init__(self, database: Path, workload: OwnProject, folder: Path) -> None:
        super().__init__(database, workload)
        project = workload.project
        assert project.backend is not None  # noqa: S101 - see ``own_application``
        self.server = server_of(project, project.backend, database)
        self._kept = OnlineBackup(database, folder / "baseline-kept", files=Files())
        self._inode = _inode(database)
        self.proxy: Proxy | None = None
        try:
            self.server.start()
            self.proxy = Proxy(self.server.port, longest_ms=project.timeout_s * 1000 + _BEYOND_MS)
            self.proxy.start()
            self._kept.capture()
        except BaseException:
            self.close()
            raise

    def truth(self, pristine: SqliteTruth) -> SqliteTruth:
        """The truth of a site: of ``pristine``, unless the backend's start has changed that."""
        judgement = self.judge(pristine)
        return pristine if judgement.exact else SqliteTruth(self._kept.backup)

    def baseline(self, pristine: Path) -> Path:
        """Return what the tests find: what the backend's start has made of ``pristine``."""
        return self._kept.backup

    def begin(self, cycle: int, draw: int) -> None:
        """Have it run, whatever the last cycle did to it; requests begin at none under way."""
        proxy = self._open()
        if not self.server.alive:
            try:
                self.server.start()
            except BackendError as error:
                raise MeasurementError(f"before cycle {cycle}: {error}") from error
            self._inode = _inode(self._database)
        proxy.upstream_port = self.server.port
        super().begin(cycle, draw)
        self.context = replace(self.context, backend_url=proxy.url)

    def create(self, draw: int, listener: Listener, *, patient: bool = False) -> TestData:
        """Run create and test; where the backend has ended meanwhile, a failure says so too."""
        data = super().create(draw, listener, patient=patient)
        if data.failures and self.server.has_died(_SUSPECTED_S):
            died = self.server.ended()
            told = tuple(f._replace(error=f"{f.error}; {died}") for f in data.failures)
            return replace(data, failures=told)
        return data

    def end(self, *, restored: bool = True) -> None:
        """Wait for what is under way, and for the backend's own transactions.

        Raises:
            MeasurementError: the backend or the proxy broke, though no fault asked for it.
        """
        proxy = self._open()
        if self.server.has_died():
            raise MeasurementError(
                f"died in this cycle, and no fault asked for it: {self.server.ended()}"
            )
        proxy.settle()
        if proxy.error is not None:
            raise MeasurementError(f"the proxy failed: {proxy.error}") from proxy.error
        super().end(restored=restored)
        if not _at_rest(self._database):  # its pages cannot be read while it holds them
            self.server.close()

    def judge(self, truth: SqliteTruth) -> Judgement:
        """Judge what is there; files that belong to the backend's connections are no leftover."""
        judgement = truth.judge(self._database, references=False)
        own = {f"{self._database.name}{suffix}" for suffix in _LIVING}
        left = tuple(name for name in judgement.left_behind if name not in own)
        belongs = {f"left behind: {name}" for name in own}
        told = tuple(line for line in judgement.differences if line not in belongs)
        return replace(judgement, left_behind=left, differences=told)

    def put_back(self, truth: SqliteTruth) -> None:
        """Put the baseline back under the living backend, or without it."""
        if self.server.alive and self._put_back_through_sqlite(truth):
            return
        self.server.close()
        truth.reset(self._database)

    def _put_back_through_sqlite(self, truth: SqliteTruth) -> bool:
        """Whether that could be had, and the truth finds nothing else there."""
        if _inode(self._database) != self._inode:
            return False  # what the backend has open is another file
        try:
            self._kept.restore()
        except (apsw.Error, HarnessError, OSError):
            return False
        judgement = self.judge(truth)
        return judgement.exact and not judgement.left_behind

    def close(self) -> None:
        """End the proxy and the backend."""
        try:
            if self.proxy is not None:
                self.proxy.close()
        finally:
            self.server.close()

    def _open(self) -> Proxy:
        if self.proxy is None or not self.proxy.alive:
            raise MeasurementError("the proxy before the backend has died")
        return self.proxy


def own_application(database: Path, workload: OwnProject, folder: Path) -> OwnApplication:
    """Make what a project's tests work with; ``folder`` is for what is kept.

    BackendError where its backend does not start.
    """
    if workload.project.backend is None:
        return OwnApplication(database, workload)
    return OwnBackend(database, workload, folder)


def server_of(project: ProjectSetting, backend: BackendSetting, database: Path) -> Server:
    """Make the backend's process, not yet started."""
    where = Path(os.path.abspath(database))
    told = Context(where, 0, 0).environment()
    for name in ("HARNESS_CYCLE", "HARNESS_SEED"):  # it lives through many
        told.pop(name)
    return Server(
        backend.start,
        home=Path(project.home),
        environment=told,
        database=where,
        ready=backend.ready,
        ready_timeout_s=backend.ready_timeout_s,
        port_variable=backend.port_variable,
    )


def _at_rest(database: Path) -> bool:
    """Whether nobody is in the middle of a transaction, and the -wal is folded in."""
    try:
        connection = connect(database, busy_timeout_ms=_REST_MS)
    except (OSError, apsw.Error):
        return True  # there is no such file, or none of SQLite's: for the truth to say
    try:
        connection.execute("BEGIN IMMEDIATE; ROLLBACK").fetchall()
        busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()[0][0]
        return not busy
    except apsw.BusyError:
        return False
    except apsw.Error:
        return True
    finally:
        connection.close()


def _inode(database: Path) -> tuple[int, int]:
    try:
        status = os.stat(database)
    except FileNotFoundError:
        return 0, 0
    return status.st_dev, status.st_ino


__all__ = ["OwnBackend", "own_application", "server_of"]
