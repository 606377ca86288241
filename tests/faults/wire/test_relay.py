from __future__ import annotations

import socket
import time
from collections.abc import Callable
from http.client import HTTPConnection

import pytest

from harness.faults.wire.proxy import HOST, Proxy
from harness.faults.wire.strike import Exchange
from tests.faults.sockets import CHUNKS, PATIENT_S, ask, network, request


class Doing:
    """A strike that does as it is told and keeps what it was given."""

    def __init__(self, deed: Callable[[Exchange], None]) -> None:
        self.deed = deed
        self.requests: list[bytes] = []

    def handle(self, exchange: Exchange) -> None:
        """Keep the request and do it."""
        self.requests.append(exchange.request)
        self.deed(exchange)


def passed_on(exchange: Exchange) -> None:
    """Do what the proxy does by itself."""
    exchange.forward()
    exchange.reply(exchange.response())


@pytest.mark.parametrize("struck", [False, True])
@pytest.mark.parametrize("asked", ["GET /x", "POST /x", "DELETE /x", "GET /chunked", "HEAD /none"])
def test_bytes_are_the_same_with_and_without(asked: str, struck: bool) -> None:
    """What the client gets through the proxy is what the backend sends, byte for byte."""
    with network() as net:
        if struck:
            net.proxy.arm(Doing(passed_on))
        assert net.ask(asked) == ask(net.upstream.port, asked)
        assert net.upstream.reached[: len(net.upstream.reached) // 2] * 2 == net.upstream.reached


@pytest.mark.parametrize("struck", [False, True])
def test_a_large_body(struck: bool) -> None:
    """A request body of 200 kB arrives whole, and a strike is given it whole."""
    body = bytes(range(256)) * 800
    with network() as net:
        strike = Doing(passed_on)
        if struck:
            net.proxy.arm(strike)
        whole = request("POST /bots", body)
        assert net.ask(whole).status == b"200"
        assert net.upstream.bodies == [body]
        assert strike.requests == ([whole] if struck else [])


@pytest.mark.parametrize("struck", [False, True])
def test_many_requests_on_one_connection(struck: bool) -> None:
    """Fifty requests, a chunked answer every fifth, keep one connection on either side."""
    with network() as net:
        strike = Doing(passed_on)
        if struck:
            net.proxy.arm(strike)
        client: HTTPConnection = net.client()
        for number in range(50):
            path = "/chunked" if number % 5 == 0 else f"/{number}"
            client.request("POST", path, body=b"x" * number)
            answer = client.getresponse().read()
            assert answer == b"".join(CHUNKS) if number % 5 == 0 else path.encode() in answer
        assert len(net.upstream.sockets) == 1
        assert len(net.upstream.committed) == 50
        assert len(strike.requests) == (50 if struck else 0)
        client.close()


def test_the_strike_comes_with_the_request() -> None:
    """On a kept connection, what is armed between two requests meets the second, and only it."""
    with network() as net:
        client = net.client()
        strike = Doing(lambda exchange: exchange.reply(b"HTTP/1.1 204 Mine\r\n\r\n"))
        for number in range(6):
            (net.proxy.arm if number % 2 else net.proxy.disarm)(strike)
            client.request("GET", f"/{number}")
            answer = client.getresponse()
            assert answer.read() is not None
            assert answer.status == (204 if number % 2 else 200)
        assert net.upstream.reached == ["GET /0", "GET /2", "GET /4"]
        assert len(net.upstream.sockets) == 1
        client.close()


def test_pieces_of_a_head() -> None:
    """A request that comes in pieces is struck once, and whole."""
    with network() as net:
        strike = Doing(passed_on)
        net.proxy.arm(strike)
        whole = request("POST /bots", b"hello")
        with socket.create_connection((HOST, net.proxy.port), timeout=PATIENT_S) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for position in range(0, len(whole), 20):
                client.sendall(whole[position : position + 20])
                time.sleep(0.002)
            assert client.recv(65536).startswith(b"HTTP/1.1 200")
        assert strike.requests == [whole]


@pytest.mark.parametrize("struck", [False, True])
@pytest.mark.parametrize(
    "garbage",
    [
        b"\0\xff no HTTP at all\r\n\r\n" * 3,
        b"GET / HTTP/1.1\r\n\r\n" * 20,
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhelloGARBAGE\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"\r\n\r\n\r\n",
        b"no end of a line",
    ],
)
def test_garbage_of_a_client(garbage: bytes, struck: bool) -> None:
    """Whatever a client sends, pipelined or no HTTP: it is let go, and the next one is served."""
    with network(longest_ms=300) as net:
        strike = Doing(passed_on)
        if struck:
            net.proxy.arm(strike)
        net.ask(garbage, deadline_s=0.5)
        net.proxy.disarm(strike)
        assert net.ask().status == b"204"
        net.proxy.settle()
        assert net.proxy.error is None


@pytest.mark.parametrize("struck", [False, True])
@pytest.mark.parametrize(
    "answer",
    [b"", b"\0 no HTTP", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", b"HTTP/1.1 204"],
)
def test_garbage_of_a_backend(answer: bytes, struck: bool) -> None:
    """What a backend breaks off in the middle ends the client's connection too, and soon."""
    with socket.create_server((HOST, 0)) as server:
        proxy = Proxy(server.getsockname()[1], longest_ms=3000)
        proxy.start()
        if struck:
            proxy.arm(Doing(lambda e: (e.forward(), e.response() or e.reset())[0]))
        with socket.create_connection((HOST, proxy.port), timeout=PATIENT_S) as client:
            client.sendall(request("GET /"))
            server.settimeout(PATIENT_S)
            backend, _ = server.accept()
            with backend:
                assert backend.recv(65536) == request("GET /")
                backend.sendall(answer)
            if struck:
                with pytest.raises(ConnectionResetError):
                    client.recv(65536)
            else:
                assert client.makefile("rb").read() == answer
        proxy.settle()
        assert proxy.error is None
        proxy.close()


def test_a_backend_that_dies() -> None:
    """Its hang-up is passed on; who comes later is reset, also where a strike wanted to forward."""
    with network() as net:
        client = net.client()
        client.request("GET", "/kept")
        client.getresponse().read()
        net.upstream.die()
        assert client.sock.recv(1) == b""
        assert net.ask() == ("reset", b"")
        net.proxy.arm(Doing(lambda e: (e.forward(), e.response() or e.reset())[0]))
        assert net.ask() == ("reset", b"")
        assert net.proxy.error is None
        client.close()


def test_a_backend_that_dies_over_a_request() -> None:
    """The client hears at once, not after its deadline."""
    with network() as net:
        net.upstream.silent.set()
        with socket.create_connection((HOST, net.proxy.port), timeout=PATIENT_S) as client:
            client.sendall(request("GET /"))
            wait_for(lambda: net.upstream.reached == ["GET /"])
            net.upstream.die()
            assert client.recv(1) == b""


def test_a_client_that_leaves_is_heard_of() -> None:
    """The backend hears of the client's hang-up; the proxy waits until it has read the request."""
    with network() as net:
        net.upstream.silent.set()
        assert net.ask(deadline_s=0.1).end == "deadline"
        with pytest.raises(Exception, match="request under way"):
            net.proxy.settle(0.2)
        net.upstream.silent.clear()
        net.proxy.settle()
        assert net.upstream.committed == ["DELETE /bots/17"]


def test_a_strike_that_does_nothing() -> None:
    """A request that a strike neither answered nor ended does not hang the proxy."""
    with network() as net:
        net.proxy.arm(Doing(lambda exchange: None))
        assert net.ask(deadline_s=0.2).end == "deadline"
        net.proxy.settle()
        assert net.upstream.reached == []


def test_a_strike_that_only_forwards() -> None:
    """The response then passes as if nothing had been armed."""
    with network() as net:
        net.proxy.arm(Doing(lambda exchange: exchange.forward()))
        assert net.ask("GET /x") == ask(net.upstream.port, "GET /x")


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until it holds."""
    deadline = time.monotonic() + PATIENT_S
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.005)
