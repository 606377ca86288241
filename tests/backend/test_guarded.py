"""The guard restores under a backend that stays connected and is kept busy by another process."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

from harness.backend.process import Backend
from harness.databases.sqlite.session import connect
from harness.guard import Guard
from harness.retry import Retry
from harness.truth.sqlite import SqliteTruth
from tests.backend.talking import Talk
from tests.pipes import line_of

FOUNDER = 1
# Asks for every table, page by page, as fast as it can; notes what is no plain answer, and after
# the word "restored" every row that the baseline does not have. With "writes" it also adds a user
# and deletes it again, over and over, until it is told to stop writing.
LOAD = """
import http.client, json, sys, threading
port, token, known, writes = int(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3]), sys.argv[4]
restored, stop, quiet = threading.Event(), threading.Event(), threading.Event()
def commands():
    for line in sys.stdin:
        {"restored": restored, "stop": stop, "quiet": quiet}[line.strip()].set()
        if stop.is_set(): break
    stop.set()
threading.Thread(target=commands, daemon=True).start()
line = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
head = {"Authorization": "Bearer " + token}
def ask(method, path, body=None):
    line.request(method, path, body, head)
    answer = line.getresponse()
    return answer.status, answer.read()
asked, odd, stale, turn = 0, [], [], 0
print("ready", flush=True)
while not stop.is_set():
    for table, last in known.items():
        after = restored.is_set()
        status, body = ask("GET", f"/{table}?after={last - 1}&limit=50")
        asked += 1
        if status != 200:
            odd.append([table, status, body.decode()[:300]])
        elif after and len(json.loads(body)["items"]) != 1 and writes == "reads":
            stale.append(table)
    if writes == "writes" and not quiet.is_set():
        turn += 1
        user = {"email": f"load{turn}@e2e.test", "name": "n", "role": "member", "locale": "en"}
        status, body = ask("POST", "/users", json.dumps(user))
        if status == 201:
            gone, body = ask("DELETE", f"/users/{json.loads(body)['id']}")
            if gone not in (204, 404):
                odd.append(["delete", gone, body.decode()[:300]])
        else:
            odd.append(["create", status, body.decode()[:300]])
