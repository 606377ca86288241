from __future__ import annotations

import pytest

from harness.errors import MeasurementError
from harness.faults.schedule.injector import Injector
from harness.faults.stall_before import StallBefore
from tests.faults.sockets import STEP, Seen, has_the_slots_of_every_request, network


def test_the_client_waits_and_the_backend_saw_nothing() -> None:
    """The client's deadline ends it; not a byte reached the backend; the next request passes."""
    with network() as net:
        injector = net.struck("stall_before")
        assert net.ask(deadline_s=0.3) == Seen("deadline", b"")
        assert net.upstream.reached == []
        assert net.evidence_of(injector, "API timeout") == (
            "DELETE /bots/17: 0 bytes reached the backend, 0 bytes answered, connection held open"
        )
        assert net.committed() == []


def test_a_client_without_a_deadline_is_not_held_for_ever() -> None:
    """The proxy's own bound ends it, with a reset."""
    with network(longest_ms=400) as net:
        injector = net.struck("stall_before")
        assert net.ask() == Seen("reset", b"")
        injector.finish([])


def test_a_client_more_patient_than_the_proxy_is_refused() -> None:
    """Where the proxy would give up before the client does, it is the instrument that is wrong."""
    with network(longest_ms=400) as net:
        net.scene.api_timeout_ms = 400.0
        planned = net.struck("noop")._faults[0].planned._replace(kind="stall_before")
        injector = Injector(net.scene, [planned])
        injector.listener(STEP)
        with pytest.raises(MeasurementError, match="longest_ms"):
            raise injector.error or AssertionError
        assert net.ask().status == b"204"


def test_opportunities() -> None:
    """It has a slot for every request over HTTP."""
    assert has_the_slots_of_every_request(StallBefore)
