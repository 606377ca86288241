"""A small real HTTP server with the proxy in front of it, and a client that tells what it sees."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from harness.faults import Fault, Planned, Shape, Slot
from harness.faults.reach.scene import Front, Scene
from harness.faults.schedule.injector import Injector
from harness.faults.wire.proxy import HOST, Proxy
from harness.steps import Entity, Failure, Step

OPERATION = "delete bots 17"
STEP = Step("cleanup", OPERATION, 1)
NEXT = Step("cleanup", "delete bots 18", 1)
LATER = Step("verify", "differences", 1)  # a fault of one attempt, or of the phase, is over
API_TIMEOUT_MS = 300.0
PATIENT_S = 20.0  # for what is sure to come
LONGEST_MS = 8000.0
CHUNKS = (b"one", b"two" * 5000, b"\r\n0\r\n\r\n", b"end")


class Upstream(ThreadingHTTPServer):
    """Counts what reached it and what it carried out."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__((HOST, 0), _Handler)
        self.reached: list[str] = []
        self.committed: list[str] = []
        self.bodies: list[bytes] = []
        self.silent = threading.Event()  # set: it reads requests and does not answer
        self.sockets: set[socket.socket] = set()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    def die(self) -> None:
        """Stop as a killed process does: every socket is closed by the kernel."""
        if self._thread.is_alive():
            self.shutdown()
            self._thread.join(PATIENT_S)
            self.server_close()
        for connection in list(self.sockets):
            with suppress(OSError):  # the other side was first
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Upstream

    def setup(self) -> None:
        super().setup()
        self.server.sockets.add(self.connection)

    def finish(self) -> None:
        self.server.sockets.discard(self.connection)
        super().finish()

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:
            self.close_connection = True  # the other side broke off, as these tests have it do

    def _deal(self) -> None:
        asked = f"{self.command} {self.path}"
        self.server.reached.append(asked)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.bodies.append(body)
        while self.server.silent.is_set():
            time.sleep(0.01)
        if self.command != "GET":
            self.server.committed.append(asked)
        if self.path == "/chunked":
            self._answer(200, {"Transfer-Encoding": "chunked"})
            for chunk in (*CHUNKS, b""):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        elif self.command == "DELETE":
            self._answer(204, {})
        else:
            answer = b'{"path": "%s", "body": %d}' % (self.path.encode(), len(body))
            self._answer(200, {"Content-Length": str(len(answer))})
            self.wfile.write(answer)

    do_GET = do_POST = do_DELETE = _deal  # noqa: N815 - http.server's names

    def _answer(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def date_time_string(self, timestamp: float | None = None) -> str:
        return "Sat, 01 Jan 2000 00:00:00 GMT"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        pass


class Seen(NamedTuple):
    """What a client saw of one request on a connection of its own."""

    end: str  # "end" (FIN), "reset", "deadline", "refused"
    data: bytes

    @property
    def status(self) -> bytes:
        """The status, as far as one came."""
        return self.data[9:12]


def request(asked: str, body: bytes = b"", *, close: bool = True) -> bytes:
    """Make a request's bytes."""
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    ending = "Connection: close\r\n" if close else ""
    return f"{asked} HTTP/1.1\r\nHost: x\r\n{length}{ending}\r\n".encode() + body


def ask(port: int, asked: str | bytes, *, deadline_s: float = PATIENT_S) -> Seen:
    """Connect, send, and read until something ends it."""
    data, deadline = b"", time.monotonic() + deadline_s
    try:
        with socket.create_connection((HOST, port), timeout=deadline_s) as client:
            client.sendall(request(asked) if isinstance(asked, str) else asked)
            while True:
                client.settimeout(max(0.001, deadline - time.monotonic()))
                more = client.recv(65536)
                if not more:
                    return Seen("end", data)
                data += more
    except TimeoutError:
        return Seen("deadline", data)
    except ConnectionRefusedError:
        return Seen("refused", data)
    except ConnectionError:
        return Seen("reset", data)


class Net:
    """The server, the proxy and a scene."""

    def __init__(self, longest_ms: float) -> None:
        self.upstream = Upstream()
        self.proxy = Proxy(self.upstream.port, longest_ms=longest_ms)
        self.proxy.start()
        self.scene = Scene(
            Path("nowhere.sqlite3"),
            busy_timeout_ms=0,
            size_bytes=0,
            backups={},
            front=Front(self.proxy, api_timeout_ms=API_TIMEOUT_MS),
        )

    def ask(self, asked: str | bytes = "DELETE /bots/17", *, deadline_s: float = PATIENT_S) -> Seen:
        """Ask through the proxy."""
        return ask(self.proxy.port, asked, deadline_s=deadline_s)

    def client(self) -> HTTPConnection:
        """Make a client that keeps its connection."""
        return HTTPConnection(HOST, self.proxy.port, timeout=PATIENT_S)

    def struck(self, kind: str, *, lasting: str = "attempt", where: float = 0.25) -> Injector:
        """Have one fault struck, as the injector does it."""
        planned = Planned(kind, Slot(*STEP), lasting, where)
        injector = Injector(self.scene, [planned])
        injector.listener(STEP)
        assert injector.error is None
        return injector

    def evidence_of(self, injector: Injector, reason: str) -> str:
        """Lift, see that the next request passes untouched, end it; the one entry's evidence.

        ``reason`` is what a client would call the failure, "" when it saw none.
        """
        plain = ask(self.upstream.port, "GET /after")
        injector.listener(LATER)
        assert self.ask("GET /after") == plain
        failures = [Failure(STEP, reason, "", 0)] if reason else []
        (entry,) = injector.finish(failures)
        assert injector.error is None
        assert self.proxy.error is None
        assert entry.fired
        assert entry.surfaced is bool(reason)
        return entry.evidence

    def committed(self) -> list[str]:
        """What the server has carried out, once nothing is under way."""
        self.proxy.settle()
        return list(self.upstream.committed)


@contextmanager
def network(*, longest_ms: float = LONGEST_MS) -> Iterator[Net]:
    """Give a server behind a proxy; nothing of it is left afterwards."""
    net = Net(longest_ms)
    try:
        yield net
    finally:
        net.upstream.silent.clear()
        net.proxy.close()
        net.upstream.die()


def shape(*, creates: tuple[str, ...] = (), cleans_over_http: bool = True) -> Shape:
    """Say what a cycle may do."""
    entities = (Entity("bots", (("id", 17),)), Entity("bots", (("id", 18),)))
    return Shape(entities, True, True, (), 3, creates=creates, cleans_over_http=cleans_over_http)


def has_the_slots_of_every_request(kind: type[Fault]) -> bool:
    """Whether it may strike every request over HTTP, and explains where there is none."""
    made = kind.slots(shape(creates=("create bots 1",)))
    local = shape(cleans_over_http=False)
    return (
        len(made) == 1 + 2 * 3
        and kind.slots(local) == []
        and 'connection = "backend"' in str(kind.why_never(local))
        and kind.why_never(shape()) is None
        and kind.phases == ("cleanup",)
    )
