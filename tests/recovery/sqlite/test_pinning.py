from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from harness.databases.sqlite.files import MainFile, size_of
from harness.errors import RecoveryRefused
from harness.recovery.sqlite import pinning
from harness.recovery.sqlite.pinning import DMS, READ_LOCK_0

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="locks of Linux")


@pytest.fixture
def main(folder: Path) -> Path:
    """A database in WAL mode."""
    path = folder / "dev.sqlite3"
    with closing(apsw.Connection(str(path))) as connection:
        connection.pragma("journal_mode", "wal")
        connection.execute("CREATE TABLE t(x)")
    return path


def test_under_the_lock_no_checkpoint_writes_the_main_file(main: Path) -> None:
    """And once it is unlocked, one does."""
    with closing(apsw.Connection(str(main))) as connection:
        connection.pragma("user_version")
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        shm = pinning.open_shm(main)
        try:
            pinning.lock(shm, main, READ_LOCK_0, DMS)
            before = main.read_bytes()  # its locks are of no use here: nobody else is there
            connection.execute("INSERT INTO t VALUES (1)")
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
            assert main.read_bytes() == before
            pinning.unlock(shm, READ_LOCK_0, DMS)
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
            assert main.read_bytes() != before
        finally:
            os.close(shm)


def test_a_lock_that_another_has_is_busy(main: Path) -> None:
    """As SQLite says it, so that it is tried again alike."""
    shm, other = pinning.open_shm(main), pinning.open_shm(main)
    try:
        pinning._set(other, fcntl.F_WRLCK, READ_LOCK_0)
        with pytest.raises(apsw.BusyError, match="a checkpoint is running"):
            pinning.lock(shm, main, READ_LOCK_0)
        pinning.unlock(other, READ_LOCK_0)
        pinning.lock(shm, main, READ_LOCK_0)
    finally:
        os.close(shm)
        os.close(other)


@pytest.fixture
def tight() -> Iterator[None]:
    """A umask that leaves others nothing."""
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_shm_belongs_to_whom_its_main_file_belongs(main: Path) -> None:
    """Whoever may use the database may use its -shm, though somebody else made it."""
    os.chown(main, 1001, 1002)
    shm = pinning.open_shm(main)
    try:
        assert (os.fstat(shm).st_uid, os.fstat(shm).st_gid) == (1001, 1002)
    finally:
        os.close(shm)


@pytest.mark.usefixtures("tight")
def test_a_shm_is_made_like_its_main_file_and_known_again(main: Path) -> None:
    """With its mode, as SQLite would; one put in its place is another, and none at all is none."""
    main.chmod(0o664)
    path = main.with_name(f"{main.name}-shm")
    shm = pinning.open_shm(main)
    try:
        assert path.stat().st_mode & 0o777 == 0o664
        assert pinning.is_shm_of(shm, main)
        path.unlink()
        assert not pinning.is_shm_of(shm, main)
        path.touch()
        assert not pinning.is_shm_of(shm, main)
    finally:
        os.close(shm)
    path.unlink()
    path.symlink_to(main)
    with pytest.raises(OSError, match="symbolic"):
        pinning.open_shm(main)


def test_a_stamp_knows_every_write(main: Path) -> None:
    """Unlike another one after the file was written, whatever its time is set to."""
    file = MainFile(main)
    try:
        stamp = pinning.stamp_of_pinned(main, file)
        assert stamp == pinning.stamp_of_pinned(main, file)
        assert stamp.size_bytes == size_of(main)
        with closing(apsw.Connection(str(main))) as connection:
            connection.pragma("user_version", 7)
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        os.utime(main, ns=(stamp.mtime_ns, stamp.mtime_ns))
        assert pinning.stamp_of_pinned(main, file) != stamp
    finally:
        file.close()


def test_elsewhere_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """By name, with another recovery to choose; on Linux nothing is said."""
    pinning.refuse_elsewhere("wal_pin")
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(RecoveryRefused, match=r"wal_pin needs .*online_backup"):
        pinning.refuse_elsewhere("wal_pin")


def test_the_wal_index_counts_the_frames(main: Path) -> None:
    """None at first and after a checkpoint has emptied the -wal; one that is cut says nothing."""
    with closing(apsw.Connection(str(main))) as connection:
        connection.pragma("user_version")
        descriptor = os.open(f"{main}-shm", os.O_RDWR)
        assert pinning.counts_no_frame(descriptor)
        connection.execute("INSERT INTO t VALUES (1)")
        assert not pinning.counts_no_frame(descriptor)
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        assert pinning.counts_no_frame(descriptor)
    os.close(descriptor)
    (cut := main.with_name("cut")).touch()
    with cut.open("rb") as file:
        assert not pinning.counts_no_frame(file.fileno())
