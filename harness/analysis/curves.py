"""Reliability over what an experiment swept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def curves(
    settings: Sequence[Mapping[str, Any]], measured: Sequence[Mapping[str, Any]], confidence: float
) -> list[dict[str, Any]]:
    """Return a curve for each series; [] where nothing was swept."""
    return []
