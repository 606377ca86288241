"""One client's connection through the proxy: passes bytes on, hands struck requests to a strike.

Keep-alive connections stay open on both sides, and each side hears of the other what a network
would tell it: a hang-up (FIN) as a hang-up, a reset or an unreachable backend as a reset.
"""

from __future__ import annotations

import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from harness.backend import HOST
from harness.faults.wire.framing import Message
from harness.faults.wire.strike import Strike

_SIZE_BYTES = 65536
_LEFT = select.POLLRDHUP | select.POLLHUP | select.POLLERR
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: close(2) sends RST


class Switchboard(Protocol):
    """What a relay asks of the proxy that accepted its client."""

    upstream_port: int
    longest_ms: float  # of everything that is waited for in one struck request

    def begin(self) -> tuple[Strike | None, Callable[[], None] | None]:
        """A request begins: what is to strike it, and what to call when it is over."""

    def over(self, strike: Strike) -> None:
        """A strike has dealt with a request."""

    def note(self, error: Exception) -> None:
        """Keep an error of the relay's own, or of a strike's."""

    def forget(self, relay: Relay) -> None:
        """It has ended."""


class Relay:
    """A thread's worth of work: one client, and the connection to the backend made for it.

    Only its own thread closes sockets; others may shut them down, which wakes it.
    """

    def __init__(self, proxy: Switchboard, client: socket.socket) -> None:
        self._proxy = proxy
        self._limit_s = proxy.longest_ms / 1000
        self._client = client
        self._upstream: socket.socket | None = None
        self._open = True  # the client's side
        self._ended = False  # no connection to the backend may be made any more
        self._lock = threading.Lock()  # of closing, against others' shutting down
        self._request: Message | None = None  # under way; None between a response and a request
        self._response = Message()
        self._over: Callable[[], None] | None = None  # to be told when the request is over
        self._poll = select.poll()
        self._poll.register(client, select.POLLIN)
        client.settimeout(self._limit_s)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @property
    def idle(self) -> bool:
        """Whether no request is under way."""
        return self._request is None

    def run(self) -> None:
        """Pass everything on until one side hangs up; whatever comes, this ends and frees all."""
        try:
            while self._open and self._turn():
                pass
        except OSError:  # the backend cannot be reached, or one side broke off
            self.tell_over()  # before the client can notice and ask again
            self.reset_client()
        except Exception as error:  # noqa: BLE001 - the proxy's own: it must not pass for a fault
            self._proxy.note(error)
            self.reset_client()
        finally:
            self.tell_over()
            self.close_client()
            with self._lock:
                if self._upstream is not None:
                    self._upstream.close()
            self._proxy.forget(self)

    def hang_up(self, *, on_backend: bool = False) -> None:
        """End it from another thread: to its own thread it looks as if the client had left."""
        with self._lock:
            self._ended = self._ended or on_backend
            for side in (self._upstream if on_backend else None, self._client):
                with suppress(OSError):  # one that is broken or closed needs no hanging up
                    if side is not None:
                        side.shutdown(socket.SHUT_RDWR)

    def finish(self) -> None:
        """For its own thread: no request is under way any more."""
        self._request = None
        self.tell_over()

    def tell_over(self) -> None:
        """For its own thread: the request is over for its client, or is just about to be."""
        if self._over is not None:
            self._over()
            self._over = None

    def is_leaving(self) -> bool:
        """For another thread: whether the client hung up on a request that is not yet told over."""
        if self._over is None:
            return False
        asking = select.poll()
        with self._lock:
            if self._open:
                asking.register(self._client, select.POLLRDHUP)
            return not self._open or bool(asking.poll(0))

    def reset_client(self) -> None:
        """Reset the client's connection: RST."""
        if self._open:
            self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.close_client()

    def close_client(self) -> None:
        """Hang up on the client: FIN."""
        with self._lock:
            self._open = False
            self._client.close()

    def _turn(self) -> bool:
        # Not bounded: how long a client thinks, and how long it waits, is its own affair. Either
        # side's hang-up ends it, and so do settle and close.
        for descriptor, _ in self._poll.poll():
            if descriptor == self._client.fileno():
                return self._from_client()
            return self._from_upstream()
        return True

    def _from_client(self) -> bool:
        data = _received(self._client)
        if not data:
            self.tell_over()  # first: the backend may answer nothing until then
            self._see_client_off()
            return False
        if self._request is None:
            self._request, self._response = Message(), Message(for_head=data.startswith(b"HEAD "))
            strike, self._over = self._proxy.begin()
            if strike is not None:
                return self._struck(strike, data)
        self._request.feed(data)
        self.to_upstream(data)
        return True

    def _from_upstream(self) -> bool:
        assert self._upstream is not None  # noqa: S101 - only then is it polled
        data = self._upstream.recv(_SIZE_BYTES)
        if not data:
            return False
        if self._request is not None:
            self._response.feed(data)
            if self._response.done and self._request.done:
                self.finish()  # before the client can have the answer and act upon it
        self._client.sendall(data)
        return True

    def _see_client_off(self) -> None:
        """Tell the backend that the client left; wait until it has read what was sent to it.

        A backend that has answered the hang-up has read the request before it: what comes of the
        request is the backend's affair then, and nothing is on its way to it any more.
        """
        if self._upstream is None or self._request is None:
            return
        with suppress(OSError):
            self._upstream.shutdown(socket.SHUT_WR)
            deadline = time.monotonic() + self._limit_s
            while data := received_by(self._upstream, deadline):
                with suppress(OSError):
                    self._client.sendall(data)  # it may have closed only its own half

    def _struck(self, strike: Strike, data: bytes) -> bool:
        """Collect the request and let the strike deal with it; whether the connection goes on."""
        assert self._request is not None  # noqa: S101 - it has just begun
        try:
            deadline = time.monotonic() + self._limit_s
            self._request.feed(data)
            while not self._request.done and not self._request.ends_with_connection:
                more = received_by(self._client, deadline)
                if not more:
                    return False  # it left, or never says the rest: there is nothing to strike
                self._request.feed(more)
                data += more
            exchange = RelayedExchange(self, data, self._response, self._limit_s)
            strike.handle(exchange)
            if exchange.answered or not exchange.forwarded:
                self.finish()
        except Exception as error:
            self._proxy.note(error)  # before anybody is told that it is over
            raise
        finally:
            self._proxy.over(strike)
        return True

    def to_upstream(self, data: bytes) -> None:
        """Send to the backend, connecting first where that has not been done; OSError."""
        if self._upstream is None:
            upstream = socket.create_connection(
                (HOST, self._proxy.upstream_port), timeout=self._limit_s
            )
            upstream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._poll.register(upstream, select.POLLIN)
            with self._lock:
                self._upstream = upstream
                if self._ended:  # while it connected: there is nobody left to end it later
                    upstream.shutdown(socket.SHUT_RDWR)
        self._upstream.sendall(data)

    @property
    def client(self) -> socket.socket | None:
        """The client's socket while it is open."""
        return self._client if self._open else None

    @property
    def upstream(self) -> socket.socket | None:
        """The backend's, once there is one."""
        return self._upstream


