"""Which processes have a file open, and of whose processes /proc does not show it to this user."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from harness.system.trusted import owner_named

PROC = "/proc"
_DELETED = " (deleted)"
_KERNEL_THREAD = 0x00200000  # PF_KTHREAD among the flags of proc_pid_stat(5)


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


def unseen_owners() -> set[str]:
    """Give the users of whose processes nobody here can tell what they have open; none: all seen.

    Root sees all. To others /proc shows the files of their own processes alone, and of these not
    where a program has more rights than they; some systems do not show that there are any
    (hidepid). What runs in another container is nowhere shown.
    """
    owners = set()
    try:
        pids = [name for name in os.listdir(PROC) if name.isdigit()]
    except OSError:
        pids = []
    if "1" not in pids:  # it always runs
        owners.add("users who are hidden")
    for pid in pids:
        try:
            os.listdir(f"{PROC}/{pid}/fd")
        except PermissionError:
            if _may_have_files(pid):
                with suppress(FileNotFoundError):  # ended meanwhile
                    owners.add(owner_named(os.stat(f"{PROC}/{pid}").st_uid))
        except OSError:
            continue  # ended meanwhile
    return owners


def _may_have_files(pid: str) -> bool:
    """Whether it is a program that runs: not the kernel's own, and none that has ended."""
    try:
        stat = Path(PROC, pid, "stat").read_text(errors="replace")
    except OSError:
        return True
    fields = stat.rpartition(")")[2].split()
    return fields[0] not in "ZX" and not int(fields[6]) & _KERNEL_THREAD
