"""Reflinks: a whole file at once, whatever its size, where the file system can share blocks."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

from harness.system.extents import own_descriptor
from harness.system.files import Files

_NEVER = {errno.EOPNOTSUPP, errno.ENOTTY, errno.EINVAL, errno.ENOSYS, errno.EXDEV}
# By device, where the kernel has said that blocks cannot be shared.
_no_clones: set[tuple[int, int]] = set()


def may_clone(source: os.stat_result, folder: Path) -> bool:
    """Whether it is worth a try to make a reflink of a file in a folder."""
    try:
        pair = source.st_dev, os.stat(folder).st_dev
    except OSError:  # whoever makes a file there says what is wrong with it
        return False
    return pair[0] == pair[1] and pair not in _no_clones


def cloned(source: int, target: int, files: Files) -> bool:
    """Make an open, empty file a reflink of another, to last; whether that could be done.

    Raises:
        OSError: it could not be made to last.
    """
    try:
        files.clone(source, target)
    except OSError as error:
        if error.errno in _NEVER:
            _no_clones.add((os.fstat(source).st_dev, os.fstat(target).st_dev))
        return False
    files.sync(target)
    return True


def cloned_live(main: Path, was: os.stat_result, target: int, files: Files) -> bool:
    """Make an open, empty file a reflink of a live main file; whether that could be done.

    The caller has it open by SQLite, and so steady; it is reached through SQLite's own descriptor.

    Raises:
        OSError: as ``cloned``.
    """
    descriptor = own_descriptor(was)
    if descriptor is None or not cloned(descriptor, target, files):
        return False
    with suppress(OSError):
        # another thread's connection may have had that descriptor, and closed it meanwhile
        if os.path.samestat(os.fstat(descriptor), os.stat(main)):
            return os.fstat(target).st_size == was.st_size
    return False
