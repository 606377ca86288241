"""The sealed file, by the recoveries that have one; each of its uses is in their own tests."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path
from typing import Any

import apsw
import pytest

from harness.errors import RestoreError
from harness.recovery import Recovery
from harness.recovery.file_copy import FileCopy
from harness.recovery.online_backup import OnlineBackup
from harness.recovery.sqlite.file_backup import FileBackup
from harness.recovery.sqlite.stamp import RACY_NS
from harness.system.files import Files
from tests.recovery.helpers import (
    FailingFiles,
    content,
    execute,
    in_child,
    leftovers,
    make,
    recovery,
)

KINDS: list[type[Recovery]] = [FileCopy, OnlineBackup]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_any_operation_of_replacing_may_fail(folder: Path, kind: type[Recovery], mode: str) -> None:
    """A deleted file comes back by the next attempt, whatever the kernel refused in the first."""
    for nth in range(1, 100):
        (place := folder / str(nth)).mkdir()
        path = make(place, mode, rows=10)
        before = content(path)
        one = recovery(kind, path)
        one.capture()
        execute(path, "DELETE FROM users", fold=False)
        path.unlink()
        one.files = FailingFiles(nth)
        try:
            one.restore()
        except OSError:
            one.restore()
        assert content(path) == before
        failed = one.files.struck is not None
        one.files = FailingFiles(0)
        one.dispose()
        assert leftovers(path) == []
        if not failed:
            break
    assert nth > 5


@pytest.mark.parametrize("kind", KINDS)
def test_mode_of_a_deleted_file(folder: Path, kind: type[Recovery]) -> None:
    """What is put in the place of a deleted file has the permission bits it had."""
    path = make(folder, "delete")
    path.chmod(0o640)
    one = recovery(kind, path)
    one.capture()
    path.unlink()
    one.restore()
    assert path.stat().st_mode & 0o7777 == 0o640


@pytest.mark.parametrize("kind", KINDS)
def test_a_spoilt_backup_is_no_help(folder: Path, kind: type[Recovery]) -> None:
    """Also for a deleted file a backup that was altered is refused; nothing is made of it."""
    path = make(folder, "delete")
    one = recovery(kind, path)
    one.capture()
    data = one.backup.read_bytes()
    one.backup.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    path.unlink()
    with pytest.raises(RestoreError, match="altered"):
        one.restore()
    assert leftovers(path) == [one.backup.name]
    assert not os.path.lexists(path)


@pytest.mark.parametrize("kind", KINDS)
def test_an_emptied_file_in_use_keeps_its_wal(
    folder: Path,
    neighbour,  # noqa: ANN001 - another process
    kind: type[FileBackup],
) -> None:
    """Beside an emptied file SQLite would remove a -wal that others still use: busy, it stays."""
    path = make(folder, "wal")
    one = recovery(kind, path)
    one.capture()
    neighbour.open(path)
    neighbour.run("INSERT INTO users VALUES ('x')")
    os.truncate(path, 0)
    wal = (folder / "app.sqlite3-wal").read_bytes()
    with pytest.raises(apsw.BusyError):
        one.restore()
    assert (folder / "app.sqlite3-wal").read_bytes() == wal


@pytest.mark.parametrize("kind", KINDS)
def test_a_reflink_without_a_second_name_is_known_by_its_hash(
    sharing: Path, kind: type[FileBackup]
) -> None:
    """Its times move with its mode, and nobody else vouches for its blocks."""
    path = make(sharing, "delete")
    before = content(path)
    one = recovery(kind, path)
    one.capture()
    assert "sha256" not in one.describe()  # the check itself is checked
    one.second = sharing / "gone" / "second"
    with pytest.raises(OSError, match="gone"):
        one.keep_out_of_reach()
    one.backup.chmod(0o640)
    execute(path, "DELETE FROM users")
    one.restore()
    assert content(path) == before
    one.dispose()


class Overtaken(Files):
    """While a copy is made another process writes the end of the file, past SQLite's locks."""

    def clone(self, source: int, target: int) -> None:
        """Share no blocks."""
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    def copy(self, source: Path, descriptor: int, size_bytes: int, *rest: Any, **key: Any) -> None:
        """Copy, and take a while for it."""
        super().copy(source, descriptor, size_bytes, *rest, **key)

        def write() -> None:
            os.pwrite(os.open(source, os.O_WRONLY), bytes(4), size_bytes - 4)

        assert in_child(write) == 0
        time.sleep(2 * RACY_NS / 1e9)
        os.utime(descriptor)  # the last byte arrives now


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_past_sqlite_while_it_is_copied_proves_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, kind: type[FileBackup]
) -> None:
    """A copy of half the one state and half the other is compared, and not believed."""
    monkeypatch.setattr(kind, "kernel_from_bytes", 0)
    path = make(folder, "delete")
    time.sleep(2 * RACY_NS / 1e9)
    for files, proven in ((Files(), True), (Overtaken(), False)):
        one = recovery(kind, path, files=files)
        one.capture()
        assert one.untouched() is proven
        one.dispose()
