from __future__ import annotations

from harness.faults.noop import Noop
from harness.faults.schedule.plan import Planner
from harness.steps import Step
from tests.faults.conftest import ENTITIES, Stage, plan
from tests.faults.copies import Copies


def look(stage: Stage) -> dict[str, tuple[bytes, int]]:
    """Return every file of the folder, byte for byte, and when it was written last."""
    return {
        path.name: (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(stage.folder.iterdir())
    }


def test_it_changes_no_byte(stage: Stage) -> None:
    """Struck in every slot it has, it leaves every file of the folder as it was."""
    shape = stage.shape(recoveries=("wal_pin", "online_backup"))
    slots = Noop.slots(shape)
    injector = stage.injector(
        *(plan("noop", s.operation, "cycle", phase=s.phase, attempt=s.attempt) for s in slots)
    )
    before = look(stage)
    for slot in slots:
        injector.listener(Step(*slot))
    entries = injector.finish([])
    assert look(stage) == before
    assert all(entry.fired and not entry.surfaced for entry in entries)
    assert len(entries) == len(slots) == 3 * len(ENTITIES) + 2 * 2 * 3


def test_nobody_elses_failure_is_its_doing(stage: Stage) -> None:
    """Beside a real fault at the same attempt, only the real one has surfaced."""
    injector = stage.injector(plan("noop", "delete bots 9"), plan("timeout", "delete bots 9"))
    report = stage.clean(injector)
    control, lock = injector.finish(report.failures)
    assert (control.surfaced, lock.surfaced) == (False, True)


def test_a_cleanup_with_it_is_one_without(stage: Stage) -> None:
    """Cleanup, backup and restore go as if nobody had listened."""
    injector = stage.injector(
        *(plan("noop", entity.label, "phase") for entity in ENTITIES),
        plan("noop", "online_backup", "cycle", phase="restore"),
    )
    copies = Copies(stage, injector)
    recovery = copies.recovery("online_backup")
    before = stage.rows("SELECT * FROM users, bots, notes")
    assert copies.tried("backup", recovery)
    report = stage.clean(injector)
    assert report.removed == {"bots": 2, "users": 1}
    assert copies.tried("restore", recovery)
    assert copies.failures == report.failures == []
    assert stage.rows("SELECT * FROM users, bots, notes") == before
    assert len(injector.finish([])) == 4
    recovery.dispose()


def test_a_rate_of_zero_touches_nothing(stage: Stage) -> None:
    """At a rate of 0 no fault has a slot, none is drawn, and the test data's number is the same."""
    shape = stage.shape(recoveries=("online_backup",))
    kinds = ("noop", "timeout", "permission", "foreign_key", "io_error", "disk_full")
    silent = Planner(5, "c", shape, {kind: (0.0, {"cycle": 1.0}) for kind in kinds})
    none = Planner(5, "c", shape, {})
    loud = Planner(5, "c", shape, {"noop": (1.0, {"attempt": 1.0})})
    assert silent.slots == []
    for cycle in range(50):
        assert silent.draw(cycle) == none.draw(cycle) == (none.draw(cycle)[0], [])
        number, planned = loud.draw(cycle)
        assert number == none.draw(cycle)[0]
        assert len(planned) == len(loud.slots) > 0
