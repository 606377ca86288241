"""The verb `backend`: what it prints, what it refuses, how it ends."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from harness.backend.serve import serve
from harness.errors import UsageError
from tests.backend.talking import Talk
from tests.pipes import line_of

CHECKOUT = Path(__file__).parents[2]


def start(*arguments: object) -> subprocess.Popen[str]:
    """Start the verb."""
    return subprocess.Popen(
        [sys.executable, "-m", "harness", "backend", *map(str, arguments)],
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_for_people(database: Path) -> None:
    """One line says where; Ctrl-C ends it in good order with 130, without a traceback."""
    child = start("--database", database)
    line = line_of(child)
    found = re.fullmatch(
        rf"serving {re.escape(str(database))} at http://127\.0\.0\.1:(\d+)"
        r" \(API page: http://127\.0\.0\.1:\1/docs\); end with Ctrl-C\n",
        line,
    )
    assert found is not None, line
    talk = Talk(int(found[1]))
    assert talk("GET", "/health").body == {"ok": True, "journal_mode": "wal"}
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    talk.close()
    assert (child.returncode, out, err) == (130, "", "\nharness: interrupted\n")
    assert not Path(f"{database}-wal").exists()


def test_for_programs(database: Path) -> None:
    """JSON only: where, an answer to every command, also to one there is not; ends with stdin."""
    child = start("--database", database, "--attached")
    assert child.stdin is not None
    ready = json.loads(line_of(child))
    assert ready == {
        "version": 1,
        "url": f"http://127.0.0.1:{ready['port']}",
        "port": ready["port"],
        "pid": child.pid,
    }
    for command, answer in (
        ("release", {"released": True}),
        ("sing", {"error": "there is no command 'sing'; known: release, drain"}),
        ("release", {"released": True}),
    ):
        child.stdin.write(f"{command}\n")
        child.stdin.flush()
        assert json.loads(line_of(child)) == answer
    out, err = child.communicate(timeout=60)
    assert (child.returncode, out, err) == (0, "", "")


def refusal(database: Path, port: int = 0) -> str:
    """What serving is refused with."""

    def began(line: str) -> None:
        raise AssertionError(line)  # else a missing check would serve for ever

    with pytest.raises(UsageError) as caught:
        serve(database, port=port, busy_timeout_ms=100, attached=False, say=began)
    return str(caught.value)


def test_what_is_no_database_is_refused(folder: Path) -> None:
    """No file, a folder, no database, an empty one, one of another schema: each named."""
    path = folder / "x.sqlite3"
    assert refusal(path) == f"{path}: there is no such file"
    assert not path.exists()
    assert "cannot be opened" in refusal(folder)
    assert "the path of the file, perhaps ./d.db" in refusal(Path("file:d.db"))
    path.write_bytes(b"no database at all, but long enough to look like one" * 100)
    assert refusal(path) == f"{path} is not a SQLite database"
    path.write_bytes(b"")
    assert "it lacks users, bots, integrations, api_tokens" in refusal(path)
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE users (id); CREATE TABLE bots (id)")
    connection.close()
    assert "it lacks integrations, api_tokens" in refusal(path)


def test_a_locked_database_is_refused(pristine: Path, folder: Path) -> None:
    """Whoever holds it alone has to let go first."""
    path = Path(shutil.copyfile(pristine, folder / "x.sqlite3"))
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA locking_mode = EXCLUSIVE").fetchall()
    connection.execute("BEGIN EXCLUSIVE")
    assert "is locked" in refusal(path)
    connection.close()


def test_a_taken_port_is_refused(database: Path) -> None:
    """The port is named, and what to do about it; so is one that nobody may have."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert refusal(database, port).startswith(
            f"port {port} of 127.0.0.1 is taken: name another"
        )
