"""What a strike on requests is, and what it may do to one: what proxy and relay agree on."""

from __future__ import annotations

from typing import Protocol


class Exchange(Protocol):
    """One request that came in on a connection of the proxy, and what may be done to it.

    Every method may be called from the proxy's own thread only. Bytes are HTTP/1.1 as it came.
    All waits of one exchange together take at most ``Proxy.longest_ms``. After ``reset`` or
    ``hang_up`` the connection is over; a request neither ended so nor answered goes on.
    """

    request: bytes  # head and body, whole

    def forward(self) -> None:
        """Send the request to the backend."""

    def response(self) -> bytes:
        """Wait for the backend's whole response and return it; b"" when the backend hung up."""

    def reply(self, data: bytes) -> None:
        """Send bytes to the client; nothing happens when it has left."""

    def reset(self) -> None:
        """Reset the client's connection: RST (SO_LINGER 1, 0, then close)."""

    def hang_up(self) -> None:
        """Close the client's connection in good order: FIN."""

    def wait_for_client_to_leave(self, limit_ms: float | None = None) -> bool:
        """Wait until the client hangs up, at most ``limit_ms``; whether it did."""


class Strike(Protocol):
    """Something to be done to every request that begins while it is armed."""

    def handle(self, exchange: Exchange) -> None:
        """Deal with one request; it is over for the proxy when this returns."""
