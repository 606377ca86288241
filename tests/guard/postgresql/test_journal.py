"""The journal on a server, and the lock that goes with a session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.databases.engines import address_of
from harness.databases.postgresql.seat import Seat
from harness.errors import RestoreError
from harness.guard.journal import CAPTURED, CAPTURING, AtWork
from harness.guard.postgresql.journal import ServerJournal
from harness.guard.postgresql.notes import Note
from tests.guard.killing import die, forked
from tests.postgres import Databases

Make = Callable[[], ServerJournal]
BEGUN = {"state": CAPTURING, "backups": []}


@pytest.fixture
def journal(databases: Databases, tmp_path: Path) -> Iterator[Make]:
    """Makes journals of one database, each of another guard."""
    given, made = address_of(databases.make()), []

    def make() -> ServerJournal:
        seat = Seat(given)  # type: ignore[arg-type]
        made.append(ServerJournal(seat, Note("app_dev", tmp_path)))
        return made[-1]

    yield make
    for one in made:
        one.release()


def ended(databases: Databases) -> None:
    """End every session on the server, as tests may."""
    databases.admin(
        "SELECT pg_terminate_backend(pid, 3000) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )


def test_one_guard_at_a_time(journal: Make) -> None:
    """Whoever comes second is refused, and told which process has it; the end lets others in."""
    first, second = journal(), journal()
    assert not first.exists
    first.begin(BEGUN)
    for act in (lambda: second.begin(BEGUN), second.adopt):
        with pytest.raises(AtWork, match="another guard is at work"):
            act()
    assert first.is_held
    assert not second.is_held
    first.end()
    assert not first.exists
    second.begin(BEGUN)
    second.end()


def test_what_a_killed_guard_left(journal: Make) -> None:
    """The lock goes with its process, its lines stay, and are taken over."""

    def killed() -> None:
        one = journal()
        one.begin(BEGUN)
        one.write({"state": CAPTURED, "backups": []})
        die()

    assert forked(killed) == -9
    next_one = journal()
    assert [entry["state"] for entry in next_one.adopt()] == [CAPTURING, CAPTURED]
    assert not next_one.has_failed
    next_one.end()
    assert journal().adopt() == []


def test_a_session_that_was_lost(journal: Make, databases: Databases) -> None:
    """The lock is taken again before anything is written, where nobody has come meanwhile."""
    first = journal()
    first.begin(BEGUN)
    ended(databases)
    first.write({"state": CAPTURED, "backups": []})
    with pytest.raises(AtWork):
        journal().adopt()
    ended(databases)
    assert first.is_held
    first.end()
    assert not first.exists


def test_another_guard_came_meanwhile(journal: Make, databases: Databases) -> None:
    """Who lost the lock and finds another's journal writes nothing into it."""
    first, second = journal(), journal()
    first.begin(BEGUN)
    ended(databases)
    second.adopt()
    with pytest.raises(OSError, match="another guard's by now"):
        first.write({"state": CAPTURED, "backups": []})
    assert not first.is_held
    assert [entry["state"] for entry in second.noted()] == [CAPTURING]
    second.end()


def test_lines_that_tests_removed(journal: Make, databases: Databases) -> None:
    """They are written again from memory, and so is the table."""
    first = journal()
    first.begin(BEGUN)
    databases.run("reliability_harness_postgres", "DROP TABLE public.journal")
    assert not first.exists
    first.bring_back()
    assert [entry["state"] for entry in first.noted()] == [CAPTURING]
    first.end()


@pytest.mark.parametrize("line", ["no JSON", '{"version": 99, "state": "captured"}'])
def test_lines_that_nobody_can_read(journal: Make, databases: Databases, line: str) -> None:
    """They are refused, and stay."""
    one = journal()
    one.begin(BEGUN)
    one.release()
    databases.run("reliability_harness_postgres", f"UPDATE public.journal SET line = '{line}'")
    with pytest.raises(RestoreError, match=r"damaged|version"):
        journal().adopt()
    assert journal().exists
