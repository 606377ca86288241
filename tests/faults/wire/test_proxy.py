from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.errors import MeasurementError
from harness.faults.wire.proxy import HOST, Proxy
from harness.faults.wire.strike import Exchange
from tests.faults.sockets import PATIENT_S, ask, network, request


class Doing:
    """A strike that does as it is told."""

    def __init__(self, deed: Callable[[Exchange], object]) -> None:
        self.deed = deed
        self.begun = threading.Event()

    def handle(self, exchange: Exchange) -> None:
        """Do it."""
        self.begun.set()
        self.deed(exchange)


def held(exchange: Exchange) -> None:
    """Stall until the client leaves."""
    exchange.wait_for_client_to_leave()


def test_of_several_strikes_the_last_one_armed_deals() -> None:
    """Disarmed in whatever order, the one armed last of those left deals with a request."""
    with network() as net:
        first = Doing(lambda e: (e.reply(b"first"), e.hang_up()))
        second = Doing(lambda e: (e.reply(b"second"), e.hang_up()))
        net.proxy.arm(first)
        net.proxy.arm(second)
        assert net.ask().data == b"second"
        net.proxy.disarm(first)
        assert net.ask().data == b"second"
        net.proxy.arm(first)
        assert net.ask().data == b"first"
        net.proxy.disarm(first)
        net.proxy.disarm(first)  # taking away what is not there is nothing
        net.proxy.disarm(second)
        assert net.ask() == ask(net.upstream.port, "DELETE /bots/17")


def test_parallel_connections() -> None:
    """Eight clients at once, 200 requests: each gets its own answer."""
    with network() as net, ThreadPoolExecutor(8) as pool:

        def ask_in_a_row(number: int) -> None:
            client = net.client()
            for again in range(25):
                client.request("POST", f"/{number}/{again}", body=b"x" * number)
                assert client.getresponse().read() == (
                    b'{"path": "/%d/%d", "body": %d}' % (number, again, number)
                )
            client.close()

        list(pool.map(ask_in_a_row, range(8)))
        assert len(net.upstream.committed) == len(set(net.upstream.committed)) == 200


def test_refuse_and_listen_again_and_again() -> None:
    """Each time the kernel says so itself, the port stays the same, and it serves afterwards."""
    with network() as net:
        port = net.proxy.port
        for _ in range(20):
            said = net.proxy.refuse()
            assert said == "connect(2) said errno 111 (Connection refused)"
            assert net.ask().end == "refused"
            assert net.proxy.alive
            net.proxy.listen()
            net.proxy.listen()  # once more than it refused is once
            assert net.ask().status == b"204"
        assert net.proxy.port == port


def test_while_it_refuses_the_port_is_nobody_elses() -> None:
    """The kernel gives the port to no other: not when asked for it, not by chance."""
    with network() as net:
        net.proxy.refuse()
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind((HOST, net.proxy.port))
        others = [Proxy(1) for _ in range(30)]
        for proxy in others:
            proxy.start()
        assert len({net.proxy.port, *(proxy.port for proxy in others)}) == 31
        for proxy in others:
            proxy.close()
        net.proxy.settle()
        assert net.ask().end == "refused"  # settling does not end a refusal


def test_a_refusal_that_does_not_refuse_is_seen() -> None:
    """When somebody answers at the port all the same, that is the instrument's failure."""
    with network() as net, socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind((HOST, net.proxy.port))
        other.listen()
        with pytest.raises(MeasurementError, match="still accepts"):
            net.proxy.refuse()


def test_refusing_lets_a_request_under_way_be() -> None:
    """Only idle connections are closed; the answer under way arrives."""
    with network() as net:
        net.upstream.silent.set()
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(net.ask, "GET /slow")
            while net.upstream.reached != ["GET /slow"]:
                time.sleep(0.005)
            net.proxy.refuse()
            net.upstream.silent.clear()
            assert waiting.result(PATIENT_S).status == b"200"


def test_settling_ends_everything_and_serves_on() -> None:
    """Kept connections and stalls end; the next client is served; nothing is left running."""
    with network() as net:
        kept = net.client()
        kept.request("GET", "/kept")
        kept.getresponse().read()
        stall = Doing(held)
        net.proxy.arm(stall)
        with ThreadPoolExecutor(1) as pool:
            stalled = pool.submit(net.ask)
            assert stall.begun.wait(PATIENT_S)
            net.proxy.settle()
            assert stalled.result(PATIENT_S).data == b""
        assert kept.sock.recv(1) == b""
        net.proxy.disarm(stall)
        assert not [t for t in threading.enumerate() if t.name == "proxy relay" and _is_of(t, net)]
        assert net.proxy.alive
        assert net.ask().status == b"204"
        kept.close()


def _is_of(thread: threading.Thread, net: object) -> bool:
    relay = getattr(getattr(thread, "_target", None), "__self__", None)
    return getattr(relay, "_proxy", None) is getattr(net, "proxy", None)


