"""A cleanup of the user's own: all of it is tried, each failure stands in the report."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from harness.cleanup import CleanupReport
from harness.cleanup.given.project import OwnCleanup
from harness.databases.sqlite.session import connect
from harness.processes.actions import Action, Sql
from harness.processes.command import Command
from harness.processes.context import Context
from harness.retry import Retry
from harness.steps import Step


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Make a database with two tables."""
    path = tmp_path / "db"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE a (id); CREATE TABLE b (id); INSERT INTO b VALUES (1)")
    connection.close()
    return path


def clean(database: Path, action: Action) -> tuple[CleanupReport, list[Step]]:
    """Run an action as a cleanup, up to three attempts at what may pass."""
    steps: list[Step] = []
    report = OwnCleanup(action, lambda: Context(database, 0, 0)).clean(
        database,
        (),
        connect=lambda path: connect(path, busy_timeout_ms=1),
        retry=Retry(3, 0.1),
        listener=steps.append,
    )
    return report, steps


def test_what_can_still_go_goes(database: Path) -> None:
    """A statement that fails does not keep the next from running."""
    report, steps = clean(database, Sql(("DELETE FROM nowhere", "DELETE FROM b")))
    assert [entity.table for entity, _ in report.failed] == ["statement 1"]
    assert steps == [Step("cleanup", "statement 1", 1), Step("cleanup", "statement 2", 1)]
    assert apsw.Connection(str(database)).execute("SELECT count(*) FROM b").fetchall() == [(0,)]


def test_only_sql_is_tried_again(database: Path) -> None:
    """A lock may pass for a statement; a command might do everything twice."""
    holder = apsw.Connection(str(database))
    holder.execute("BEGIN IMMEDIATE")
    report, steps = clean(database, Sql(("DELETE FROM b",)))
    assert len(report.failures) == len(steps) == 3
    report, steps = clean(database, Command("exit 1", database.parent, 20))
    assert [failure.reason for failure in report.failures] == ["exit status 1"]
    assert steps == [Step("cleanup", "command", 1)]
    holder.close()
