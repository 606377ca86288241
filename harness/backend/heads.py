"""The head of a request has a bound, in bytes and in time; the parser itself sets none."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEAD_BYTES = 65_536
HEAD_LIMIT_S = 10.0  # from its first byte to its end
_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\nconnection: close\r\n\r\n%s"
)
_SAID = b'{"error": "the head of the request is too large", "reason": "bad request"}'


class BoundedHeads(HttpToolsProtocol):
    """uvicorn's protocol, which hangs up on a head that is too large or never ends."""

    _head_bytes = 0
    _in_body = False
    _deadline: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        """Count while a head comes in; the body has a bound of its own."""
        if not self._in_body:
            self._head_bytes += len(data)
            if self._deadline is None:
                self._deadline = self.loop.call_later(HEAD_LIMIT_S, self._hang_up)
            if self._head_bytes > MOST_HEAD_BYTES and not _ends_within(data):
                self.transport.write(_TOO_LARGE % (len(_SAID), _SAID))
                self._hang_up()
                return
        super().data_received(data)

    def on_headers_complete(self) -> None:
        """Note that the head is whole."""
        self._over()
        self._in_body = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Note that the next bytes begin another head."""
        self._in_body = False
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadline."""
        self._over()
        super().connection_lost(exc)

    def _over(self) -> None:
        self._head_bytes = 0
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _hang_up(self) -> None:
        self._over()
        self.transport.close()


def _ends_within(data: bytes) -> bool:
    """Whether the head ends in ``data``, so that what is large is the body behind it."""
    end = data.find(b"\r\n\r\n")
    return 0 <= end <= MOST_HEAD_BYTES
