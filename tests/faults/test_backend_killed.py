from __future__ import annotations

from harness.faults.backend_killed import BackendKilled
from harness.faults.wire.network import NO_BACKEND
from harness.steps import Step
from tests.faults.conftest import Stage, plan
from tests.faults.served import Served


def test_the_client_sees_the_network_fail(served: Served) -> None:
    """The attempt fails, a new process takes the same port, and the retry passes."""
    pid, port = served.backend.pid, served.backend.port
    operation = served.first.label  # the second request: the first has left a connection open
    injector = served.injector(plan("backend_killed", operation))
    report = served.clean(injector)
    assert [(f.step.operation, f.reason) for f in report.failures] == [(operation, "network error")]
    assert report.ok
    assert served.left() == []
    (entry,) = injector.finish(report.failures)
    assert entry.surfaced
    assert entry.evidence == f"SIGKILL before {operation}: the backend's process is gone"
    assert injector.error is None
    assert (served.backend.port, served.backend.alive) == (port, True)
    assert served.backend.pid != pid
    served.settled()


def test_it_stays_dead_for_the_cycle(served: Served) -> None:
    """No attempt passes; a second one does not fire; at the cycle's end it serves again."""
    injector = served.injector(
        plan("backend_killed", served.last.label, "cycle"),
        plan("backend_killed", served.first.label),
    )
    report = served.clean(injector)
    assert [f.reason for f in report.failures] == ["network error"] * 6
    injector.listener(Step("verify", "differences", 1))
    assert not served.backend.alive
    assert len(served.left()) == 2
    assert [e.fired for e in injector.finish(report.failures)] == [True, False]
    assert served.backend.alive
    assert served.clean(served.injector()).ok


def test_one_that_does_not_come_back_is_the_instruments_error(served: Served) -> None:
    """A backend that cannot be started again makes the cycle a harness error."""
    injector = served.injector(plan("backend_killed", served.last.label))
    injector.listener(Step("cleanup", served.last.label, 1))
    aside = served.database.rename(served.database.with_name("aside"))
    assert injector.finish([])[0].fired
    assert injector.error is not None
    assert "backend" in str(injector.error)
    aside.rename(served.database)


def test_opportunities(served_file: Served, stage: Stage) -> None:
    """Every request over HTTP; by itself it strikes in the cleanup; else it says why never."""
    assert len(BackendKilled.slots(served_file.shape())) == 2 + 2 * 3
    assert BackendKilled.phases == ("cleanup",)
    assert BackendKilled.why_never(served_file.shape()) is None
    assert BackendKilled.why_never(stage.shape()) == NO_BACKEND
