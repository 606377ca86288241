from __future__ import annotations

import pytest

from harness.faults.response_cut import ResponseCut
from tests.faults.sockets import ask, has_the_slots_of_every_request, network


@pytest.mark.parametrize(
    ("where", "end", "said"), [(0.1, "reset", "RST (SO_LINGER 0)"), (0.9, "end", "FIN")]
)
@pytest.mark.parametrize("asked", ["DELETE /bots/17", "POST /bots", "GET /chunked"])
def test_half_a_response(asked: str, where: float, end: str, said: str) -> None:
    """The client gets the first half, then RST or FIN; the backend has carried it out."""
    with network() as net:
        whole = ask(net.upstream.port, asked).data
        before = list(net.upstream.committed)
        injector = net.struck("response_cut", where=where)
        seen = net.ask(asked)
        half = len(whole) // 2
        assert seen.end == end
        # What an RST overtakes in the client's own buffers may be lost to it.
        assert seen.data == whole[:half] if end == "end" else whole[:half].startswith(seen.data)
        assert net.upstream.committed == before * 2
        assert net.evidence_of(injector, "network error").endswith(
            f"({len(whole)} bytes), {half} bytes sent, then {said}"
        )


def test_a_dead_backend_is_not_its_doing() -> None:
    """Where the backend does not answer, the client is reset and the fault has not fired."""
    with network() as net:
        injector = net.struck("response_cut")
        net.upstream.die()
        assert net.ask().end == "reset"
        assert not injector.finish([])[0].fired


def test_opportunities() -> None:
    """It has a slot for every request over HTTP."""
    assert has_the_slots_of_every_request(ResponseCut)
