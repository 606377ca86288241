"""Gateway error: something between client and backend answers in the backend's place.

Models a balancer or reverse proxy whose backend is being deployed or is overloaded: 502 or 503,
as drawn, with a page of HTML where the client expects JSON, and the connection is closed. The
request has not reached the backend.

Strikes at a request once it has been read whole. The guard must survive it: a page that is not
JSON must not break the client, and the backend's own 503 must not be mistaken for this one. A
retry is right; lasting for the phase or the cycle only the restore beats it. A policy without a
backup could not survive that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.faults.wire.network import NetworkFault

if TYPE_CHECKING:
    from harness.faults.wire.strike import Exchange

STATUSES = ("502 Bad Gateway", "503 Service Temporarily Unavailable")


class GatewayError(NetworkFault):
    """Answer as a gateway does whose backend is away."""

    name = "gateway_error"
    contract = "A gateway answers 502 or 503 with a page of HTML in the backend's place."
    reasons = frozenset({"gateway error"})

    def deal(self, exchange: Exchange) -> None:
        """The gateway's page, then FIN; not a byte to the backend."""
        status = STATUSES[self.planned.where >= 0.5]
        page = _page(status)
        self.note(
            exchange,
            f"0 bytes reached the backend, {status[:3]} answered ({len(page)} bytes), then FIN",
        )
        exchange.reply(page)
        exchange.hang_up()


def _page(status: str) -> bytes:
    body = (
        f"<html>\r\n<head><title>{status}</title></head>\r\n<body>\r\n"
        f"<center><h1>{status}</h1></center>\r\n<hr><center>gateway</center>\r\n"
        "</body>\r\n</html>\r\n"
    ).encode()
    head = (
        f"HTTP/1.1 {status}\r\nServer: gateway\r\nContent-Type: text/html\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
