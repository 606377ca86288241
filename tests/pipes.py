"""Reading what another process says, for so long and no longer."""

from __future__ import annotations

import subprocess
import threading
from typing import AnyStr


def line_of(process: subprocess.Popen[AnyStr], within_s: float = 30) -> AnyStr:
    """Return the next line of a process, empty when it has ended.

    One that says nothing in time is killed; AssertionError says what it was.
    """
    assert process.stdout is not None
    late = threading.Event()

    def give_up() -> None:
        late.set()
        process.kill()

    watch = threading.Timer(within_s, give_up)
    watch.start()
    try:
        line = process.stdout.readline()
    finally:
        watch.cancel()
        watch.join()
    assert not late.is_set(), f"said nothing within {within_s} s: {process.args!r}"
    return line
