from __future__ import annotations

import time

from harness.faults.trickle import PAUSE_SHARE, Trickle
from tests.faults.sockets import API_TIMEOUT_MS, ask, has_the_slots_of_every_request, network


def test_only_a_deadline_ends_it() -> None:
    """Bytes come, each within the client's timeout, and all together do not come in time."""
    with network() as net:
        whole = ask(net.upstream.port, "DELETE /bots/17").data
        assert len(whole) * PAUSE_SHARE > 3  # so many timeouts it would take
        injector = net.struck("trickle")
        seen = net.ask(deadline_s=1.0)
        assert seen.end == "deadline"
        assert 0 < len(seen.data) <= 1000 / (API_TIMEOUT_MS * PAUSE_SHARE)
        assert whole.startswith(seen.data)
        assert net.upstream.committed == ["DELETE /bots/17"] * 2
        assert net.evidence_of(injector, "API timeout") == (
            f"DELETE /bots/17: backend answered 204 ({len(whole)} bytes), "
            "passed on byte by byte, 10% of the timeout before each"
        )


def test_it_ends_when_the_client_leaves() -> None:
    """Nothing trickles on for a client that has left."""
    with network() as net:
        net.scene.api_timeout_ms = 7000.0
        injector = net.struck("trickle")
        assert net.ask(deadline_s=0.1).end == "deadline"
        began = time.monotonic()
        injector.finish([])
        assert time.monotonic() - began < 3


def test_a_patient_client_gets_it_whole() -> None:
    """A client that waits on gets every byte, the rest at once when the proxy's bound is over."""
    with network(longest_ms=400) as net:
        injector = net.struck("trickle")
        seen = net.ask()
        injector.finish([])
        assert seen == ask(net.upstream.port, "DELETE /bots/17")


def test_a_dead_backend_is_not_its_doing() -> None:
    """Where the backend does not answer, the client is reset and the fault has not fired."""
    with network() as net:
        injector = net.struck("trickle")
        net.upstream.die()
        assert net.ask().end == "reset"
        assert not injector.finish([])[0].fired


def test_opportunities() -> None:
    """It has a slot for every request over HTTP."""
    assert has_the_slots_of_every_request(Trickle)
