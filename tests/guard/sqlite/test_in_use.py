from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import apsw
import pytest

import harness
from harness.errors import UsageError
from harness.guard import command
from harness.guard.sqlite.in_use import holders, refuse_in_use, unseen
from tests.pipes import line_of
from tests.recovery.helpers import content, execute

# Looks once and goes idle: in rollback mode it then holds no lock at all.
IDLE = (
    "import apsw, sys; c = apsw.Connection(sys.argv[1]); "
    "c.execute('SELECT * FROM t').fetchall(); print('idle', flush=True); sys.stdin.read()"
)


def database(folder: Path, journal_mode: str) -> Path:
    """A database with one row."""
    path = folder / "dev.sqlite3"
    with closing(apsw.Connection(str(path))) as connection:
        connection.pragma("journal_mode", journal_mode)
        connection.execute("CREATE TABLE t(x); INSERT INTO t VALUES (1)")
    return path


@contextmanager
def idle_process(path: Path) -> Iterator[int]:
    """Another process with an idle connection; its pid."""
    with subprocess.Popen(
        [sys.executable, "-c", IDLE, str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert line_of(process) == "idle\n"
        yield process.pid
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture
def all_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for root, or where every process is this user's."""
    monkeypatch.setattr("harness.guard.sqlite.in_use.unseen", set)


@pytest.mark.usefixtures("all_seen")
@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
def test_a_database_in_use_is_refused_before_the_command_runs(
    folder: Path, journal_mode: str
) -> None:
    """An idle connection of another process: who it is, and both ways out, by command and block."""
    path, ran = database(folder, journal_mode), folder / "ran"
    argv, say = ["touch", str(ran)], print
    before = content(path)
    with idle_process(path) as pid:
        with pytest.raises(
            UsageError, match=rf"process {pid} \(.*python.*--recovery online"
        ) as one:
            command.run_guarded(path, argv, recoveries=["file_copy"], say=say)
        assert "--i-know" in str(one.value)
        chain = ["wal_pin", "file_copy"]
        if journal_mode == "wal":  # the pin writes its pages back beside it
            with harness.guard(path, recoveries=chain):
                execute(path, "INSERT INTO t VALUES (2)", fold=False)
            assert content(path) == before
        else:
            with pytest.raises(UsageError, match=str(pid)), harness.guard(path, recoveries=chain):
                ran.touch()
            assert not ran.exists()
        chain = ["file_copy", "online_backup"]
        assert command.run_guarded(path, argv, recoveries=chain, say=say) == 0
        ran.unlink()
        assert command.run_guarded(path, argv, recoveries=["file_copy"], say=say, i_know=True) == 0
        assert ran.exists()
    assert command.run_guarded(path, argv, recoveries=["file_copy"], say=say) == 0


@pytest.mark.usefixtures("all_seen")
def test_a_connection_of_this_very_process_counts(folder: Path) -> None:
    """Who guards from Python with a connection open is told that it is its own."""
    path = database(folder, "delete")
    refuse_in_use(path, ["file_copy"])
    with closing(apsw.Connection(str(path))):
        refuse_in_use(path, ["online_backup"])
        with pytest.raises(UsageError, match="this one among them"):
            refuse_in_use(path, ["file_copy"])


def test_the_way_of_macos(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What ``lsof -t`` prints is read; where there is none nobody is known, and nothing refused."""
    path = database(folder, "delete")
    lsof = folder / "bin" / "lsof"
    lsof.parent.mkdir()
    lsof.write_text(f'#!/bin/sh\ntest "$4" = {path} && printf "12\\n345\\n"\n')
    lsof.chmod(0o755)
    monkeypatch.setenv("PATH", f"{lsof.parent}:{os.environ['PATH']}")
    assert holders(path, "darwin") == {12, 345}
    lsof.unlink()
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("harness.guard.sqlite.in_use._LSOF", str(lsof))
    assert holders(path, "darwin") == set()


def test_what_cannot_be_seen_is_not_absent(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where some processes' files cannot be seen, only what works beside others is let pass."""
    path = database(folder, "delete")
    monkeypatch.setattr("harness.guard.sqlite.in_use.unseen", lambda: {"the user root"})
    with pytest.raises(UsageError, match=r"the user root have open.*--recovery online.*--i-know"):
        command.run_guarded(path, ["true"], recoveries=["file_copy"], say=print)
    refuse_in_use(path, ["file_copy", "online_backup"])
    done = command.run_guarded(path, ["true"], recoveries=["file_copy"], say=print, i_know=True)
    assert done == 0


def test_elsewhere_root_alone_sees_all() -> None:
    """Where no /proc tells it, lsof shows an ordinary user their own processes alone."""
    assert bool(unseen("darwin")) == (os.geteuid() != 0)
