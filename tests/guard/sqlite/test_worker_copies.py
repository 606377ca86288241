from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from harness.errors import BackupError
from harness.guard.sqlite.worker_copies import WorkerCopies
from harness.guard.target import target_of


def copies_of(database: Path) -> WorkerCopies:
    """What makes the copies of a file."""
    return WorkerCopies(target_of(database), database)  # type: ignore[arg-type] # a file's


def test_a_copy_that_cannot_be_removed_keeps_no_baseline_back(folder: Path) -> None:
    """A folder in its place stays; the other copies are removed."""
    database = folder / "d"
    with closing(apsw.Connection(str(database))) as connection:
        connection.execute("CREATE TABLE t(x)")
    copies = copies_of(database)
    made = [Path(copies.make(worker, absent=False)) for worker in ("gw0", "gw1")]
    assert made == [folder / "d.gw0", folder / "d.gw1"]
    made[0].unlink()
    made[0].mkdir()
    made[1].with_name("d.gw1-wal").touch()
    assert copies.remove() == []
    assert sorted(os.listdir(folder)) == ["d", "d.gw0"]


def test_what_has_the_name_of_a_copy_stays(folder: Path) -> None:
    """It is named, with what to do, and is no copy afterwards either."""
    database = folder / "d"
    database.touch()
    (folder / "d.gw0").touch()
    copies = copies_of(database)
    with pytest.raises(BackupError, match=r"Remove .*d\.gw0 if it is there"):
        copies.make("gw0", absent=False)
    copies.remove()
    assert sorted(os.listdir(folder)) == ["d", "d.gw0"]


def test_of_the_dead_only_what_is_theirs_by_its_name_goes(folder: Path) -> None:
    """Copies of workers and of tests go; what only begins alike stays."""
    for name in ("d", "d.gw3", "d.gw3-wal", "d.gw3.e2e-test.1", "d.e2e-test.2", "d.gw", "d.gw1x"):
        (folder / name).touch()
    copies_of(folder / "d").remove_of_the_dead()
    assert sorted(os.listdir(folder)) == ["d", "d.gw", "d.gw1x"]
