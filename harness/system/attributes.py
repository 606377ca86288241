"""What a file has beside its content: mode, owner, hard links, times, and attributes of its own.

Asked and set by the inode, never through a link, and never by opening the file for reading: closing
a descriptor would drop the locks that SQLite holds on a database in the same process.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

_PERMISSIONS = 0o777
_SET_ID = stat.S_ISUID | stat.S_ISGID
# those of users, access control lists, and the label of SELinux
_EXTENDED = ("user.", "system.posix_acl_access", "security.selinux")


class Attributes(NamedTuple):
    """What a regular file had when somebody looked."""

    mode: int  # permission bits, and set-id bits where it had them
    owner: tuple[int, int] | None  # user and group; None: nobody knows whose it was
    links: int  # its names
    times_ns: tuple[int, int]  # of last access and last change of its content
    extended: dict[str, bytes] | None = None  # None: nobody has looked


def attributes_of(path: Path, *, thorough: bool = True) -> Attributes | None:
    """Look at a file, no link followed; None where there is no regular one.

    ``thorough``: its extended attributes as well, as far as this user may read them.
    """
    try:
        status = os.lstat(path)
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return Attributes(
        stat.S_IMODE(status.st_mode),
        (status.st_uid, status.st_gid),
        status.st_nlink,
        (status.st_atime_ns, status.st_mtime_ns),
        _extended(str(path)) if thorough else None,
    )


def apart(was: Attributes, now: Attributes) -> dict[str, tuple[str, str]]:
    """Say in what two differ that people would mind: name -> (was, now); times do not count."""
    found = {}
    if _wants_mode(was, now):
        found["mode"] = f"{was.mode & _PERMISSIONS:04o}", f"{now.mode:04o}"
    if was.owner is not None and now.owner is not None and was.owner != now.owner:
        found["owner"] = _pair(was.owner), _pair(now.owner)
    if was.links != now.links:
        found["hard links"] = str(was.links), str(now.links)
    return found


def put_back(path: Path, was: Attributes) -> list[str]:
    """Give a file mode, owner and extended attributes as they were; why not, where it cannot be.

    Set-id bits are given to nothing. A file that has got another name is left alone: nobody knows
    whose else it is, and only a file of its own can mend that.
    """
    now = attributes_of(path)
    if now is None or now.links > was.links:
        return []
    reasons = []
    with _by_inode(path) as place:
        if place is None:
            return []
        differing = apart(was, now)
        for name in ("owner", "mode"):  # in this order: a change of owner may change the mode
            if name not in differing:
                continue
            try:
                if name == "mode":
                    os.chmod(place, was.mode & _PERMISSIONS)
                elif was.owner is not None:
                    os.chown(place, *was.owner)
            except OSError as error:
                before, after = differing[name]
                reasons.append(
                    f"{name} {before} -> {after} could not be put back: {error.strerror}"
                )
        _put_extended_back(place, was, now)
    return reasons


def put_times_back(path: Path, was: Attributes) -> None:
    """Give a file its times again; who may not must not fail for it."""
    now = attributes_of(path, thorough=False)
    if now is None or now.times_ns[1] == was.times_ns[1]:
        return
    with _by_inode(path) as place, suppress(OSError):
        if place is not None:
            os.utime(place, ns=was.times_ns)


def _wants_mode(was: Attributes, now: Attributes) -> bool:
    if (was.mode ^ now.mode) & _PERMISSIONS:
        return True
    return bool(now.mode & _SET_ID & ~was.mode)


def _pair(owner: tuple[int, int]) -> str:
    return f"{owner[0]}:{owner[1]}"


@contextmanager
def _by_inode(path: Path) -> Iterator[str | None]:
    """Give a name of the very file, whatever is put in its place meanwhile; None: it is none."""
    if sys.platform != "linux":  # no such names there; a link is followed by nobody all the same
        yield str(path) if path.is_file() and not path.is_symlink() else None
        return
    try:
        descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        yield None
        return
    try:
        regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
        yield f"/proc/self/fd/{descriptor}" if regular else None
    finally:
        os.close(descriptor)  # one that only names the file (O_PATH) drops no lock


def _extended(place: str) -> dict[str, bytes] | None:
    if not hasattr(os, "listxattr"):
        return None
    found = {}
    try:
        for name in os.listxattr(place):
            if name.startswith(_EXTENDED):
                found[name] = os.getxattr(place, name)
    except OSError:
        return None
    return found


def _put_extended_back(place: str, was: Attributes, now: Attributes) -> None:
    """Set what is missing or differs, remove what is new; as far as this user may."""
    if was.extended is None or now.extended is None or was.extended == now.extended:
        return
    for name in now.extended.keys() - was.extended.keys():
        with suppress(OSError):
            os.removexattr(place, name)
    for name, value in was.extended.items():
        if now.extended.get(name) != value:
            with suppress(OSError):
                os.setxattr(place, name, value)
