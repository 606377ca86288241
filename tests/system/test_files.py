from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.system.files import Files

FILES = Files()


def content(path: Path) -> bytes:
    """Read a whole file through the operations."""
    descriptor = FILES.open(path)
    try:
        return b"".join(iter(lambda: FILES.read(descriptor, 7), b""))
    finally:
        FILES.close(descriptor)


def put(path: Path, *chunks: bytes, mode: int = 0o600) -> None:
    """Write a new file through the operations."""
    descriptor = FILES.create(path, mode)
    try:
        for chunk in chunks:
            FILES.write(descriptor, chunk)
        FILES.sync(descriptor)
    finally:
        FILES.close(descriptor)


@settings(max_examples=30, deadline=None)
@given(chunks=st.lists(st.binary(max_size=50)))
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, chunks: list[bytes]
) -> None:
    """Bytes come back as they were written, in whatever pieces."""
    path = tmp_path_factory.mktemp("files") / "file"
    put(path, *chunks)
    assert content(path) == b"".join(chunks)


def test_a_short_write_is_continued(folder: Path) -> None:
    """A pipe takes less than was offered; still everything arrives."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    data = bytes(range(256)) * 64
    FILES.write(writer, data)
    FILES.close(writer)
    assert b"".join(iter(lambda: os.read(reader, 1000), b"")) == data
    os.close(reader)

    calls: list[int] = []
    real = os.write

    def little(descriptor: int, view: memoryview) -> int:
        calls.append(len(view))
        return real(descriptor, view[:3])

    descriptor = FILES.create(folder / "short", 0o600)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "write", little)
        FILES.write(descriptor, b"0123456789")
    FILES.close(descriptor)
    assert calls == [10, 7, 4, 1]
    assert content(folder / "short") == b"0123456789"


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o666, 0o400])
def test_the_mode_is_the_one_asked_for(folder: Path, mode: int) -> None:
    """Whatever the umask would take away."""
    before = os.umask(0o077)
    try:
        put(folder / "file", mode=mode)
    finally:
        os.umask(before)
    assert stat.S_IMODE((folder / "file").stat().st_mode) == mode


def test_nothing_is_overwritten_by_create(folder: Path) -> None:
    """A file or a link that stands there is an error, and is left alone; links are not followed."""
    put(folder / "file", b"somebody's")
    (folder / "link").symlink_to(folder / "nowhere")
    for name in ("file", "link"):
        with pytest.raises(FileExistsError):
            FILES.create(folder / name, 0o600)
    assert content(folder / "file") == b"somebody's"
    assert not (folder / "nowhere").exists()


def test_overwrite_empties_in_place(folder: Path) -> None:
    """The file keeps its inode and loses what it held; one that is not there is an error."""
    put(folder / "file", b"a long story")
    inode = (folder / "file").stat().st_ino
    descriptor = FILES.overwrite(folder / "file")
    assert content(folder / "file") == b""
    FILES.write(descriptor, b"short")
    FILES.close(descriptor)
    assert content(folder / "file") == b"short"
    assert (folder / "file").stat().st_ino == inode
    with pytest.raises(FileNotFoundError):
        FILES.overwrite(folder / "none")


def test_replace_and_unlink(folder: Path) -> None:
    """Replace puts one file in another's place; unlinking what is not there is no error."""
    put(folder / "new", b"new")
    put(folder / "old", b"old")
    FILES.replace(folder / "new", folder / "old")
    FILES.sync_folder(folder)
    assert content(folder / "old") == b"new"
    assert not (folder / "new").exists()
    FILES.unlink(folder / "old")
    FILES.unlink(folder / "old")
    assert list(folder.iterdir()) == []
    with pytest.raises(OSError, match="directory") as refused:
        FILES.unlink(folder)
    assert refused.value.errno in (errno.EISDIR, errno.EPERM)


def test_errors_are_the_kernels(folder: Path) -> None:
    """A full device, a closed descriptor, a missing folder: the kernel's own errno."""
    full = os.open("/dev/full", os.O_WRONLY)
    with pytest.raises(OSError, match="space") as refused:
        FILES.write(full, b"x")
    assert refused.value.errno == errno.ENOSPC
    FILES.close(full)
    for action in (lambda: FILES.write(full, b"x"), lambda: FILES.close(full)):
        with pytest.raises(OSError, match="descriptor") as refused:
            action()
        assert refused.value.errno == errno.EBADF
    with pytest.raises(FileNotFoundError):
        FILES.sync_folder(folder / "none")


def test_no_descriptor_is_left(folder: Path) -> None:
    """After a round of all operations, with errors, this process has no more files open."""
    before = len(os.listdir("/proc/self/fd"))
    put(folder / "a", b"x")
    for name in ("a", "none/b"):
        with pytest.raises(OSError, match=name):
            FILES.create(folder / name, 0o600)
    FILES.sync_folder(folder)
    FILES.unlink(folder / "a")
    assert len(os.listdir("/proc/self/fd")) == before
