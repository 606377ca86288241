"""What the guard and its parts announce before they act, and what they keep of what failed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

PHASES = ("backup", "create", "cleanup", "verify", "restore", "dispose")


class Step(NamedTuple):
    """One attempt at one operation, announced just before it is made."""

    phase: str  # one of PHASES
    operation: str  # "delete bots 17" in cleanup, the recovery's name in backup, restore, dispose
    attempt: int  # 1 is the first


@dataclass(frozen=True, slots=True)
class Entity:
    """One thing that the tests made or changed, and how SQL finds it again.

    ``before`` is None for a row to delete; for a baseline row to put back it holds the columns'
    old values. ``key`` maps columns to values; ``after`` instead marks every row of ``table``
    whose column is greater (what triggers wrote).
    """

    table: str
    key: tuple[tuple[str, Any], ...]
    before: tuple[tuple[str, Any], ...] | None = None
    after: bool = False

    @property
    def label(self) -> str:
        """How people and faults name the operation: "delete bots 17", "revert users 3"."""
        values = " ".join(str(v) for _, v in self.key)
        if self.after:
            return f"purge {self.table} {values}"
        verb = "delete" if self.before is None else "revert"
        return f"{verb} {self.table} {values}".rstrip()  # no key: the whole table


class Failure(NamedTuple):
    """One attempt that failed."""

    step: Step
    reason: str  # in people's words: "foreign-key violation", "timeout", "permission denied", ...
    error: str  # the error's class and text
    code: int  # SQLite's extended result code, or errno; 0 when there is none


Listener = Callable[[Step], None]


def nobody(step: Step) -> None:
    """Listen to nothing: the default listener."""
