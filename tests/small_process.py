"""A process that has loaded little: forking it takes a quarter of what forking the tests' takes."""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

LIMIT_S = 280  # below the limit of a long test, so that this process is ended by whoever waits


class SmallProcess:
    """Runs functions, one after another; they and what they take and return can be pickled."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Return what ``function`` returns there; AssertionError with its traceback."""
        self._ours.send((function, arguments))
        if not self._ours.poll(LIMIT_S):
            self.close()
            self._start()  # for whoever comes next
            raise AssertionError(f"{function.__name__} took more than {LIMIT_S} s")
        result, error = self._ours.recv()
        assert not error, error
        return result

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()
        self._ours.close()


def _serve(asked: Connection) -> None:
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), sys.stderr.fileno())  # what a forked process tells of its error
        while True:
            function, arguments = asked.recv()
            os.truncate(said.fileno(), 0)
            said.seek(0)
            try:
                asked.send((function(*arguments), ""))
            except BaseException:  # noqa: BLE001 - whatever it is, the test is told
                said.seek(0)
                asked.send((None, said.read().decode(errors="replace") + traceback.format_exc()))
