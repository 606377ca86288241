"""Files that nobody may open for writing: make them so, and undo it.

It imports nothing of the package, for it is also a program of its own: to close a file drops the
locks that SQLite holds on it in the same process (https://www.sqlite.org/howtocorrupt.html, 2.2).
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
import struct
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

_GETFLAGS, _SETFLAGS, _IMMUTABLE = 0x80086601, 0x40086602, 0x10  # linux/fs.h
_FLAGS = struct.Struct("=q")
_PATIENCE_S = 30.0


def close_to_writers(paths: list[str]) -> list[str]:
    """Make files unwritable; return what opening each for writing says now, "" where it opens.

    Raises:
        OSError: neither flags nor modes can do that here.
    """
    return [_closed(path) for path in paths]


def _closed(path: str) -> str:
    try:
        set_immutable(path, on=True)
    except OSError:
        if os.geteuid() == 0:
            raise  # no mode keeps root from writing
        os.chmod(path, 0o444)
    try:
        os.close(os.open(path, os.O_RDWR))
    except OSError as error:
        return f"[Errno {error.errno}] {error.strerror}"
    return ""


def open_to_writers(modes: dict[str, int]) -> list[str]:
    """Give files back their modes, and take the flag from them; what is gone is gone."""
    for path, mode in modes.items():
        with suppress(FileNotFoundError):
            with suppress(OSError):  # no flags there, so none was set
                set_immutable(path, on=False)
            if stat.S_IMODE(os.stat(path).st_mode) != mode:
                os.chmod(path, mode)
    return []


def set_immutable(path: str, *, on: bool) -> None:
    """Set or take the flag; OSError where there are no flags, or no right to them."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        flags = _FLAGS.unpack(fcntl.ioctl(descriptor, _GETFLAGS, bytes(_FLAGS.size)))[0]
        new_flags = flags | _IMMUTABLE if on else flags & ~_IMMUTABLE
        if new_flags != flags:
            fcntl.ioctl(descriptor, _SETFLAGS, _FLAGS.pack(new_flags))
    finally:
        os.close(descriptor)


def apart(function: str, argument: Any) -> list[str]:
    """Call a function of this file in another process; OSError says what went wrong there."""
    process = subprocess.run(  # noqa: S603 - this Python, and this file
        [sys.executable, "-I", "-S", __file__, function, json.dumps(argument)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )
    if process.returncode:
        raise OSError(f"{function}: {process.stderr.strip().rpartition(chr(10))[2]}")
    answers: list[str] = json.loads(process.stdout)
    return answers


if __name__ == "__main__":
    _known: dict[str, Callable[[Any], list[str]]] = {
        "close_to_writers": close_to_writers,
        "open_to_writers": open_to_writers,
    }
    json.dump(_known[sys.argv[1]](json.loads(sys.argv[2])), sys.stdout)
