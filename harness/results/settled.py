"""Whether how many cycles there are was settled before any of them was seen.

An interval for a number of cycles fixed beforehand says too much of a condition that ended when it
was decided, or when somebody had seen enough.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def looked(run: Mapping[str, Any]) -> bool:
    """Whether cycles of a run could end, or go on, because of what they showed.

    Args:
        run: its run.json; one from before that was noted did not.
    """
    return bool(run.get("looked"))


def fixed_beforehand(run: Mapping[str, Any], condition: Mapping[str, Any], cycles: int) -> bool:
    """Whether a condition has just the cycles that were planned, by a run that nobody looked at.

    Fewer may have been ended because of what they showed: by Ctrl-C as by the run itself. A
    condition that shares a budget has as many as decided it, or as decided others.

    Args:
        run: its run.json.
        condition: as run.json has it.
        cycles: how many are stored.
    """
    budget = (run.get("experiment") or {}).get("budget") or {}
    shares = condition.get("name") in (budget.get("sharing") or ())
    return not looked(run) and not shares and cycles >= int(condition.get("cycles") or 0)
