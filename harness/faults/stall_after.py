"""Stall after the backend answered: the work is done, and the answer never arrives.

Models a line that dies while the response is on its way, or an answer that comes when the client
has given up: the backend has carried the request out, committed and answered; the client waits
until its own deadline ends the attempt.

Strikes at a request once the backend's whole response is there. The client sees exactly what it
sees in ``stall_before``, where nothing was carried out. The guard must survive both: a second
DELETE meets "not found", a second POST makes a second row that nobody has written down. Only
verification finds that one; a cleanup that trusts its own list cannot survive it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.faults.wire.network import NetworkFault, answered, fetched

if TYPE_CHECKING:
    from harness.faults.wire.strike import Exchange


class StallAfter(NetworkFault):
    """Hold the response back until the client gives up."""

    name = "stall_after"
    contract = "The backend carries the request out, and no byte of its answer arrives."
    reasons = frozenset({"API timeout"})
    outlasts_client = True

    def deal(self, exchange: Exchange) -> None:
        """Let the backend answer; keep the answer until the client hangs up."""
        if response := fetched(exchange):
            self.note(exchange, f"{answered(response)}, 0 bytes passed on, connection held open")
            if not exchange.wait_for_client_to_leave():
                exchange.reset()
