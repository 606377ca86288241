from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from harness.errors import RestoreError
from harness.guard import Guard, recover
from harness.guard.sqlite.second_names import SecondNames, pending
from harness.guard.state_folder import default_folder
from harness.system.files import Files
from tests.guard.power.real import real_disk, why_not
from tests.guard.test_killed_anywhere import killed_guard
from tests.recovery.helpers import content, execute, make


def test_where_they_stand(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """The variable counts first, then the platform's own place; without a home there is none."""
    monkeypatch.setenv("HARNESS_STATE_DIR", str(folder / "own"))
    assert default_folder() == folder / "own"
    monkeypatch.delenv("HARNESS_STATE_DIR")
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    assert default_folder() == folder / "reliability-harness"
    monkeypatch.setenv("XDG_STATE_HOME", "relative")  # which the specification says to ignore
    monkeypatch.setenv("HOME", str(folder))
    assert default_folder() == folder / ".local/state/reliability-harness"
    monkeypatch.setattr("sys.platform", "darwin")
    assert default_folder() == folder / "Library/Application Support/reliability-harness"
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    assert (
        SecondNames(folder / "db", Files()).prepare()
        == "there is no home folder of this user's own"
    )


def test_the_folder_is_private(folder: Path) -> None:
    """It is made for its user alone; one that others may write is not trusted, and why is said."""
    names = SecondNames(folder / "db", Files(), folder / "a" / "state")
    assert names.prepare() == ""
    assert stat.S_IMODE(os.stat(folder / "a" / "state").st_mode) == 0o700
    assert names.journal is not None
    os.chmod(folder / "a" / "state", 0o770)  # noqa: S103 - what must be refused
    assert names.journal is None
    assert "others may write it" in names.prepare()
    (folder / "file").write_text("")
    assert SecondNames(folder / "db", Files(), folder / "file" / "state").prepare()


def test_who_has_met_nobody_leaves_nothing(folder: Path) -> None:
    """While one holds the file no other can; afterwards no name and no descriptor is left."""
    names = SecondNames(make(folder, "wal"), Files(), folder / "state")
    names.prepare()
    descriptors, before = os.listdir("/proc/self/fd"), os.listdir(folder / "state")
    for _ in range(3):
        met = names.meet()
        with pytest.raises(BlockingIOError):
            SecondNames(names.database, Files(), folder / "state").meet()
        names.part(met)
    assert os.listdir("/proc/self/fd") == descriptors
    assert os.listdir(folder / "state") == before


def test_whoever_sweeps_is_no_guard(folder: Path) -> None:
    """It tries every lock for a moment: guards of two databases never refuse each other."""
    path, state = make(folder, "wal"), folder / "state"
    names = SecondNames(path, Files(), state)
    names.prepare()
    (folder / "other").mkdir()
    sweeping = SecondNames(make(folder / "other", "wal"), Files(), state)
    stop = threading.Event()

    def sweep() -> None:
        while not stop.is_set():
            sweeping.sweep()

    with ThreadPoolExecutor(2) as pool:
        swept = [pool.submit(sweep) for _ in range(2)]
        try:
            for _ in range(1500):
                names.part(names.meet())
        finally:
            stop.set()
        for one in swept:
            one.result()


def test_a_file_that_was_removed_keeps_its_number(tmp_path: Path) -> None:
    """Else a new database could be given it, and its guard would be refused for nothing."""
    path = make(tmp_path, "wal")  # on a disk, whose file systems give numbers again
    names = SecondNames(path, Files(), tmp_path / "state")
    names.prepare()
    met, number = names.meet(), path.stat().st_ino
    os.sync()
    path.unlink()
    for each in range(50):
        (other := tmp_path / str(each)).write_text("another")
        assert other.stat().st_ino != number
    names.part(met)


@pytest.mark.parametrize("recovery", ["file_copy", "online_backup"])
def test_both_names_go_at_the_end(folder: Path, recovery: str) -> None:
    """While a guard lives both are there; afterwards nothing is, and nothing is pending."""
    path, state = make(folder, "wal"), folder / "state"
    with Guard(path, recoveries=[recovery], state=state):
        assert list(pending(state)) == [(str(path), False, True)]
        names = SecondNames(path, Files(), state)
        for second, first in ((names.journal, "journal"), (names.backup(0), "backup")):
            assert second is not None
            assert os.path.samefile(second, f"{path}.e2e-{first}")
        execute(path, "DELETE FROM users")
    assert os.listdir(state) == []
    assert list(pending(state)) == []


def test_what_the_tests_removed_is_found_after_a_kill(folder: Path) -> None:
    """Also a folder that is gone: it is listed, and made again with the baseline in it."""
    (place := folder / "data").mkdir()
    path, before = killed_guard(place, "online_backup")
    for left in place.iterdir():
        left.unlink()
    place.rmdir()
    assert (str(path), True, False) in list(pending())
    assert recover(path) == "online_backup"
    assert content(path) == before
    assert str(path) not in [one.whole for one in pending()]


def test_an_archive_is_kept_where_only_the_second_name_tells(folder: Path) -> None:
    """What is there may be another's work by now, so it is kept in any case."""
    path, before = killed_guard(folder, "online_backup")
    Path(f"{path}.e2e-journal").unlink()
    assert recover(path) == "online_backup"
    assert content(path) == before
    assert len(list(folder.glob("*.e2e-archive-*"))) == 1


def test_another_file_system(folder: Path, tmp_path: Path) -> None:
    """There journal and backup are copies, which survive what is written in place as well."""
    if os.stat(folder).st_dev == os.stat(tmp_path).st_dev:
        pytest.skip("one file system only")
    path, state = make(folder, "wal"), tmp_path / "state"
    before = content(path)
    guard = Guard(path, recoveries=["online_backup"], state=state)
    guard.begin()
    execute(path, "DELETE FROM users")
    for suffix in ("journal", "backup"):
        Path(f"{path}.e2e-{suffix}").write_bytes(b"")
    guard.abandon()
    assert recover(path, state=state) == "online_backup"
    assert content(path) == before
    assert os.listdir(state) == []


def test_a_big_copy_is_made_while_the_tests_run(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a process of its own, which a killed guard does not take along."""
    if os.stat(folder).st_dev == os.stat(tmp_path).st_dev:
        pytest.skip("one file system only")
    monkeypatch.setattr("harness.recovery.sqlite.sealed.BIG_BYTES", 1)
    path, state = make(folder, "wal"), tmp_path / "state"
    before = content(path)
    guard = Guard(path, recoveries=["online_backup"], state=state)
    guard.begin()
    execute(path, "DELETE FROM users")
    (captured,) = guard._trip._chain.captured
    copying = captured.file._copying  # type: ignore[attr-defined]  # to wait for it
    assert copying is not None
    assert copying.wait(20) == 0
    guard.abandon()
    Path(f"{path}.e2e-backup").write_bytes(b"")
    assert recover(path, state=state) == "online_backup"
    assert content(path) == before


def test_a_guard_whose_journal_was_removed_keeps_others_out(folder: Path) -> None:
    """The lock is on the file, by whichever name the next one comes to it."""
    path = make(folder, "wal")
    with Guard(path, recoveries=["online_backup"]):
        Path(f"{path}.e2e-journal").unlink()
        with pytest.raises(Exception, match="another guard is at work"):
            Guard(path, recoveries=["online_backup"]).begin()


def test_a_copy_that_may_be_outdated_is_asked_about(folder: Path, tmp_path: Path) -> None:
    """Recovered under another home since, a copy elsewhere does not know of it: nothing is undone.

    Whoever wants it back says so, and what is there is kept.
    """
    if os.stat(folder).st_dev == os.stat(tmp_path).st_dev:
        pytest.skip("one file system only")
    path, state = make(folder, "wal"), tmp_path / "state"
    before = content(path)
    guard = Guard(path, recoveries=["online_backup"], state=state)
    guard.begin()
    execute(path, "DELETE FROM users")
    guard.abandon()
    assert recover(path, state=folder / "another") == "online_backup"
    execute(path, "DELETE FROM bots")
    weeks_work = content(path)
    with pytest.raises(RestoreError, match="has brought the baseline back since"):
        Guard(path, recoveries=["online_backup"], state=state).begin()
    assert content(path) == weeks_work
    assert recover(path, state=state, asked=True) == "online_backup"
    assert content(path) == before
    assert len(list(folder.glob("*.e2e-archive-*"))) == 1


def test_a_journal_of_the_version_before_is_understood(folder: Path) -> None:
    """It named paths, modes and owners, which count for nothing."""
    path, before = killed_guard(folder, "file_copy")
    names = SecondNames(path, Files())
    names.remove_all()
    journal = Path(f"{path}.e2e-journal")
    entries = [json.loads(line) for line in journal.read_text().splitlines()]
    entries[0]["version"] = 1
    for entry in entries:
        for one in entry["backups"]:
            one.update(backup="/etc/passwd", mode=0o4777, uid=12345, gid=12345)
    journal.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    path.unlink()
    assert recover(path) == "file_copy"
    assert content(path) == before
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert path.stat().st_uid == os.geteuid()


def test_what_a_power_cut_brings_back_is_swept(folder: Path) -> None:
    """A second name without a journal means nothing to anybody, and goes."""
    path = make(folder, "wal")
    names = SecondNames(path, Files())
    names.prepare()
    backup = names.backup(0)
    assert backup is not None
    backup.write_bytes(b"old rows")
    assert recover(path) is None
    assert not backup.exists()


def test_two_guards_by_names_that_no_path_tells_to_be_one(folder: Path) -> None:
    """A single file that is mounted in a second place: the second guard is refused; root only."""
    path, other = make(folder, "delete"), folder / "elsewhere" / "other.db"
    other.parent.mkdir()
    other.touch()
    script = (
        f'mount --bind "{path}" "{other}" || exit 77; "{sys.executable}" -m harness guard '
        f'--database "{path}" -- "{sys.executable}" -m harness guard --database "{other}" -- true'
    )
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, check=False
    )
    if done.returncode in (1, 77):
        pytest.skip("no mount can be made here: needs root")
    assert done.returncode == 2, done.stderr
    assert "by another name of it" in done.stderr
    assert not {str(path), str(other)} & {one.whole for one in pending()}


def test_a_guard_that_began_meanwhile_is_left_alone(folder: Path) -> None:
    """The first, whose journal its tests removed, says that it proves nothing, and removes nothing.

    The second came by another state folder, so that it could not know.
    """
    path = make(folder, "delete")
    first = Guard(path, recoveries=["online_backup"], state=folder / "one")
    first.begin()
    for name in (f"{path}.e2e-journal", f"{path}.e2e-backup"):
        Path(name).unlink()
    second = Guard(path, recoveries=["online_backup"], state=folder / "two")
    second.begin()
    result = first.finish()
    assert not result.says_clean
    assert "another guard has begun" in str(result.failures)
    assert second.finish().says_clean


def test_another_database_at_the_same_path_is_asked_about(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On another device than the one that was guarded: a ramdisk, another container."""
    path, _ = killed_guard(folder, "online_backup")
    for name in (f"{path}.e2e-journal", f"{path}.e2e-backup"):
        Path(name).unlink()
    before = content(path)
    really = os.stat

    def elsewhere(name: object, **options: Any) -> object:
        status = really(name, **options)  # type: ignore[call-overload]
        if name != path:
            return status
        values = list(status)
        values[stat.ST_DEV] += 1
        return os.stat_result(values)

    monkeypatch.setattr("harness.guard.sqlite.journal.os.stat", elsewhere)
    with pytest.raises(RestoreError, match="another database at the same path"):
        recover(path)
    monkeypatch.undo()
    assert content(path) == before


@pytest.mark.long
def test_a_reflink_survives_what_is_written_in_place() -> None:
    """On a file system that shares blocks the second name is a file of its own."""
    if reason := why_not("xfs"):
        pytest.skip(reason)
    with real_disk("xfs") as disk:
        path, state = make(disk.root, "wal"), disk.root / "state"
        before = content(path)
        guard = Guard(path, recoveries=["online_backup"], state=state)
        guard.begin()
        second = SecondNames(path, Files(), state).backup(0)
        assert second is not None
        assert not os.path.samefile(second, f"{path}.e2e-backup")
        execute(path, "DELETE FROM users")
        Path(f"{path}.e2e-backup").write_bytes(b"")
        assert guard.finish().says_clean
        assert content(path) == before
        assert os.listdir(state) == []
