from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import apsw
import pytest

from harness.cleanup import CleanupReport
from harness.cleanup.given import command as of_command
from harness.cleanup.given.command import CommandCleanup
from harness.databases.sqlite.session import connect
from harness.errors import UsageError
from harness.guard import Guard
from harness.retry import Retry
from harness.steps import Step, nobody

DELETE = (
    f'"{sys.executable}" -c \'import apsw, os; '
    'apsw.Connection(os.environ["DATABASE_PATH"]).execute("DELETE FROM t WHERE i > 1")\''
)


@pytest.fixture
def database(folder: Path) -> Path:
    """Make a database with one row."""
    path = folder / "my data.sqlite3"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE t (i INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)")
    connection.close()
    return path


def clean(database: Path, command_line: str, timeout_s: float = 60) -> CleanupReport:
    """Run the cleanup."""
    return CommandCleanup(command_line, timeout_s).clean(
        database, (), connect=connect, retry=Retry(), listener=nobody
    )


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that nobody has collected yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def gone_soon(pid: int) -> bool:
    """Wait, not for ever, until a process is gone."""
    ends = time.monotonic() + 5
    while is_alive(pid) and time.monotonic() < ends:
        time.sleep(0.01)
    return not is_alive(pid)


def test_a_command_that_deletes(database: Path) -> None:
    """Inside the guard, the user's own script finds the database and no restore is needed."""
    with Guard(database, recoveries=("online_backup",), cleanup=CommandCleanup(DELETE)) as guard:
        connection = connect(database)
        connection.execute("INSERT INTO t VALUES (2), (3)")
        connection.close()
    assert guard.result.ended == "cleaned"
    assert guard.result.report is not None
    assert guard.result.report.ok
    assert guard.result.report.sentences() == []


def test_a_command_that_lies_is_caught(database: Path) -> None:
    """Status 0 with the rows still there: verification finds them and the guard restores."""
    with Guard(database, recoveries=("online_backup",), cleanup=CommandCleanup("true")) as guard:
        connection = connect(database)
        connection.execute("INSERT INTO t VALUES (2)")
        connection.close()
    assert guard.result.ended == "restored"


def test_environment_and_shell(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both names hold the absolute path, the rest of the environment stays, the shell expands."""
    monkeypatch.setenv("MINE", "kept")
    monkeypatch.chdir(database.parent)
    line = 'echo "$DATABASE_PATH|$HARNESS_DATABASE|$MINE" > told && test -f "$DATABASE_PATH"'
    assert clean(Path(database.name), line).ok
    told = (database.parent / "told").read_text()
    assert told == f"{database}|{database}|kept\n"


def test_output_goes_through(database: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """What the command prints appears where the guard's own output does, untouched."""
    assert clean(database, "echo out; echo err >&2").ok
    assert capfd.readouterr() == ("out\n", "err\n")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("exit 3", "exit status 3"),
        ("no-such-command-anywhere 2> /dev/null", "exit status 127"),
        ("kill -TERM $$", "killed by SIGTERM"),
        ("kill -KILL $$", "killed by SIGKILL"),
        (f"kill -{signal.SIGRTMIN + 2} $$", f"killed by signal {signal.SIGRTMIN + 2}"),
    ],
)
def test_a_command_that_fails(database: Path, line: str, reason: str) -> None:
    """How it ended is said of everything, once, and with what to do next."""
    heard: list[Step] = []
    report = CommandCleanup(line).clean(
        database, (), connect=connect, retry=Retry(5), listener=heard.append
    )
    assert heard == [Step("cleanup", "command", 1)]
    assert not report.ok
    ((entity, failure),) = report.failed
    assert (entity.table, failure.reason, failure.code) == ("everything", reason, 0)
    assert report.failures == [failure]
    assert line in failure.error
    assert f"DATABASE_PATH={database}" in failure.error
    assert report.sentences() == [f"Everything: failed ({reason})"]


@pytest.mark.parametrize("trap", ["", "trap '' TERM; "])
def test_a_command_that_hangs(database: Path, trap: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its time it goes, and so does the child that it started, even one deaf to SIGTERM."""
    monkeypatch.setattr(of_command, "_GRACE_S", 0.3)
    pids = database.parent / "pids"
    line = f"{trap}sleep 600 & echo $! $$ > {pids}; wait"
    report = clean(database, line, timeout_s=0.5)
    assert [failure.reason for _, failure in report.failed] == ["timed out"]
    started = [int(pid) for pid in pids.read_text().split()]
    assert len(started) == 2
    assert all(map(gone_soon, started))


def test_an_interrupted_guard_ends_it(database: Path) -> None:
    """Ctrl-C while the command runs: it goes first, then the interruption goes on its way."""
    pids = database.parent / "pids"

    def interrupt() -> None:
        ends = time.monotonic() + 10
        while not (pids.exists() and pids.read_text().strip()) and time.monotonic() < ends:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        clean(database, f"sleep 0.2; echo $$ > {pids}; sleep 600")
    thread.join(10)
    assert gone_soon(int(pids.read_text()))


def test_too_long_a_line(database: Path) -> None:
    """What the kernel refuses to start is a failure of the cleanup, not of the guard."""
    report = clean(database, ": " + "x" * 4_000_000)
    ((_, failure),) = report.failed
    assert failure.reason == "file error"
    assert failure.code != 0


def test_usage() -> None:
    """Without a command, with one no shell can be given or no time to run it is a usage error."""
    for line in ("", "  "):
        with pytest.raises(UsageError, match="no command to run"):
            clean(Path("any"), line)
    with pytest.raises(UsageError, match="no command to run"):
        CommandCleanup().clean(Path("a"), (), connect=connect, retry=Retry(), listener=nobody)
    with pytest.raises(UsageError, match="NUL"):
        CommandCleanup("a\0b")
    for timeout_s in (0, -1, float("nan")):
        with pytest.raises(UsageError, match="timeout_s"):
            CommandCleanup("true", timeout_s)


def test_a_command_runs_in_the_folder_that_is_said(database: Path, folder: Path) -> None:
    """Wherever the guard is; and what it takes to run it by hand says so where it fails."""
    (elsewhere := folder / "elsewhere").mkdir()
    report = CommandCleanup("pwd > here; exit 3", folder=elsewhere).clean(
        database, (), connect=connect, retry=Retry(), listener=nobody
    )
    assert (elsewhere / "here").read_text().strip() == str(elsewhere)
    assert f"run it by hand in {elsewhere} with DATABASE_PATH=" in report.failures[0].error
