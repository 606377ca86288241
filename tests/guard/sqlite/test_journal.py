from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.errors import RestoreError, UsageError
from harness.guard.journal import VERSION
from harness.guard.sqlite.journal import SUFFIX, FileJournal
from harness.system.files import Files


def test_what_was_written_is_adopted(folder: Path) -> None:
    """A guard that is gone leaves its last step to the next one."""
    first = FileJournal(folder / "db", Files())
    first.begin({"state": "capturing", "backups": []})
    first.write({"state": "captured", "backups": []})
    first.release()
    entries = FileJournal(folder / "db", Files()).adopt()
    assert [entry["state"] for entry in entries] == ["capturing", "captured"]


def test_nothing_to_adopt(folder: Path) -> None:
    """Without a journal there is nothing to bring back."""
    assert FileJournal(folder / "db", Files()).adopt() == []


def test_a_living_guard_keeps_others_out(folder: Path) -> None:
    """Two guards on one database: the second is refused, whether it begins or recovers."""
    first = FileJournal(folder / "db", Files())
    first.begin({"state": "capturing"})
    with pytest.raises(UsageError, match="at work"):
        FileJournal(folder / "db", Files()).begin({"state": "capturing"})
    with pytest.raises(UsageError, match="at work"):
        FileJournal(folder / "db", Files()).adopt()


