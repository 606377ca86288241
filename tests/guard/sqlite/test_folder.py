from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from harness.guard.sqlite.folder import Folder


def test_made_again_as_it_was(folder: Path) -> None:
    """A folder that was removed has its mode again; one that is there is left alone."""
    place = folder / "a" / "b"
    place.mkdir(parents=True)
    place.chmod(0o750)
    was = Folder.of(place / "db")
    was.make_again()
    place.rmdir()
    (folder / "a").rmdir()
    was.make_again()
    assert stat.S_IMODE(os.stat(place).st_mode) == 0o750
    assert not was.is_elsewhere()


def test_a_link_in_its_place_is_seen(folder: Path) -> None:
    """In the folder's own place, or in that of one above it."""
    place = folder / "a" / "b"
    place.mkdir(parents=True)
    was = Folder.of(place / "db")
    (folder / "a").rename(folder / "c")
    (folder / "a").symlink_to(folder / "c")
    assert was.is_elsewhere()


def test_where_it_cannot_be_made(folder: Path) -> None:
    """A file in the way is the kernel's own error."""
    (folder / "a").mkdir()
    was = Folder.of(folder / "a" / "db")
    (folder / "a").rmdir()
    (folder / "a").write_text("")
    with pytest.raises(OSError, match="File exists"):
        was.make_again()
