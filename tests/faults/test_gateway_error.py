from __future__ import annotations

import pytest

from harness.faults.gateway_error import GatewayError
from tests.faults.sockets import has_the_slots_of_every_request, network, request


@pytest.mark.parametrize(("where", "status"), [(0.49, b"502"), (0.5, b"503")])
def test_a_gateway_answers_in_html(where: float, status: bytes) -> None:
    """A whole answer of another's, a page of HTML, and the end; the backend saw nothing."""
    with network() as net:
        injector = net.struck("gateway_error", where=where)
        seen = net.ask(request("DELETE /bots/17", close=False))
        assert (seen.end, seen.status) == ("end", status)
        head, _, body = seen.data.partition(b"\r\n\r\n")
        assert b"Connection: close" in head
        assert b"Content-Length: %d\r\n" % len(body) in head
        assert body.startswith(b"<html>")
        assert net.upstream.reached == []
        assert net.evidence_of(injector, "gateway error") == (
            f"DELETE /bots/17: 0 bytes reached the backend, {status.decode()} answered "
            f"({len(seen.data)} bytes), then FIN"
        )
        assert net.committed() == []


def test_opportunities() -> None:
    """It has a slot for every request over HTTP."""
    assert has_the_slots_of_every_request(GatewayError)
