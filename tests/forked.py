"""The command line as a process of its own, without loading Python's scientific packages again.

A process that has loaded them is forked for each call: it gets arguments, environment, folder and
streams as an executed one does, and ends as Python ends. Its marks in ``/proc`` are those of the
process that was forked, so a guard that looks for its descendants is really executed by its tests.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

from tests.command_line import CHECKOUT

LIMIT_S = 100  # below the limit of a test, so that the test says what it waited for
_LOADED = (
    "harness.cli", "harness.experiment.run.runner", "harness.experiment.run.verdicts",
    "harness.analysis.compare", "harness.reports.html", "harness.reports.console",
    "harness.reports.brief", "pandas",
)  # fmt: skip


def run(
    words: Sequence[object], *, cwd: Path = CHECKOUT, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run ``harness WORDS`` where nothing is a terminal, and give what it said.

    Args:
        words: the arguments.
        cwd: where.
        env: the whole environment; this process's.
    """
    out, err = (os.memfd_create(name) for name in ("out", "err"))
    nothing = os.open(os.devnull, os.O_RDONLY)
    try:
        wait = start(words, (nothing, out, err), cwd=cwd, env=env)
        status = wait()
        said = [os.pread(one, os.fstat(one).st_size, 0).decode() for one in (out, err)]
    finally:
        for one in (nothing, out, err):
            os.close(one)
    return subprocess.CompletedProcess(["harness", *words], status, *said)


def start(
    words: Sequence[object],
    streams: tuple[int, int, int],
    *,
    cwd: Path = CHECKOUT,
    env: Mapping[str, str] | None = None,
) -> Callable[[], int]:
    """Start ``harness WORDS`` with these streams; give what waits for its exit status.

    One runs at a time: the next is started when this one's status is known.
    """
    zygote = _zygote()
    told = {
        "words": [str(word) for word in words],
        "cwd": str(cwd),
        "env": dict(os.environ if env is None else env),
    }
    zygote.ask(told, streams)
    return zygote.answer


class _Zygote:
    """Loaded at the first call; ends when this process does, for its socket is closed then."""

    def __init__(self) -> None:
        self._ours, theirs = socket.socketpair()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.forked", str(theirs.fileno())],
            cwd=CHECKOUT, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL,
        )  # fmt: skip
        theirs.close()
        self._ours.settimeout(LIMIT_S)

    def ask(self, what: dict[str, object], streams: Sequence[int]) -> None:
        """Have it fork."""
        told = json.dumps(what).encode()
        socket.send_fds(self._ours, [len(told).to_bytes(4)], streams)
        self._ours.sendall(told)

    def answer(self) -> int:
        """Wait for the exit status; negative, the signal that ended it."""
        said = self._ours.recv(4, socket.MSG_WAITALL)
        assert said, "the process that is forked has ended itself"
        return int.from_bytes(said, signed=True)


@cache
def _zygote() -> _Zygote:
    return _Zygote()


def _serve(asked: socket.socket) -> None:
    """Fork for each call, and tell how it ended; return in the one that is forked."""
    while True:
        head, streams, _, _ = socket.recv_fds(asked, 4, 3)
        if not head:
            sys.exit()
        what = json.loads(asked.recv(int.from_bytes(head), socket.MSG_WAITALL))
        if not (child := os.fork()):
            asked.close()
            for number, stream in enumerate(streams):
                os.dup2(stream, number)
                os.close(stream)
            os.chdir(what["cwd"])
            os.environ.clear()
            os.environ.update(what["env"])
            sys.argv = ["harness", *what["words"]]
            return
        for stream in streams:
            os.close(stream)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        asked.sendall(status.to_bytes(4, signed=True))


if __name__ == "__main__":
    import gc
    import runpy
    from importlib import import_module

    for _name in _LOADED:
        import_module(_name)
    gc.freeze()
    _serve(socket.socket(fileno=int(sys.argv[1])))
    for _name, _mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        _number = ("stdin", "stdout", "stderr").index(_name)
        _stream = os.fdopen(_number, _mode, buffering=1 if os.isatty(_number) else -1)
        setattr(sys, _name, _stream)
        setattr(sys, f"__{_name}__", _stream)
    sys.path[0] = os.getcwd()
    runpy.run_module("harness", run_name="__main__", alter_sys=True)
