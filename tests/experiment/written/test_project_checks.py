"""What can be wrong with a user's own project is said before anything runs."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest

from harness.experiment.written.project_checks import is_own, of_project, own_processes, own_slots
from tests.experiment.own_project import condition, make_project


@pytest.mark.parametrize(
    ("changes", "key", "said"),
    [
        ({"project": {"database": "no.sqlite3"}}, ("project", "database"), "No such file"),
        ({"project": {"database": "clean.py"}}, ("project", "database"), "no SQLite database"),
        ({"project": {"database": "file:./d.db"}}, ("project", "database"), "perhaps ./d.db"),
        ({"project": {"database": " "}}, ("project", "database"), "this is empty: give the path"),
        ({"project": {"create": "seed 'x"}}, ("project", "create"), "is no command line"),
        ({"project": {"create": "outo"}}, ("project", "create"), "auto"),
        ({"cleanup": "by_diference"}, ("cleanup",), "by_difference"),
        ({"cleanup": "api"}, ("cleanup",), "platform's own API"),
        ({"cleanup": "none", "policy": "cleanup_only"}, ("cleanup",), "nothing would be measured"),
    ],
)
def test_what_is_wrong(changes: Any, key: tuple[str, ...], said: str, tmp_path: Path) -> None:
    """Each by its key."""
    make_project(tmp_path)
    found = list(of_project(condition(tmp_path, **changes)))
    assert [problem.keys for problem in found] == [key]
    assert said in found[0].message


@pytest.mark.parametrize(("mode", "refused"), [("delete", True), ("wal", False)])
def test_a_recovery_that_cannot_back_it_up(mode: str, refused: bool, tmp_path: Path) -> None:
    """It is told before anything runs, unless the condition never restores, or another can."""
    database = make_project(tmp_path)
    with closing(apsw.Connection(str(database))) as connection:
        connection.pragma("journal_mode", mode)
    pinned = {"recoveries": ["wal_pin"]}
    found = list(of_project(condition(tmp_path, **pinned)))
    assert [problem.keys for problem in found] == [("recoveries",)] * refused
    assert all("add online_backup" in problem.message for problem in found)
    both = {"recoveries": ["wal_pin", "online_backup"]}
    assert list(of_project(condition(tmp_path, **both))) == []
    assert list(of_project(condition(tmp_path, **pinned, policy="cleanup_only"))) == []


def test_it_waits_for_locks_as_drivers_do(tmp_path: Path) -> None:
    """Unless the experiment says for how long."""
    make_project(tmp_path)
    assert condition(tmp_path).busy_timeout_ms == 1000
    assert condition(tmp_path, busy_timeout_ms=7).busy_timeout_ms == 7


def test_nothing_is_wrong(tmp_path: Path) -> None:
    """Of a project that can be run."""
    make_project(tmp_path)
    assert list(of_project(condition(tmp_path))) == []


@pytest.mark.parametrize(
    ("cleanup", "own", "process", "slots"),
    [
        ("python3 clean.py", True, True, 1),
        ("clean:everything", True, False, 1),
        (["DELETE FROM bots", "DELETE FROM bots"], True, False, 6),
        ("by_difference", False, False, 3),
        ("none", False, False, 0),
    ],
)
def test_whose_cleanup_it_is(
    cleanup: Any, own: bool, process: bool, slots: int, tmp_path: Path
) -> None:
    """What faults at a process can strike, and how often."""
    make_project(tmp_path)
    one = condition(tmp_path, cleanup=cleanup)
    assert (is_own(one), own_processes(one), len(own_slots(one))) == (own, process, slots)
