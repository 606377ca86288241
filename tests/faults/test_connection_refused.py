from __future__ import annotations

from http.client import HTTPConnection

import pytest

from harness.faults.connection_refused import ConnectionRefused
from harness.faults.schedule.injector import Injector
from harness.steps import Step
from tests.faults.sockets import NEXT, STEP, has_the_slots_of_every_request, network


def test_the_kernel_refuses() -> None:
    """The client sees ECONNREFUSED, the backend nothing; the next request passes."""
    with network() as net:
        injector = net.struck("connection_refused")
        assert net.ask().end == "refused"
        assert net.upstream.reached == []
        evidence = net.evidence_of(injector, "network error")
        assert evidence == "connect(2) said errno 111 (Connection refused)"


def test_a_kept_connection_is_no_way_around() -> None:
    """A connection that was open before is closed: only a new one could serve, and is refused."""
    with network() as net:
        client: HTTPConnection = net.client()
        for _ in range(10):
            client.request("GET", "/kept")
            assert client.getresponse().read()
            injector = net.struck("connection_refused")
            assert client.sock.recv(1) == b""
            client.close()
            with pytest.raises(ConnectionRefusedError):
                client.request("GET", "/again")
            client.close()
            injector.finish([])
        assert net.upstream.reached == ["GET /kept"] * 10


def test_one_inside_another_does_not_end_it() -> None:
    """Where a longer refusal holds, the end of a shorter one opens nothing."""
    with network() as net:
        longer = net.struck("connection_refused", lasting="cycle")
        shorter = net.struck("connection_refused")
        shorter.listener(NEXT)
        assert net.ask().end == "refused"
        assert shorter.finish([])[0].fired
        longer.listener(Step("restore", "file_copy", 1))
        assert net.ask().end == "refused"
        longer.finish([])
        assert net.ask().status == b"204"


def test_opportunities_and_no_backend() -> None:
    """It has a slot for every request over HTTP; without a backend it does not fire."""
    assert has_the_slots_of_every_request(ConnectionRefused)
    with network() as net:
        net.scene.proxy = None
        injector: Injector = net.struck("connection_refused")
        injector.listener(STEP)
        assert not injector.finish([])[0].fired
        assert injector.error is None
        assert net.ask().status == b"204"
