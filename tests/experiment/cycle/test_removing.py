"""A folder goes, whatever somebody who was killed left in it."""

from __future__ import annotations

from pathlib import Path

from harness.experiment.cycle.removing import remove_tree
from harness.experiment.run.place import PREFIX, WorkRoot, sweep
from harness.faults.reach.unwritable import close_to_writers


def test_an_immutable_file_goes_too(tmp_path: Path) -> None:
    """The flag that a killed worker left is taken off; other files go as ever."""
    folder = tmp_path / "worker" / "site"
    folder.mkdir(parents=True)
    for name in ("app.sqlite3", "app.sqlite3-wal", "other"):
        (folder / name).write_text("x")
    close_to_writers([str(folder / "app.sqlite3"), str(folder / "app.sqlite3-wal")])
    remove_tree(tmp_path / "worker")
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_there_is_no_trouble(tmp_path: Path) -> None:
    """Nothing is raised."""
    remove_tree(tmp_path / "never")


def test_a_work_root_goes_with_one_in_it(tmp_path: Path) -> None:
    """At its end, and when it is a dead run's that is swept."""
    with WorkRoot(0, tmp_path) as root:
        (root.path / "db").write_text("x")
        close_to_writers([str(root.path / "db")])
    assert list(tmp_path.iterdir()) == []
    dead = tmp_path / f"{PREFIX}1-dead"
    dead.mkdir()
    (dead / "lock").touch()
    (dead / "db").write_text("x")
    close_to_writers([str(dead / "db")])
    assert sweep(tmp_path) == [dead]
    assert list(tmp_path.iterdir()) == []
