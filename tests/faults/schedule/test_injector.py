from __future__ import annotations

from typing import Any

import apsw
import pytest

from harness.databases.sqlite.session import connect
from harness.errors import UnknownName
from harness.faults import REQUEST
from harness.steps import Failure, Step
from tests.faults.conftest import Stage, plan

HERE = Step("cleanup", "delete bots 9", 1)


def test_only_its_own_slot(stage: Stage) -> None:
    """Another phase, operation or attempt does not bring it up, and it comes up once."""
    injector = stage.injector(plan("timeout", "delete bots 9", attempt=2))
    for step in (
        HERE,
        Step("cleanup", "delete bots 8", 2),
        Step("restore", "delete bots 9", 2),
    ):
        injector.listener(step)
        assert not stage.is_locked()
    injector.listener(HERE._replace(attempt=2))
    assert stage.is_locked()
    injector.listener(HERE._replace(attempt=3))
    assert not stage.is_locked()
    injector.listener(HERE._replace(attempt=2))
    assert not stage.is_locked()
    assert injector.finish([])[0].fired


def test_never_came_up(stage: Stage) -> None:
    """What was planned and never came up is in the ledger, and has not fired."""
    injector = stage.injector(plan("timeout", "delete bots 9", "cycle"))
    (entry,) = injector.finish([Failure(HERE, "timeout", "another's", 5)])
    assert entry == ("timeout", "cleanup", "delete bots 9", 1, "cycle", False, False, "")


@pytest.mark.parametrize(
    ("lasting", "surfaces"), [("attempt", "100"), ("phase", "110"), ("cycle", "111")]
)
def test_surfaced_while_it_held(stage: Stage, lasting: str, surfaces: str) -> None:
    """A failure counts as its doing only when it held, and only of the kind it causes."""
    steps = [HERE, Step("cleanup", "delete users 7", 1), Step("restore", "file_copy", 1)]
    for number, failed in enumerate(steps):
        for reason, possible in (("timeout", True), ("permission denied", False)):
            injector = stage.injector(plan("timeout", "delete bots 9", lasting))
            for step in steps:
                injector.listener(step)
            (entry,) = injector.finish([Failure(failed, reason, "", 0)])
            assert entry.surfaced is (possible and surfaces[number] == "1")


def test_a_failure_before_it_came_up_is_not_its_doing(stage: Stage) -> None:
    """Struck at the second attempt, it did not make the first one fail."""
    injector = stage.injector(plan("timeout", "delete bots 9", "cycle", attempt=2))
    injector.listener(HERE)
    injector.listener(HERE._replace(attempt=2))
    (entry,) = injector.finish([Failure(HERE, "timeout", "", 5)])
    assert (entry.fired, entry.surfaced) == (True, False)


def test_an_error_of_its_own_is_kept_and_is_no_fault(stage: Stage) -> None:
    """A fault that cannot strike makes no step fail; the others strike all the same."""
    injector = stage.injector(
        plan("foreign_key", "delete bots 9"), plan("permission", "delete bots 9", "phase")
    )
    connection = stage.scene.connect(stage.database)
    name = stage.database.rename(stage.folder / "elsewhere")
    injector.listener(HERE)  # raises nothing
    name.rename(stage.database)
    assert isinstance(injector.error, FileNotFoundError)
    with pytest.raises(apsw.AuthError):
        connection.execute("DELETE FROM bots WHERE id = 9")
    connection.close()
    child, denial = injector.finish([])
    assert (child.fired, denial.fired) == (False, True)


def test_one_that_cannot_be_lifted_keeps_no_other_from_it(stage: Stage) -> None:
    """A lift that fails is the instrument's error; locks, denials and strikes end all the same."""
    planned = [
        plan("foreign_key", "delete bots 9"),
        plan("permission", "delete bots 9", "cycle"),
        plan("timeout", "delete bots 9", "cycle"),
        plan("io_error", "file_copy", "cycle", phase="backup"),
    ]
    for order in (planned, planned[::-1]):
        injector = stage.injector(*order)
        injector.listener(Step("backup", "file_copy", 1))
        injector.listener(HERE)
        name = stage.database.rename(stage.folder / "elsewhere")
        ledger = injector.finish([])
        name.rename(stage.database)
        assert [entry.kind for entry in ledger] == [fault.kind for fault in order]
        assert (injector.error is None) is not any(
            entry.fired for entry in ledger if entry.kind == "foreign_key"
        )
        assert stage.nothing_survives()
        stage.clean(stage.injector())  # takes the child's parent away, where there is one


