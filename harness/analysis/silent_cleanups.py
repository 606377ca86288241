"""What a cleanup of the user's own left behind although it said that it was fine.

A command that ends with status 0, a function that returns and statements that raise nothing are
believed. Whether the database was clean then, the outcome tells: the truth where nobody else
looked, the restore that verification asked for where the guard did.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from harness.analysis.together import ended
from harness.results.columns import Columns

_LEFT = re.compile(
    r"(?:^|; )((?:(?!; ).)+?): [\d,]+ (?:rows?|entry|entries) (?:added|changed|missing)"
)
_SEQUENCE = re.compile(r"(?:^|; )sequence ((?:(?!; ).)+?): ")


def unsaid(condition: Mapping[str, Any], columns: Columns) -> dict[str, Any] | None:
    """Count the cycles of one condition; None where no cleanup of a project's own database ran.

    ``columns`` are as Results.columns gives them. ``ran``: the cycles whose cleanup ran, harness
    errors left out; ``said_fine``: those of them in which it reported no failure; ``left``: those
    of these after which the database was not the baseline by the grade demanded; ``tables``: in how
    many of these the truth found rows of each table, known only where nothing was restored.
    By the grade "exact" a table's sequence counts as well ("sequence Orders").
    """
    if condition.get("project") is None or condition.get("cleanup") == "none":
        return None
    said = columns["cleanup_ok"]
    ran = (said >= 0) & ~ended(columns, "harness_error")
    said_fine = ran & (said == 1)
    left = said_fine & ~ended(columns, "cleaned")
    tables: Counter[str] = Counter()
    for detail, cycles in columns["detail"][left].counts().items():
        left_in = set(_LEFT.findall(detail))
        if condition["demands"] == "exact":
            left_in.update(f"sequence {name}" for name in _SEQUENCE.findall(detail))
        tables.update(dict.fromkeys(left_in, cycles))
    if not ran.any():
        return None
    return {
        "ran": int(ran.sum()),
        "said_fine": int(said_fine.sum()),
        "left": int(left.sum()),
        "tables": dict(sorted(tables.items(), key=lambda item: (-item[1], item[0]))),
    }
