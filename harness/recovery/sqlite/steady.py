"""Copy a main file while a read transaction keeps everybody from writing it, the quickest way.

A reflink where blocks can be shared, at any size; else a big file in the kernel, hashed as it
arrives, and a small one through SQLite's own descriptor.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from pathlib import Path
from typing import NamedTuple

import apsw

from harness.databases.sqlite.files import CHUNK_BYTES, own, read_main, size_of
from harness.recovery.sqlite.clones import cloned_live, may_clone
from harness.recovery.sqlite.in_place import PERMISSIONS, write_like
from harness.recovery.sqlite.seal import Seal
from harness.system.files import Files


class Copied(NamedTuple):
    """A finished copy."""

    seal: Seal | None  # None: a reflink, which is sealed when it has its name
    at_ns: int  # when it was done, by the clock of the file system


def copy_steady(
    source: apsw.Connection,
    main: Path,
    part: Path,
    status: os.stat_result,
    files: Files,
    *,
    kernel_from_bytes: int,
) -> Copied:
    """Copy ``main``, which ``source`` holds steady, to the new file ``part``, to last.

    Args:
        source: in a read transaction that keeps everybody from writing the main file.
        main: the file.
        part: where the copy is to be; whoever calls removes what an error leaves there.
        status: of the main file, whose mode and owner the copy gets.
        files: the file operations.
        kernel_from_bytes: from here on another process is worth its start.

    Raises:
        CannotStart: that process could not be started.
        RecoveryRefused: the file is shorter than it was.
        OSError: as the kernel says.
    """
    if (at_ns := _cloned(main, part, status, files)) is not None:
        return Copied(None, at_ns)
    if status.st_size < kernel_from_bytes:
        seal = Seal(*write_like(part, read_main(source, size_of(main)), status, files))
        return Copied(seal, os.stat(part).st_ctime_ns)  # mtime is the database's by now
    return _copied_in_kernel(main, part, status, files)


def _created(part: Path, status: os.stat_result, files: Files) -> int:
    mode = stat.S_IMODE(status.st_mode) & PERMISSIONS
    descriptor = files.create(part, mode)
    own(descriptor, status.st_uid, status.st_gid, mode)
    return descriptor


def _cloned(main: Path, part: Path, status: os.stat_result, files: Files) -> int | None:
    """Make it a reflink; when that was done. None where that cannot be, and nothing is left."""
    if not may_clone(status, part.parent):
        return None
    descriptor = _created(part, status, files)
    try:
        if cloned_live(main, os.stat(main), descriptor, files):
            return os.fstat(descriptor).st_ctime_ns
    finally:
        files.close(descriptor)
    files.unlink(part)
    return None


def _copied_in_kernel(main: Path, part: Path, status: os.stat_result, files: Files) -> Copied:
    """Copy and hash at once."""
    size_bytes, digest, hashed_bytes = size_of(main), hashlib.sha256(), 0

    def follow(arrived_bytes: int) -> None:
        nonlocal hashed_bytes
        while hashed_bytes < arrived_bytes:
            amount = min(CHUNK_BYTES, arrived_bytes - hashed_bytes)
            data = files.read(reader, amount)
            if not data:
                raise OSError(errno.EIO, "ended early", str(part))
            digest.update(data)
            hashed_bytes += len(data)

    descriptor = _created(part, status, files)
    try:
        reader = files.open(part)
        try:
            identity = status.st_dev, status.st_ino
            files.copy(main, descriptor, size_bytes, follow, identity=identity)
        finally:
            files.close(reader)
        at_ns = os.fstat(descriptor).st_mtime_ns
    finally:
        files.close(descriptor)
    return Copied(Seal(size_bytes, digest.hexdigest()), at_ns)