def test_the_first_error_is_the_one_that_is_kept(stage: Stage) -> None:
    """Later ones are often only what the first one caused."""
    injector = stage.injector(
        plan("timeout", "delete bots 9"), plan("timeout", "delete bots 8", "phase")
    )
    name = stage.database.rename(stage.folder / "elsewhere")
    injector.listener(HERE)
    first = injector.error
    injector.listener(Step("cleanup", "delete bots 8", 1))
    name.rename(stage.database)
    assert first is not None
    assert injector.error is first


def test_finish_ends_every_kind_of_lasting(stage: Stage) -> None:
    """However long each was to last, at the end nothing of it is left; again changes nothing."""
    for lasting in ("attempt", "phase", "cycle"):
        injector = stage.injector(
            plan("timeout", "delete bots 9", lasting),
            plan("permission", "delete bots 9", lasting),
            plan("disk_full", "online_backup", lasting, phase="backup"),
        )
        injector.listener(Step("backup", "online_backup", 1))
        injector.listener(HERE)
        assert stage.is_locked()
        first = injector.finish([])
        assert stage.nothing_survives()
        assert injector.finish([]) == first
        connection = connect(stage.database)
        connection.execute("UPDATE bots SET name = 'free'")
        connection.close()


def test_an_unknown_kind_is_named_at_once(stage: Stage) -> None:
    """It is found out before the cycle starts, with the nearest choice."""
    with pytest.raises(UnknownName, match="timeout"):
        stage.injector(plan("time_out", "delete bots 9"))


def test_the_nth_request_whatever_it_is(stage: Stage) -> None:
    """What is planned for a phase's third request strikes that, retries counted, and no other."""
    injector = stage.injector(plan("timeout", REQUEST, attempt=3))
    injector.listener(Step("create", "create bots 1", 1))  # another phase counts for itself
    for step in (HERE, HERE._replace(attempt=2)):
        injector.listener(step)
        assert not stage.is_locked()
    third = Step("cleanup", "delete users 7", 1)
    injector.listener(third)
    assert stage.is_locked()
    injector.listener(third._replace(attempt=2))
    assert not stage.is_locked()
    (entry,) = injector.finish([Failure(third, "timeout", "", 5)])
    assert entry[:5] == ("timeout", "cleanup", REQUEST, 3, "attempt")
    assert (entry.fired, entry.surfaced) == (True, True)


def test_a_step_and_a_request_may_be_struck_at_once(stage: Stage) -> None:
    """Two faults of two kinds at one step, one by its name and one by its number, both fire."""
    injector = stage.injector(
        plan("timeout", REQUEST, attempt=2), plan("foreign_key", "delete bots 9")
    )
    injector.listener(Step("cleanup", "delete bots 8", 1))
    injector.listener(HERE)
    assert stage.is_locked()
    held = [entry.fired for entry in injector.finish([])]
    assert held == [True, True]


class _Told:
    """A proxy as far as an injector knows it."""

    on_request: Any = None


def test_requests_are_announced_by_the_proxy_before_a_backend_of_their_own(stage: Stage) -> None:
    """Steps are no requests then: the phase's second request is struck, and that over, lifted."""
    stage.scene.own_backend, told = True, _Told()
    stage.scene.proxy = told  # type: ignore[assignment]  # it asks for no more
    injector = stage.injector(plan("timeout", REQUEST, attempt=2))
    injector.listener(Step("create", "command", 1))
    told.on_request()()  # another phase's
    injector.listener(Step("cleanup", "command", 1))
    injector.listener(Step("cleanup", "command", 2))
    told.on_request()()
    assert not stage.is_locked()
    over = told.on_request()
    assert stage.is_locked()
    over()
    over()
    assert not stage.is_locked()
    told.on_request()
    assert not stage.is_locked()
    failure = Failure(Step("cleanup", "command", 2), "exit status 1", "", 0)
    entry = injector.finish([failure])[0]
    assert (entry.fired, entry.surfaced) == (True, True)
    assert injector.explains(failure)
    assert told.on_request is None
