"""A kept mapping shows the file as it is now."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.truth.sqlite_pages.mapped import MappedFile


def test_writing_growing_and_replacing_are_seen(folder: Path) -> None:
    """The same bytes object is kept only while it is the same file of the same size."""
    path, other = folder / "a", folder / "b"
    path.write_bytes(b"one")
    mapped = MappedFile()
    first = mapped.read(path)
    with path.open("r+b") as file:
        file.write(b"two")
    assert mapped.read(path) is first
    assert bytes(first) == b"two"
    with path.open("ab") as file:
        file.write(b" and more")
    assert bytes(mapped.read(path)) == b"two and more"
    other.write_bytes(b"new and more")
    other.replace(path)
    assert bytes(mapped.read(path)) == b"new and more"
    path.write_bytes(b"")
    assert bytes(mapped.read(path)) == b""


def test_release_lets_go_of_the_file(folder: Path) -> None:
    """A file that is released and removed is held by nobody."""
    path = folder / "a"
    path.write_bytes(b"one")
    mapped = MappedFile()
    mapped.read(path)
    assert str(path) in Path("/proc/self/maps").read_text()
    mapped.release()
    assert str(path) not in Path("/proc/self/maps").read_text()


def test_what_is_no_file_is_an_error(folder: Path) -> None:
    """A pipe is refused rather than waited for."""
    os.mkfifo(folder / "pipe")
    with pytest.raises(OSError, match="is not a file"):
        MappedFile().read(folder / "pipe")
