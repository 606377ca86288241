"""Losses planted under every policy and recovery: each is found by looking, none is believed."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import apsw
import pytest

from harness.cleanup import Cleanup, CleanupReport
from harness.errors import RecoveryRefused
from harness.experiment.cycle.site import Site
from harness.experiment.run import verdicts
from harness.guard import Guard, GuardResult
from harness.guard.policy import POLICIES
from harness.guard.sqlite.backups import backup_path
from harness.recovery.file_copy import FileCopy
from harness.results.records import CycleRecord
from harness.steps import Entity, Failure, Step
from tests.experiment.cycle.test_site import site
from tests.stored_runs import make_run

RECOVERIES = ("wal_pin", "online_backup", "file_copy")
CLEANING = [name for name, policy in POLICIES.items() if policy.cleans]
Deed = Callable[[Path], None]


def empty(database: Path) -> None:
    """Delete all rows of a table of the baseline."""
    connection = apsw.Connection(str(database))
    connection.execute("PRAGMA foreign_keys = OFF; DELETE FROM integrations")
    connection.close()


def empty_and_unlink(database: Path) -> None:
    """Delete rows of the baseline, and every backup of it."""
    empty(database)
    unlink_backups(database)


def unlink_backups(database: Path) -> None:
    """Empty and remove every backup file and whatever else a guard keeps beside the database.

    Emptied, because a name that is removed is not all that a guard has of a file.
    """
    for path in database.parent.glob(f"{database.name}.e2e-*"):
        path.write_bytes(b"")
        path.unlink()


def unlink_all(database: Path) -> None:
    """Empty and remove the database and all beside it."""
    for path in database.parent.glob(f"{database.name}*"):
        path.write_bytes(b"")
        path.unlink()


def add(database: Path) -> None:
    """Leave a row that the baseline does not have, and touch none that it has."""
    connection = apsw.Connection(str(database))
    connection.execute("CREATE TABLE left_over(a); INSERT INTO left_over VALUES (1)")
    connection.close()


class Doing(Cleanup):
    """A cleanup that does one thing to the database, and says that all went well, or that not."""

    name, contract = "doing", "a planted defect"

    def __init__(self, deed: Deed, *, ok: bool) -> None:
        self._deed, self._ok = deed, ok

    def clean(  # noqa: D102 - as Cleanup says
        self, database: Path, entities: Sequence[Entity], **seams: Any
    ) -> CleanupReport:
        self._deed(database)
        if self._ok:
            return CleanupReport()
        failure = Failure(Step("cleanup", "doing", 1), "planted", "it says so", None)
        return CleanupReport(failed=[(Entity("users", ()), failure)], failures=[failure])


def cycle(folder: Path, deed: Deed, *, ok: bool, **settings: Any) -> CycleRecord:
    """Run one cycle whose cleanup does the deed."""
    here = site(folder, **settings)
    here._cleanup = Doing(deed, ok=ok)
    return here.run(0)


@pytest.mark.parametrize("ok", [True, False])
@pytest.mark.parametrize("recovery", RECOVERIES)
@pytest.mark.parametrize("policy", CLEANING)
def test_database_and_backups_gone(folder: Path, policy: str, recovery: str, ok: bool) -> None:
    """Where neither is left the baseline is lost, whether or not the cleanup said that it failed.

    Unless the guard brings it back all the same.
    """
    record = cycle(folder, unlink_all, ok=ok, policy=policy, recoveries=[recovery])
    assert record.outcome == "baseline_lost"


@pytest.mark.parametrize("ok", [True, False])
@pytest.mark.parametrize("recovery", RECOVERIES)
@pytest.mark.parametrize("policy", CLEANING)
def test_a_table_emptied_by_the_cleanup(folder: Path, policy: str, recovery: str, ok: bool) -> None:
    """It is lost where nobody restores: without a backup, and where a wrong word is believed."""
    record = cycle(folder, empty, ok=ok, policy=policy, recoveries=[recovery])
    restores = policy == "hybrid_verified" or (policy == "hybrid_trusting" and not ok)
    assert record.outcome == ("restored" if restores else "baseline_lost")


@pytest.mark.parametrize("recovery", RECOVERIES)
@pytest.mark.parametrize("policy", CLEANING)
def test_a_table_emptied_and_the_backups_removed(folder: Path, policy: str, recovery: str) -> None:
    """What a pin holds needs no file; every other recovery has nothing left to restore from."""
    record = cycle(folder, empty_and_unlink, ok=False, policy=policy, recoveries=[recovery])
    pinned = recovery == "wal_pin" and policy != "cleanup_only"
    assert record.outcome == ("restored" if pinned else "baseline_lost")


@pytest.mark.parametrize("recovery", RECOVERIES)
@pytest.mark.parametrize(("deed", "lost"), [(unlink_all, True), (empty_and_unlink, True),
                                            (empty, False)])  # fmt: skip
def test_lost_by_the_tests_themselves(folder: Path, recovery: str, deed: Deed, lost: bool) -> None:
    """restore_only has no cleanup: what the tests do to database and backups is looked at too."""
    here = site(folder, policy="restore_only", recoveries=[recovery])
    leave = here._application.leave

    def and_then() -> None:
        leave()
        deed(here.database)

    here._application.leave = and_then  # type: ignore[method-assign]  # the planted defect
    record = here.run(0)
    pinned = recovery == "wal_pin" and deed is empty_and_unlink
    assert record.outcome == ("baseline_lost" if lost and not pinned else "restored")


@pytest.mark.parametrize("policy", [name for name in POLICIES if POLICIES[name].backs_up])
def test_lost_in_begin(folder: Path, policy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A begin that empties a table and then refuses has lost it: no backup was ever taken."""

    def capture(recovery: FileCopy) -> None:
        empty(recovery.database)
        raise RecoveryRefused("planted")

    monkeypatch.setattr(FileCopy, "capture", capture)
    record = site(folder, policy=policy, recoveries=["file_copy"]).run(0)
    assert record.outcome == "baseline_lost"


