"""A file seen through a mapping that is kept as long as the file is the same."""

from __future__ import annotations

import mmap
import os
import stat
from pathlib import Path

import numpy as np
import numpy.typing as npt


class MappedFile:
    """The bytes of one file at a time, without copying them.

    A kept mapping costs nothing to read again; a new one costs a page fault a page. It holds the
    file's inode (its space, its file system) until ``release``. Only for files that no connection
    of this process has open: letting go of a file drops the process's locks on it.
    """

    def __init__(self) -> None:
        """Map nothing yet."""
        self._data: npt.NDArray[np.uint8] | None = None
        self._identity: tuple[int, int, int] | None = None

    def read(self, path: Path) -> npt.NDArray[np.uint8]:
        """Return the file's bytes as they are now; raise OSError when it is no readable file."""
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(f"{path} is not a file")
        identity = status.st_dev, status.st_ino, status.st_size
        if self._data is None or identity != self._identity:
            self.release()
            self._data = _map(path, status.st_size)
            self._identity = identity
        return self._data

    def release(self) -> None:
        """Let go of the file."""
        self._data = self._identity = None


def _map(path: Path, size_bytes: int) -> npt.NDArray[np.uint8]:
    if not size_bytes:
        return np.empty(0, np.uint8)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        mapping = mmap.mmap(descriptor, size_bytes, prot=mmap.PROT_READ)
    finally:
        os.close(descriptor)
    return np.frombuffer(mapping, np.uint8)
