"""Response cut: half of the response arrives, then the connection ends.

Models a server or a balancer that goes down while it sends: the backend has carried the request
out and answered, the client gets the first half of the bytes, then a reset (RST) or an end in
good order (FIN), as drawn. A client that takes an early end for the end reads half an answer as a
whole one.

Strikes at a request once the backend's whole response is there. The guard must survive it as it
does ``reset_after``: the request was carried out, however broken the answer. A cleanup that
trusts its own list cannot survive a lost answer to a POST.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.faults.wire.network import RST, NetworkFault, answered, fetched

if TYPE_CHECKING:
    from harness.faults.wire.strike import Exchange


class ResponseCut(NetworkFault):
    """Pass on the first half of the response, then end the connection."""

    name = "response_cut"
    contract = "Half of the backend's response arrives, then the connection is reset or closed."
    reasons = frozenset({"network error"})

    def deal(self, exchange: Exchange) -> None:
        """Half of the bytes, then RST or FIN."""
        response = fetched(exchange)
        if not response:
            return
        half, resets = response[: len(response) // 2], self.planned.where < 0.5
        end = RST if resets else "FIN"
        self.note(exchange, f"{answered(response)}, {len(half)} bytes sent, then {end}")
        exchange.reply(half)
        if resets:
            exchange.reset()
        else:
            exchange.hang_up()
