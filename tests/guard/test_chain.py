"""The chain of recoveries."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from harness.errors import RestoreError
from harness.guard.attempts import Attempts
from harness.guard.chain import Chain
from harness.guard.journal import CAPTURED, CAPTURING
from harness.guard.result import GuardResult
from harness.guard.target import target_of
from harness.retry import Retry
from harness.steps import nobody
from tests.recovery.helpers import make


def chain_on(database: Path, *names: str) -> tuple[Chain, GuardResult]:
    """A chain that has captured, and the result of its trip."""
    result = GuardResult()
    target = target_of(database)
    chain = Chain(target, names, Attempts(Retry(attempts=1), nobody, result), None)
    target.note_place()
    chain.make()
    chain.capture(verified=True)
    return chain, result


def test_one_that_cannot_is_left_out_and_told(folder: Path) -> None:
    """In rollback mode the pin refuses; the copy holds the backup, at its own place."""
    chain, result = chain_on(make(folder, "delete"), "wal_pin", "online_backup")
    assert [recovery.name for recovery in chain.captured] == ["online_backup"]
    assert [failure.step.operation for failure in result.failures] == ["wal_pin"]
    assert [b["place"] for b in chain.entry(CAPTURED)["backups"]] == [1]
    assert len(chain.entry(CAPTURING, captured=False)["backups"]) == 2
    assert chain.dispose()


def test_the_next_restores_where_one_does_not_prove(folder: Path) -> None:
    """Proof is asked after each, and the first that has it is named."""
    database = make(folder, "delete")
    chain, _ = chain_on(database, "file_copy", "online_backup")
    with apsw.Connection(str(database)) as connection:
        connection.execute("CREATE TABLE left_behind (x)")
    connection.close()
    assert not chain.differences("exact").clean("rows")
    answers = [False, True]
    assert chain.restore(lambda: answers.pop(0)) == "online_backup"
    assert chain.differences("exact").clean("exact")
    assert chain.dispose()


def test_an_altered_backup_is_passed_over_and_the_last_is_lost(folder: Path) -> None:
    """Verification goes by the first that is sound; with none left the baseline is lost."""
    database = make(folder, "delete")
    chain, _ = chain_on(database, "file_copy", "online_backup")
    first, second = chain.captured
    first.backup.write_bytes(b"altered")
    assert chain.differences("exact").clean("exact")
    assert not chain.is_lost()
    second.backup.write_bytes(b"altered")
    assert chain.is_lost()
    with pytest.raises(RestoreError):
        chain.differences("exact")


def test_what_is_gone_is_no_difference_by_rows(folder: Path) -> None:
    """A database that tests have removed is said to be gone."""
    database = make(folder, "delete")
    chain, _ = chain_on(database, "file_copy")
    database.unlink()
    assert chain.differences("exact").unread == {"the database": "it is gone"}
    assert chain.give_up()