print(json.dumps({"asked": asked, "odd": odd, "stale": stale}), flush=True)
"""


class Load:
    """The other process."""

    def __init__(self, backend: Backend, token: str, known: dict[str, int], kind: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", LOAD, str(backend.port), token, json.dumps(known), kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert line_of(self._process) == "ready\n"

    def tell(self, word: str) -> None:
        """Say "restored", "quiet" or "stop"."""
        assert self._process.stdin is not None
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()

    def end(self) -> dict[str, Any]:
        """Stop it; what it saw."""
        self.tell("stop")
        said, _ = self._process.communicate(timeout=60)
        seen: dict[str, Any] = json.loads(said)
        return seen

    def kill(self) -> None:
        """Leave nothing behind."""
        self._process.kill()
        self._process.communicate()


@contextmanager
def load(backend: Backend, token: str, database: Path, kind: str) -> Iterator[Load]:
    """Keep the backend busy from another process."""
    connection = connect(database, read_only=True)
    known = {
        table: connection.execute(f"SELECT max(id) FROM {table}").fetchone()[0]
        for table in ("users", "bots", "integrations")
    }
    connection.close()
    one = Load(backend, token, known, kind)
    try:
        yield one
    finally:
        one.kill()


def user(number: int) -> dict[str, Any]:
    """Give a user for a POST."""
    return {"email": f"u{number}@e2e.test", "name": "U", "role": "member", "locale": "en"}


def make_test_data(talk: Talk) -> int:
    """Create a few rows over HTTP; return the id of the first user."""
    made = talk("POST", "/users", user(0))
    assert made.status == 201
    for number in range(1, 40):
        assert talk("POST", "/users", user(number)).status == 201
    assert talk("POST", "/bots", bot(made.body["id"])).status == 201
    return int(made.body["id"])


def bot(owner: int) -> dict[str, Any]:
    """Give a bot for a POST."""
    return {"user_id": owner, "name": "b", "description": "d", "status": "draft"}


def test_restored_under_readers(
    backend: Backend, talk: Talk, database: Path, pristine: Path, token_of: Callable[[int], str]
) -> None:
    """Under steady requests no answer is odd or stale, and the backend goes on as on a baseline."""
    with load(backend, token_of(FOUNDER), database, "reads") as others:
        guard = Guard(database, policy="restore_only", recoveries=["online_backup"])
        guard.begin()
        first = make_test_data(talk)
        result = guard.finish()
        assert result.ended == "restored", result.failures
        others.tell("restored")
        assert talk("GET", f"/users/{first}").status == 404
        time.sleep(0.5)  # a steady load takes a little time
        again = talk("POST", "/users", user(0))
        assert again.body["id"] == first  # the sequence is the baseline's too
        assert talk("DELETE", f"/users/{first}").status == 204
        seen = others.end()
    assert seen["asked"] > 50
    assert seen["odd"] == []
    assert set(seen["stale"]) <= {"users"}  # the user just made and deleted, and no test row
    backend.release()
    truth = SqliteTruth(pristine)
    assert truth.judge(database).rows
    truth.release()


def test_restored_under_writers(
    backend: Backend, talk: Talk, database: Path, pristine: Path, token_of: Callable[[int], str]
) -> None:
    """While others write, the restore waits its turn: nothing is damaged, no test row stays."""
    with load(backend, token_of(FOUNDER), database, "writes") as others:
        guard = Guard(
            database,
            policy="restore_only",
            recoveries=["online_backup"],
            busy_timeout_ms=5000,
            retry=Retry(attempts=5),
        )
        guard.begin()
        make_test_data(talk)
        result = guard.finish()
        assert "online_backup" in guard.options.recoveries
        others.tell("quiet")
        time.sleep(0.3)
        seen = others.end()
    assert seen["odd"] == [], result.failures
    backend.release()
    connection = connect(database)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("SELECT count(*) FROM users WHERE name = 'U'").fetchone() == (0,)
    left = connection.execute("SELECT id FROM users WHERE email LIKE 'load%'").fetchall()
    for (number,) in left:  # one that was being made when the backup was taken, at most
        connection.execute("DELETE FROM users WHERE id = ?", (number,))
    connection.close()
    assert len(left) <= 1
    truth = SqliteTruth(pristine)
    assert truth.judge(database).rows
    truth.release()


def test_what_needs_sole_access_says_so(backend: Backend, talk: Talk, database: Path) -> None:
    """A recovery that cannot restore under a connected backend refuses, and nothing is damaged."""
    guard = Guard(database, policy="restore_only", recoveries=["file_copy"], busy_timeout_ms=20)
    guard.begin()
    first = make_test_data(talk)
    result = guard.finish()
    assert result.ended == "dirty"
    assert {failure.reason for failure in result.failures} == {"timeout"}
    assert talk("GET", f"/users/{first}").status == 200
    connection = connect(database)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


def test_a_pin_restores_under_a_connected_backend(
    backend: Backend, talk: Talk, database: Path, pristine: Path
) -> None:
    """The -wal cannot go while the backend has it open: the pages go back beside it."""
    guard = Guard(database, policy="restore_only", recoveries=["wal_pin"], busy_timeout_ms=20)
    guard.begin()
    first = make_test_data(talk)
    result = guard.finish()
    assert (result.ended, result.restored_by, result.failures) == ("restored", "wal_pin", [])
    assert talk("GET", f"/users/{first}").status == 404
    assert talk("POST", "/users", user("U")).status == 201  # and it works on
    backend.release()
    connection = connect(database)
    connection.execute("DELETE FROM users WHERE name = 'U'")
    connection.close()
    truth = SqliteTruth(pristine)
    assert truth.judge(database).rows
    truth.release()


def test_a_naive_copy_is_seen(backend: Backend, talk: Talk, database: Path, pristine: Path) -> None:
    """The check catches what it must: a file copied back under open connections is not clean."""
    guard = Guard(database, policy="hybrid_trusting", recoveries=["naive_copy"])
    guard.begin()
    first = make_test_data(talk)
    guard.finish()
    guard._trip.restore()  # what a script does that believes its copy
    answers = [talk("GET", f"/users/{first}").status for _ in range(3)]
    answers += [talk("POST", "/bots", bot(FOUNDER)).status]
    backend.release()
    truth = SqliteTruth(pristine)
    try:
        clean = truth.judge(database).rows
    except apsw.Error:
        clean = False
    truth.release()
    assert not clean or answers[:3] != [404] * 3
