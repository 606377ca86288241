"""Paths with every symbolic link in them followed."""

from __future__ import annotations

import os
import stat


def followed(path: str | os.PathLike[str]) -> str:
    """Give what ``os.path.realpath`` gives, in a fraction of its time where no link is in the way.

    A guard asks for it again and again, for what tests may put there meanwhile; it need not be
    there.
    """
    name = os.fspath(path)
    if name[:1] != "/" or name[-1:] == "/" or _untidy(f"{name}/"):
        return os.path.realpath(name)
    end = 0
    try:
        while end >= 0:
            end = name.find("/", end + 1)
            if stat.S_ISLNK(os.lstat(name if end < 0 else name[:end]).st_mode):
                return os.path.realpath(name)
    except (OSError, ValueError):  # something is not there, or may not be looked at
        return os.path.realpath(name)
    return name


def _untidy(path: str) -> bool:
    return "//" in path or "/./" in path or "/../" in path


__all__ = ["followed"]
