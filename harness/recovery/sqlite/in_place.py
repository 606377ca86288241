"""Put a whole file in a live database's place, by a rename, or byte by byte where it is a mount.

A file that is bound into a container by a mount cannot be renamed over (EBUSY, rename(2)): it is
written in place while nobody else has it open. A crash half-way leaves half a database, and the
journal and the backup from which the next ``recover`` writes it again.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import apsw

from harness.databases.sqlite.files import (
    CHUNK_BYTES,
    WAL_VERSIONS,
    MainFile,
    alone,
    beside,
    busy,
    fold,
    own,
    sole_access,
)
from harness.errors import RestoreError
from harness.system.files import Files
from harness.system.holders import holders
from harness.system.mounts import is_mount_point
from harness.system.trusted import kind_of

PERMISSIONS = 0o777  # of a mode


def put_in_place(
    copy: Path,
    main: Path,
    files: Files,
    *,
    vfs: str | None,
    busy_timeout_ms: int,
    folding: bool = True,
) -> None:
    """Put ``copy`` in the place of ``main``; it has no other name afterwards.

    ``folding``: what stands in a -wal is brought into the main file first, so that a kill leaves
    either the one or the other whole. Who holds locks on the -shm cannot have that.

    Raises:
        apsw.BusyError: others have the database open.
        OSError, apsw.Error: as the kernel or SQLite says.
    """
    if not main.exists():  # the tests deleted it: there is no live state to protect
        _swap(copy, main, files)
        return
    try:
        # beside an empty one SQLite removes a -wal unread
        readable = folding and os.path.getsize(main) > 0
        if readable:
            fold(main, vfs=vfs, busy_timeout_ms=busy_timeout_ms)
    except (apsw.NotADBError, apsw.CorruptError):
        readable = False  # damaged beyond SQLite: nothing in it can be folded or lost
    with sole_access(main, busy_timeout_ms) as file:
        if readable and not alone(main):
            raise busy(f"{main}: somebody wrote before it could be replaced")
        if file.header()[18:20] != WAL_VERSIONS and (others := holders(main) - {os.getpid()}):
            # idle connections in rollback mode hold no lock; they would read the old file on
            raise busy(f"{main} is open in process {', '.join(map(str, others))}")
        if is_mount_point(main):
            _remove_beside(main, files)
            _write_over(file, copy, files)
            files.unlink(copy)
        else:
            _swap(copy, main, files)


def copy_back(
    file: MainFile,
    main: Path,
    was: os.stat_result,
    files: Files,
    *,
    vfs: str | None,
    busy_timeout_ms: int,
) -> tuple[int, str]:
    """Copy a main file that is held open into the place it has lost; its size and its SHA-256.

    Args:
        file: the held one, whose content nobody can change.
        main: the place, where another file may stand by now.
        was: whose mode and owner the copy gets.
        files: the file operations.
        vfs: SQLite's VFS; None is the default one.
        busy_timeout_ms: how long to wait for whoever has the other file open.

    Raises:
        RestoreError: something stands there that is no file.
        apsw.BusyError: others have what stands there open.
    """
    if os.path.lexists(main) and not stat.S_ISREG(os.lstat(main).st_mode):
        raise RestoreError(
            f"where the database was, {main} is {kind_of(os.lstat(main))} now: it was left alone; "
            "move it away and recover again"
        )
    restoring = beside(main, ".restoring")
    try:
        digest = write_like(restoring, chunks_of(file), was, files)
        put_in_place(
            restoring, main, files, vfs=vfs, busy_timeout_ms=busy_timeout_ms, folding=False
        )
    except BaseException:
        with suppress(OSError):  # the first error is the one to tell
            files.unlink(restoring)
        raise
    return digest


def write_like(
    path: Path, chunks: Iterable[bytes], like: os.stat_result, files: Files
) -> tuple[int, str]:
    """Write a new file, to last, with mode, owner and times of ``like``; its size and its SHA-256.

    What stands under that name is removed first; set-id bits are given to nothing.
    """
    mode = stat.S_IMODE(like.st_mode) & PERMISSIONS
    digest, size_bytes = hashlib.sha256(), 0
    files.unlink(path)
    descriptor = files.create(path, mode)
    try:
        own(descriptor, like.st_uid, like.st_gid, mode)
        for data in chunks:
            digest.update(data)
            size_bytes += len(data)
            files.write(descriptor, data)
        give_times(descriptor, like)
        files.sync(descriptor)
    finally:
        files.close(descriptor)
    return size_bytes, digest.hexdigest()


def give_times(file: int | Path, like: os.stat_result) -> None:
    """Give a file the times of another; who may not must not fail for it."""
    with suppress(OSError):
        os.utime(file, ns=(like.st_atime_ns, like.st_mtime_ns))


def digest_of(file: MainFile) -> tuple[int, str]:
    """Give the size and the SHA-256 of a main file, read through SQLite's own handle."""
    digest = hashlib.sha256()
    for data in chunks_of(file):
        digest.update(data)
    return file.size_bytes(), digest.hexdigest()


def chunks_of(file: MainFile) -> Iterator[bytes]:
    """Yield the bytes of a main file, read through SQLite's own handle."""
    size_bytes = file.size_bytes()
    for offset in range(0, size_bytes, CHUNK_BYTES):
        yield file.read(min(CHUNK_BYTES, size_bytes - offset), offset)


def _swap(copy: Path, main: Path, files: Files) -> None:
    """Remove what must not meet the baseline, first and to last; then rename.

    That the rename lasts is for whoever says that the baseline is back: before, another recover
    does it once more.
    """
    _remove_beside(main, files)
    files.replace(copy, main)


def _remove_beside(main: Path, files: Files) -> None:
    leftovers = [
        path for s in ("-wal", "-shm", "-journal") if os.path.lexists(path := beside(main, s))
    ]
    for path in leftovers:
        files.unlink(path)
    if leftovers:
        files.sync_folder(main.parent)


def _write_over(file: MainFile, copy: Path, files: Files) -> None:
    descriptor = files.open(copy)
    try:
        offset = 0
        while data := files.read(descriptor, CHUNK_BYTES):
            file.write(data, offset)
            offset += len(data)
        file.truncate(offset)
        file.sync()
    finally:
        files.close(descriptor)
