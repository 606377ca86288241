"""What all faults of the network between client and backend have in common.

A network fault is itself the strike that is armed at the proxy: every request that begins while it
holds goes to ``deal``, in a thread of the proxy's. Its evidence is noted before the client can
notice anything, and says what the sockets did and with how many bytes; ports and times are left
out, so that a cycle's record is the same wherever it ran.
"""

from __future__ import annotations

import threading
from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from harness.errors import MeasurementError
from harness.faults import Fault, Planned, Shape, Slot
from harness.steps import Step

if TYPE_CHECKING:
    from harness.faults.reach.scene import Scene
    from harness.faults.wire.proxy import Proxy
    from harness.faults.wire.strike import Exchange

NO_BACKEND = (
    "neither the tests nor the cleanup go through the backend: "
    'set connection = "backend" and cleanup = "api", or give a [project] a backend of its own, '
    "and commands or functions that send requests to BACKEND_URL"
)
RST = "RST (SO_LINGER 0)"
_LONGEST_TARGET = 80


class RequestFault(Fault):
    """Something that can happen at every request over HTTP."""

    phases = ("cleanup",)

    @classmethod
    def slots(cls, shape: Shape) -> list[Slot]:
        """Every request over HTTP."""
        return shape.request_slots()

    @classmethod
    def why_never(cls, shape: Shape) -> str | None:
        """Explain what is missing."""
        return None if cls.slots(shape) else NO_BACKEND


class NetworkFault(RequestFault):
    """Something that happens to requests on their way to the backend or back."""

    in_bursts = True
    outlasts_client: ClassVar[bool] = False  # whether only the client's own deadline ends it

    def __init__(self, scene: Scene, planned: Planned) -> None:
        super().__init__(scene, planned)
        self.proxy: Proxy | None = None  # where it is armed, or was
        self._noted = 0
        self._first = ""
        self._lock = threading.Lock()  # requests on several connections may be struck at once

    def strike(self, step: Step) -> None:
        """Deal with every request from now on; without a backend it does not fire."""
        proxy, patience_ms = self.scene.proxy, self.scene.api_timeout_ms
        if proxy is None:
            return
        if self.outlasts_client and proxy.longest_ms <= patience_ms:
            raise MeasurementError(
                f"{self.name}: the proxy holds a request for {proxy.longest_ms:g} ms at most, and "
                f"the client waits {patience_ms:g} ms: give the proxy a greater longest_ms"
            )
        self.proxy = proxy
        self.arm(proxy)

    def arm(self, proxy: Proxy) -> None:
        """Have ``proxy`` hand requests over.

        Where the platform's own client announces its requests, one of one attempt is lifted before
        the next; others may send several at once, of which the very next one is meant.
        """
        proxy.arm(self, once=self.scene.own_backend and self.planned.lasting == "attempt")

    def lift(self) -> None:
        """Let requests pass again."""
        if self.proxy is not None:
            self.proxy.disarm(self)

    def finish(self) -> None:
        """Wait until the last request it deals with is over."""
        if self.proxy is not None:
            self.proxy.wait_until_over(self)

    def handle(self, exchange: Exchange) -> None:
        """Deal with one request, as the proxy asks."""
        self.deal(exchange)

    @abstractmethod
    def deal(self, exchange: Exchange) -> None:
        """Do it to one request; ``note`` it before the client can notice."""

    def note(self, exchange: Exchange, what: str) -> None:
        """Keep as evidence that ``what`` happens to this request; of several, count the rest."""
        with self._lock:
            self._noted += 1
            self._first = self._first or f"{_asked(exchange.request)}: {what}"
            several = f"{self._noted} requests; the first: " if self._noted > 1 else ""
            self.evidence = several + self._first


def fetched(exchange: Exchange) -> bytes:
    """Have the backend carry the request out; its response.

    b"" where the backend died over it: the client's connection is reset, as the proxy does for
    every request that the backend does not answer, and that is not this fault's doing.
    """
    exchange.forward()
    response = exchange.response()
    if not response:
        exchange.reset()
    return response


def answered(response: bytes) -> str:
    """What the backend did: "backend answered 204 (96 bytes)"."""
    status = response[9:12].decode("ascii", "replace")
    return f"backend answered {status} ({len(response)} bytes)"


def _asked(request: bytes) -> str:
    line = request.split(b"\r\n", 1)[0].decode("ascii", "replace")
    return " ".join(line.split(" ")[:2])[:_LONGEST_TARGET]
