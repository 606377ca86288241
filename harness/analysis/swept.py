"""What is drawn of a sweep, wherever it is drawn: its points, its name, the ends of its frontier.

The page and the notebooks draw by different means. The page's pieces of SVG take their colours from
its style sheet, stand in cells of tables and keep their letters' size on any screen; a small figure
takes 0.8 ms and 4 kB there, 140 ms and 16 kB by matplotlib, whose import alone takes longer than
most pages. In a notebook matplotlib's axes are what people go on working with.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from harness.statistics import digits

Curve = Mapping[str, Any]  # an entry of curves in summary.json


class End(NamedTuple):
    """Up to where the target is shown to hold, or from where on to break."""

    kind: str  # holds or breaks
    at: Any
    said: str  # "holds to 0.002"


def measured(curve: Curve) -> list[Mapping[str, Any]]:
    """Return the points at which cycles were counted."""
    return [point for point in curve["points"] if point.get("reliability") is not None]


def series_name(curve: Curve) -> str:
    """Name a curve among those of its sweep: "policy hybrid_verified"; "" where it is alone."""
    return ", ".join(f"{key} {words(of)}" for key, of in (curve.get("series") or {}).items())


def words(value: Any, between: str = "+") -> str:
    """Return a swept value for people; the parts of a list with ``between`` between them."""
    return between.join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def ends(curve: Curve) -> list[End]:
    """Return the ends of the frontier that are known."""
    frontier = curve.get("frontier") or {}
    kinds = (("holds", "holds_to", "holds to"), ("breaks", "breaks_from", "breaks from"))
    return [
        End(kind, frontier[key], f"{said} {number(frontier[key])}")
        for kind, key, said in kinds
        if frontier.get(key) is not None
    ]


def number(value: Any) -> str:
    """Return a swept value in three digits, where it is a number."""
    finite = isinstance(value, int | float) and math.isfinite(value)
    return digits.number(value) if finite else str(value)
