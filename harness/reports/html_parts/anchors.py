"""Where on the page each condition is told, and links that lead there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.reports.html_parts.markup import clean

Anchors = Mapping[str, str]  # a condition's name -> its address on the page


def anchors(conditions: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Give each condition an address; its name may hold what an address cannot."""
    return {condition["name"]: f"condition-{at}" for at, condition in enumerate(conditions, 1)}


def linked(text: str, condition: str | None, known: Anchors) -> str:
    """Return people's text as HTML that leads to a condition, where that is on the page."""
    address = known.get(condition or "")
    return f'<a href="#{address}">{clean(text)}</a>' if address else clean(text)
