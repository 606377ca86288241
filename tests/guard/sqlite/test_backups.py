"""Where backups stand."""

from __future__ import annotations

from pathlib import Path

from harness.guard.sqlite.backups import backup_path, has_archive_parts, standing_backups


def test_the_first_has_the_plain_name(folder: Path) -> None:
    """Beside the file itself, links followed; the next of a chain are numbered from 2."""
    (folder / "db").touch()
    (folder / "link").symlink_to("db")
    assert backup_path(folder / "link", 0) == folder / "db.e2e-backup"
    assert backup_path(folder / "db", 2) == folder / "db.e2e-backup.3"


def test_only_files_that_hold_anything_stand(folder: Path) -> None:
    """Neither an empty one, nor a link, nor another name's; one of two names is one."""
    database = folder / "d[b"
    names = ("d[b.e2e-backup", "d[b.e2e-backup.2", "d[b.e2e-backup.part", "dxb.e2e-backup")
    for name in names:
        (folder / name).write_text("x")
    (folder / "d[b.e2e-backup.3").touch()
    (folder / "d[b.e2e-backup.4").symlink_to("d[b.e2e-backup")
    (folder / "second").hardlink_to(folder / "d[b.e2e-backup.2")
    found = standing_backups(database, [folder / "second"])
    assert [path.name for path in found] == ["d[b.e2e-backup", "d[b.e2e-backup.2"]


def test_only_an_archive_of_its_own_that_is_being_made_counts(folder: Path) -> None:
    """Neither a finished one, nor one of another database's; nor where the folder is gone."""
    for name in ("db.e2e-archive-20260131-235959", "other.e2e-archive-part-1-0123456789abcdef"):
        (folder / name).touch()
    assert not has_archive_parts(folder / "db")
    (folder / "db.e2e-archive-part-1-0123456789abcdef").touch()
    assert has_archive_parts(folder / "db")
    assert not has_archive_parts(folder / "gone" / "db")
