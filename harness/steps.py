"""What the guard and its parts announce before they act, and what they keep of what failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

PHASES = ("backup", "create", "cleanup", "verify", "restore", "dispose")


class Step(NamedTuple):
    """One attempt at one operation, announced just before it is made."""

    phase: str  # one of PHASES
    operation: str  # "delete bots 17" in cleanup, the recovery's name in backup, restore, dispose
    attempt: int  # 1 is the first


class Failure(NamedTuple):
    """One attempt that failed."""

    step: Step
    reason: str  # in people's words: "foreign-key violation", "timeout", "permission denied", ...
    error: str  # the error's class and text
    code: int  # SQLite's extended result code, or errno; 0 when there is none


Listener = Callable[[Step], None]


def nobody(step: Step) -> None:
    """Listen to nothing: the default listener."""
