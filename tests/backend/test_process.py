"""A backend in its own process: it starts, lets go, stops, dies and is never left behind."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import apsw
import pytest

from harness.backend.process import Backend
from harness.databases.sqlite.session import connect
from harness.errors import BackendError
from tests.backend.talking import Talk
from tests.pipes import line_of

CHECKOUT = Path(__file__).parents[2]


def runs(pid: int) -> bool:
    """Whether a process of this id runs (a dead one that nobody has waited for does not)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def take_alone(database: Path) -> None:
    """Lock the file so that nobody else may even read it; BusyError when somebody is connected."""
    connection = connect(database, busy_timeout_ms=0)
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("COMMIT")
    finally:
        connection.close()


def test_release_lets_go_of_the_database(backend: Backend, talk: Talk) -> None:
    """Held open between requests, closed after a release, opened again by the next request."""
    wal = Path(f"{backend.database}-wal")
    for turn in range(2):
        assert talk("POST", "/users", {"email": f"{turn}@e2e.test", "name": "n"}).status == 201
        assert wal.exists()
        with pytest.raises(apsw.BusyError):
            take_alone(backend.database)
        backend.release()
        assert not wal.exists()
        take_alone(backend.database)


def test_release_waits_for_requests(backend: Backend, talk: Talk, sql: apsw.Connection) -> None:
    """A request that waits for a lock is answered before the release is."""
    said: list[int] = []
    sql.execute("BEGIN IMMEDIATE")
    thread = threading.Thread(
        target=lambda: said.append(talk("POST", "/users", {"email": "e", "name": "n"}).status)
    )
    thread.start()
    time.sleep(0.1)  # it is under way; if not yet, the release has nothing to wait for
    backend.release(limit_s=30)
    sql.execute("ROLLBACK")
    thread.join(30)
    assert said == [503]


def test_a_late_answer_is_not_taken_for_the_next(backend: Backend, talk: Talk) -> None:
    """A release that came too late is an error, and the one after it is a release of its own."""
    backend.suspend()
    with pytest.raises(BackendError, match="did not release in time"):
        backend.release(limit_s=0.1)
    backend.resume()
    talk("GET", "/bots/1")
    backend.release()
    take_alone(backend.database)
    assert backend._process is not None
    assert select.select([backend._process.stdout], [], [], 0.2)[0] == []
    assert backend._heard == b""


def test_a_request_before_the_release_is_served_before(backend: Backend, talk: Talk) -> None:
    """What reached the kernel while it was stopped is under way for a release."""
    for _ in range(5):
        backend.suspend()
        line = f"GET /bots/1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {talk.token}\r\n\r\n"
        with socket.create_connection(("127.0.0.1", backend.port), timeout=30) as client:
            client.sendall(line.encode())
            threading.Timer(0.02, backend.resume).start()
            backend.release(limit_s=30)
            take_alone(backend.database)
            assert client.recv(12) == b"HTTP/1.1 200"


def test_stopped_and_going_on(backend: Backend, talk: Talk) -> None:
    """A stopped one accepts and says nothing; going on, it answers what it was asked meanwhile."""
    assert talk("GET", "/bots/1").status == 200
    backend.suspend()
    assert backend.alive
    with socket.create_connection(("127.0.0.1", backend.port), timeout=30) as client:
        client.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        client.settimeout(0.1)
        with pytest.raises(TimeoutError):
            client.recv(1)
        backend.resume()
        client.settimeout(30)
        assert client.recv(12) == b"HTTP/1.1 200"


def test_killed_and_started_again(backend: Backend, talk: Talk) -> None:
    """Dead, its port refuses and nobody else gets it; started again it serves there."""
    port, pid = backend.port, backend.pid
    backend.suspend()
    backend.kill()
    backend.kill()
    assert not backend.alive
    assert not runs(pid)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=30)
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", port))
    for call in (backend.release, backend.suspend, backend.resume):
        with pytest.raises(BackendError, match=r"status was -9"):
            call()
    backend.start(limit_s=60)
    assert (backend.port, backend.alive) == (port, True)
    assert backend.pid != pid
    again = Talk(port, talk.token)
    assert again("GET", "/bots/1").status == 200
    again.close()


def test_it_dies_between_two_commands(backend: Backend) -> None:
    """A death that nobody saw is found by the next command, not by waiting."""
    os.kill(backend.pid, signal.SIGKILL)
    with pytest.raises(BackendError, match="the backend on"):
        backend.release(limit_s=30)


@pytest.mark.parametrize("state", ["running", "stopped", "dead"])
def test_closed(database: Path, folder: Path, state: str) -> None:
    """Ended in whatever state it is; closing twice, or before a start, does no harm."""
    one = Backend(database, log=folder / "log")
    one.close()
    one.start(limit_s=60)
    if state == "stopped":
        one.suspend()
    elif state == "dead":
        one.kill()
    pid = one.pid
    one.close()
    one.close()
    assert not runs(pid)
    assert not one.alive
    assert (folder / "log").read_text() == ""


def test_what_keeps_it_from_starting_is_said(folder: Path) -> None:
    """The error carries its own words; so does one about a log that cannot be written."""
    one = Backend(folder / "nowhere.sqlite3", log=folder / "log")
    with pytest.raises(BackendError, match=r"(?s)ended.*status was 2.*there is no such file"):
        one.start(limit_s=60)
    assert not one.alive
    one.close()
    with pytest.raises(BackendError, match="could not be started"):
        Backend(folder / "x", log=folder / "no" / "log").start()
    with pytest.raises(BackendError, match="was never started"):
        Backend(folder / "x", log=folder / "log").release()


def test_one_that_does_not_serve_in_time_is_killed(database: Path, folder: Path) -> None:
    """The limit of a start holds, and nothing is left of it."""
    one = Backend(database, log=folder / "log")
    with pytest.raises(BackendError, match="did not begin to serve in time"):
        one.start(limit_s=0.0)
    assert not runs(one.pid)
    one.close()


PARENT = """
import sys, time
from pathlib import Path
from harness.backend.process import Backend
one = Backend(Path(sys.argv[1]), log=Path(sys.argv[2]))
one.start(limit_s=60)
if sys.argv[3] == "stopped":
    one.suspend()
print(one.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("state", ["running", "stopped"])
def test_it_never_outlives_its_parent(database: Path, folder: Path, state: str) -> None:
    """Its parent killed by kill -9, it ends, also when it was stopped."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(database), str(folder / "log"), state],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    pid = int(line_of(parent))
    assert runs(pid)
    parent.kill()
    parent.wait(30)
    parent.stdout.close()
    ends = time.monotonic() + 30
    while runs(pid) and time.monotonic() < ends:
        time.sleep(0.02)
    assert not runs(pid)


def test_drain_waits_for_what_is_under_way(backend: Backend, talk: Talk, database: Path) -> None:
    """A request that waits for the lock is carried out before the backend says it has drained."""
    other = apsw.Connection(str(database))
    other.execute("BEGIN IMMEDIATE")
    user = {"email": "d@e2e.test", "name": "drained", "role": "member", "locale": "en"}
    asking = threading.Thread(target=talk, args=("POST", "/users", user))
    asking.start()
    time.sleep(0.1)  # until it waits
    release = threading.Timer(0.1, other.execute, args=("ROLLBACK",))
    release.start()
    backend.drain()
    release.join()
    found = other.execute("SELECT count(*) FROM users WHERE name = 'drained'").fetchone()
    asking.join(30)
    other.close()
    assert found == (1,)