def test_the_kernel_frees_a_killed_guards_journal(folder: Path) -> None:
    """After kill -9 the journal is still there and can be adopted at once."""
    script = (
        "import sys, os, signal; from pathlib import Path; from harness.system.files import Files\n"
        "from harness.guard.sqlite.journal import FileJournal\n"
        "j = FileJournal(Path(sys.argv[1]), Files()); j.begin({'state': 'captured'})\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(folder / "db")], check=False)
    assert done.returncode == -signal.SIGKILL
    assert FileJournal(folder / "db", Files()).adopt()[-1]["state"] == "captured"


def test_a_line_cut_off_does_not_count(folder: Path) -> None:
    """A step whose line was not written whole was never begun."""
    journal = FileJournal(folder / "db", Files())
    journal.begin({"state": "capturing"})
    journal.write({"state": "captured"})
    journal.release()
    path = folder / f"db{SUFFIX}"
    os.truncate(path, path.stat().st_size - 5)
    assert FileJournal(folder / "db", Files()).adopt()[-1]["state"] == "capturing"


def test_another_version_is_refused(folder: Path) -> None:
    """A journal of another version is left alone, with a reason."""
    path = folder / f"db{SUFFIX}"
    path.write_text('{"version": 99, "state": "captured"}\n')
    with pytest.raises(RestoreError, match="another version"):
        FileJournal(folder / "db", Files()).adopt()
    assert path.exists()


def test_a_symbolic_link_is_not_followed(folder: Path) -> None:
    """A journal is never written through a link that somebody laid."""
    victim = folder / "victim"
    (folder / f"db{SUFFIX}").symlink_to(victim)
    with pytest.raises(UsageError):
        FileJournal(folder / "db", Files()).begin({"state": "capturing"})
    assert not victim.exists()


@pytest.mark.parametrize(
    "more",
    [
        '"backups": 7',
        '"backups": [{"recovery": "file_copy", "place": "../x"}]',
        '"backups": [{"place": 0}]',
        '"command": "x"',
        '"command": {"pid": -1, "started": ""}',
    ],
)
def test_what_no_guard_wrote_is_not_believed(folder: Path, more: str) -> None:
    """Whatever the tests wrote into the journal: a sentence, and nothing is done."""
    path = folder / f"db{SUFFIX}"
    path.write_text(f'{{"version": 1, "state": "captured", {more}}}\n')
    with pytest.raises(RestoreError, match="damaged"):
        FileJournal(folder / "db", Files()).adopt()
    assert path.exists()


def test_a_folder_in_its_place_is_no_journal(folder: Path) -> None:
    """It is named, and stays."""
    (folder / f"db{SUFFIX}").mkdir()
    with pytest.raises(UsageError, match=r"is a folder.*no journal"):
        FileJournal(folder / "db", Files()).adopt()


@pytest.mark.parametrize("ends", [False, True])
def test_a_journal_taken_up_before_it_was_locked(
    folder: Path, monkeypatch: pytest.MonkeyPatch, ends: bool
) -> None:
    """Another guard may come between making and locking it; then that one's journal stays."""
    first, other = FileJournal(folder / "db", Files()), FileJournal(folder / "db", Files())

    def overtaken(descriptor: int, how: int) -> None:
        monkeypatch.undo()
        other.adopt()
        if ends:
            other.end()
            other.begin({"state": "captured"})
        fcntl.flock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", overtaken)
    with pytest.raises(UsageError, match="at work"):
        first.begin({"state": "capturing"})
    first.end()
    other.write({"version": VERSION, "state": "captured"})
    other.release()
    assert FileJournal(folder / "db", Files()).adopt()[-1]["state"] == "captured"


def test_one_that_cannot_be_removed_is_let_go(folder: Path) -> None:
    """Else the process that could not end it would keep it from the next guard, itself too."""

    class Stuck(Files):
        def unlink(self, path: Path) -> None:
            raise OSError(errno.EIO, "no")

    journal = FileJournal(folder / "db", Stuck())
    journal.begin({"state": "proven"})
    with pytest.raises(OSError, match="no"):
        journal.end()
    again = FileJournal(folder / "db", Files())
    assert again.adopt()[-1]["state"] == "proven"
    again.end()
    assert list(folder.iterdir()) == []


def test_brought_back_whole_or_not_at_all(folder: Path) -> None:
    """A disk that fills up leaves no journal that says less than the one that was removed."""

    class FullLater(Files):
        full = False

        def write(self, descriptor: int, data: bytes) -> None:
            if self.full:
                raise OSError(errno.ENOSPC, "full")
            super().write(descriptor, data)

    files = FullLater()
    journal = FileJournal(folder / "db", files, folder / "no" / "state")
    (folder / "no").write_text("")  # no second name is to be had
    journal.begin({"state": "capturing", "backups": []})
    journal.write({"state": "captured", "backups": []})
    journal.path.unlink()
    files.full = True
    with pytest.raises(OSError, match="full"):
        journal.bring_back()
    assert os.listdir(folder) == ["no"]
    files.full = False
    journal.bring_back()
    journal.release()
    (entry,) = FileJournal(folder / "db", Files(), folder / "no" / "state").adopt()
    assert (entry["state"], entry["version"]) == ("captured", 2)


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(60 << 30)


@pytest.mark.parametrize(
    "make",
    [
        _sparse,
        lambda path: path.write_bytes(b"[" * 200_000 + b"\n"),
        lambda path: path.write_bytes(b'{"version": 1, "pid": ' + b"9" * 5000 + b"}\n"),
        lambda path: path.write_bytes(b"\xff\xfe\n"),
    ],
    ids=["sparse", "nested", "a long number", "no text"],
)
def test_what_no_memory_would_hold_is_damage(folder: Path, make: Any) -> None:
    """Nothing is read beyond what a guard writes, and nothing is changed."""
    path = folder / f"db{SUFFIX}"
    make(path)
    size_bytes = path.stat().st_size
    with pytest.raises(RestoreError, match="damaged"):
        FileJournal(folder / "db", Files()).adopt()
    assert path.stat().st_size == size_bytes


def test_a_pipe_in_its_place_is_waited_for_by_nobody(folder: Path) -> None:
    """It is refused at once, and stays."""
    os.mkfifo(folder / f"db{SUFFIX}")
    with pytest.raises(UsageError, match="is a pipe"):
        FileJournal(folder / "db", Files()).adopt()
