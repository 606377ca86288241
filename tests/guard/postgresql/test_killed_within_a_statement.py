"""A statement goes on after the client that sent it was killed: nobody comes in between."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest

from harness.databases.postgresql import session
from harness.databases.postgresql.server import Server
from tests.guard.postgresql.striking import Case, Countdown, journal_rows

_CLONES = (
    "SELECT pid FROM pg_stat_activity WHERE state = 'active'"
    " AND query LIKE 'CREATE DATABASE%backup%' AND pid <> pg_backend_pid()"
)


@pytest.fixture
def large(postgres_server: Server) -> Iterator[Case]:
    """A database of 200 MB, of which a clone takes a while."""
    made = Case(postgres_server)
    made.databases.run(
        "app_dev",
        "CREATE TABLE large AS SELECT n, repeat('x', 900) FROM generate_series(1, 200000) n",
    )
    made.databases.admin("CHECKPOINT")
    yield made
    made.databases.wipe()


def killed_within_its_clone(case: Case) -> None:
    """Kill a guard while the server clones for it."""
    pid = os.fork()
    if pid == 0:
        case.guard(Countdown(0))
        os._exit(0)
    try:
        while not case.databases.admin(_CLONES):
            time.sleep(0.005)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


@pytest.mark.long
@pytest.mark.parametrize("server_looks", ["500ms", "0"], ids=["noticed", "unnoticed"])
def test_a_clone_whose_guard_was_killed(
    large: Case, monkeypatch: pytest.MonkeyPatch, server_looks: str
) -> None:
    """Whether the server notices it or goes on to the end: the next one waits, nothing stays."""
    monkeypatch.setitem(session._SETTINGS, "client_connection_check_interval", server_looks)
    killed_within_its_clone(large)
    there = bool(large.databases.admin(_CLONES))
    assert large.recovered(Countdown(0)) == 0
    assert there, "the statement was over before anybody could be in its way"
    assert not large.databases.admin(_CLONES)
    assert large.databases.left("app_dev") == set()
    assert not journal_rows(large.databases)


@pytest.mark.long
def test_the_server_notices_that_a_guard_is_gone(
    large: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A statement of a killed guard is broken off, and the server takes back what it had made."""
    # more often than in life: a clone of 200 MB may take less than half a second
    monkeypatch.setitem(session._SETTINGS, "client_connection_check_interval", "20ms")
    killed_within_its_clone(large)
    began = time.monotonic()
    while large.databases.admin(_CLONES):
        assert time.monotonic() - began < 5
        time.sleep(0.02)
    assert large.databases.left("app_dev") == set()
