"""Copy a file that may be a live SQLite database, in the kernel and in a process of its own.

Of its own, because closing any descriptor of a file drops every POSIX lock that the closing
process holds on it, SQLite's among them (fcntl(2), https://www.sqlite.org/howtocorrupt.html,
section 2.2); locks belong to a process, so what another one closes drops none of ours.
Afterwards the bytes are on disk: the copying process syncs while the caller still reads.

This file is also that process's program. It imports what starts at once, and says on its standard
output how far it is, 8 bytes a time; a negative number is an errno, and the last it says. When its
caller is gone nobody reads that any more, and it ends.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess

CHUNK_BYTES = 8 << 20
_NUMBER_BYTES = 8
_OPEN = "open:"  # in place of a path: a descriptor that was handed down
# "Not here", said of a call that another one can stand in for (copy_file_range(2), sendfile(2)).
_ANOTHER_WAY = {
    errno.EXDEV,
    errno.EINVAL,
    errno.ENOSYS,
    errno.EOPNOTSUPP,
    errno.EPERM,  # what some sandboxes say of a call they do not know
    errno.ENOTSOCK,  # where sendfile(2) is for sockets only
}

Way = Callable[[int, int, int, int], int]  # source, target, offset, amount: bytes copied


class CannotStart(Exception):
    """There is no second process to be had here."""


def copy(
    source: str,
    descriptor: int,
    size_bytes: int,
    copied: Callable[[int], None],
    *,
    identity: tuple[int, int],
) -> None:
    """Copy the first ``size_bytes`` of ``source`` to ``descriptor``, from its beginning.

    Args:
        source: the file; it must be ``identity``, and not a symbolic link.
        descriptor: open for writing; what it stands at does not matter.
        size_bytes: how many; a file that ends before is EIO.
        copied: called in this thread with the bytes copied so far, until it is all of them.
        identity: (device, inode) of the file that is meant; ESTALE when another stands there.

    Raises:
        OSError: as the kernel says.
        CannotStart: the process could not be started; nothing was copied.
    """
    import subprocess  # noqa: PLC0415 - whoever copies little starts without it

    if not sys.executable or getattr(sys, "frozen", False):
        raise CannotStart("there is no Python to start")
    numbers = [str(n) for n in (descriptor, size_bytes, *identity)]
    command = [sys.executable, "-I", "-S", __file__, source, *numbers]
    try:
        child = subprocess.Popen(  # noqa: S603 - this Python and this very file
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=(descriptor,),
            start_new_session=True,  # what is typed at a terminal is for the caller to judge
        )
    except OSError as error:
        raise CannotStart(str(error)) from error
    with child:
        try:
            _follow(child.stdout.fileno() if child.stdout else -1, source, size_bytes, copied)
        except BaseException:
            child.kill()
            raise


def start_copy(source: int, target: int, size_bytes: int) -> subprocess.Popen[bytes]:
    """Begin to copy an open file that is no live database; nobody is told how far it is.

    The copy goes on, and is synced, also when its caller is killed meanwhile.

    Raises:
        OSError: the process could not be started.
    """
    import subprocess  # noqa: PLC0415 - as well

    if not sys.executable or getattr(sys, "frozen", False):
        raise OSError(errno.ENOSYS, "there is no Python to start")
    command = [sys.executable, "-I", "-S", __file__, f"{_OPEN}{source}", str(target)]
    return subprocess.Popen(  # noqa: S603 - this Python and this very file
        [*command, str(size_bytes)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(source, target),
        start_new_session=True,
    )


def _follow(pipe: int, source: str, size_bytes: int, copied: Callable[[int], None]) -> None:
    """Read how far it is until it is done: all bytes told, and once more when they are synced."""
    told, seen = 0, False
    for number in _numbers(pipe):
        if number < 0:
            raise OSError(-number, os.strerror(-number), source)
        if seen and told == number == size_bytes:
            return
        told, seen = number, True
        copied(number)
    if not seen:
        raise CannotStart("the copying process ended before it began")
    raise OSError(errno.EIO, "the copying process was killed", source)


def _numbers(pipe: int) -> Iterator[int]:
    while data := os.read(pipe, _NUMBER_BYTES):
        yield int.from_bytes(data, "little", signed=True)


# From here on: what the other process does.


def main(arguments: list[str]) -> None:
    """Copy as told, and say how far it is."""
    path, *rest = arguments
    descriptor, size_bytes, *identity = map(int, rest)
    try:
        source = _opened(path, identity)
        _tell(0)
        for offset in pieces(source, descriptor, size_bytes):
            _tell(offset)
        os.fsync(descriptor)
        _tell(size_bytes)
    except BrokenPipeError:
        return
    except OSError as error:
        _tell(-(error.errno or errno.EIO))


def _opened(path: str, identity: list[int]) -> int:
    if not identity:
        return int(path.removeprefix(_OPEN))
    source = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    status = os.fstat(source)
    if [status.st_dev, status.st_ino] != identity:
        raise OSError(errno.ESTALE, "another file stands there")
    return source


def pieces(
    source: int, target: int, size_bytes: int, ways: list[Way] | None = None
) -> Iterator[int]:
    """Copy piece by piece and yield how far; the next of ``ways`` where the kernel has not one."""
    ways = ways or WAYS.copy()
    done = 0
    while done < size_bytes:
        try:
            amount = ways[0](source, target, done, min(CHUNK_BYTES, size_bytes - done))
        except OSError as error:
            if len(ways) == 1 or error.errno not in _ANOTHER_WAY:
                raise
            ways.pop(0)
            continue
        if amount == 0 and len(ways) > 1:
            ways.pop(0)  # there are file systems where a call that cannot says 0
            continue
        if amount == 0:
            raise OSError(errno.EIO, "the file ended before its size")
        done += amount
        yield done


def _in_the_kernel(source: int, target: int, offset: int, amount: int) -> int:
    if not hasattr(os, "copy_file_range"):
        raise OSError(errno.ENOSYS, "no copy_file_range(2)")
    return os.copy_file_range(source, target, amount, offset, offset)


def _sent(source: int, target: int, offset: int, amount: int) -> int:
    os.lseek(target, offset, os.SEEK_SET)
    return os.sendfile(target, source, offset, amount)


def _by_hand(source: int, target: int, offset: int, amount: int) -> int:
    view = memoryview(os.pread(source, min(amount, 1 << 20), offset))
    whole = len(view)
    while view:
        count = os.pwrite(target, view, offset)
        offset, view = offset + count, view[count:]
    return whole


WAYS: list[Way] = [_in_the_kernel, _sent, _by_hand]


def _tell(number: int) -> None:
    os.write(1, number.to_bytes(_NUMBER_BYTES, "little", signed=True))


if __name__ == "__main__":
    main(sys.argv[1:])
