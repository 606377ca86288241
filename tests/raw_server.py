"""A server of bare sockets that answers, or fails to, as a test scripts it."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

Play = Callable[[socket.socket], bool]  # deals with one request; whether to keep the connection

LONGEST_S = 20.0  # no wait of the server's is longer
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"


class RawServer:
    """Plays a script: one play a request, in order; the last again and again."""

    def __init__(self, *script: Play) -> None:
        self.requests: list[bytes] = []  # every request that came whole, head and body
        self.connections = 0
        self._script = script
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def lines(self) -> list[str]:
        """The first line of every request."""
        return [request.split(b" HTTP/1.1\r\n")[0].decode() for request in self.requests]

    def close(self) -> None:
        """End it, whatever its connections wait for."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(LONGEST_S)
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.settimeout(LONGEST_S)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self.connections += 1
                self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            for request in requests_on(connection):
                with self._lock:
                    number = len(self.requests)
                    self.requests.append(request)
                if not self._script[min(number, len(self._script) - 1)](connection):
                    return


def requests_on(connection: socket.socket) -> Iterator[bytes]:
    """Give every request that comes whole on ``connection``, until the client leaves."""
    data = b""
    while True:
        while b"\r\n\r\n" not in data:
            more = connection.recv(65536)
            if not more:
                return
            data += more
        head, _, rest = data.partition(b"\r\n\r\n")
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        while len(rest) < length:
            more = connection.recv(65536)
            if not more:
                return
            rest += more
        data = rest[length:]
        yield head + b"\r\n\r\n" + rest[:length]


def answer(status: int, body: Any = None, *, head: bytes = b"") -> bytes:
    """Give a whole answer; a body that is not bytes goes as JSON."""
    if body is None:
        body = b""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    line = b"HTTP/1.1 %d Whatever\r\n" % status
    return line + head + b"Content-Length: %d\r\n\r\n" % len(content) + content


def send(data: bytes = NO_CONTENT, *, keep: bool = True) -> Play:
    """Send ``data``, then keep the connection or close it."""

    def play(connection: socket.socket) -> bool:
        connection.sendall(data)
        return keep

    return play


def reset(data: bytes = b"") -> Play:
    """Send ``data``, then RST."""

    def play(connection: socket.socket) -> bool:
        connection.sendall(data)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False

    return play


def stall(data: bytes = b"") -> Play:
    """Send ``data``, then nothing until the client leaves."""

    def play(connection: socket.socket) -> bool:
        connection.sendall(data)
        connection.recv(1)
        return False

    return play


def trickle(data: bytes, every_s: float = 0.02) -> Play:
    """Send ``data`` over and over, byte by byte, until the client leaves."""
    pause = threading.Event()

    def play(connection: socket.socket) -> bool:
        for place in range(int(LONGEST_S / every_s)):
            connection.sendall(data[place % len(data) :][:1])
            pause.wait(every_s)
        return False

    return play


def flood(head: bytes, chunk: bytes, times: int, sent: list[int]) -> Play:
    """Send ``head`` and ``chunk`` many times; ``sent`` gets the bytes that were taken."""

    def play(connection: socket.socket) -> bool:
        taken = 0
        try:
            connection.sendall(head)
            for _ in range(times):
                connection.sendall(chunk)
                taken += len(chunk)
        finally:
            sent.append(taken)
        return False

    return play


@contextlib.contextmanager
def serving(*script: Play | bytes) -> Iterator[RawServer]:
    """Serve a script; bytes stand for an answer that keeps the connection."""
    plays: Sequence[Play] = [send(p) if isinstance(p, bytes) else p for p in script]
    server = RawServer(*plays)
    try:
        yield server
    finally:
        server.close()
