"""The failure probability at any fault rate, from cycles with a set number of faults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd


def stratified(
    condition: Mapping[str, Any], frame: pd.DataFrame, confidence: float
) -> dict[str, Any] | None:
    """Return the strata and the curve of one condition; None where it has no strata."""
    return None
