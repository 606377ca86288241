from __future__ import annotations

from contextlib import closing
from pathlib import Path

import apsw
import pytest

from harness.errors import UsageError
from harness.experiment.cycle.grounds.sqlite import private_copy as module
from harness.experiment.cycle.grounds.sqlite.private_copy import private_copy
from harness.experiment.run.place import Baselines
from harness.experiment.written.configuration import Condition
from harness.experiment.written.project import ProjectSetting


def left_by_a_kill(path: Path) -> dict[str, bytes]:
    """Make a database whose committed rows are in the -wal alone; what stands in its folder."""
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute("PRAGMA journal_mode=wal").fetchall()
        connection.execute("CREATE TABLE t(a); INSERT INTO t VALUES (1)").fetchall()
        kept = {suffix: Path(f"{path}{suffix}").read_bytes() for suffix in ("", "-wal")}
    for suffix, data in kept.items():
        Path(f"{path}{suffix}").write_bytes(data)
    return contents(path.parent)


def contents(folder: Path) -> dict[str, bytes]:
    """Read every file of a folder."""
    return {one.name: one.read_bytes() for one in folder.iterdir()}


def rows(path: Path) -> list[object]:
    """Read the one table."""
    with closing(apsw.Connection(str(path))) as connection:
        return connection.execute("SELECT a FROM t").fetchall()


def test_the_database_named_is_never_opened(folder: Path) -> None:
    """A run's baseline has the rows of the -wal, and no byte beside the original has changed."""
    path, root = folder / "home" / "dev.db", folder / "root"
    path.parent.mkdir()
    root.mkdir()
    before = left_by_a_kill(path)
    project = ProjectSetting(database=str(path), create=("INSERT INTO t VALUES (2)",))
    pristine = Baselines(root, 1).of(Condition(name="c", cleanup="none", project=project))
    assert contents(path.parent) == before
    assert rows(pristine) == [(1,)]
    assert [one.name for one in root.iterdir()] == [pristine.name]


def test_a_copy_during_which_somebody_wrote_is_taken_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write between the two files is seen; one that never stops is a usage error."""
    path = folder / "dev.db"
    left_by_a_kill(path)
    copies: list[str] = []
    real = module.shutil.copyfile

    def writing(source: str, target: str) -> None:
        copies.append(source)
        real(source, target)
        if len(copies) == 1:
            with path.open("ab") as file:
                file.write(b"\0" * 512)

    monkeypatch.setattr(module.shutil, "copyfile", writing)
    monkeypatch.setattr(module, "_PAUSE_S", 0.0)
    with private_copy(path) as copy:
        assert copy.read_bytes() == path.read_bytes()
    assert len(copies) == 4

    def always(source: str, target: str) -> None:
        real(source, target)
        with path.open("ab") as file:
            file.write(b"\0")

    monkeypatch.setattr(module.shutil, "copyfile", always)
    with pytest.raises(UsageError, match="written to all the time"), private_copy(path):
        pass