def test_nothing_sent_before_settling_arrives_afterwards() -> None:
    """Clients that send and leave at once: what the backend has then is all it ever gets."""
    with network() as net:
        for number in range(30):
            client = socket.create_connection((HOST, net.proxy.port), timeout=PATIENT_S)
            client.sendall(request(f"DELETE /bots/{number}"))
            client.close()
        net.proxy.settle()
        reached = len(net.upstream.reached)
        time.sleep(0.1)
        assert len(net.upstream.reached) == reached


def test_settling_is_bounded_and_says_so() -> None:
    """A request that nothing ends is told of, and does not hang the one who waits."""
    with network() as net:
        go_on = threading.Event()
        stuck = Doing(lambda e: go_on.wait(PATIENT_S))
        net.proxy.arm(stuck)
        net.ask(deadline_s=0.1)
        assert stuck.begun.wait(PATIENT_S)
        with pytest.raises(MeasurementError, match=r"1 connections .* under way after 0\.2 s"):
            net.proxy.settle(0.2)
        go_on.set()
        net.proxy.wait_until_over(stuck)
        net.proxy.disarm(stuck)
        net.proxy.settle()
        assert net.ask().status == b"204"


def test_waiting_for_a_strike_is_bounded() -> None:
    """A strike that never ends is told of."""
    with network(longest_ms=50) as net:
        go_on = threading.Event()
        stuck = Doing(lambda e: go_on.wait(PATIENT_S))
        net.proxy.arm(stuck)
        net.ask(deadline_s=0.1)
        with pytest.raises(MeasurementError, match="a strike hangs"):
            net.proxy.wait_until_over(stuck)
        go_on.set()


def test_closing_ends_a_stall_and_frees_the_port() -> None:
    """With a stall, a silent backend, a late request: it ends soon, the port is anybody's."""
    with network() as net:
        net.upstream.silent.set()
        stall = Doing(held)
        asking = Doing(lambda e: (e.forward(), e.response()))
        late = Doing(lambda e: (e.wait_for_client_to_leave(), e.forward(), e.response()))
        with ThreadPoolExecutor(3) as pool:
            for strike in (stall, asking, late):
                net.proxy.arm(strike)
                pool.submit(net.ask)
                assert strike.begun.wait(PATIENT_S)
            began = time.monotonic()
            net.proxy.close()
            assert time.monotonic() - began < net.proxy.longest_ms / 1000
        assert not net.proxy.alive
        assert net.ask().end == "refused"
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind((HOST, net.proxy.port))
        net.proxy.close()  # twice is once


def test_a_strikes_own_error_is_kept() -> None:
    """The first error stays; the client is let go; the proxy serves on."""
    with network() as net:
        mistake = Doing(lambda e: 1 / 0)
        net.proxy.arm(mistake)
        assert net.ask().end == "reset"
        assert net.ask().end == "reset"
        net.proxy.disarm(mistake)
        assert isinstance(net.proxy.error, ZeroDivisionError)
        assert net.proxy.alive
        assert net.ask().status == b"204"


def test_before_it_starts() -> None:
    """Not started it is not alive; closing it is no error."""
    proxy = Proxy(1)
    assert not proxy.alive
    proxy.close()
    proxy.listen()
    assert not proxy.alive


def test_a_request_is_told_when_it_begins_and_when_it_is_over() -> None:
    """One by one, before a byte is forwarded; over before the client has the answer."""
    told: list[str] = []
    with network() as net:

        def begun() -> Callable[[], None]:
            told.append(f"begun, {len(net.upstream.reached)} reached")
            return lambda: told.append("over")

        net.proxy.on_request = begun
        client = net.client()
        for _ in range(2):  # on one connection
            client.request("GET", "/")
            client.getresponse().read()
        assert told == ["begun, 0 reached", "over", "begun, 1 reached", "over"]
        net.proxy.arm(Doing(lambda e: e.reset()))
        assert net.ask().end == "reset"
        assert told[4:] == ["begun, 2 reached", "over"]


def test_armed_once_it_deals_with_the_next_request_and_no_other() -> None:
    """Also one that another, armed later, was quicker than: it was meant for the same request."""
    with network() as net:
        for answer in (b"first", b"second"):
            deed = Doing(lambda e, answer=answer: (e.reply(answer), e.hang_up()))  # type: ignore[misc]  # mypy knows no default of a lambda
            net.proxy.arm(deed, once=True)
        assert net.ask().data == b"second"
        assert net.ask().status == b"204"


def test_who_was_given_up_is_over_before_the_next_begins() -> None:
    """A client that leaves and asks again at once never overtakes its own first request."""
    told: list[str] = []
    with network() as net:
        numbers = iter(range(100))

        def begun() -> Callable[[], None]:
            number = next(numbers)
            told.append(f"begun {number}")
            return lambda: told.append(f"over {number}")

        net.proxy.on_request = begun
        stalling = Doing(held)
        net.proxy.arm(stalling)
        for number in range(5):
            stalling.begun.clear()
            with socket.create_connection((HOST, net.proxy.port), timeout=PATIENT_S) as client:
                client.sendall(request("GET /"))
                assert stalling.begun.wait(PATIENT_S)
            assert told[-1] in (f"begun {number}", f"over {number}")
        net.proxy.settle()
    assert told == [f"{what} {number}" for number in range(5) for what in ("begun", "over")]
