"""Connection refused: nobody listens at the backend's address.

Models a server that is being started anew, a container that has not come up, a wrong port: the
kernel answers the client's SYN with RST, and connect(2) says ECONNREFUSED. The proxy closes its
listening socket and every idle connection, as a dead server's kernel does; requests that are
under way are let be.

Strikes just before a request, of the tests or of the cleanup. Requests to a backend of the user's
own are known only once they are there: the connection of the one that is struck is reset, not a
byte of it forwarded, and from then on the kernel refuses, for as long as the fault is to last.

The guard must survive it: nothing of the request was carried out, and the client knows. A refusal
that lasts for the attempt is beaten by a retry, one that lasts longer only by the restore, which
needs no backend. Only a cleanup without a backup could not survive it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.faults.wire.network import NetworkFault
from harness.steps import Step

if TYPE_CHECKING:
    from harness.faults.wire.strike import Exchange


class ConnectionRefused(NetworkFault):
    """Have the kernel refuse connections."""

    name = "connection_refused"
    contract = "The kernel refuses every connection to the backend's address."
    reasons = frozenset({"network error"})
    _refuses = False

    def strike(self, step: Step) -> None:
        """Stop listening, and see that the kernel refuses."""
        if self.scene.proxy is not None:
            self.proxy, self._refuses = self.scene.proxy, True
            self.evidence = self.proxy.refuse()
            if self.scene.own_backend:
                self.arm(self.proxy)

    def lift(self) -> None:
        """Listen again."""
        if self.proxy is not None:
            self.proxy.disarm(self)
            if self._refuses:
                self._refuses = False
                self.proxy.listen()

    def deal(self, exchange: Exchange) -> None:
        """Reset a request that was there before the kernel refused.

        Where that one was all, the next may follow at once: it is not to depend on who is quicker.
        """
        if self.planned.lasting == "attempt":
            self.lift()
        exchange.reset()
