"""Reset before the backend was reached: the request is lost on its way.

Models a firewall or a balancer that drops a connection from its table, a server killed with the
request still in its socket's buffer: the client has sent its request and reads ECONNRESET. The
backend has not seen a byte of it and carried nothing out.

Strikes at a request once it has been read whole. The client sees exactly what it sees in
``reset_after``, where the backend did carry it out: the guard must not take either for granted.
Trying again is right here; lasting for the phase or the cycle only the restore beats it. A policy
that believes the error, with no backup, could not survive it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.faults.wire.network import RST, NetworkFault

if TYPE_CHECKING:
    from harness.faults.wire.strike import Exchange


class ResetBefore(NetworkFault):
    """Reset the connection instead of forwarding the request."""

    name = "reset_before"
    contract = "The connection is reset before the request reaches the backend."
    reasons = frozenset({"network error"})

    def deal(self, exchange: Exchange) -> None:
        """RST, and not a byte to the backend."""
        self.note(exchange, f"0 bytes reached the backend, then {RST}")
        exchange.reset()
