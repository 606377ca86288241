from __future__ import annotations

import http.client
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.databases.sqlite.session import connect
from harness.errors import BackendError
from harness.processes.server import HOST, Server
from harness.processes.supervisor import descendants

SCRIPT = Path(__file__).with_name("backend_of_theirs.py")
START = f"{sys.executable} {SCRIPT}"
PATIENT_S = 30.0

Make = Callable[..., Server]


def make_database(path: Path) -> Path:
    """Make a database of one table with three rows."""
    path.touch()
    connection = connect(path)
    connection.execute("CREATE TABLE things (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT)")
    connection.execute("INSERT INTO things (name) VALUES ('a'), ('b'), ('c')")
    connection.close()
    return path


@pytest.fixture
def make(folder: Path) -> Iterator[Make]:
    """Make servers on one database, and end them all."""
    database = make_database(folder / "their's.sqlite")
    made: list[Server] = []

    def server(
        start: str = START, environment: dict[str, str] | None = None, **more: Any
    ) -> Server:
        told = {**os.environ, "DATABASE_PATH": str(database), **(environment or {})}
        made.append(
            Server(
                start,
                home=folder,
                environment=told,
                database=database,
                **({"ready_timeout_s": PATIENT_S} | more),
            )
        )
        return made[-1]

    yield server
    for one in made:
        one.close()


def answers(server: Server) -> int:
    """Ask it."""
    asking = http.client.HTTPConnection(HOST, server.port, timeout=PATIENT_S)
    asking.request("GET", "/things")
    status = asking.getresponse().status
    asking.close()
    return status


def gone(pids: list[int]) -> bool:
    """Whether all of them end, in time."""
    ends = time.monotonic() + PATIENT_S
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        if time.monotonic() > ends:
            return False
        time.sleep(0.01)
    return True


@pytest.mark.parametrize("ready", ["/things", "port", r"log: listening on \d+"])
def test_it_is_ready_when_it_says_so(make: Make, ready: str) -> None:
    """A path, a port and a line of its output each tell that it can be used; then it ends."""
    server = make(ready=ready)
    server.start()
    pid = server.pid
    if ready != "port":
        assert answers(server) == 200
    server.start()
    assert server.pid == pid, "one that runs is left alone"
    server.close()
    assert not server.alive
    assert gone([pid])


def test_port_and_database_stand_in_the_line(make: Make, folder: Path) -> None:
    """Who takes no environment is told on the command line, quoted for the shell."""
    line = f'env PORT= DATABASE_PATH= sh -c \'DATABASE_PATH="$1" PORT="$2" exec {START}\' x'
    server = make(f"{line} {{database}} {{port}}")
    server.start()
    assert answers(server) == 200


def test_all_that_it_starts_is_ended(make: Make) -> None:
    """What left its group and its parent ends too, also what does not heed SIGTERM."""
    server = make(f"setsid sh -c 'trap \"\" TERM; sleep 1000 & wait' & {START}")
    server.start()
    assert server._keeper is not None
    pids = descendants(server._keeper.pid)
    assert len(pids) >= 3
    server.kill()
    assert gone(pids)


def test_who_ignores_sigterm_is_killed(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked to end, and ended when it does not."""
    monkeypatch.setattr("harness.processes.server._GRACE_S", 0.2)
    server = make(environment={"DEAF": "1"})
    server.start()
    server.close()
    assert gone([server.pid])


def test_one_that_dies_at_once_says_why(make: Make) -> None:
    """Its status and its last words are in the error."""
    with pytest.raises(BackendError, match=r"ended with status 3 before(.|\n)*no such gem"):
        make("echo no such gem; exit 3").start()


def test_one_that_never_opens_its_port_is_given_up(make: Make) -> None:
    """The error says what was waited for, and where; nothing of it lives on."""
    server = make("echo elsewhere; sleep 1000", ready="port", ready_timeout_s=0.5)
    with pytest.raises(BackendError, match=r"nobody takes connections at 127(.|\n)*elsewhere"):
        server.start()
    assert not server.alive
    assert gone([server.pid])


def test_a_line_that_never_comes(make: Make) -> None:
    """The error names the expression."""
    with pytest.raises(BackendError, match="no line that matches 'Ready!'"):
        make(ready="log: Ready!", ready_timeout_s=0.3).start()


def test_an_error_of_its_own_is_not_ready(make: Make) -> None:
    """A path that answers 501 is no answer; one that answers 404 would be."""
    server = make(ready="/things", ready_timeout_s=PATIENT_S)
    server.start()
    asking = http.client.HTTPConnection(HOST, server.port, timeout=PATIENT_S)
    asking.request("PUT", "/things")
    assert asking.getresponse().status == 501
    asking.close()


def test_it_never_blocks_on_what_it_prints(make: Make) -> None:
    """Megabytes of output pass, and only their end is kept."""
    server = make(environment={"LOUD": "1"})
    server.start()
    for _ in range(30):
        assert answers(server) == 200
    assert server._log is not None
    assert len(server._log.end()) < 100_000


def test_stopped_and_let_go_on(make: Make) -> None:
    """Stopped, all of it stands still and is alive; afterwards it answers; killed, it is dead."""
    server = make(f"{START} & wait")
    server.start()
    server.suspend()
    assert server._keeper is not None
    for pid in descendants(server._keeper.pid):
        assert Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    assert server.alive
    server.resume()
    assert answers(server) == 200
    server.suspend()
    server.close()  # also one that stands still
    assert gone([server.pid])


def test_started_again_it_has_its_old_port(make: Make) -> None:
    """Whoever knew where it was finds it there; of a death nobody asked for it tells."""
    server = make()
    server.start()
    port = server.port
    os.kill(server.pid, 9)
    assert gone([server.pid])
    ends = time.monotonic() + PATIENT_S
    while server.alive and time.monotonic() < ends:
        time.sleep(0.01)
    assert "status -9" in server.ended()
    server.start()
    assert (server.port, answers(server)) == (port, 200)