@pytest.mark.parametrize("policy", [name for name in POLICIES if POLICIES[name].backs_up])
@pytest.mark.parametrize(("deed", "outcome"), [(None, "refused"), (add, "dirty_known")])
def test_refused_is_looked_at(
    folder: Path,
    policy: str,
    deed: Deed | None,
    outcome: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A refusal is its own end where the database is untouched; where it is not, it is dirty."""

    def capture(recovery: FileCopy) -> None:
        if deed is not None:
            deed(recovery.database)
        raise RecoveryRefused("planted")

    monkeypatch.setattr(FileCopy, "capture", capture)
    record = site(folder, policy=policy, recoveries=["file_copy"]).run(0)
    assert record.outcome == outcome
    assert "no backup" in record.detail


@pytest.mark.parametrize("recovery", RECOVERIES)
@pytest.mark.parametrize("policy", ["cleanup_only", "hybrid_trusting"])
def test_leftovers_beside_a_whole_baseline_are_no_loss(
    folder: Path, policy: str, recovery: str
) -> None:
    """The neighbour: rows were left, none of the baseline's is gone: silent, and nothing lost."""
    record = cycle(folder, add, ok=True, policy=policy, recoveries=[recovery])
    assert record.outcome == "dirty_silent"


@pytest.mark.parametrize("second", [False, True])
def test_a_backup_that_is_left_is_no_loss(folder: Path, second: bool) -> None:
    """The neighbour: a guard that gave up and left its backup, or only a second name of it."""
    here = site(folder, policy="restore_only", recoveries=["file_copy"])
    leave = here._application.leave

    def and_then() -> None:
        leave()
        for path in here.database.parent.glob(f"{here.database.name}*") if second else ():
            path.unlink()
        here.database.unlink(missing_ok=True)
        here.database.mkdir()  # nothing can be put back there

    here._application.leave = and_then  # type: ignore[method-assign]  # the planted defect
    record = here.run(0)
    assert record.outcome == "dirty_known"
    assert not backup_path(here.database, 0).exists()  # the next cycle begins anew


def test_data_safety_refutes_what_loses_every_baseline(folder: Path) -> None:
    """The finding itself: every cycle empties a table and calls it clean; 0.99 is not supported."""
    here: Site = site(folder, policy="hybrid_trusting", recoveries=["online_backup"])
    here._cleanup = Doing(empty, ok=True)
    records = [here.run(number) for number in range(40)]
    for record in records:
        record.condition = "one"
    claims = ["data_safety >= 0.99"]
    condition = {"name": "one", "policy": "hybrid_trusting", "claims": claims}
    results = make_run(folder / "run", records, conditions=[condition])
    (judged,) = verdicts.of_run(results)
    assert judged.judged is not None
    assert judged.judged["verdict"] == "refuted"
    assert verdicts.exit_code([judged]) == 1
    assert {record.outcome for record in records} == {"baseline_lost"}, json.dumps(judged.judged)


def link(database: Path) -> None:
    """Put a link to an equal copy into the database's place."""
    copy = database.with_name("elsewhere")
    copy.write_bytes(database.read_bytes())
    database.unlink()
    database.symlink_to(copy)


@pytest.mark.parametrize(
    ("deed", "demands", "outcome"),
    [
        (link, "rows", "dirty_silent"),
        (link, "exact", "dirty_silent"),
        (lambda database: database.chmod(0o666), "rows", "cleaned"),
        (lambda database: database.chmod(0o666), "exact", "dirty_silent"),
    ],
)
def test_what_stands_in_the_files_place(
    folder: Path, deed: Deed, demands: str, outcome: str
) -> None:
    """A link to the very rows is not the database; permissions count at the grade exact."""
    here = site(folder, policy="restore_only", recoveries=["file_copy"], demands=demands)
    finish = Guard.finish

    def and_then(guard: Guard) -> GuardResult:
        result = finish(guard)
        deed(here.database)
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Guard, "finish", and_then)
        record = here.run(0)
    assert record.outcome == outcome.replace("cleaned", "restored")
    assert here.run(1).outcome == "restored"  # the next cycle begins with the file itself
