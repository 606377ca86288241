"""The quickest way to copy a main file, and that every way gives the same file."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from harness.databases.sqlite import pages
from harness.recovery import Recovery
from harness.recovery.file_copy import FileCopy
from harness.recovery.online_backup import OnlineBackup
from harness.system.extents import apart
from harness.system.files import Files
from tests.recovery.helpers import DAMAGE, content, execute, leftovers, main_bytes, make, recovery

KINDS = FileCopy, OnlineBackup


class Counting(Files):
    """The real operations; how a copy was made is counted."""

    def __init__(self) -> None:
        self.did: list[str] = []

    def clone(self, source: int, target: int) -> None:
        """Count it, where it could be done."""
        super().clone(source, target)
        self.did.append("clone")

    def copy(self, *args: Any, **named: Any) -> None:
        """Count it."""
        super().copy(*args, **named)
        self.did.append("copy")

    def write(self, descriptor: int, data: bytes) -> None:
        """Count it."""
        super().write(descriptor, data)
        self.did.append("write")


def aged(path: Path) -> None:
    """Wait until the last write is no longer just now."""
    deadline = time.monotonic() + 10
    while time.time_ns() - path.stat().st_ctime_ns < 120_000_000:
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_a_reflink_where_blocks_can_be_shared(sharing: Path, mode: str, kind: Any) -> None:
    """No byte is written, and what nobody has written since is known without reading it."""
    path = make(sharing, mode)
    aged(path)
    one = recovery(kind, path, files=(files := Counting()))
    one.capture()
    assert files.did == ["clone"]
    with path.open("rb") as a, one.backup.open("rb") as b:
        assert apart(a.fileno(), b.fileno()) == []
    assert one.describe()["extents"]
    assert one.untouched()
    one.check()
    execute(path, DAMAGE["update"])
    assert not one.untouched()
    one.dispose()
    assert leftovers(path) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("from_bytes", "did"), [(1, {"copy"}), (1 << 30, {"write"})])
@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_elsewhere_a_copy(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
    from_bytes: int,
    did: set[str],
    kind: Any,
) -> None:
    """A big one by the kernel, a small one by this process: the same file, and the same seal."""
    monkeypatch.setattr(kind, "kernel_from_bytes", from_bytes)
    path = make(folder, mode)
    aged(path)
    one = recovery(kind, path, files=(files := Counting()))
    one.capture()
    assert set(files.did) == did
    assert one.backup.read_bytes() == main_bytes(path)
    assert one.backup.stat().st_mtime_ns == path.stat().st_mtime_ns
    assert one.untouched()
    one.check()
    one.dispose()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask the file system about small files, too."""
    monkeypatch.setattr(pages, "WORTH_ASKING_BYTES", 0)


def garbled(path: Path, number: int) -> None:
    """Write into a page, past SQLite."""
    with path.open("r+b") as file:
        file.seek(number * 4096 - 100)
        file.write(os.urandom(90))


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("damage", [*DAMAGE, "a garbled page", "gone", "cut"])
@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_what_was_done_is_found_and_undone(
    sharing: Path, mode: str, damage: str, kind: type[Recovery]
) -> None:
    """Against a reflink as against any backup; and what is put back is the baseline."""
    path = make(sharing, mode)
    before = content(path)
    one = recovery(kind, path)
    one.capture()
    assert one.differences().clean("exact")
    if damage == "gone":
        path.unlink()
    elif damage == "cut":
        os.truncate(path, path.stat().st_size - 4096)
    elif damage == "a garbled page":
        garbled(path, path.stat().st_size // 4096 - 1)
        assert not one.differences().clean("exact")
    else:
        execute(path, DAMAGE[damage])
        assert not one.differences().clean("exact")
    one.restore()
    assert content(path) == before
    assert one.differences().clean("exact")
    one.check()
    one.dispose()
    assert leftovers(path) == []
