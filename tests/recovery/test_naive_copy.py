"""The control: what goes wrong with a plain copy, and does not with the others."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from harness.errors import UsageError
from harness.recovery import Recovery
from harness.recovery.file_copy import FileCopy
from harness.recovery.naive_copy import NaiveCopy
from harness.recovery.online_backup import OnlineBackup
from tests.recovery.helpers import (
    DAMAGE,
    FailingFiles,
    content,
    execute,
    leftovers,
    make,
    recovery,
)


def _sound(path: Path) -> bool:
    connection = apsw.Connection(str(path))
    verdict = connection.pragma("integrity_check")
    connection.close()
    return verdict == "ok"


def test_the_quiet_case_works(folder: Path) -> None:
    """In rollback mode, with nobody around, a plain copy does bring the baseline back."""
    path = make(folder, "delete")
    before = content(path)
    one = recovery(NaiveCopy, path)
    one.capture()
    execute(path, DAMAGE["insert"])
    one.restore()
    assert content(path) == before
    one.dispose()
    assert leftovers(path) == []


@pytest.mark.parametrize(("kind", "whole"), [(NaiveCopy, False), (FileCopy, True)])
def test_rows_committed_into_the_wal(
    real_database,  # noqa: ANN001 - a function from name to path
    kind: type[Recovery],
    whole: bool,
) -> None:
    """A copy of the main file of a WAL database lacks committed rows; file_copy's does not."""
    path = real_database("wal_database.db")
    one = recovery(kind, path)
    one.capture()
    copied = content(one.backup, immutable=True)
    live = content(path)
    tables = [key for key in live if key.startswith("rows ")]
    assert sum(len(live[table]) for table in tables) == 11
    assert (sum(len(copied.get(table, [])) for table in tables) == 11) is whole
    assert _sound(one.backup)


@pytest.mark.parametrize(
    ("kind", "clean"), [(NaiveCopy, False), (FileCopy, True), (OnlineBackup, True)]
)
def test_a_stale_wal_brings_test_rows_back(folder: Path, kind: type[Recovery], clean: bool) -> None:
    """A -wal left beside the restored file revives test rows, and nothing complains."""
    path = make(folder, "wal")
    before = content(path)
    one = recovery(kind, path)
    one.capture()
    execute(path, "INSERT INTO users VALUES ('test')", fold=False)
    one.restore()
    assert (content(path) == before) is clean
    assert clean or "('test',)" in content(path)["rows users"]
    assert _sound(path)


@pytest.mark.parametrize(("kind", "kept"), [(NaiveCopy, False), (FileCopy, True)])
def test_locks_of_this_process_survive_capture(
    folder: Path,
    neighbour,  # noqa: ANN001 - another process
    kind: type[Recovery],
    kept: bool,
) -> None:
    """Reading the live file by open and close drops the locks this process holds on it."""
    path = make(folder, "delete")
    reader = apsw.Connection(str(path))
    reader.execute("BEGIN; SELECT * FROM users").fetchall()
    neighbour.open(path)
    recovery(kind, path).capture()
    if kept:
        with pytest.raises(RuntimeError, match="BusyError"):
            neighbour.run("BEGIN EXCLUSIVE")
    else:
        neighbour.run("BEGIN EXCLUSIVE")
    reader.close()


def test_a_full_disk_leaves_half_a_database(folder: Path) -> None:
    """Writing in place, it destroys the database when it cannot finish."""
    path = make(folder, "delete")
    before = content(path)
    files = FailingFiles(0)
    one = recovery(NaiveCopy, path, files=files)
    one.capture()
    files.nth = len(files.calls) + 2  # read, write
    with pytest.raises(OSError, match="No space"):
        one.restore()
    with pytest.raises(apsw.Error):
        assert content(path) == before


def test_a_link_in_the_backups_place_is_not_read(folder: Path) -> None:
    """Also the control puts nothing back that another laid there."""
    path = make(folder, "delete")
    one = recovery(NaiveCopy, path)
    one.capture()
    one.backup.unlink()
    (folder / "secret").write_text("secret")
    one.backup.symlink_to(folder / "secret")
    before = path.read_bytes()
    with pytest.raises(UsageError, match="a symbolic link"):
        one.restore()
    assert path.read_bytes() == before
