"""What a cleanup of the user's own left behind although it said that it was fine.

A command that ends with status 0, a function that returns and statements that raise nothing are
believed. Whether the database was clean then, the outcome tells: the truth where nobody else
looked, the restore that verification asked for where the guard did.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


_LEFT = re.compile(
    r"(?:^|; )((?:(?!; ).)+?): [\d,]+ (?:rows?|entry|entries) (?:added|changed|missing)"
)
_SEQUENCE = re.compile(r"(?:^|; )sequence ((?:(?!; ).)+?): ")


def unsaid(condition: Mapping[str, Any], frame: pd.DataFrame) -> dict[str, Any] | None:
    """Count the cycles of one condition; None where no cleanup of a project's own database ran.

    ``frame`` is as Results.cycles gives it. ``ran``: the cycles whose cleanup ran, harness errors
    left out; ``said_fine``: those of them in which it reported no failure; ``left``: those of
    these after which the database was not the baseline by the grade demanded; ``tables``: in how
    many of these the truth found rows of each table, known only where nothing was restored.
    By the grade "exact" a table's sequence counts as well ("sequence Orders").
    """
    if condition.get("project") is None or condition.get("cleanup") == "none":
        return None
    outcome = frame["outcome"].astype(object).to_numpy()
    ran = frame["cleanup_ok"].notna().to_numpy() & (outcome != "harness_error")
    said_fine = ran & frame["cleanup_ok"].fillna(value=False).to_numpy(dtype=bool)
    left = said_fine & (outcome != "cleaned")
    tables: Counter[str] = Counter()
    for detail in frame["detail"][left]:
        left_in = set(_LEFT.findall(detail))
        if condition["demands"] == "exact":
            left_in.update(f"sequence {name}" for name in _SEQUENCE.findall(detail))
        tables.update(left_in)
    if not ran.any():
        return None
    return {
        "ran": int(ran.sum()),
        "said_fine": int(said_fine.sum()),
        "left": int(left.sum()),
        "tables": dict(sorted(tables.items(), key=lambda item: (-item[1], item[0]))),
    }
