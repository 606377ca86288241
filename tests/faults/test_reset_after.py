from __future__ import annotations

from harness.faults.reset_after import ResetAfter
from tests.faults.sockets import ask, has_the_slots_of_every_request, network


def test_before_and_after_look_the_same_and_are_not() -> None:
    """The client cannot tell it from ``reset_before``; the backend has carried it out here only."""
    with network() as net:
        size = len(ask(net.upstream.port, "DELETE /bots/1").data)
        net.upstream.committed.clear()
        before = net.struck("reset_before")
        first = net.ask()
        before.finish([])
        assert net.upstream.committed == []
        after = net.struck("reset_after")
        second = net.ask()
        assert first == second == ("reset", b"")
        assert net.upstream.committed == ["DELETE /bots/17"]
        assert net.evidence_of(after, "network error") == (
            f"DELETE /bots/17: backend answered 204 ({size} bytes), then RST (SO_LINGER 0)"
        )


def test_a_dead_backend_is_not_its_doing() -> None:
    """Where the backend does not answer, the client is reset and the fault has not fired."""
    with network() as net:
        injector = net.struck("reset_after")
        net.upstream.die()
        assert net.ask().end == "reset"
        assert not injector.finish([])[0].fired
        assert net.proxy.error is None


def test_opportunities() -> None:
    """It has a slot for every request over HTTP."""
    assert has_the_slots_of_every_request(ResetAfter)
