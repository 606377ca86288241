"""Files that stand where others could have put them: opened once, and asked through that handle.

Whoever may write a folder can put a pipe, a device, a link or a file of their own under any name
in it. What is believed is a regular file that belongs to one of the ``owners``.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection
from pathlib import Path

from harness.errors import UsageError

_FLAGS = (  # no hanging on a pipe, no terminal taken for one's own, no link followed
    getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_CLOEXEC", 0)
)
_KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class Untrusted(UsageError):
    """What stands there is none of ours; the message says what it is, and begins with its path."""


def owners_of(database: Path) -> frozenset[int]:
    """Give the users whose files count: the one at work and, if there is one, the database's."""
    try:
        return frozenset({os.geteuid(), os.lstat(database).st_uid})
    except OSError:
        return frozenset({os.geteuid()})


def opened(path: Path, owners: Collection[int] | None, *, writing: bool = False) -> int:
    """Open a regular file that belongs to one of ``owners`` (None: to anybody); its descriptor.

    Raises:
        FileNotFoundError: nothing stands there.
        Untrusted: something else does; it was not read, and waited for by nobody.
        OSError: as the kernel says.
    """
    _refuse_other(path, os.lstat(path), owners)  # opening a device may move it
    descriptor = os.open(path, _FLAGS | (os.O_RDWR if writing else os.O_RDONLY))
    try:
        _refuse_other(path, os.fstat(descriptor), owners)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _refuse_other(path: Path, status: os.stat_result, owners: Collection[int] | None) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise Untrusted(f"{path} is {kind_of(status)}, and no regular file")
    if owners is not None and status.st_uid not in owners:
        raise Untrusted(f"{path} belongs to {owner_named(status.st_uid)}, and to nobody trusted")


def kind_of(status: os.stat_result) -> str:
    """Say what it is that is no regular file."""
    return _KINDS.get(stat.S_IFMT(status.st_mode), "something odd")


def owner_named(uid: int) -> str:
    """Name a user for people."""
    try:
        import pwd  # noqa: PLC0415 - not on Windows, where stored runs can be read

        return f"the user {pwd.getpwuid(uid).pw_name}"
    except (ImportError, KeyError):
        return f"the user with the id {uid}"


def same_file(descriptor: int, path: Path) -> bool:
    """Whether ``path`` still is the very file that is open; a link to it is not."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except OSError:
        return False
