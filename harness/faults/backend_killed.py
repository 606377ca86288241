"""Killed backend: the server crashes.

Models a server that dies at once: out of memory, a failed assertion, an impatient administrator.
SIGKILL ends the process without its consent (man 7 signal); the kernel closes its connections, so
that its clients see them reset, hung up or refused. What it had not committed is rolled back.

Strikes just before one request. The backend is started again, on the same port, when what the
fault was to last for is over. The guard must survive it: it never asks the backend, and locks
that a dead process held are gone with it.
"""

from __future__ import annotations

from harness.errors import MeasurementError
from harness.faults.wire.network import RequestFault
from harness.steps import Step


class BackendKilled(RequestFault):
    """SIGKILL, and a new start when it is over."""

    name = "backend_killed"
    contract = "The backend's process is killed (SIGKILL), and started again when it is over."
    reasons = frozenset({"network error"})
    _struck = False

    def strike(self, step: Step) -> None:
        """Kill it, unless it is dead already."""
        backend = self.scene.backend
        if backend is None or not backend.alive:
            return
        self._struck = True  # whatever killing does: half of it must be made good too
        backend.kill()
        if backend.alive:
            raise MeasurementError("the backend was sent SIGKILL and lives")
        self.evidence = f"SIGKILL before {step.operation}: the backend's process is gone"

    def lift(self) -> None:
        """Start it again; BackendError when it does not serve in time."""
        struck, self._struck = self._struck, False
        backend = self.scene.backend
        if struck and backend is not None and not backend.alive:
            backend.start()
