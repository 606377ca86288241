from __future__ import annotations

import errno
import fcntl
import os
import re
import signal
import struct
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from harness.errors import RestoreError
from harness.guard import Guard, command, recover, survivors
from harness.guard.child import Signals
from harness.guard.journal import PROVEN
from harness.guard.sqlite.backups import backup_path
from harness.guard.sqlite.journal import FileJournal
from harness.system import processes
from harness.system.files import Files
from tests.guard.test_protocol import RECOVERIES, baseline, make_rows
from tests.pipes import line_of

KILLED = """
import os, signal, sys
from harness.guard import Guard
from tests.guard.test_protocol import make_rows
from pathlib import Path
with Guard(sys.argv[1], recoveries=[sys.argv[2]]):
    make_rows(Path(sys.argv[1]))
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("recovery", RECOVERIES)
def test_a_killed_guard_is_finished_by_the_next(folder: Path, recovery: str) -> None:
    """After kill -9 while the tests run, the next guard brings the baseline back first."""
    database, truth = baseline(folder)
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(database), recovery], cwd=root, check=False
    )
    assert done.returncode == -signal.SIGKILL
    with Guard(database, recoveries=["file_copy"]):
        connection = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
        assert connection.execute("SELECT count(*) FROM users WHERE email LIKE '%test%'")
        connection.close()
    judgement = truth.judge(database)
    assert judgement.exact, judgement.differences
    assert judgement.left_behind == ()


GUARDED = """
import sys
from harness.guard import command
sys.exit(command.run_guarded(sys.argv[1], sys.argv[2:], say=print))
"""
# Makes a row, says who it is, and stays; the second sees to it that it is not ended by SIGTERM.
STAYS = """
import os, signal, sys, time
from pathlib import Path
from tests.guard.test_protocol import make_rows
if sys.argv[2] == "ignores":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
make_rows(Path(sys.argv[1]))
print(os.getpid(), flush=True)
time.sleep(60)
"""


def killed_guard(database: Path, how: str) -> int:
    """Kill a guard with -9 while its command runs; the command's process id."""
    command = [sys.executable, "-c", STAYS, str(database), how]
    with subprocess.Popen(
        [sys.executable, "-c", GUARDED, str(database), *command],
        cwd=Path(__file__).resolve().parents[2],
        stdout=subprocess.PIPE,
    ) as guard:
        pid = int(line_of(guard))
        guard.kill()
        guard.wait()
    return pid


def ended(pid: int) -> bool:
    """Whether a process is gone within a time that only a stuck one needs."""
    return processes.is_gone_within(pid, processes.started(pid), 10)


@pytest.mark.skipif(sys.platform != "linux", reason="only there the kernel tells the command")
def test_the_command_ends_with_its_guard(folder: Path) -> None:
    """Of a guard killed with -9: the command gets SIGTERM, and what it left is brought back."""
    database, truth = baseline(folder)
    assert ended(killed_guard(database, "listens"))
    assert recover(database) == "online_backup"
    assert truth.judge(database).exact


def test_a_command_that_goes_on_is_waited_for_and_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it runs nothing is touched and the sentence says whom to end; afterwards it works."""
    database, truth = baseline(folder)
    monkeypatch.setattr(survivors, "KILLED_WAIT_S", 0.1)
    pid = killed_guard(database, "ignores")
    before = sorted(p.name for p in database.parent.iterdir())
    try:
        with pytest.raises(RestoreError, match=rf"(?s)process {pid} .*nothing was.*'kill {pid}'"):
            recover(database)
        said: list[str] = []
        assert command.run_guarded(database, ["true"], say=said.append) == 125
        assert f"kill {pid}" in "\n".join(said)
        assert sorted(p.name for p in database.parent.iterdir()) == before
        assert not truth.judge(database).rows
    finally:
        os.kill(pid, signal.SIGKILL)
    assert ended(pid)
    assert recover(database) == "online_backup"
    assert truth.judge(database).exact


def test_another_process_of_the_same_number_is_no_reason(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal names the command by its start too, and numbers come back."""
    database, truth = baseline(folder)
    monkeypatch.setattr(survivors, "KILLED_WAIT_S", 0.0)
    pid = killed_guard(database, "ignores")
    try:
        journal = FileJournal(database, Files()).path
        since = processes.started(pid)
        text = journal.read_text()
        assert since in text
        text = re.sub('"mark": "[0-9a-f]+"', f'"mark": "{"0" * 32}"', text)  # it bears the mark
        journal.write_text(text.replace(since, since[:-1] + "x"))
        os.kill(pid, signal.SIGSTOP)  # it writes no more, and is as alive as before
        assert recover(database) == "online_backup"
    finally:
        os.kill(pid, signal.SIGKILL)
    assert truth.judge(database).exact


