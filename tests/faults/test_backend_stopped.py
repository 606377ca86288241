from __future__ import annotations

import psutil

from harness.faults.backend_stopped import BackendStopped, state_of
from harness.faults.wire.network import NO_BACKEND
from harness.steps import Step
from tests.faults.conftest import Stage, plan
from tests.faults.served import Served

SHORT_MS = 150.0  # longer than nothing needs, for requests that are to get no answer


def test_nothing_answers_and_the_request_is_carried_out_late(served: Served) -> None:
    """The client's deadline passes; once the process goes on, the DELETE happens all the same."""
    injector = served.injector(plan("backend_stopped", served.last.label))
    report = served.clean(injector, [served.last], attempts=1, timeout_ms=SHORT_MS)
    assert [(f.reason, f.code) for f in report.failures] == [("API timeout", 0)]
    assert served.backend.alive
    assert state_of(served.backend.pid) == psutil.STATUS_STOPPED
    assert served.last.key[0][1] in served.left()
    (entry,) = injector.finish(report.failures)
    assert entry.surfaced
    assert entry.evidence == f"SIGSTOP before {served.last.label}: /proc says state T (stopped)"
    assert state_of(served.backend.pid) not in (psutil.STATUS_STOPPED, "")
    assert injector.error is None
    served.settled()
    report = served.clean(injector)
    assert report.ok
    assert served.left() == []


def test_a_retry_beats_one_attempt(served: Served) -> None:
    """It goes on before the next attempt, which finds the row, or finds it gone; both are well."""
    injector = served.injector(plan("backend_stopped", served.last.label))
    report = served.clean(injector, timeout_ms=2000)
    assert [f.reason for f in report.failures] == ["API timeout"]
    assert report.ok
    assert injector.finish(report.failures)[0].surfaced
    served.settled()
    assert served.left() == []


def test_it_stays_stopped_for_the_phase(served: Served) -> None:
    """A second one in the same phase does not fire, and its end does not end the first."""
    injector = served.injector(
        plan("backend_stopped", served.last.label, "phase"),
        plan("backend_stopped", served.first.label),
    )
    report = served.clean(injector, attempts=2, timeout_ms=SHORT_MS)
    assert [f.reason for f in report.failures] == ["API timeout"] * 4
    assert state_of(served.backend.pid) == psutil.STATUS_STOPPED
    injector.listener(Step("verify", "differences", 1))
    assert state_of(served.backend.pid) != psutil.STATUS_STOPPED
    assert [e.fired for e in injector.finish(report.failures)] == [True, False]


def test_a_dead_one_cannot_be_stopped(served: Served) -> None:
    """Killed before: it did not fire. Killed while stopped: it comes back running."""
    served.backend.kill()
    injector = served.injector(plan("backend_stopped", served.last.label))
    injector.listener(Step("cleanup", served.last.label, 1))
    assert injector.finish([])[0].fired is False
    served.backend.start(60)
    injector = served.injector(
        plan("backend_stopped", served.last.label, "phase"),
        plan("backend_killed", served.last.label),
    )
    injector.listener(Step("cleanup", served.last.label, 1))
    assert not served.backend.alive
    assert all(entry.fired for entry in injector.finish([]))
    assert injector.error is None
    assert served.clean(served.injector()).ok


def test_the_process_that_was_stopped_goes_on_and_no_other(served: Served) -> None:
    """The end of a stop whose process was killed does not end that of the next process."""
    operation = served.last.label
    injector = served.injector(
        plan("backend_stopped", operation, "phase"),
        plan("backend_killed", operation),
        plan("backend_stopped", operation, "cycle", attempt=2),
    )
    injector.listener(Step("cleanup", operation, 1))
    injector.listener(Step("cleanup", operation, 2))
    injector.listener(Step("verify", "differences", 1))
    assert state_of(served.backend.pid) == psutil.STATUS_STOPPED
    assert all(entry.fired for entry in injector.finish([]))
    assert state_of(served.backend.pid) != psutil.STATUS_STOPPED
    assert injector.error is None


def test_opportunities(served_file: Served, stage: Stage) -> None:
    """Every request over HTTP; by itself it strikes in the cleanup; else it says why never."""
    assert len(BackendStopped.slots(served_file.shape())) == 2 + 2 * 3
    assert BackendStopped.phases == ("cleanup",)
    assert BackendStopped.why_never(served_file.shape()) is None
    assert BackendStopped.why_never(stage.shape()) == NO_BACKEND
    assert state_of(2**22 + 1) == ""  # beyond the highest number a process can have
