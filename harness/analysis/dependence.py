"""Whether cleanup and restore fail independently, from restores forced where none was needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd


def dependence(
    condition: Mapping[str, Any], frame: pd.DataFrame, confidence: float
) -> dict[str, Any] | None:
    """Return what one condition says; None where no restore was forced."""
    return None


def common(conditions: Sequence[Mapping[str, Any]], confidence: float) -> dict[str, Any] | None:
    """Return what all conditions say together of one odds ratio; None where none says anything."""
    return None
