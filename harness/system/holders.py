"""Which processes have a file open, as far as /proc shows them to this user."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

PROC = "/proc"
_DELETED = " (deleted)"


def holders(path: Path, *, among: Iterable[int] | None = None) -> set[int]:
    """Give the ids of the processes that have ``path`` open; none where there is no /proc.

    Also of a file that was deleted: they write to what has no name any more. Names are compared
    first: asking the kernel for the file behind every handle costs more, and waits where one is of
    a server that does not answer. psutil.Process.open_files() asks for every one, by the name it
    has here and not in its process's container, leaves out what was deleted, and takes 5 to 9
    times as long.

    ``among``: of these processes alone; None: of all.
    """
    path = Path(os.path.realpath(path))
    try:
        status: os.stat_result | None = os.stat(path)
    except OSError:
        status = None
    try:
        names = os.listdir(PROC) if among is None else map(str, among)
        processes = [name for name in names if name.isdigit()]
    except OSError:
        return set()
    return {int(pid) for pid in processes if _has_open(pid, path, status)}


def _has_open(pid: str, path: Path, status: os.stat_result | None) -> bool:
    ending = f"/{path.name}"
    for handle in _handles(f"{PROC}/{pid}/fd"):
        with suppress(OSError):  # closed meanwhile
            name = os.readlink(handle)
            if status is None:
                if name == f"{path}{_DELETED}":
                    return True
            elif name.removesuffix(_DELETED).endswith(ending) and os.path.samestat(
                os.stat(handle), status
            ):
                return True
    return False


def _handles(folder: str) -> Iterator[str]:
    with suppress(OSError):  # ended meanwhile, or another user's
        for name in os.listdir(folder):
            yield f"{folder}/{name}"
