"""Trickle: the response arrives byte by byte, and no single wait is long.

Models a line that is all but dead: the backend has carried the request out and answered; each
byte follows the last after a fraction of the client's timeout. A timeout that bounds each read
never passes, and the attempt would take minutes: only a deadline for the whole attempt ends it.

Strikes at a request once the backend's whole response is there. The guard must survive it as it
does ``stall_after``: the request was carried out. A client whose timeout bounds single reads does
not survive it in any useful time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.faults.wire.network import NetworkFault, answered, fetched

if TYPE_CHECKING:
    from harness.faults.wire.strike import Exchange

PAUSE_SHARE = 0.1  # of the client's timeout, before each byte


class Trickle(NetworkFault):
    """Pass the response on byte by byte, with a pause before each."""

    name = "trickle"
    contract = "The response arrives byte by byte, slower than the client's timeout as a whole."
    reasons = frozenset({"API timeout"})
    outlasts_client = True

    def deal(self, exchange: Exchange) -> None:
        """A pause, a byte, and again, until the client hangs up."""
        response = fetched(exchange)
        if not response:
            return
        share = f"{PAUSE_SHARE:.0%} of the timeout before each"
        self.note(exchange, f"{answered(response)}, passed on byte by byte, {share}")
        for byte in response:
            if exchange.wait_for_client_to_leave(self.scene.api_timeout_ms * PAUSE_SHARE):
                return
            exchange.reply(bytes((byte,)))
