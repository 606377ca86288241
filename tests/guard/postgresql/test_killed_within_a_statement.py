"""A statement goes on after the client that sent it was killed: nobody comes in between."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import pytest

from harness.databases.postgresql import session
from harness.databases.postgresql.server import Server
from tests.guard.postgresql.striking import Case, Countdown, journal_rows

STANDS_STILL_S = 1.0
_CLONES = (
    "SELECT pid FROM pg_stat_activity WHERE state = 'active'"
    " AND query LIKE 'CREATE DATABASE%backup%' AND pid <> pg_backend_pid()"
)


@pytest.fixture
def large(postgres_server: Server) -> Iterator[Case]:
    """A database of 100 MB, of which a clone takes a while."""
    made = Case(postgres_server)
    made.databases.run(
        "app_dev",
        "CREATE TABLE large AS SELECT n, repeat('x', 900) FROM generate_series(1, 100000) n",
    )
    made.databases.admin("CHECKPOINT")
    yield made
    made.databases.wipe()


@contextmanager
def killed_within_its_clone(case: Case) -> Iterator[int]:
    """Kill a guard while the server clones for it: the server's process, which stands still.

    It goes on afterwards at the latest.
    """
    with closing(case.databases.connect()) as watching:
        pid = os.fork()
        if pid == 0:
            case.guard(Countdown(0))
            os._exit(0)
        try:
            while not (cloning := watching.execute(_CLONES).fetchall()):
                time.sleep(0.002)
            ((server,),) = cloning
            os.kill(server, signal.SIGSTOP)
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        try:
            assert watching.execute(_CLONES).fetchall(), "it was over before it was stopped"
            yield server
        finally:
            with suppress(ProcessLookupError):  # it has gone on, to its end
                os.kill(server, signal.SIGCONT)


@pytest.mark.long
@pytest.mark.parametrize("server_looks", ["500ms", "0"], ids=["noticed", "unnoticed"])
def test_a_clone_whose_guard_was_killed(
    large: Case, monkeypatch: pytest.MonkeyPatch, server_looks: str
) -> None:
    """Whether the server notices it or goes on to the end: the next one waits, nothing stays."""
    monkeypatch.setitem(session._SETTINGS, "client_connection_check_interval", server_looks)
    with killed_within_its_clone(large) as cloning:
        going_on = threading.Timer(STANDS_STILL_S, os.kill, (cloning, signal.SIGCONT))
        began = time.monotonic()
        going_on.start()
        assert large.recovered(Countdown(0)) == 0
        assert time.monotonic() - began >= STANDS_STILL_S, "it did not wait"
        going_on.join()
    assert not large.databases.admin(_CLONES)
    assert large.databases.left("app_dev") == set()
    assert not journal_rows(large.databases)


@pytest.mark.long
def test_the_server_notices_that_a_guard_is_gone(
    large: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A statement of a killed guard is broken off, and the server takes back what it had made."""
    # more often than in life: a clone of 100 MB may take less than half a second
    monkeypatch.setitem(session._SETTINGS, "client_connection_check_interval", "20ms")
    with killed_within_its_clone(large):
        pass
    began = time.monotonic()
    while large.databases.admin(_CLONES):
        assert time.monotonic() - began < 5
        time.sleep(0.02)
    assert large.databases.left("app_dev") == set()
