from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.errors import RestoreError
from harness.recovery.sqlite.seal import Seal
from harness.recovery.sqlite.sealed import SealedFile
from harness.system.files import Files

DATA = b"baseline" * 1000
SEAL = Seal(len(DATA), hashlib.sha256(DATA).hexdigest())


class Apart(Files):
    """As on another file system: no second name can be given."""

    def link(self, source: Path, target: Path) -> None:
        """Say what the kernel says there."""
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))


def held(folder: Path, files: Files | None = None) -> SealedFile:
    """A backup with its second name, held open."""
    (folder / "state").mkdir()
    (folder / "backup").write_bytes(DATA)
    sealed = SealedFile(folder / "backup", None, files or Files(), {os.geteuid()})
    sealed.hold()
    sealed.give_second_name(folder / "state" / "second", len(DATA))
    return sealed


def read(sealed: SealedFile) -> bytes:
    """What is proven, through the descriptor."""
    with sealed.proven(SEAL) as descriptor:
        return os.pread(descriptor, len(DATA) + 1, 0)


HARM: dict[str, Callable[[Path], object]] = {
    "nothing": lambda folder: None,
    "removed": lambda folder: (folder / "backup").unlink(),
    "replaced": lambda folder: os.replace(_other(folder), folder / "backup"),
    "both removed": lambda folder: [(folder / n).unlink() for n in ("backup", "state/second")],
    "a pipe": lambda folder: [(folder / "backup").unlink(), os.mkfifo(folder / "backup")],
}


def _other(folder: Path) -> Path:
    (folder / "other").write_bytes(DATA[:-1] + b"x")
    return folder / "other"


@pytest.mark.parametrize("files", [Files(), Apart()], ids=["linked", "copied"])
@pytest.mark.parametrize("harm", HARM)
def test_it_is_found_by_whatever_name_it_has(folder: Path, harm: str, files: Files) -> None:
    """Or by none; and what SQLite then opens by name is what was captured."""
    sealed = held(folder, files)
    HARM[harm](folder)
    assert read(sealed) == DATA
    assert sealed.path.read_bytes() == DATA
    sealed.bring_back()
    sealed.remove()
    assert not os.path.lexists(folder / "backup")
    assert os.listdir(folder / "state") == []


@pytest.mark.parametrize("files", [Files(), Apart()], ids=["linked", "copied"])
def test_written_in_place(folder: Path, files: Files) -> None:
    """A hard link does not survive it and says so; a copy does."""
    sealed = held(folder, files)
    with open(folder / "backup", "r+b") as file:
        file.write(b"x")
    if isinstance(files, Apart):
        assert read(sealed) == DATA
        return
    with pytest.raises(RestoreError, match="was altered"):
        read(sealed)


def test_a_copy_that_did_not_fit_is_none(folder: Path) -> None:
    """What is half made under the second name is removed, and the error is the caller's."""

    class Full(Apart):
        def write(self, descriptor: int, data: bytes) -> None:
            raise OSError(errno.ENOSPC, "full")

    (folder / "state").mkdir()
    (folder / "backup").write_bytes(DATA)
    sealed = SealedFile(folder / "backup", None, Full(), {os.geteuid()})
    sealed.hold()
    with pytest.raises(OSError, match="full"):
        sealed.give_second_name(folder / "state" / "second", len(DATA))
    assert os.listdir(folder / "state") == []


def test_with_no_name_and_not_held_it_is_lost(folder: Path) -> None:
    """And the sentence says what has become of the one beside the database."""
    sealed = held(folder)
    sealed.let_go()
    HARM["both removed"](folder)
    with pytest.raises(RestoreError, match="is missing"):
        read(sealed)


def test_brought_back_before_it_is_let_go(folder: Path) -> None:
    """Whoever comes next finds it by name."""
    sealed = held(folder)
    HARM["both removed"](folder)
    sealed.bring_back()
    sealed.let_go()
    assert read(sealed) == DATA


def test_one_name_that_cannot_be_opened_is_no_end(folder: Path, monkeypatch: Any) -> None:
    """The other names, and the held file, are looked at all the same."""
    sealed = held(folder)

    def refuse(path: Path, owners: object) -> int:
        raise PermissionError(errno.EACCES, "denied", str(path))

    monkeypatch.setattr("harness.recovery.sqlite.sealed.opened", refuse)
    assert read(sealed) == DATA
