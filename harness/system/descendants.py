"""What a process has started, whoever its parent is by now: known by a mark that is inherited.

The mark is a random token, in two places. Whatever is executed inherits the environment, and the
system shows with which one a program began. A fork that executes nothing shows the environment of
the program it is a copy of, which may be older than the mark; on Linux it inherits an open
descriptor of an anonymous file instead, which every exec closes. Besides, the children of whoever
is marked are descendants, though their environment was cleared: for as long as the parent lives,
and for the guard that has seen them then for as long as they do.

Lost to it is what clears its environment and whose parent has ended, and what others start for it:
a service manager, a container's daemon. Nobody is ever taken for a descendant who is none.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

from harness.system import processes

VARIABLE = "HARNESS_GUARD"  # the tokens of all guards around a process, comma between
PROC = "/proc"
_FILE = "harness-guard-"
_POLL_S = 0.02
_DEATH_S = 2.0  # a process that was killed and is still there sits in the kernel
_ENDED = (b"Z", b"X")  # states of proc_pid_stat(5)
_BEGAN = 19  # the field of its beginning, counted from the state
_STAT_BYTES = 4096  # more than all fields together take


class Process(NamedTuple):
    """One process, and no other of its number later."""

    pid: int
    since: str  # see ``processes.started``


class Mark:
    """The mark of one guard; while it is set, whatever this process starts inherits it."""

    def __init__(self) -> None:
        self.token = os.urandom(16).hex()
        self._descriptor = -1
        self._before: set[Process] = set()  # children of this process that were there already
        self._seen: set[Process] = set()  # one stays a descendant when its parent has ended
        self._born = 0  # when this process began, in ticks: whoever is older was not started by it

    def place(self) -> None:
        """Set it, beside those of guards around this one."""
        self._born = _born(os.getpid())
        children = _children(os.getpid(), _parents(self._born))
        self._before = {_process(pid) for pid in children}
        os.environ[VARIABLE] = ",".join([*tokens(), self.token])
        if sys.platform == "linux":
            with suppress(OSError, AttributeError):  # none to be had: its parent tells of a fork
                self._descriptor = os.memfd_create(f"{_FILE}{self.token}")

    def remove(self) -> None:
        """Take it back; whoever has inherited it keeps it."""
        others = [token for token in tokens() if token != self.token]
        if others:
            os.environ[VARIABLE] = ",".join(others)
        else:
            os.environ.pop(VARIABLE, None)
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            # the tests may have closed it, and its number be another file's now
            if _is_mark(f"{PROC}/self/fd/{descriptor}", self.token):
                os.close(descriptor)

    def descendants(self) -> set[Process]:
        """Give all that live and were started while it was set; this process is not among them."""
        parents = _parents(self._born)
        children = {_process(pid) for pid in _children(os.getpid(), parents)} - self._before
        seen = {process.pid for process in self._seen if processes.runs(*process)}
        known = marked(self.token, parents) | {child.pid for child in children} | seen
        self._seen = _living(known, parents)
        return self._seen


def descendants(token: str) -> set[Process]:
    """Give all that live and were started under a mark; this process is not among them."""
    return _living(marked(token), _parents())


def marked(token: str, among: Iterable[int] | None = None) -> set[int]:
    """Give the other processes that bear a mark, as far as the system shows that to this user.

    ``among``: no other is asked, which the system would have to be for every file it has open.
    """
    if sys.platform != "linux":
        return _marked_elsewhere(token) - {os.getpid()}
    pids = _pids() if among is None else among
    return {pid for pid in pids if pid != os.getpid() and _bears(pid, token)}


def around() -> set[int]:
    """Give this process and those that it is a descendant of."""
    return _with_ancestors(os.getpid(), _parents())


def end(token: str, wait_s: float) -> set[Process]:
    """End whoever bears a mark, by SIGTERM and after ``wait_s`` by SIGKILL; who has ended.

    This process and those that it is a descendant of are left alone.
    """
    spared = around()
    asked: set[Process] = set()
    for number, patience_s in ((signal.SIGTERM, wait_s), (signal.SIGKILL, _DEATH_S)):
        living = {_process(pid) for pid in marked(token) - spared}
        now = {process for process in living if _signal(process, token, number)}
        await_end(now, patience_s)
        asked |= now
    return {process for process in asked if not processes.runs(*process)}


def await_end(waited: Iterable[Process], seconds: float) -> set[Process]:
    """Wait until they have ended, but no longer than that; give those that have not."""
    deadline = time.monotonic() + seconds
    while left := {process for process in waited if processes.runs(*process)}:
        if time.monotonic() >= deadline:
            break
        time.sleep(_POLL_S)
    return left


def tokens() -> list[str]:
    """Give the marks that this process bears itself, those of the guards around it."""
    return [token for token in os.environ.get(VARIABLE, "").split(",") if token]


def _process(pid: int) -> Process:
    return Process(pid, processes.started(pid))


# Whose child is whose.


def _living(roots: set[int], parents: dict[int, int]) -> set[Process]:
    """Give those of the roots, and of all below them, that have not ended."""
    found, added = set[int](), roots
    while added:
        found |= added
        added = {pid for pid, parent in parents.items() if parent in added} - found
    return {_process(pid) for pid in (found & parents.keys()) - {os.getpid()}}


def _children(pid: int, parents: dict[int, int]) -> set[int]:
    return {child for child, parent in parents.items() if parent == pid}


def _with_ancestors(pid: int, parents: dict[int, int]) -> set[int]:
    found = {pid}
    while (pid := parents.get(pid, pid)) not in found:
        found.add(pid)
    return found


def _parents(since: int = 0) -> dict[int, int]:
    """Give the parent of each process, but for those that only wait to be asked how they ended.

    ``since``: only of those that began then or later, in ticks; elsewhere than on Linux, of all.
    """
    if sys.platform != "linux":
        return _parents_elsewhere()
    parents = {}
    for pid in _pids():
        fields = _stat(pid)
        if fields and fields[0] not in _ENDED and int(fields[_BEGAN]) >= since:
            parents[pid] = int(fields[1])
    return parents


def _born(pid: int) -> int:
    """Give when a process began, in ticks since the boot; 0 where nobody can tell."""
    fields = _stat(pid) if sys.platform == "linux" else []
    return int(fields[_BEGAN]) if fields else 0


def _stat(pid: int) -> list[bytes]:
    """Give what the system tells of a process after its name, proc_pid_stat(5); [] for nothing."""
    # as plainly as can be: it is asked of every process there is
    try:
        descriptor = os.open(f"{PROC}/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return []
    try:
        # the name may hold anything, parentheses too
        return os.read(descriptor, _STAT_BYTES).rpartition(b")")[2].split()
    except OSError:  # it ended meanwhile
        return []
    finally:
        os.close(descriptor)


# Who bears a mark.


def _pids() -> list[int]:
    try:
        return [int(name) for name in os.listdir(PROC) if name.isdigit()]
    except OSError:
        return []


def _bears(pid: int, token: str) -> bool:
    """Whether its program began with the mark, or it is a copy of a process that had set it."""
    try:
        with open(f"{PROC}/{pid}/environ", "rb") as file:
            variables = file.read().split(b"\0")
        beginning = f"{VARIABLE}=".encode()
        borne = [one.removeprefix(beginning) for one in variables if one.startswith(beginning)]
        if any(token.encode() in several.split(b",") for several in borne):
            return True
        handles = os.listdir(f"{PROC}/{pid}/fd")
        return any(_is_mark(f"{PROC}/{pid}/fd/{name}", token) for name in handles)
    except OSError:  # ended meanwhile, another user's, or with rights of its own (set-uid)
        return False


def _is_mark(handle: str, token: str) -> bool:
    try:
        return os.readlink(handle).startswith(f"/memfd:{_FILE}{token}")
    except OSError:  # closed meanwhile
        return False


def _signal(process: Process, token: str, number: int) -> bool:
    """Send it to the very process, if that bears the mark at this moment; whether it was sent.

    A handle of a process (Linux) stays its own when its number is handed out again.
    """
    handle = -1
    try:
        if sys.platform == "linux":
            with suppress(AttributeError, OSError):  # not there, or not let
                handle = os.pidfd_open(process.pid)
        if not _still_bears(process.pid, token) or not processes.runs(*process):
            return False
        if handle >= 0:
            signal.pidfd_send_signal(handle, number)
        else:
            os.kill(process.pid, number)
    except OSError:  # it ended, or it is another user's
        return False
    finally:
        if handle >= 0:
            os.close(handle)
    return True


def _still_bears(pid: int, token: str) -> bool:
    return _bears(pid, token) if sys.platform == "linux" else pid in _marked_elsewhere(token)


# Elsewhere than on Linux.


def _marked_elsewhere(token: str) -> set[int]:
    import psutil  # noqa: PLC0415 - 20 ms, and Linux is spared it

    return {
        process.pid
        for process in psutil.process_iter(["environ"])
        if token in (process.info["environ"] or {}).get(VARIABLE, "").split(",")
    }


def _parents_elsewhere() -> dict[int, int]:
    import psutil  # noqa: PLC0415 - as above

    return {
        process.pid: process.info["ppid"]
        for process in psutil.process_iter(["ppid", "status"])
        if process.info["status"] != psutil.STATUS_ZOMBIE and process.info["ppid"] is not None
    }
