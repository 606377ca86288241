"""Who has a file open."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import apsw
import pytest

from harness.recovery.file_copy import FileCopy
from harness.system import holders as module
from harness.system.holders import holders
from tests.recovery.helpers import content, execute, make, recovery

NEEDS_PROC = pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="no /proc here")


@NEEDS_PROC
def test_whoever_has_it_open_is_seen(folder: Path, neighbour) -> None:  # noqa: ANN001 - another process
    """A process is seen from opening to closing, this one too, also when the file was deleted."""
    path, own = make(folder, "delete"), os.getpid()
    mine = apsw.Connection(str(path))
    assert holders(path) == {own}
    neighbour.open(path)
    assert holders(path) == {own, neighbour.process.pid}
    (folder / "link").symlink_to(path)
    assert holders(folder / "link") == {own, neighbour.process.pid}
    mine.close()
    assert holders(path) == {neighbour.process.pid}
    path.unlink()
    assert holders(path) == {neighbour.process.pid}
    neighbour.close()
    assert holders(path) == set()


@NEEDS_PROC
def test_one_that_ends_while_it_is_looked_at_is_passed_over(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A listing of /proc is of a moment ago: whoever is gone since has nothing open."""
    path, gone = make(folder, "delete"), subprocess.Popen(["true"])
    gone.wait()
    listed = os.listdir
    monkeypatch.setattr(
        module.os,
        "listdir",
        lambda at: [str(gone.pid), *listed(at)] if at == "/proc" else listed(at),
    )
    with path.open("rb"):
        assert holders(path) == {os.getpid()}


def test_silent_where_there_is_nothing_to_see(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without /proc, and for a file that is gone, nobody is seen and nothing raised."""
    assert holders(folder / "gone") == set()
    monkeypatch.setattr(module, "PROC", str(folder / "proc"))
    assert holders(make(folder, "delete")) == set()


@NEEDS_PROC
def test_an_idle_connection_elsewhere_is_busy(folder: Path, neighbour) -> None:  # noqa: ANN001 - another process
    """It holds no lock in rollback mode, and would read the old file on: not replaced under it."""
    path = make(folder, "delete")
    before = content(path)
    one = recovery(FileCopy, path)
    one.capture()
    neighbour.open(path)
    execute(path, "DELETE FROM users")
    live = content(path)
    with pytest.raises(apsw.BusyError, match=f"open in process {neighbour.process.pid}"):
        one.restore()
    assert content(path) == live
    neighbour.close()
    one.restore()
    assert content(path) == before


@NEEDS_PROC
def test_whose_open_files_cannot_be_seen() -> None:
    """Root sees all; another user none of root's, and the kernel's own threads are nobody's."""
    if os.geteuid() == 0 and module.unseen_owners():
        pytest.skip("this root may not see what others have open")
    if os.geteuid() != 0:
        everybody = {os.stat(f"/proc/{pid}").st_uid for pid in os.listdir("/proc") if pid.isdigit()}
        assert bool(module.unseen_owners()) == (everybody != {os.geteuid()})
        return
    pid = os.fork()
    if pid == 0:  # also without a program of its own a process can be another user's
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
        os._exit(0 if module.unseen_owners() == {"the user root"} else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_processes_that_are_hidden_are_not_seen(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the first process of all does not show (hidepid), others do not either."""
    (folder / "17" / "fd").mkdir(parents=True)
    monkeypatch.setattr(module, "PROC", str(folder))
    assert module.unseen_owners() == {"users who are hidden"}
    (folder / "1" / "fd").mkdir(parents=True)
    assert module.unseen_owners() == set()
