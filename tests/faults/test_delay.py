from __future__ import annotations

import time

from harness.faults.delay import Delay
from tests.faults.sockets import API_TIMEOUT_MS, ask, has_the_slots_of_every_request, network


def test_late_and_whole() -> None:
    """The response comes whole, no sooner than drawn; nobody sees a failure."""
    with network() as net:
        plain = ask(net.upstream.port, "DELETE /bots/17")
        injector = net.struck("delay", where=0.8)
        began = time.monotonic()
        assert net.ask() == plain
        assert time.monotonic() - began >= 0.4 * API_TIMEOUT_MS / 1000
        assert net.upstream.committed == ["DELETE /bots/17"] * 2
        assert net.evidence_of(injector, "") == (
            f"DELETE /bots/17: backend answered 204 ({len(plain.data)} bytes), "
            "held back for 40.0% of the timeout"
        )


def test_the_connection_serves_on() -> None:
    """The connection that met it stays open and serves the next request, delayed or not."""
    with network() as net:
        client = net.client()
        injector = net.struck("delay", lasting="phase", where=0.1)
        for _ in range(3):
            client.request("GET", "/kept")
            assert client.getresponse().read()
        assert len(net.upstream.sockets) == 1
        assert net.evidence_of(injector, "").startswith("3 requests; the first: GET /kept: ")
        client.close()


def test_a_client_that_leaves_ends_it() -> None:
    """It does not sit out its time for a client that has left."""
    with network() as net:
        net.scene.api_timeout_ms = 7000.0
        injector = net.struck("delay", where=0.99)
        assert net.ask(deadline_s=0.1).end == "deadline"
        began = time.monotonic()
        injector.finish([])
        assert time.monotonic() - began < 3


def test_a_dead_backend_is_not_its_doing() -> None:
    """Where the backend does not answer, the client is reset and the fault has not fired."""
    with network() as net:
        injector = net.struck("delay")
        net.upstream.die()
        assert net.ask().end == "reset"
        assert not injector.finish([])[0].fired


def test_opportunities() -> None:
    """It has a slot for every request over HTTP, and no failure is its doing."""
    assert has_the_slots_of_every_request(Delay)
    assert Delay.reasons == frozenset()
