"""The story of a cycle: all that was said, and nothing that differs from one place to another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.cleanup import CleanupReport
from harness.databases import Differences, TableDifferences
from harness.errors import BackupError
from harness.experiment.cycle.story import SENTENCES_MOST, tell
from harness.guard import Guard
from harness.guard.protocol import GuardResult
from harness.steps import Entity, Failure, Step
from harness.truth import Judgement
from tests.guard.test_protocol import Forgetful, Raising, baseline, make_rows

EXACT = Judgement(rows=True, exact=True, lost=False)


def entity(table: str, number: int) -> Entity:
    """Make something to delete."""
    return Entity(table, (("id", number),))


def failure(phase: str, operation: str, attempt: int, reason: str, error: str = "why") -> Failure:
    """Make a failed attempt."""
    return Failure(Step(phase, operation, attempt), reason, error, 0)


def told(result: GuardResult, judgement: Judgement = EXACT, **more: Any) -> dict[str, Any]:
    """Tell it and read it."""
    story: dict[str, Any] = json.loads(tell(result, judgement, **more))
    return story


def test_the_summarys_failure_scenario() -> None:
    """Every entity that failed has its reason, attempts and error; what was retried is apart."""
    lost = [failure("cleanup", "delete bots 88", n, "API timeout", f"late {n}") for n in (1, 2, 3)]
    retried = failure("cleanup", "delete bots 86", 1, "network error")
    report = CleanupReport(
        removed={"bots": 4},
        wanted={"bots": 5, "users": 1},
        failed=[
            (entity("bots", 88), lost[-1]),
            (entity("users", 62), failure("cleanup", "delete users 62", 1, "permission denied")),
        ],
        failures=[*lost, retried],
    )
    found = Differences(
        {"bots": TableDifferences(added=((1,), (2,)), changed=(((3,), (4,)),))},
        sequences={"bots": (1, 2)},
    )
    result = GuardResult(
        "restored", report, found, Differences(), "online_backup", list(report.failures)
    )
    story = told(
        result, served=True, undone=[failure("create", "create bots 2", 1, "server error")]
    )
    bots, users = story["cleanup"]["tables"]
    assert (bots["table"], bots["wanted"], bots["removed"]) == ("bots", 5, 4)
    assert bots["failed"] == [
        {"entity": "bots 88", "reason": "API timeout", "attempts": 3, "error": "late 3"}
    ]
    assert (users["removed"], users["failed"][0]["attempts"]) == (0, 1)
    assert [one["operation"] for one in story["failures"]["cleanup"]] == ["delete bots 86"]
    assert story["failures"]["create"][0]["reason"] == "server error"
    assert story["found"]["tables"] == {"bots": {"added": 2, "missing": 0, "changed": 1}}
    assert story["found"]["sequences"] == ["bots"]
    assert story["remaining"]["tables"] == {}
    assert (story["restored_by"], story["ended"], story["served"]) == (
        "online_backup", "restored", True,
    )  # fmt: skip


def test_failed_attempts_of_one_operation_are_one_entry() -> None:
    """Three attempts at a restore are told once, with their number and the last one's words."""
    failures = [failure("restore", "wal_pin", n, "disk full", f"error {n}") for n in (1, 2, 3)]
    story = told(GuardResult("dirty", failures=failures))
    assert story["failures"] == {
        "restore": [
            {"operation": "wal_pin", "failed": 3, "reason": "disk full", "error": "error 3"}
        ]
    }


@pytest.mark.parametrize("cleanup", [Forgetful(), Raising()])
def test_a_real_guards_story(folder: Path, cleanup: Any) -> None:
    """What a real guard did is told: what it found, by what it restored, and the truth."""
    database, truth = baseline(folder)
    with Guard(database, recoveries=["file_copy"], cleanup=cleanup) as guard:
        guard.track(make_rows(database))
    text = tell(guard.result, truth.judge(database))
    story = json.loads(text)
    assert str(folder) not in text
    assert story["cleanup"]["ok"] is isinstance(cleanup, Forgetful)
    assert story["found"]["tables"]["bots"] == {"added": 3, "missing": 0, "changed": 0}
    assert (story["restored_by"], story["ended"]) == ("file_copy", "restored")
    assert story["truth"]["exact"]
    if isinstance(cleanup, Raising):
        (everything,) = story["cleanup"]["tables"]
        assert everything["failed"][0]["entity"] == "everything"
        assert "cleanup" not in story["failures"]


def test_a_refused_backup_is_told(folder: Path) -> None:
    """Where no backup could be taken there is no cleanup, and the attempts are there."""
    database, truth = baseline(folder, "delete")
    guard = Guard(database, recoveries=["wal_pin"], cleanup=Forgetful())
    with pytest.raises(BackupError):
        guard.begin()
    story = told(guard.result, truth.judge(database))
    assert (story["ended"], story["cleanup"], story["found"]) == ("refused", None, None)
    assert [one["operation"] for one in story["failures"]["backup"]] == ["wal_pin"]


@pytest.mark.parametrize(
    ("error", "kept"),
    [
        ("OSError: '/dev/shm/harness-run-1/site/api_db.sqlite3'", "OSError: 'api_db.sqlite3'"),
        ("DELETE /bots/17: 409 /users/3", "DELETE /bots/17: 409 /users/3"),
        ("http://127.0.0.1:43121/bots/17: refused", "http://127.0.0.1:*/bots/17: refused"),
        ("connect to ('127.0.0.1', 43121) failed", "connect to ('127.0.0.1', *) failed"),
        ("listening on port 43121", "listening on port *"),
    ],
)
def test_no_folder_and_no_port(error: str, kept: str) -> None:
    """Folders and ports are taken out of errors, so that a cycle's story is the same anywhere."""
    result = GuardResult("dirty", failures=[failure("restore", "file_copy", 1, "x", error)])
    assert told(result)["failures"]["restore"][0]["error"] == kept


def test_a_long_list_is_cut_and_counted() -> None:
    """Of many differences the first are told and all are counted."""
    sentences = tuple(f"bots: row {n} added" for n in range(SENTENCES_MOST * 2))
    judgement = Judgement(False, False, True, ("a.e2e-backup",), sentences)
    truth = told(GuardResult("dirty"), judgement, served=False)["truth"]
    assert truth["lost"]
    assert truth["differences"]["count"] == SENTENCES_MOST * 2
    assert truth["differences"]["first"] == list(sentences[:SENTENCES_MOST])
    assert truth["left_behind"] == {"count": 1, "first": ["a.e2e-backup"]}
