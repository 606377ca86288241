"""What a user has written for a cycle to do, as the action that it means.

How it is written says which: a list is SQL, ``"package.module:function"`` a callable, and any
other text is a command line for the shell.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from harness.processes.actions import Action, Callback, Sql

CALLABLE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


def action_of(written: str | Sequence[str], home: Path, *, timeout_s: float) -> Action:
    """Return what ``written`` means, as the top of this file says.

    Args:
        written: SQL statements, "package.module:function" or a command line.
        home: the folder of the experiment's file: commands run there.
        timeout_s: after so long a command is killed with all it started.
    """
    if not isinstance(written, str):
        return Sql(tuple(written))
    if CALLABLE.fullmatch(written):
        return Callback(written, home)
    from harness.processes.command import Command  # noqa: PLC0415 - few experiments run any

    return Command(written, home, timeout_s)
