"""The file operations that recoveries and the journal use: the real thing, and the seam."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

_FICLONE = 0x40049409  # of Linux; elsewhere the kernel knows no such call


class Files:
    """File operations, each one call to the kernel; raise OSError as the kernel says.

    An ordinary parameter of whatever touches files, so that another can stand in its place.
    """

    def create(self, path: Path, mode: int) -> int:
        """Create ``path`` for writing, empty, with ``mode``; never through a symbolic link."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(path, flags, mode)
        os.fchmod(descriptor, mode)  # whatever the umask takes away
        return descriptor

    def open(self, path: Path) -> int:
        """Open ``path`` for reading. Never for a live SQLite file: closing drops its locks."""
        return os.open(path, os.O_RDONLY)

    def overwrite(self, path: Path) -> int:
        """Open ``path``, no link, for writing in place, emptied. A crash leaves half a file."""
        flags = os.O_WRONLY | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)
        return os.open(path, flags)

    def read(self, descriptor: int, size_bytes: int) -> bytes:
        """Read up to ``size_bytes`` from where the descriptor stands."""
        return os.read(descriptor, size_bytes)

    def write(self, descriptor: int, data: bytes) -> None:
        """Write all of ``data``."""
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]

    def copy(
        self,
        source: Path,
        descriptor: int,
        size_bytes: int,
        copied: Callable[[int], None],
        *,
        identity: tuple[int, int],
    ) -> None:
        """Copy the first ``size_bytes`` of ``source``, which may be a live SQLite file.

        ``identity`` is (device, inode) of the file that is meant. ``copied`` is told how many
        bytes have arrived so far and may read them meanwhile. Drops no lock on ``source``: another
        process does it; a kill of this one stops it. Raises CannotStart where there is none to be
        had.
        """
        from harness.system.copying import copy  # noqa: PLC0415 - only big files come this way

        copy(str(source), descriptor, size_bytes, copied, identity=identity)

    def sync(self, descriptor: int) -> None:
        """Make what was written last a power cut (fsync)."""
        os.fsync(descriptor)

    def close(self, descriptor: int) -> None:
        """Close the descriptor."""
        os.close(descriptor)

    def replace(self, source: Path, target: Path) -> None:
        """Put ``source`` in the place of ``target``, atomically."""
        os.replace(source, target)

    def link(self, source: Path, target: Path) -> None:
        """Give the file ``source`` a second name; FileExistsError where anything stands there."""
        os.link(source, target, follow_symlinks=False)

    def clone(self, source: int, target: int) -> None:
        """Share all blocks of an open file with another that is open for writing (FICLONE).

        Raises OSError where the file system has no such thing; ioctl_ficlone(2).
        """
        import fcntl  # noqa: PLC0415 - not on Windows, where stored runs can be read

        fcntl.ioctl(target, _FICLONE, source)

    def make_folder(self, path: Path, mode: int) -> None:
        """Make a folder with ``mode``; FileExistsError where anything stands there."""
        os.mkdir(path, mode)
        os.chmod(path, mode)  # whatever the umask takes away

    def symlink(self, target: Path, path: Path) -> None:
        """Make ``path`` a symbolic link to ``target``; FileExistsError where anything stands."""
        os.symlink(target, path)

    def truncate(self, descriptor: int, size_bytes: int) -> None:
        """Cut an open file, and stand at its new end."""
        os.ftruncate(descriptor, size_bytes)
        os.lseek(descriptor, size_bytes, os.SEEK_SET)

    def unlink(self, path: Path) -> None:
        """Remove ``path``; a path that is not there is no error."""
        try:
            os.unlink(path)
        except FileNotFoundError:
            return

    def sync_folder(self, folder: Path) -> None:
        """Make renames and removals in ``folder`` last a power cut."""
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
