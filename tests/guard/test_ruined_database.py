"""Tests that delete or ruin the database's file, and big databases: the guard as people use it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.databases import engines
from harness.errors import RestoreError
from harness.guard import Guard, recover
from harness.recovery.online_backup import OnlineBackup
from tests.guard.killing import Case, Countdown, die, forked
from tests.guard.test_killed_anywhere import KILLED, SAMPLE, kill_at_every
from tests.recovery.helpers import content, execute, leftovers, make
from tests.recovery.test_online_backup import RUIN, aged

DEFAULT = ("online_backup",)


def _without_wal(path: Path) -> None:
    execute(path, "DELETE FROM users", fold=False)
    for suffix in ("-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


RUINS = RUIN | {"its -wal deleted": _without_wal}


@pytest.mark.parametrize("ruin", RUINS)
@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_the_guard_brings_it_back(folder: Path, mode: str, ruin: str) -> None:
    """Whatever the tests did to the file, the guard ends at the baseline and leaves nothing."""
    path = make(folder, mode)
    before = content(path)
    with Guard(path, recoveries=DEFAULT, archives=True) as guard:
        execute(path, "INSERT INTO bots(name) VALUES ('test')", fold=False)
        RUINS[ruin](path)
    assert guard.result.ended in ("restored", "cleaned")
    assert content(path) == before
    assert [name for name in leftovers(path) if "e2e-archive" not in name] == []


@pytest.mark.parametrize("ruin", RUINS)
def test_recover_brings_it_back(folder: Path, ruin: str) -> None:
    """A guard killed after the tests ruined the file leaves what ``recover`` needs."""
    path = make(folder, "wal")
    before = content(path)

    def run() -> None:
        Guard(path, recoveries=DEFAULT).begin()
        execute(path, "INSERT INTO bots(name) VALUES ('test')", fold=False)
        RUINS[ruin](path)
        die()

    assert forked(run) == KILLED
    assert recover(path, archives=True) == "online_backup"
    assert content(path) == before
    assert [name for name in leftovers(path) if "e2e-archive" not in name] == []


@pytest.mark.parametrize("what", ["folder", "link"])
def test_what_is_no_file_is_told(folder: Path, what: str) -> None:
    """A folder or a link in the database's place is left alone and told; the backup stays."""
    path = make(folder, "delete")
    before = content(path)
    elsewhere = folder / "elsewhere"
    guard = Guard(path, recoveries=DEFAULT)
    guard.begin()
    path.unlink()
    path.mkdir() if what == "folder" else path.symlink_to(elsewhere)
    result = guard.finish()
    assert result.ended == "dirty"
    assert any("left alone" in failure.error for failure in result.failures)
    assert not elsewhere.exists()
    if what == "folder":
        with pytest.raises(RestoreError, match="is a folder now"):
            recover(path)
        path.rmdir()
    else:
        path.unlink()
    assert recover(path) == "online_backup"
    assert content(path) == before


class Ruined(Case):
    """Tests that delete the database's file, a -wal beside it."""

    def test(self) -> None:
        """Leave a -wal and delete the file."""
        execute(self.database, "DELETE FROM users", fold=False)
        self.database.unlink()


@pytest.mark.long
@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_killed_while_a_deleted_file_is_put_back(folder: Path, mode: str) -> None:
    """A guard killed at its operations around a deleted file: the baseline after ``recover``."""
    case = Ruined(folder, DEFAULT, mode, "kept")
    killed = kill_at_every(
        case,
        lambda nth: case.guarded(Countdown(nth)),
        lambda _: case.recovered(Countdown(0)),
        SAMPLE // 2,
    )
    assert killed >= 5


@pytest.mark.parametrize(("step", "least"), [(6, 2), pytest.param(2, 5, marks=pytest.mark.long)])
def test_recover_killed_while_a_deleted_file_is_put_back(
    folder: Path, step: int, least: int
) -> None:
    """``recover`` killed at any operation around a deleted file can be run again."""
    case = Ruined(folder, DEFAULT, "wal", "kept")

    def run(nth: int) -> int:
        assert case.guarded(Countdown(0), killed_after_tests=True) == KILLED
        return case.recovered(Countdown(nth))

    assert kill_at_every(case, run, lambda _: case.recovered(Countdown(0)), step) >= least


@pytest.mark.long
@pytest.mark.parametrize(
    ("mode", "tests", "moment"),
    [("wal", "kept", "before"), ("wal", "nothing", "half"), ("delete", "removed", "half")],
)
def test_a_big_one_killed(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
    tests: str,
    moment: str,
) -> None:
    """A guard of a big database killed at its operations, the copy by half: the exact baseline."""
    monkeypatch.setattr(OnlineBackup, "kernel_from_bytes", 1)
    case = Case(folder, DEFAULT, mode, tests)
    killed = kill_at_every(
        case,
        lambda nth: case.guarded(Countdown(nth, moment)),  # type: ignore[arg-type]
        lambda nth: case.recovered(Countdown(0)) if nth % 2 else case.next_guard(),
        4 if moment == "before" else 1,
    )
    assert killed >= 3


@pytest.mark.parametrize("touched", [False, True])
def test_nothing_is_read_where_nothing_was_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch, touched: bool
) -> None:
    """A big database that nobody wrote is not compared; one that was is."""
    monkeypatch.setattr(OnlineBackup, "kernel_from_bytes", 1)
    path = make(folder, "wal")
    before = content(path)
    aged(path)
    guard = Guard(path, recoveries=DEFAULT)
    guard.begin()
    if touched:
        execute(path, "DELETE FROM users")
    compared: list[Path] = []
    differences: Callable[..., object] = guard.target.engine.differences

    def counted(database: Path, *args: object, **kwargs: object) -> object:
        compared.append(database)
        return differences(database, *args, **kwargs)

    monkeypatch.setattr(engines.engine_of(path), "differences", counted)
    result = guard.finish()
    assert result.ended == ("restored" if touched else "cleaned")
    assert bool(compared) is touched
    assert content(path) == before
    assert os.listdir(folder) == [path.name]
