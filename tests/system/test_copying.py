"""The copy by another process: whole, or an error of the kernel's, and no lock lost."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from harness.system import copying
from harness.system.copying import WAYS, CannotStart, copy, pieces

SIZE_BYTES = 9 * 1_000_003  # more than one piece


@pytest.fixture
def pair(folder: Path) -> Iterator[tuple[Path, int, Path]]:
    """Give a file, a descriptor to copy it to, and that one's path."""
    source, target = folder / "source", folder / "target"
    source.write_bytes(os.urandom(SIZE_BYTES))
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT)
    yield source, descriptor, target
    os.close(descriptor)


def identity(path: Path) -> tuple[int, int]:
    """Tell which file it is."""
    status = path.stat()
    return status.st_dev, status.st_ino


def test_the_copy_is_the_file(pair: tuple[Path, int, Path]) -> None:
    """Every byte arrives, and what is told to have arrived can be read already."""
    source, descriptor, target = pair
    told: list[int] = []

    def copied(so_far: int) -> None:
        told.append(so_far)
        assert target.stat().st_size >= so_far

    copy(str(source), descriptor, SIZE_BYTES, copied, identity=identity(source))
    assert target.read_bytes() == source.read_bytes()
    assert told[0] == 0
    assert told[-1] == SIZE_BYTES
    assert len(told) > 2


def test_a_hole_is_zeros(folder: Path) -> None:
    """A file that is mostly hole has its size and its bytes."""
    source, target = folder / "source", folder / "target"
    with source.open("wb") as file:
        file.write(b"a" * 5000)
        file.truncate(SIZE_BYTES)
    with target.open("wb") as file:
        copy(str(source), file.fileno(), SIZE_BYTES, lambda _: None, identity=identity(source))
    assert target.read_bytes() == source.read_bytes()


@pytest.mark.parametrize(
    ("harm", "code"),
    [
        ("short", errno.EIO),
        ("full", errno.ENOSPC),
        ("another", errno.ESTALE),
        ("link", errno.ELOOP),
        ("gone", errno.ENOENT),
    ],
)
def test_what_the_kernel_says_is_raised(pair: tuple[Path, int, Path], harm: str, code: int) -> None:
    """An error in the other process is raised here with its number."""
    source, descriptor, _ = pair
    meant, size_bytes = identity(source), SIZE_BYTES
    if harm == "short":
        size_bytes += 1
    elif harm == "full":
        full = os.open("/dev/full", os.O_WRONLY)
        os.dup2(full, descriptor)
        os.close(full)
    elif harm == "another":
        meant = (meant[0], meant[1] + 1)
    else:
        source.rename(source.with_name("elsewhere"))
        if harm == "link":
            source.symlink_to(source.with_name("elsewhere"))
    with pytest.raises(OSError, match=r".") as caught:
        copy(str(source), descriptor, size_bytes, lambda _: None, identity=meant)
    assert caught.value.errno == code


class Stuck(subprocess.Popen[bytes]):
    """A process that never gets to say anything: the pipe it says it to is full, of noughts."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        with suppress(BlockingIOError):
            while True:
                os.write(writing, bytes(512))
        os.set_blocking(writing, True)
        super().__init__(*arguments, **options | {"stdout": writing})
        os.close(writing)
        self.stdout = os.fdopen(reading, "rb")


def test_a_caller_that_raises_ends_it(
    pair: tuple[Path, int, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """When following fails the other process, still at work for certain, is ended and reaped."""
    source, descriptor, _ = pair
    started: list[Stuck] = []

    class Remembered(Stuck):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Remembered)

    def copied(_: int) -> None:
        raise OSError(errno.EIO, "planted")

    with pytest.raises(OSError, match="planted"):
        copy(str(source), descriptor, SIZE_BYTES, copied, identity=identity(source))
    assert [process.returncode for process in started] == [-signal.SIGKILL]


@pytest.mark.parametrize("python", ["", "/no/such/python", "/bin/true"])
def test_no_process_to_be_had(
    pair: tuple[Path, int, Path], python: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is no Python to start, the caller is told to go another way."""
    source, descriptor, target = pair
    monkeypatch.setattr(sys, "executable", python)
    with pytest.raises(CannotStart):
        copy(str(source), descriptor, SIZE_BYTES, lambda _: None, identity=identity(source))
    assert target.stat().st_size == 0


def test_it_ends_with_its_caller(pair: tuple[Path, int, Path]) -> None:
    """When nobody reads what it says, the process ends by itself and in silence."""
    source, descriptor, _ = pair
    numbers = [str(n) for n in (descriptor, SIZE_BYTES, *identity(source))]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-I", "-S", copying.__file__, str(source), *numbers],
        pass_fds=(descriptor,),
        stdout=writer,
        stderr=subprocess.PIPE,
        timeout=30,
        check=False,
    )
    os.close(writer)
    assert done.stderr == b""


@pytest.mark.parametrize("way", range(len(WAYS)))
def test_every_way_copies(pair: tuple[Path, int, Path], way: int) -> None:
    """Each of the kernel's calls, and the one that needs none, gives the same bytes."""
    source, descriptor, target = pair
    with source.open("rb") as file:
        assert list(pieces(file.fileno(), descriptor, SIZE_BYTES, [WAYS[way]]))[-1] == SIZE_BYTES
    assert target.read_bytes() == source.read_bytes()


@pytest.mark.parametrize("says", [errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, 0])
def test_a_call_that_cannot_is_stood_in_for(pair: tuple[Path, int, Path], says: int) -> None:
    """A call that refuses, or copies nothing, in the middle is followed by the next one."""
    source, descriptor, target = pair

    def once(source: int, target: int, offset: int, amount: int) -> int:
        if offset == 0:
            return WAYS[-1](source, target, 0, amount)
        if says:
            raise OSError(says, "planted")
        return 0

    with source.open("rb") as file:
        list(pieces(file.fileno(), descriptor, SIZE_BYTES, [once, WAYS[-1]]))
    assert target.read_bytes() == source.read_bytes()
