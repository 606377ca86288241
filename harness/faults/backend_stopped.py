"""Stopped backend: its process runs no more, but is still there.

Models a hung or overloaded server: a collection of garbage that stops the world, a virtual machine
that is paused, a debugger. SIGSTOP stops the whole process (man 7 signal); the kernel goes on
accepting connections and bytes for it, nothing answers, and the client's deadline passes.

Strikes just before one request. It goes on (SIGCONT) when what it was to last for is over.
Requests that wait in the kernel's socket buffers are then carried out late, also those that the
client has given up long ago: a retry may meet what its predecessor has done, and a DELETE may
come after the cleanup is over. The guard must survive it: it never asks the backend.
"""

from __future__ import annotations

import psutil

from harness.errors import MeasurementError
from harness.faults.wire.network import RequestFault
from harness.steps import Step


class BackendStopped(RequestFault):
    """SIGSTOP, and SIGCONT when it is over."""

    name = "backend_stopped"
    contract = "The backend's process is stopped (SIGSTOP): connections stay, nothing answers."
    reasons = frozenset({"API timeout"})
    _pid = 0

    def strike(self, step: Step) -> None:
        """Stop it, unless it is dead or stopped already."""
        backend = self.scene.backend
        if backend is None or not backend.alive or state_of(backend.pid) == psutil.STATUS_STOPPED:
            return
        self._pid = backend.pid
        backend.suspend()
        if state_of(self._pid) != psutil.STATUS_STOPPED:
            raise MeasurementError("the backend was sent SIGSTOP and has not stopped")
        self.evidence = f"SIGSTOP before {step.operation}: /proc says state T (stopped)"

    def lift(self) -> None:
        """Let it go on, if it is still the process that was stopped."""
        backend, pid, self._pid = self.scene.backend, self._pid, 0
        if backend is not None and pid and backend.pid == pid and backend.alive:
            backend.resume()
            self.scene.drain()


def state_of(pid: int) -> str:
    """What the process does, as the kernel says in psutil's word; "" when there is none."""
    try:
        return psutil.Process(pid).status()
    except psutil.NoSuchProcess:
        return ""
