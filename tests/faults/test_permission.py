from __future__ import annotations

import apsw
import pytest

from harness import registry
from harness.faults.permission import Permission
from harness.steps import Entity, Step
from harness.system.files import Files
from tests.faults.conftest import ENTITIES, Stage, plan
from tests.faults.served import Served


def step(operation: str, attempt: int = 1, phase: str = "cleanup") -> Step:
    """Make a step."""
    return Step(phase, operation, attempt)


@pytest.mark.parametrize(
    ("entity", "verb"),
    [
        (Entity("bots", (("id", 8),)), "DELETE"),
        (Entity("users", (("id", 1),), before=(("name", "Ada"),)), "UPDATE"),
        (Entity("notes", (("id", 1),), after=True), "DELETE"),
    ],
)
def test_the_database_itself_denies(stage: Stage, entity: Entity, verb: str) -> None:
    """Delete, revert and purge fail with SQLITE_AUTH; the cleanup does not ask again."""
    injector = stage.injector(plan("permission", entity.label))
    report = stage.clean(injector, [entity])
    assert [(f.reason, f.code, f.step.attempt) for f in report.failures] == [
        ("permission denied", apsw.SQLITE_AUTH, 1)
    ]
    (entry,) = injector.finish(report.failures)
    assert entry.surfaced
    assert entry.evidence == f"authorizer denied {verb} on {entity.table} (SQLITE_AUTH)"


def test_how_long_it_lasts(stage: Stage) -> None:
    """One attempt: a retry passes. The phase: only the next phase does. The cycle: neither."""
    sql = "DELETE FROM bots WHERE id = 8"
    for lasting, passes in (("attempt", 2), ("phase", 3), ("cycle", 4)):
        injector = stage.injector(plan("permission", "delete bots 8", lasting))
        connection = stage.scene.connect(stage.database)
        connection.execute("BEGIN")
        connection.execute(sql)  # it is in the cache of prepared statements now
        moments = [
            step("delete bots 8"),
            step("delete bots 8", 2),
            step("differences", 1, "verify"),
        ]
        for number, moment in enumerate(moments, 1):
            injector.listener(moment)
            if number < passes:
                with pytest.raises(apsw.AuthError):
                    connection.execute(sql)
            else:
                connection.execute(sql)
            connection.execute("UPDATE notes SET body = 'x'")  # another table is not denied
        assert injector.finish([])[0].fired
        connection.execute(sql)
        connection.close()


def test_two_at_once_do_not_undo_each_other(stage: Stage) -> None:
    """Lifting the denial of one table leaves the other's, whichever came first."""
    for first, second in (("bots", "users"), ("users", "bots")):
        injector = stage.injector(
            plan("permission", f"delete {first} 7", "phase"),
            plan("permission", f"delete {second} 7", "attempt"),
        )
        connection = stage.scene.connect(stage.database)
        for operation in (f"delete {first} 7", f"delete {second} 7"):
            injector.listener(step(operation))
        for table in (first, second):
            with pytest.raises(apsw.AuthError):
                connection.execute(f"DELETE FROM {table} WHERE id = 77")
        injector.listener(step("delete notes 1"))
        connection.execute(f"DELETE FROM {second} WHERE id = 77")
        with pytest.raises(apsw.AuthError):
            connection.execute(f"DELETE FROM {first} WHERE id = 77")
        connection.close()
        assert all(entry.fired for entry in injector.finish([]))


def test_a_connection_opened_later_is_denied_too(stage: Stage) -> None:
    """A cleanup that connects again does not get around it; other programs are not denied."""
    injector = stage.injector(plan("permission", "delete bots 8", "phase"))
    stage.scene.connect(stage.database).close()  # a closed one is no obstacle
    injector.listener(step("delete bots 8"))
    connection = stage.scene.connect(stage.database)
    with pytest.raises(apsw.AuthError):
        connection.execute("DELETE FROM bots WHERE id = 8")
    connection.close()
    other = stage.scene.other()
    other.execute("DELETE FROM bots WHERE id = 8")
    other.close()
    injector.finish([])
    assert injector.error is None


def test_the_restore_is_another_connection(stage: Stage) -> None:
    """Denied for the whole cycle, the baseline still comes back."""
    recovery = registry.find("recovery", "online_backup")(
        stage.database, stage.folder / "backup", files=Files()
    )
    recovery.capture()
    injector = stage.injector(plan("permission", "delete bots 9", "cycle"))
    report = stage.clean(injector)
    assert not report.ok
    injector.listener(step("online_backup", 1, "restore"))
    recovery.restore()
    recovery.dispose()
    assert injector.finish(report.failures)[0].surfaced


def test_never_asked_is_not_fired(stage: Stage) -> None:
    """A denial that no statement ran into has no evidence, and nothing surfaced."""
    injector = stage.injector(plan("permission", "delete bots 8"))
    stage.scene.connect(stage.database).close()
    injector.listener(step("delete bots 8"))
    (entry,) = injector.finish([])
    assert (entry.fired, entry.surfaced, entry.evidence) == (False, False, "")


def test_opportunities(stage: Stage) -> None:
    """Every attempt at every removal, where there is a cleanup."""
    assert len(Permission.slots(stage.shape())) == 3 * len(ENTITIES)
    assert Permission.why_never(stage.shape()) is None
    assert Permission.why_never(stage.shape(cleans=False)) == "the policy runs no cleanup"


def test_over_http_there_is_another(served_file: Served) -> None:
    """A cleanup over HTTP has no connection to deny anything to; it says which fault to take."""
    assert Permission.slots(served_file.shape()) == []
    assert "use scope_revoked" in str(Permission.why_never(served_file.shape()))
    assert Permission.why_never(served_file.shape(cleans=False)) == "the policy runs no cleanup"
