"""What every entrance of the guard shares: what may be asked of it, and how it begins."""

from __future__ import annotations

import inspect
from contextlib import closing
from dataclasses import fields
from pathlib import Path

import pytest

from harness.cleanup.by_difference import DifferenceCleanup
from harness.cleanup.given.command import CommandCleanup
from harness.commands.guarding import guard as guard_command
from harness.databases.sqlite.session import connect
from harness.errors import UsageError
from harness.guard import telling
from harness.guard.calling import Callable
from harness.guard.command import run_recover
from harness.guard.context import Guarded
from harness.guard.entrance import Asked, admit, chain_of, cleanup_of, finished, made
from harness.guard.target import target_of
from tests.guard.test_command import baseline
from tests.postgres import Databases

ASKED = {field.name for field in fields(Asked)}
POLICY = "policy"  # the measured conditions choose one; people have the one that verifies


def test_every_entrance_can_be_asked_the_same() -> None:
    """The command's options, the block's and the call's arguments are those of ``Asked``."""
    of_command = {option.name for option in guard_command.params}
    assert ASKED - of_command == {POLICY}
    for signature in (inspect.signature(Guarded), inspect.signature(Callable.__call__)):
        assert ASKED - set(signature.parameters) == {POLICY}
        assert set(signature.parameters) - ASKED <= {"self", "database"}


def test_defaults_are_the_same_everywhere() -> None:
    """What is not asked for means the same in the block, in the call and in ``Asked``."""
    for signature in (inspect.signature(Guarded), inspect.signature(Callable.__call__)):
        for name, parameter in signature.parameters.items():
            if name in ASKED:
                assert parameter.default == getattr(Asked(), name), name


def test_what_cannot_be_is_refused_before_anything_is_written(folder: Path) -> None:
    """No database, a word of production, a chain of nothing: each is a usage error."""
    database, _ = baseline(folder)
    before = sorted(folder.iterdir())
    with pytest.raises(UsageError, match="there is no"):
        admit(target_of(folder / "none.db"), Asked())
    with pytest.raises(UsageError, match="looks like production"):
        admit(target_of(database), Asked(signs=[database.stem]))
    with pytest.raises(UsageError, match="at least one"):
        admit(target_of(database), Asked(recoveries=()))
    assert sorted(folder.iterdir()) == before


def test_a_chain_is_named_once_and_known() -> None:
    """None is the engine's own; a recovery named twice, or unknown, is refused."""
    target = target_of("any.db")
    assert chain_of(target, None) == target.engine.default_recoveries
    assert chain_of(target, None, in_process=True) == target.engine.recoveries_in_process
    assert chain_of(target, ["file_copy", "online_backup"]) == (
        "file_copy",
        "online_backup",
    )
    for wrong in (["file_copy", "file_copy"], ["no_such"]):
        with pytest.raises(UsageError):
            chain_of(target, wrong)


def test_a_cleanup_is_given_by_its_name_a_line_or_itself() -> None:
    """Text names by_difference or is a shell's line; anything else is the cleanup itself."""
    target, chain = target_of("any.db"), ("online_backup",)
    assert isinstance(cleanup_of("by_difference", target, chain), DifferenceCleanup)
    line = cleanup_of("exit 3", target, chain)
    assert isinstance(line, CommandCleanup)
    assert cleanup_of(line, target, chain) is line
    assert cleanup_of(None, target, chain) is None


def test_what_a_killed_guard_left_is_brought_back_and_told(folder: Path) -> None:
    """The guard that is made next has put it right, and says so at once and in its result."""
    database, truth = baseline(folder)
    target = target_of(database)
    first = made(target, Asked(), remark=pytest.fail)
    first.begin()
    first.abandon()  # as a kill would
    told: list[str] = []
    second = made(target_of(database), Asked(), remark=told.append)
    assert told == [second.result.recovered]
    assert "had been killed" in told[0]
    assert truth.judge(database).exact


@pytest.mark.long
def test_a_guard_that_failed_is_not_called_killed(folder: Path) -> None:
    """It has noted that it ended by itself; the next one brings the baseline back, and says so."""
    database, truth = baseline(folder)
    guard = made(target_of(database), Asked(busy_timeout_ms=0), remark=pytest.fail)
    guard.begin()
    with closing(connect(database)) as other:
        other.execute("DELETE FROM audit_log")
        other.execute("BEGIN IMMEDIATE")
        result = finished(guard, apart=False)
    assert (result.ended, result.lost) == ("dirty", False)
    told: list[str] = []
    made(target_of(database), Asked(), remark=told.append)
    assert told == [f"a guard of {database} had failed; the baseline was brought back by "
                    "online_backup"]  # fmt: skip
    assert truth.judge(database).exact


@pytest.mark.parametrize("apart", [False, True])
def test_a_lost_backup_is_never_called_kept(folder: Path, apart: bool) -> None:
    """Whoever finished: nobody is sent to recover what is not there, and recover says it too."""
    database, _ = baseline(folder)
    asked = Asked(recoveries=["online_backup"])
    guard = made(target_of(database), asked, remark=pytest.fail)
    guard.begin()
    with closing(connect(database)) as other:
        other.execute("DELETE FROM audit_log")
    backups = [*folder.glob("*.e2e-backup"), *guard.target.standing_backups()]
    for path in {*backups}:
        path.write_bytes(b"altered")
    result = finished(guard, apart=apart)
    assert (result.ended, result.lost) == ("dirty", True)
    run = telling.Run(guard.target.address, result, 125)
    assert "gone or altered" in telling.not_proven(run)
    said: list[str] = []
    assert run_recover(str(database), say=said.append) == 125
    assert not [
        line for line in [*said, telling.not_proven(run)] if "kept" in line.split("with --list")[0]
    ]


def test_none_is_no_cleanup() -> None:
    """Said by its name where another, as a file's, would be meant."""
    assert cleanup_of("none", target_of("any.db"), ("online_backup",)) is None


def test_beside_fixtures_nothing_is_kept_in_the_database_itself(databases: Databases) -> None:
    """Where somebody is connected a guard alone records there; one beside fixtures leaves it."""
    address = databases.make()
    for beside_fixtures, expected in ((False, ("undo_log", "dump")), (True, ("dump",))):
        told: list[str] = []
        target = target_of(address)
        with closing(databases.connect("app_dev")):
            guard = made(
                target,
                Asked(),
                remark=told.append,
                in_process=True,
                beside_fixtures=beside_fixtures,
            )
        assert guard.options.recoveries == expected, told
        target.journal.release()
