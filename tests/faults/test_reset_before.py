from __future__ import annotations

from harness.faults.reset_before import ResetBefore
from tests.faults.sockets import Seen, has_the_slots_of_every_request, network


def test_the_client_is_reset_and_the_backend_saw_nothing() -> None:
    """RST for the client; not a byte reached the backend; the next request passes."""
    with network() as net:
        injector = net.struck("reset_before")
        assert net.ask() == Seen("reset", b"")
        assert net.upstream.reached == []
        assert net.evidence_of(injector, "network error") == (
            "DELETE /bots/17: 0 bytes reached the backend, then RST (SO_LINGER 0)"
        )
        assert net.committed() == []


def test_opportunities() -> None:
    """It has a slot for every request over HTTP."""
    assert has_the_slots_of_every_request(ResetBefore)
