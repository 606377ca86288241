from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from harness.faults.reset_before import ResetBefore
from harness.faults.schedule.injector import Injector
from harness.faults.wire.network import NO_BACKEND, NetworkFault
from harness.faults.wire.strike import Exchange
from tests.faults.sockets import STEP, ask, network, shape


class Broken(NetworkFault):
    """A fault with a defect of its own."""

    name = "broken"
    contract = "Raises."

    def deal(self, exchange: Exchange) -> None:
        """Fail as a programmer's mistake does."""
        raise ZeroDivisionError("a mistake")


class Slow(NetworkFault):
    """A fault that has more to note when the client is gone already."""

    name = "slow"
    contract = "Notes late."

    def deal(self, exchange: Exchange) -> None:
        """Reset, dawdle, note."""
        exchange.reset()
        time.sleep(0.3)
        self.note(exchange, "noted late")


def test_evidence_is_complete_when_it_has_finished() -> None:
    """``finish`` waits for the requests that it still deals with."""
    with network() as net:
        fault = Slow(net.scene, net.struck("noop")._faults[0].planned)
        fault.strike(STEP)
        assert net.ask().end == "reset"
        fault.lift()
        fault.finish()
        assert fault.evidence == "DELETE /bots/17: noted late"


def test_it_strikes_while_it_holds_and_counts() -> None:
    """Every request of the phase is struck; the evidence says how many and names the first."""
    with network() as net:
        injector = net.struck("reset_before", lasting="phase")
        for number in (17, 18, 19):
            assert net.ask(f"DELETE /bots/{number}").end == "reset"
        assert net.evidence_of(injector, "network error") == (
            "3 requests; the first: DELETE /bots/17: 0 bytes reached the backend, "
            "then RST (SO_LINGER 0)"
        )


def test_struck_in_parallel() -> None:
    """Requests on eight connections at once are each struck and each counted."""
    with network() as net, ThreadPoolExecutor(8) as pool:
        injector = net.struck("reset_after", lasting="phase")
        seen = list(pool.map(net.ask, [f"DELETE /bots/{n}" for n in range(24)]))
        assert {s.end for s in seen} == {"reset"}
        assert len(net.upstream.committed) == 24
        evidence = net.evidence_of(injector, "network error")
        assert evidence.startswith("24 requests; the first: ")


def test_planned_and_never_met() -> None:
    """Armed, but with no request while it holds, it has no evidence and leaves nothing armed."""
    with network() as net:
        injector = net.struck("reset_before")
        assert not injector.finish([])[0].fired
        assert net.ask() == ask(net.upstream.port, "DELETE /bots/17")


def test_without_a_backend() -> None:
    """Without a proxy it does not fire; where no request is made it says what to set."""
    with network() as net:
        net.scene.proxy = None
        injector = net.struck("reset_before")
        assert net.ask().status == b"204"
        assert not injector.finish([])[0].fired
        assert injector.error is None
    assert ResetBefore.why_never(shape(cleans_over_http=False)) == NO_BACKEND
    assert ResetBefore.why_never(shape(creates=("create bots 1",), cleans_over_http=False)) is None


def test_a_mistake_of_its_own_is_the_instruments() -> None:
    """What a fault raises in the proxy's thread is kept there; the client is let go."""
    with network() as net:
        injector: Injector = net.struck("noop")
        fault = Broken(net.scene, injector._faults[0].planned)
        fault.strike(STEP)
        assert net.ask().end == "reset"
        fault.lift()
        fault.finish()
        assert isinstance(net.proxy.error, ZeroDivisionError)
        assert fault.evidence == ""
        assert net.ask().status == b"204"


def test_no_secret_in_evidence() -> None:
    """Evidence names method and path only: no header, so no token."""
    with network() as net:
        injector = net.struck("reset_before")
        net.ask(b"GET /bots HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer hush-hush\r\n\r\n")
        assert "hush" not in injector.finish([])[0].evidence
