"""A user's own backend in a cycle: it stays connected, and requests to it go through a proxy.

It is started once a site. Between cycles it goes on holding the database open, so the baseline is
put back as another connection would, and the truth proves that it is there; where that cannot be
had, the backend is ended, the baseline is put back in its absence, and it is started anew.

What a backend makes of the database when it starts (WAL mode, a row of its own) is the baseline of
its site: the tests are not to blame for it, and no cleanup could undo it.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from harness.errors import BackendError, MeasurementError
from harness.experiment.cycle.grounds.ground import Ground
from harness.experiment.cycle.project import OwnApplication
from harness.experiment.plan.project_workload import OwnProject
from harness.experiment.written.project import BackendSetting, ProjectSetting
from harness.faults.wire.proxy import Proxy
from harness.processes.context import Context
from harness.processes.server import Server
from harness.steps import Listener
from harness.truth import Judgement
from harness.workloads import TestData

_SUSPECTED_S = 0.3  # for a death to be seen, where a request has failed
_BEYOND_MS = 1000.0  # the proxy holds a request for longer than any command runs


class OwnBackend(OwnApplication):
    """Create and test through a proxy in front of the project's own backend."""

    def __init__(self, ground: Ground, workload: OwnProject) -> None:
        super().__init__(ground, workload)
        project = workload.project
        assert project.backend is not None  # noqa: S101 - see ``own_application``
        self.server = server_of(project, project.backend, ground.database)
        self._opened = ground.identity()  # what the backend has open
        self.proxy: Proxy | None = None
        try:
            self.server.start()
            self.proxy = Proxy(self.server.port, longest_ms=project.timeout_s * 1000 + _BEYOND_MS)
            self.proxy.start()
            ground.keep()
        except BaseException:
            self.close()
            raise

    def begin(self, cycle: int, draw: int) -> None:
        """Have it run, whatever the last cycle did to it; requests begin at none under way."""
        proxy = self._open()
        if not self.server.alive:
            try:
                self.server.start()
            except BackendError as error:
                raise MeasurementError(f"before cycle {cycle}: {error}") from error
            self._opened = self._ground.identity()
        proxy.upstream_port = self.server.port
        super().begin(cycle, draw)
        self.context = replace(self.context, backend_url=proxy.url)

    def create(self, draw: int, listener: Listener, *, patient: bool = False) -> TestData:
        """Run create and test; where the backend has ended meanwhile, a failure says so too."""
        data = super().create(draw, listener, patient=patient)
        if data.failures and self.server.has_died(_SUSPECTED_S):
            died = self.server.ended()
            failures = tuple(
                failure._replace(error=f"{failure.error}; {died}") for failure in data.failures
            )
            return replace(data, failures=failures)
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
        if not self._ground.at_rest():  # it cannot be judged while the backend holds it
            self.server.close()

    def judge(self) -> Judgement:
        """Judge what is there, the backend still being connected."""
        return self._ground.judge(connected=True)

    def put_back(self) -> None:
        """Put the baseline back under the living backend, or without it."""
        ground = self._ground
        is_theirs = ground.identity() == self._opened  # else they have another one open
        if self.server.alive and is_theirs and ground.put_back_connected():
            return
        self.server.close()
        ground.reset()

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


def own_application(ground: Ground, workload: OwnProject) -> OwnApplication:
    """Make what a project's tests work with; BackendError where its backend does not start."""
    if workload.project.backend is None:
        return OwnApplication(ground, workload)
    return OwnBackend(ground, workload)


def server_of(project: ProjectSetting, backend: BackendSetting, database: Path) -> Server:
    """Make the backend's process, not yet started."""
    where = Path(os.path.abspath(database))
    environment = Context(where, 0, 0).environment()
    for name in ("HARNESS_CYCLE", "HARNESS_SEED"):  # it lives through many
        environment.pop(name)
    return Server(
        backend.start,
        home=Path(project.home),
        environment=environment,
        database=where,
        ready=backend.ready,
        ready_timeout_s=backend.ready_timeout_s,
        port_variable=backend.port_variable,
    )


__all__ = ["OwnBackend", "own_application", "server_of"]
