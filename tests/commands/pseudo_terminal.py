"""The command line on a terminal of its own."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import termios
from collections.abc import Mapping

from tests import forked

COLOUR = re.compile(r"\x1b\[[\d;]*m")
HEIGHT = 24


def on_a_terminal(
    arguments: list[object], width: int, environment: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """Call `harness` where all three streams are a terminal; return status and what it was sent."""
    here, there = pty.openpty()
    fcntl.ioctl(there, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, width, 0, 0))
    left = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS", "LINES")}
    wait = forked.start(
        arguments,
        (there, there, there),
        env=left | {"TERM": "xterm-256color"} | dict(environment or {}),
    )
    os.close(there)
    said = b""
    try:
        while part := os.read(here, 65536):
            said += part
    except OSError:  # Linux says so when the other end is closed
        pass
    finally:
        os.close(here)
    return wait(), said.decode().replace("\r\n", "\n")


def piped(arguments: list[object], environment: Mapping[str, str]) -> tuple[int, str, str]:
    """Call `harness` where nothing is a terminal; return status, output and errors."""
    left = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS", "LINES")}
    done = forked.run(arguments, env=left | environment)
    return done.returncode, done.stdout, done.stderr