def test_who_keeps_the_baseline_from_coming_back_is_named(folder: Path) -> None:
    """A child of the command that survived it and holds a lock: its number is in the sentence."""
    database, truth = baseline(folder)
    ended(killed_guard(database, "listens"))
    code = (
        "import apsw, sys, time; c = apsw.Connection(sys.argv[1]); c.execute('BEGIN IMMEDIATE');"
        "print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(database)], stdout=subprocess.PIPE
    ) as child:
        assert line_of(child) == b"held\n"
        with pytest.raises(RestoreError, match=rf"open in process {child.pid} "):
            recover(database, busy_timeout_ms=1)
        child.kill()
    recover(database)
    assert truth.judge(database).exact


def test_a_start_that_cannot_be_noted_is_none(folder: Path) -> None:
    """The disk is full when the command is to be noted: not run, 125, the database is proven."""
    database, truth = baseline(folder)
    guard = Guard(database, recoveries=["online_backup"])
    guard.begin()
    ran = folder / "ran"

    class Full(Files):
        def write(self, descriptor: int, data: bytes) -> None:
            super().write(descriptor, data[:20])
            raise OSError(errno.ENOSPC, "No space left on device")

    guard.target.journal._files = Full()
    with Signals() as signals:
        done = signals.run(["touch", str(ran)], guard.command_started)
    guard.target.journal._files = Files()
    assert done.status == 125
    assert "No space left" in done.why_not_run
    assert not ran.exists()
    entries = guard.target.journal.path.read_bytes()
    assert entries.endswith(b"}\n")
    assert guard.finish().says_clean
    assert truth.judge(database).exact
    assert list(database.parent.glob("*e2e*")) == []


def test_an_emptied_journal_beside_a_backup_is_not_believed(folder: Path) -> None:
    """The tests emptied it: nobody says that the baseline is in place, and the backup stays."""
    database, truth = baseline(folder)
    ended(killed_guard(database, "listens"))
    FileJournal(database, Files()).path.write_text("")
    with pytest.raises(RestoreError, match="is empty, but there is a backup"):
        recover(database)
    assert backup_path(database, 0).exists()
    assert not truth.judge(database).rows


@pytest.mark.skipif(sys.platform != "linux", reason="wal_pin is Linux only")
def test_a_checkpoint_meanwhile_does_not_keep_anybody_from_tidying_up(folder: Path) -> None:
    """What is proven needs no lock to be tidied up: who holds one is no reason for an error."""
    database, _ = baseline(folder)
    guard = Guard(database, recoveries=["wal_pin"])
    guard.begin()
    guard.target.journal.write(guard._trip._chain.entry(PROVEN))
    guard.abandon()
    shm = os.open(f"{database}-shm", os.O_RDWR | os.O_CREAT)
    try:
        checkpoint = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 123, 1, 0)
        fcntl.fcntl(shm, fcntl.F_OFD_SETLK, checkpoint)
        assert recover(database) is None
    finally:
        os.close(shm)
    assert list(folder.glob("*.e2e-*")) == []


class _Full(Files):
    """A disk that takes no more writes."""

    def write(self, descriptor: int, data: bytes) -> None:
        """Refuse as the kernel does."""
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_after_the_restore_is_told_as_a_sentence(folder: Path) -> None:
    """The journal cannot say that the baseline is back: it stays, and so does the backup."""
    database, truth = baseline(folder)
    guard = Guard(database, recoveries=["online_backup"])
    guard.begin()
    make_rows(database)
    guard.abandon()
    with pytest.raises(RestoreError, match=r"is at its baseline, but .*harness recover"):
        recover(database, files=_Full())
    assert recover(database) == "online_backup"
    assert truth.judge(database).exact


@pytest.mark.skipif(sys.platform != "linux", reason="wal_pin is Linux only")
@pytest.mark.parametrize("recoveries", [("wal_pin",), ("online_backup",)])
def test_a_disk_that_fills_up_while_it_recovers(folder: Path, recoveries: tuple[str, ...]) -> None:
    """At whichever write: nothing is lost, and with room again the baseline comes back."""

    class FullAt(Files):
        def __init__(self, nth: int) -> None:
            self.nth = nth

        def write(self, descriptor: int, data: bytes) -> None:
            self.nth -= 1
            if self.nth < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            super().write(descriptor, data)

    nth, refused = 0, 0
    while True:
        (place := folder / str(nth)).mkdir()
        database, truth = baseline(place)
        guard = Guard(database, recoveries=list(recoveries))
        guard.begin()
        make_rows(database)
        guard.abandon()
        try:
            recover(database, files=FullAt(nth), archives=True)
        except RestoreError:
            refused += 1
            assert recover(database, archives=True) in (*recoveries, None)
        assert truth.judge(database).exact
        if not refused or nth > refused:
            break
        nth += 1
    assert refused
