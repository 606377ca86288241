"""A TCP proxy on loopback that breaks connections the way networks do.

Its threads (one that accepts, one a connection) run in the process that measures. Bytes pass
through as they are; only a request that a strike deals with is collected whole first.
"""

from __future__ import annotations

import errno
import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from harness.backend import HOST
from harness.errors import MeasurementError
from harness.faults.wire.relay import Relay
from harness.faults.wire.strike import Strike

_BACKLOG = 128


class Proxy:
    """Stands between one client and one backend; passes everything on until a strike is armed.

    The port is kept by a socket that is bound and never listens (SO_REUSEPORT), so that closing
    the one that listens makes the kernel refuse connections and nobody else can take the port.
    """

    def __init__(self, upstream_port: int, *, longest_ms: float = 10_000) -> None:
        self.upstream_port = upstream_port
        self.longest_ms = longest_ms  # of everything that is waited for in one struck request
        self.port = 0
        self.error: Exception | None = None  # of the proxy's own: the cycle is a harness error
        # Told when a request begins, before a byte of it is forwarded; what it returns is called
        # when that request is over. Both in the request's own thread; requests begin one by one.
        self.on_request: Callable[[], Callable[[], None]] | None = None
        self._beginning = threading.Lock()
        self._strikes: tuple[Strike, ...] = ()
        self._once: tuple[Strike, ...] = ()  # those that deal with one request and no more
        self._dealing: list[Strike] = []  # one entry for each request being dealt with
        self._relays: set[Relay] = set()
        self._changed = threading.Condition()  # guards the three above; told when one shrinks
        self._reservation: socket.socket | None = None
        self._listener: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._refusals = 0

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"http://{HOST}:{self.port}"

    @property
    def alive(self) -> bool:
        """Whether it is open and, unless it refuses, its thread runs."""
        if self._reservation is None:
            return False
        return self._refusals > 0 or (self._thread is not None and self._thread.is_alive())

    def start(self) -> None:
        """Take a free port and begin."""
        self._reservation = _bound(0)
        self.port = self._reservation.getsockname()[1]
        self._open()

    def arm(self, strike: Strike, *, once: bool = False) -> None:
        """Let ``strike`` deal with every request from now on; of several, the one armed last.

        ``once``: with the next request and no other.
        """
        with self._changed:
            self._strikes = (*self._strikes, strike)
            self._once = (*self._once, strike) if once else self._once

    def disarm(self, strike: Strike) -> None:
        """Take it away again; requests that it is dealing with go on."""
        with self._changed:
            self._drop(strike)

    def _drop(self, strike: Strike) -> None:
        self._strikes = tuple(armed for armed in self._strikes if armed is not strike)
        self._once = tuple(armed for armed in self._once if armed is not strike)

    def begin(self) -> tuple[Strike | None, Callable[[], None] | None]:
        """For a relay whose request begins: see ``take``, and what to call when it is over."""
        on_request = self.on_request
        if on_request is None:
            return self.take(), None
        with self._beginning:
            self._wait_for_those_who_leave()
            over = on_request()
            return self.take(), over

    def _wait_for_those_who_leave(self) -> None:
        """Let requests that their clients have given up be over before the next one begins.

        Which of the two threads is quicker is for nobody to know, and the same cycle is to be the
        same again.
        """
        ends = time.monotonic() + self.longest_ms / 1000
        with self._changed:
            relays = set(self._relays)
        while any(relay.is_leaving() for relay in relays) and time.monotonic() < ends:
            time.sleep(0.001)

    def take(self) -> Strike | None:
        """For a relay whose request begins: the strike that deals with it; then call ``over``."""
        if not self._strikes:  # a tuple, replaced and never changed: no lock where nothing is armed
            return None
        with self._changed:
            if not self._strikes:
                return None
            strike = self._strikes[-1]
            self._dealing.append(strike)
            for meant in self._once:  # all for this request: the others come too late for it
                self._drop(meant)
            return strike

    def over(self, strike: Strike) -> None:
        """For a relay: ``strike`` is done with one request."""
        with self._changed:
            self._dealing.remove(strike)
            self._changed.notify_all()

    def wait_until_over(self, strike: Strike) -> None:
        """Wait until ``strike`` deals with no request; MeasurementError when it does not end."""
        limit_s = 2 * self.longest_ms / 1000 + 1  # collecting a request, then dealing with it
        with self._changed:
            if not self._changed.wait_for(lambda: strike not in self._dealing, limit_s):
                raise MeasurementError(
                    f"the proxy still deals with a request after {limit_s:.0f} s: a strike hangs"
                )

    def refuse(self) -> str:
        """Close the listening socket and every idle connection: the kernel refuses new ones.

        Returns what the kernel says to somebody who connects now. The port stays reserved. Holds
        until ``listen`` has been called as often.
        """
        self._refusals += 1
        self._shut()
        with self._changed:
            idle = {relay for relay in self._relays if relay.idle}
        for relay in idle:
            relay.hang_up()
        self._wait_until_idle_are_gone(idle, self.longest_ms / 1000)
        try:
            socket.create_connection((HOST, self.port), timeout=self.longest_ms / 1000).close()
        except ConnectionRefusedError as error:
            code = error.errno or errno.ECONNREFUSED
            return f"connect(2) said errno {code} ({os.strerror(code)})"
        raise MeasurementError(f"the kernel still accepts connections to {self.url}")

    def listen(self) -> None:
        """Listen again."""
        self._refusals = max(0, self._refusals - 1)
        if self._refusals == 0 and self._listener is None and self._reservation is not None:
            self._open()

    def settle(self, limit_s: float = 10.0) -> None:
        """Hang up on every client and wait until no request is under way.

        Connections that nobody has accepted yet are reset by the kernel: nothing that was sent
        before can reach the backend afterwards. MeasurementError when a request still is under
        way after ``limit_s``.
        """
        self._shut()
        with self._changed:
            relays = set(self._relays)
        for relay in relays:
            relay.hang_up()
        try:
            self._wait_until_gone(relays, limit_s)
        finally:
            if self._refusals == 0 and self._reservation is not None:
                self._open()

    def close(self) -> None:
        """End it and free the port."""
        self._shut()
        with self._changed:
            relays = set(self._relays)
        for relay in relays:
            relay.hang_up(on_backend=True)
        if self._reservation is not None:
            self._reservation.close()
            self._reservation = None
        self._wait_until_gone(relays, 2 * self.longest_ms / 1000 + 1)

    def note(self, error: Exception) -> None:
        """Keep the first error of the proxy's own, or of a strike's."""
        self.error = self.error or error

    def forget(self, relay: Relay) -> None:
        """For a relay that has ended."""
        with self._changed:
            self._relays.discard(relay)
            self._changed.notify_all()

    def _wait_until_idle_are_gone(self, relays: set[Relay], limit_s: float) -> None:
        """Wait for those hung up on; one whose request began just then is idle no more."""
        ends = time.monotonic() + limit_s
        while waited := {relay for relay in relays & self._relays if relay.idle}:
            try:
                self._wait_until_gone(waited, 0.05)
            except MeasurementError:
                if time.monotonic() > ends:
                    raise

    def _wait_until_gone(self, relays: set[Relay], limit_s: float) -> None:
        with self._changed:
            if not self._changed.wait_for(lambda: not relays & self._relays, limit_s):
                raise MeasurementError(
                    f"{len(relays & self._relays)} connections through the proxy still have a "
                    f"request under way after {limit_s:g} s: the backend does not answer"
                )

    def _open(self) -> None:
        self._listener = _bound(self.port)
        self._listener.listen(_BACKLOG)
        self._thread = threading.Thread(
            target=self._accept, args=(self._listener,), name="proxy", daemon=True
        )
        self._thread.start()

    def _shut(self) -> None:
        """Stop listening; every connection accepted until now is in ``_relays`` afterwards."""
        listener, self._listener = self._listener, None
        if listener is None:
            return
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)  # wakes the thread; close alone does not
        if self._thread is not None:
            self._thread.join(self.longest_ms / 1000)
        listener.close()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError as error:
                if error.errno == errno.ECONNABORTED:  # that client has left already
                    continue
                if self._listener is listener:  # nobody shut it: out of descriptors, or worse
                    self.note(error)
                    time.sleep(0.01)
                    continue
                return
            self._begin(client)

    def _begin(self, client: socket.socket) -> None:
        try:
            relay = Relay(self, client)
        except OSError:  # it has left already
            client.close()
            return
        with self._changed:
            self._relays.add(relay)
        try:
            threading.Thread(target=relay.run, name="proxy relay", daemon=True).start()
        except RuntimeError as error:  # no more threads to be had
            self.note(error)
            relay.close_client()
            self.forget(relay)


def _bound(port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind((HOST, port))
    except OSError:
        bound.close()
        raise
    return bound
