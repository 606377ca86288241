from __future__ import annotations

import threading
import time

import apsw
import pytest

from harness import registry
from harness.databases.errors import describe
from harness.faults.timeout import Timeout
from harness.steps import Step
from harness.system.files import Files
from tests.faults.conftest import BUSY_TIMEOUT_MS, ENTITIES, Stage, plan
from tests.faults.served import Served

OPERATION = "delete bots 9"


def test_a_retry_beats_one_attempt(stage: Stage) -> None:
    """SQLite waits its whole busy timeout, says BUSY, and the next attempt passes."""
    injector = stage.injector(plan("timeout", OPERATION))
    started = time.perf_counter()
    report = stage.clean(injector)
    waited_ms = (time.perf_counter() - started) * 1000
    assert [(f.reason, f.code & 0xFF) for f in report.failures] == [("timeout", apsw.SQLITE_BUSY)]
    assert waited_ms >= BUSY_TIMEOUT_MS * 0.9
    assert report.ok
    (entry,) = injector.finish(report.failures)
    assert entry.fired
    assert entry.surfaced
    assert "BEGIN IMMEDIATE" in entry.evidence


def test_a_phase_is_over_in_the_next(stage: Stage) -> None:
    """No retry beats a lock that lasts for the phase; the next phase is free of it."""
    injector = stage.injector(plan("timeout", OPERATION, "phase"))
    report = stage.clean(injector)
    assert len(report.failures) == 3 * len(ENTITIES)
    assert {f.reason for f in report.failures} == {"timeout"}
    assert stage.is_locked()
    injector.listener(Step("verify", "differences", 1))
    assert not stage.is_locked()
    assert injector.finish(report.failures)[0].surfaced


def test_a_cycle_holds_through_the_next(stage: Stage) -> None:
    """A lock that lasts for the cycle stands in the way of the restore as well."""
    recovery = registry.find("recovery", "online_backup")(
        stage.database, stage.folder / "backup", files=Files(), busy_timeout_ms=BUSY_TIMEOUT_MS
    )
    recovery.capture()
    injector = stage.injector(plan("timeout", OPERATION, "cycle"))
    report = stage.clean(injector, attempts=1)
    injector.listener(Step("restore", "online_backup", 1))
    with pytest.raises(apsw.BusyError) as refused:
        recovery.restore()
    assert describe(refused.value)[0] == "timeout"
    assert injector.finish(report.failures)[0].surfaced
    recovery.restore()  # once the cycle is over
    recovery.dispose()


def test_released_in_time_is_masked(stage: Stage) -> None:
    """A lock given back within the busy timeout was real, and nobody saw a failure."""
    stage.scene.busy_timeout_ms = 10_000
    injector = stage.injector(plan("timeout", OPERATION))
    fault = injector._faults[0]

    def give_back() -> None:
        while not fault.evidence:  # a lock that is not held yet cannot be given back
            time.sleep(0.001)
        time.sleep(0.02)
        fault.lift()

    other = threading.Thread(target=give_back)
    other.start()
    report = stage.clean(injector, attempts=1)
    other.join()
    assert report.ok
    (entry,) = injector.finish(report.failures)
    assert (entry.fired, entry.surfaced) == (True, False)


def test_two_hold_one_lock(stage: Stage) -> None:
    """The lock is held until the last fault that holds it is over, whatever the order."""
    injector = stage.injector(
        plan("timeout", "delete bots 9", "phase"), plan("timeout", "delete bots 8")
    )
    report = stage.clean(injector, attempts=1)
    assert stage.is_locked()
    injector.listener(Step("verify", "differences", 1))
    assert not stage.is_locked()
    assert [e.fired for e in injector.finish(report.failures)] == [True, True]


def test_what_somebody_else_keeps_does_not_fire(stage: Stage) -> None:
    """Where another program keeps the lock there is none to be had, and no evidence."""
    other = apsw.Connection(str(stage.database))
    other.execute("BEGIN IMMEDIATE")
    injector = stage.injector(plan("timeout", OPERATION))
    injector.listener(Step("cleanup", OPERATION, 1))
    other.close()
    (entry,) = injector.finish([])
    assert (entry.fired, injector.error) == (False, None)


def test_from_attempt_to_attempt_nobody_slips_in(stage: Stage) -> None:
    """The lock of one attempt becomes that of the next: somebody who waits for it gets none."""
    injector = stage.injector(*(plan("timeout", OPERATION, attempt=n) for n in (1, 2, 3)))
    got = threading.Event()

    def waits() -> None:
        other = apsw.Connection(str(stage.database))
        other.set_busy_timeout(0)
        while not stop.is_set():
            try:
                other.execute("BEGIN IMMEDIATE; ROLLBACK")
            except apsw.BusyError:
                continue
            got.set()
        other.close()

    stop = threading.Event()
    for attempt in (1, 2, 3):
        injector.listener(Step("cleanup", OPERATION, attempt))
        if attempt == 1:
            waiting = threading.Thread(target=waits)
            waiting.start()
        time.sleep(0.02)
    stop.set()
    waiting.join()
    assert not got.is_set()
    assert [entry.fired for entry in injector.finish([])] == [True] * 3


def test_an_error_of_its_own_is_kept_and_leaves_nothing_open(stage: Stage) -> None:
    """A lock that cannot be taken for another reason is the instrument's error, not a fault."""
    injector = stage.injector(plan("timeout", OPERATION))
    content = stage.database.read_bytes()
    stage.database.write_bytes(b"no database at all" * 100)
    injector.listener(Step("cleanup", OPERATION, 1))
    assert isinstance(injector.error, apsw.NotADBError)
    assert stage.open_files() == []
    assert injector.finish([])[0].fired is False
    stage.database.write_bytes(content)


def test_opportunities(stage: Stage) -> None:
    """Every attempt at every removal, where there is a cleanup."""
    assert len(Timeout.slots(stage.shape())) == 3 * len(ENTITIES)
    assert Timeout.why_never(stage.shape()) is None
    assert Timeout.slots(stage.shape(cleans=False)) == []
    assert Timeout.why_never(stage.shape(cleans=False)) == "the policy runs no cleanup"


@pytest.mark.parametrize(
    ("patience_ms", "busy_ms", "reason"),
    [(10_000, 50, "timeout"), (150, 5_000, "API timeout")],
)
def test_through_the_backend(served: Served, patience_ms: float, busy_ms: int, reason: str) -> None:
    """Whoever is the less patient says it: the backend (503), or the client, to no effect on it."""
    if busy_ms != served.backend.busy_timeout_ms:
        served.backend.kill()
        served.backend.busy_timeout_ms = busy_ms
        served.backend.start(60)
    injector = served.injector(plan("timeout", served.last.label))
    report = served.clean(injector, [served.last], attempts=1, timeout_ms=patience_ms)
    assert [f.reason for f in report.failures] == [reason]
    key = served.last.key[0][1]
    assert key in served.left()
    assert injector.finish(report.failures)[0].surfaced
    served.settled()  # the lock is gone: a DELETE that still waited is carried out
    assert (key in served.left()) is (reason == "timeout")
