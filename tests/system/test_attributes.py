from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.system.attributes import Attributes, apart, attributes_of, put_back, put_times_back

NOBODY = 65534
IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
MODES = st.integers(0, 0o7777)


def made(folder: Path, mode: int = 0o640) -> Path:
    """A file of that mode, changed long ago."""
    path = folder / "app.db"
    path.write_bytes(b"some")
    os.chmod(path, mode)
    os.utime(path, ns=(10**18, 10**18 + 7))
    return path


def seen(path: Path) -> Attributes:
    """What it has."""
    attributes = attributes_of(path)
    assert attributes is not None
    return attributes


def test_what_was_changed_is_told_and_put_back(folder: Path) -> None:
    """Mode, times and attributes of its own are those of before; a new attribute is gone."""
    path = made(folder)
    extended = _takes_attributes(path)
    was = seen(path)
    path.unlink()
    path.write_bytes(b"other")
    os.chmod(path, 0o604)
    if extended:
        os.setxattr(path, "user.new", b"2")
    assert apart(was, seen(path)) == {"mode": ("0640", "0604")}
    assert put_back(path, was) == []
    put_times_back(path, was)
    assert seen(path)._replace(times_ns=was.times_ns) == was
    assert path.stat().st_mtime_ns == 10**18 + 7
    assert path.read_bytes() == b"other"


def _takes_attributes(path: Path) -> bool:
    try:
        os.setxattr(path, "user.kept", b"1")
    except (AttributeError, OSError):  # not on this system, or on this file system
        return False
    return True


@pytest.mark.skipif(not IS_ROOT, reason="needs root, to give files away")
def test_an_owner_comes_back_or_it_is_said_why_not(folder: Path) -> None:
    """Root gives a file back to whom it was; anybody else says what the system said."""
    path = made(folder)
    os.chown(path, 1000, 1001)
    was = seen(path)
    os.chown(path, NOBODY, NOBODY)
    assert apart(was, seen(path)) == {"owner": ("1000:1001", f"{NOBODY}:{NOBODY}")}
    os.chmod(folder, 0o711)  # noqa: S103 - for two users
    os.seteuid(NOBODY)
    try:
        (reason,) = put_back(path, was)
    finally:
        os.seteuid(0)
    assert reason == (
        f"owner 1000:1001 -> {NOBODY}:{NOBODY} could not be put back: Operation not permitted"
    )
    assert put_back(path, was) == []
    assert seen(path).owner == (1000, 1001)
    assert apart(was._replace(owner=None), seen(path)) == {}


@given(MODES, MODES)
def test_set_id_bits_are_given_to_nothing(before: int, after: int) -> None:
    """What two modes differ in is told unless it is a set-id bit that went; none is ever given."""
    was = Attributes(before, None, 1, (0, 0))
    differ = apart(was, was._replace(mode=after))
    assert bool(differ) == bool((before ^ after) & 0o777 or after & 0o6000 & ~before)
    if differ:
        assert int(differ["mode"][0], 8) == before & 0o777


def test_what_stands_in_its_place_is_left_alone(folder: Path) -> None:
    """A link, a folder, nothing, a file that has got another name: none is touched."""
    path, other = made(folder), folder / "other"
    was = seen(path)
    path.unlink()
    other.write_bytes(b"")
    os.chmod(other, 0o600)
    before = other.stat()
    path.symlink_to(other)
    assert attributes_of(path) is None
    assert put_back(path, was) == []
    put_times_back(path, was)
    path.unlink()
    assert put_back(path, was) == []
    path.hardlink_to(other)
    assert apart(was, seen(path)) == {"mode": ("0640", "0600"), "hard links": ("1", "2")}
    assert put_back(path, was) == []
    assert stat.S_IMODE(other.stat().st_mode) == 0o600
    assert other.stat().st_mtime_ns == before.st_mtime_ns
    path.unlink()
    path.mkdir()
    assert attributes_of(path) is None
