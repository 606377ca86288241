"""Reset after the backend answered: the work is done, and the client never hears of it.

Models a connection lost while the response is on its way: the backend has carried the request
out, committed and answered; the client reads ECONNRESET instead.

Strikes at a request once the backend's whole response is there. The client sees exactly what it
sees in ``reset_before``, where nothing was carried out. The guard must survive both: a second
DELETE meets "not found" and must not take that for a failure, a second POST makes a second row
that nobody has written down. Only verification finds that one; a cleanup that trusts its own list
cannot survive it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.faults.wire.network import RST, NetworkFault, answered, fetched

if TYPE_CHECKING:
    from harness.faults.wire.strike import Exchange


class ResetAfter(NetworkFault):
    """Reset the connection instead of passing the response on."""

    name = "reset_after"
    contract = "The backend carries the request out, and the connection is reset before its answer."
    reasons = frozenset({"network error"})

    def deal(self, exchange: Exchange) -> None:
        """Let the backend answer, then RST."""
        if response := fetched(exchange):
            self.note(exchange, f"{answered(response)}, then {RST}")
            exchange.reset()
