"""Stall before the backend was reached: the request is swallowed, and nothing comes back.

Models a packet filter that drops silently, a dead peer whose machine is gone, a full queue of a
balancer: the connection stays open, the backend does not see a byte, and the client waits until
its own deadline ends the attempt.

Strikes at a request once it has been read whole. The client sees exactly what it sees in
``stall_after``, where the backend did carry it out. The guard must survive it: the deadline of
each attempt must be real, and a retry is right. A client without a deadline could not survive it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.faults.wire.network import NetworkFault

if TYPE_CHECKING:
    from harness.faults.wire.strike import Exchange


class StallBefore(NetworkFault):
    """Neither forward nor answer."""

    name = "stall_before"
    contract = "The request never reaches the backend, and no byte comes back."
    reasons = frozenset({"API timeout"})
    outlasts_client = True

    def deal(self, exchange: Exchange) -> None:
        """Hold the request until the client hangs up."""
        self.note(exchange, "0 bytes reached the backend, 0 bytes answered, connection held open")
        if not exchange.wait_for_client_to_leave():
            exchange.reset()
