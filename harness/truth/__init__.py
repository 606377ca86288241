"""The truth: the independent check after the guard has finished. One file an engine.

It imports nothing of guard, recovery, cleanup or databases: it is other code, on purpose.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the database really is at the end of a cycle."""

    rows: bool  # every row, schema and settings are the baseline's
    exact: bool  # sequences as well
    lost: bool  # baseline content is missing, changed or unreadable in the live file
    left_behind: tuple[str, ...] = ()  # names of files beside the database that should not be there
    differences: tuple[str, ...] = ()  # one sentence each; empty when exact and nothing left behind
