from __future__ import annotations

from harness.faults.stall_after import StallAfter
from tests.faults.sockets import ask, has_the_slots_of_every_request, network


def test_before_and_after_look_the_same_and_are_not() -> None:
    """The client cannot tell it from ``stall_before``; the backend has carried it out here only."""
    with network() as net:
        size = len(ask(net.upstream.port, "DELETE /bots/1").data)
        net.upstream.committed.clear()
        before = net.struck("stall_before")
        first = net.ask(deadline_s=0.5)
        before.finish([])
        assert net.upstream.committed == []
        after = net.struck("stall_after")
        second = net.ask(deadline_s=0.5)
        assert first == second == ("deadline", b"")
        assert net.evidence_of(after, "API timeout") == (
            f"DELETE /bots/17: backend answered 204 ({size} bytes), "
            "0 bytes passed on, connection held open"
        )
        assert net.upstream.committed == ["DELETE /bots/17"]


def test_a_dead_backend_is_not_its_doing() -> None:
    """Where the backend does not answer, the client is reset and the fault has not fired."""
    with network() as net:
        injector = net.struck("stall_after")
        net.upstream.die()
        assert net.ask().end == "reset"
        assert not injector.finish([])[0].fired


def test_a_client_without_a_deadline_is_not_held_for_ever() -> None:
    """The proxy's own bound ends it, with a reset."""
    with network(longest_ms=400) as net:
        injector = net.struck("stall_after")
        assert net.ask() == ("reset", b"")
        injector.finish([])


def test_opportunities() -> None:
    """It has a slot for every request over HTTP."""
    assert has_the_slots_of_every_request(StallAfter)