class RelayedExchange:
    """See ``strike.Exchange``; all its waits together take at most ``limit_s``."""

    def __init__(self, relay: Relay, request: bytes, response: Message, limit_s: float) -> None:
        self.request = request
        self.forwarded = False
        self.answered = False
        self._relay = relay
        self._message = response
        self._deadline = time.monotonic() + limit_s

    def forward(self) -> None:
        """Send the request to the backend; where it cannot be reached, it has hung up."""
        self.forwarded = True
        with suppress(OSError):
            self._relay.to_upstream(self.request)

    def response(self) -> bytes:
        """Wait for the backend's whole response; b"" when it hung up or took too long."""
        upstream = self._relay.upstream
        data = b""
        while upstream is not None and not self._message.done:
            more = received_by(upstream, self._deadline)
            if not more:
                if more is None or not self._message.ends_with_connection:
                    return b""
                break
            self._message.feed(more)
            data += more
        self.answered = bool(data)
        return data

    def reply(self, data: bytes) -> None:
        """Send bytes to the client, if it is still there."""
        if self.answered or not self.forwarded:
            self._relay.finish()  # before the client can have the answer and act upon it
        client = self._relay.client
        if client is not None:
            with suppress(OSError):
                client.sendall(data)

    def reset(self) -> None:
        """Reset the client's connection: RST."""
        self._relay.tell_over()  # before the client can notice and ask again
        self._relay.reset_client()

    def hang_up(self) -> None:
        """Close the client's connection: FIN."""
        self._relay.tell_over()
        self._relay.close_client()

    def wait_for_client_to_leave(self, limit_ms: float | None = None) -> bool:
        """Wait until the client hangs up, at most ``limit_ms`` and what is left; whether it did."""
        client = self._relay.client
        if client is None:
            return True
        left_ms = max(0.0, (self._deadline - time.monotonic()) * 1000)
        waiting = select.poll()
        waiting.register(client, select.POLLRDHUP)
        events = waiting.poll(left_ms if limit_ms is None else min(limit_ms, left_ms))
        return any(event & _LEFT for _, event in events)


def _received(connection: socket.socket) -> bytes:
    """The next bytes; b"" when the other side hung up or broke off."""
    try:
        return connection.recv(_SIZE_BYTES)
    except ConnectionError:
        return b""


def received_by(connection: socket.socket, deadline: float) -> bytes | None:
    """The next bytes, b"" when the other side left, None when none came by ``deadline``."""
    waiting = select.poll()
    waiting.register(connection, select.POLLIN)
    if not waiting.poll(max(0.0, (deadline - time.monotonic()) * 1000)):
        return None
    return _received(connection)
