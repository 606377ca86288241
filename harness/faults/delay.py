"""Delay: the whole response arrives late, but in time.

Models a slow line or a busy backend: the response is held back for a drawn share of the client's
timeout, half of it at the most, then passed on whole.

Strikes at a request once the backend's whole response is there. A client that gives its timeout
to each attempt is not harmed, so this never surfaces as a failure; it costs time, and shows that
time alone breaks nothing. Nothing in it is beyond surviving.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.faults.wire.network import NetworkFault, answered, fetched

if TYPE_CHECKING:
    from harness.faults.wire.strike import Exchange

LONGEST_SHARE = 0.5  # of the client's timeout


class Delay(NetworkFault):
    """Hold the response back for less than the client's timeout."""

    name = "delay"
    contract = "The backend's response arrives late, within the client's timeout."
    reasons = frozenset()  # masked: no failure is its doing

    def deal(self, exchange: Exchange) -> None:
        """Wait, unless the client leaves; then pass the response on."""
        response = fetched(exchange)
        if not response:
            return
        share = self.planned.where * LONGEST_SHARE
        self.note(exchange, f"{answered(response)}, held back for {share:.1%} of the timeout")
        if not exchange.wait_for_client_to_leave(self.scene.api_timeout_ms * share):
            exchange.reply(response)
