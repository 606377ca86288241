"""Reflinks of live databases, and where there are none."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path

import apsw
import pytest

from harness.recovery.sqlite import clones
from harness.recovery.sqlite.clones import cloned, cloned_live, may_clone
from harness.system.files import Files


def test_a_live_file_keeps_its_locks(sharing: Path, neighbour) -> None:  # noqa: ANN001 - another process
    """It is reached through SQLite's own descriptor, so no lock of this process is dropped."""
    path, copy = sharing / "app.db", sharing / "copy"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE t (a); BEGIN IMMEDIATE; INSERT INTO t VALUES (1)")
    with copy.open("wb") as target:
        assert cloned_live(path, path.stat(), target.fileno(), Files())
    # not read here: closing it would drop the locks that are asked for
    subprocess.run(["cmp", str(copy), str(path)], check=True)
    neighbour.open(path)
    with pytest.raises(RuntimeError, match="BusyError"):
        neighbour.run("INSERT INTO t VALUES (2)")
    connection.close()
    with copy.open("wb") as target:  # the check itself is checked: nobody has it open any more
        assert not cloned_live(path, path.stat(), target.fileno(), Files())


def test_where_there_are_none(folder: Path, sharing: Path) -> None:
    """The kernel is asked once; between two file systems never."""
    one = sharing / "one"
    one.write_bytes(b"x")
    assert may_clone(one.stat(), sharing)
    assert not may_clone(one.stat(), folder)


def test_a_refusal_for_good_is_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory shares no blocks; what only failed this once is tried again."""

    class Refusing(Files):
        says = errno.EIO

        def clone(self, source: int, target: int) -> None:
            raise OSError(self.says, os.strerror(self.says))

    monkeypatch.setattr(clones, "_no_clones", set())
    one, files = folder / "one", Refusing()
    one.write_bytes(b"x")
    with one.open("rb") as source, (folder / "two").open("wb") as target:
        for says, again in ((errno.EIO, True), (errno.EOPNOTSUPP, False)):
            files.says = says
            assert not cloned(source.fileno(), target.fileno(), files)
            assert may_clone(one.stat(), folder) is again
