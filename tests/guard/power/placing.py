"""Put what may be on a disk after a power cut on the real one."""

from __future__ import annotations

import os
from pathlib import Path

from tests.guard.power.disk import File, Image


def put(image: Image, root: Path, real_inodes: dict[int, int]) -> None:
    """Put an image on the real disk, in the place where it was recorded.

    An inode's number cannot be given, and the journal names it; so the journal is told the new one.
    """
    clear(root)
    new: dict[int, int] = {}
    made: dict[int, Path] = {}
    later: list[tuple[Path, File]] = []
    for path, file in sorted(image.files.items()):
        real = root / path
        if file is None:
            real.mkdir()
        elif file.is_link:
            real.symlink_to(os.fsdecode(file.content))
        elif file.inode in made:
            os.link(made[file.inode], real)
        else:
            made[file.inode] = real
            real.touch()
            real.chmod(file.mode)
            new[real_inodes[file.inode]] = real.stat().st_ino
            later.append((real, file))
    for real, file in later:
        real.write_bytes(_renumbered(file.content, new))
        os.utime(real, ns=(file.mtime_ns, file.mtime_ns))


def clear(root: Path) -> None:
    """Remove everything below ``root``."""
    for entry in os.scandir(root):
        if entry.is_dir(follow_symlinks=False):
            clear(Path(entry.path))
            os.rmdir(entry.path)
        else:
            os.unlink(entry.path)


def _renumbered(content: bytes, new: dict[int, int]) -> bytes:
    if not content.startswith(b"{"):
        return content
    for old, number in new.items():
        content = content.replace(b'"inode": %d,' % old, b'"inode": %d,' % number)
    return content
