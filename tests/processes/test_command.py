"""A user's command line: run as typed, ended in time, nothing of it left, its output bounded."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from harness.databases.errors import describe
from harness.errors import CommandFailed
from harness.processes.command import Command, last_lines
from harness.processes.context import Context
from harness.processes.terms import Ended, Terms
from harness.processes.written import action_of

DATABASE = Path("/nowhere/app.sqlite3")


def run(line: str, home: Path, terms: Terms | None = None, timeout_s: float = 20.0) -> Ended:
    """Run a command line as a cycle does."""
    context = Context(DATABASE, 3, 4, terms=terms or Terms())
    (part,) = Command(line, home, timeout_s).parts(context, lambda path: None)
    ended: Any = part.run()
    assert isinstance(ended, Ended)
    return ended


def alive(pid: int) -> bool:
    """Whether a process still runs."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_it_is_run_as_people_type_it(tmp_path: Path) -> None:
    """Folder, pipes, quotes, what it is told of the cycle, no input, both outputs together."""
    (tmp_path / "sub").mkdir()
    line = (
        "cd sub && pwd | tr a-z A-Z; echo \"$HARNESS_CYCLE  $HARNESS_SEED\" '$DATABASE_PATH' >&2; "
        "echo $DATABASE_PATH; cat"
    )
    said = run(line, tmp_path).output
    assert said == f"{tmp_path}/sub".upper() + f"\n3  4 $DATABASE_PATH\n{DATABASE}\n"


def test_any_other_text_is_a_command(tmp_path: Path) -> None:
    """An experiment's text becomes one; it is one operation, never tried twice."""
    action = action_of("npm run clean", tmp_path, timeout_s=5)
    assert isinstance(action, Command)
    assert action.operations == ("command",)
    assert action.is_process
    assert not action.attempts


@pytest.mark.parametrize(
    ("line", "reason", "said"),
    [
        ("echo one; echo two >&2; exit 3", "exit status 3", "one | two"),
        ("kill -SEGV $$", "killed by SIGSEGV", "killed by SIGSEGV"),
        ("no-such-command-here", "exit status 127", "no such command"),
        ("./script", "exit status 126", "executable"),
    ],
)
def test_how_it_failed_is_said(line: str, reason: str, said: str, tmp_path: Path) -> None:
    """Status and signal in people's words, with the last lines it printed."""
    (tmp_path / "script").write_text("exit 0")
    terms = Terms()
    with pytest.raises(CommandFailed) as failed:
        run(line, tmp_path, terms)
    assert describe(failed.value)[0] == reason
    assert said in str(failed.value)


def test_the_whole_output_is_kept_of_failures_only(tmp_path: Path) -> None:
    """A cycle that goes well has nothing to show."""
    terms = Terms()
    run("echo fine", tmp_path, terms)
    assert terms.outputs == []
    with pytest.raises(CommandFailed):
        run("echo bad; false", tmp_path, terms)
    assert terms.outputs == ["bad\n"]


def test_much_output_neither_blocks_nor_fills(tmp_path: Path) -> None:
    """A hundred megabytes are read to their end; 64 KiB are kept."""
    ended = run("head -c 100000000 /dev/zero | tr '\\0' x; echo end", tmp_path)
    assert len(ended.output) < 70_000
    assert ended.output.endswith("xend\n")
    assert list(tmp_path.iterdir()) == []


def test_out_of_time_all_of_it_ends(tmp_path: Path) -> None:
    """Also what ignores SIGTERM, and what has made a session of its own."""
    line = (
        "trap '' TERM; setsid sh -c 'echo $$ > away; sleep 60' & echo $$ > here; sleep 60; sleep 60"
    )
    with pytest.raises(CommandFailed) as failed:
        run(line, tmp_path, timeout_s=0.7)
    assert failed.value.reason == "timed out"
    assert "project.timeout_s" in str(failed.value)
    assert not alive(int((tmp_path / "here").read_text()))
    assert not alive(int((tmp_path / "away").read_text()))


def test_what_it_leaves_running_is_ended_and_said(tmp_path: Path) -> None:
    """A server in the background would write while the end state is judged; it is no failure."""
    terms = Terms()
    line = "setsid sleep 60 & echo $! > one; sleep 61 & echo $! > two"
    run(line, tmp_path, terms)
    (note,) = terms.notes
    assert "left 2 processes running: sleep, sleep; ended" in note
    assert not any(alive(int((tmp_path / name).read_text())) for name in ("one", "two"))


def test_nothing_is_noted_of_what_ends_with_it(tmp_path: Path) -> None:
    """A pipeline's members that end a moment later were not left behind."""
    terms = Terms()
    run("yes | head -1; sleep 0.01 &", tmp_path, terms)
    assert terms.notes == []


def test_it_is_killed_when_told(tmp_path: Path) -> None:
    """The kernel says SIGKILL; one that was done before was not killed."""
    terms = Terms(kill_after_s=0.2)
    with pytest.raises(CommandFailed):
        run("sleep 60", tmp_path, terms)
    assert terms.ended is not None
    assert (terms.ended.status, terms.ended.killed) == (-signal.SIGKILL, True)
    assert not run("true", tmp_path, Terms(kill_after_s=10.0)).killed


def test_it_is_limited_when_told(tmp_path: Path) -> None:
    """RLIMIT_FSIZE stops it at the byte; the next command knows no limit."""
    with pytest.raises(CommandFailed):
        run("head -c 9999 /dev/zero > file", tmp_path, Terms(file_size_bytes=5001))
    assert os.path.getsize(tmp_path / "file") == 5001
    run("head -c 9999 /dev/zero > file", tmp_path)
    assert os.path.getsize(tmp_path / "file") == 9999


def test_last_lines() -> None:
    """The last three that say something, in one line."""
    assert last_lines("a\nb\n\n c \nd\n") == "b | c | d"
    assert last_lines("") == ""
