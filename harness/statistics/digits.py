"""Print figures for people: a share with enough digits to tell 99% from 99.99%, a duration."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal


def percent(share: float, rounding: str = ROUND_HALF_EVEN) -> str:
    """Return ``share`` (0 to 1) as a percentage, two digits deep into its distance from 0 and 1.

    Only 0 and 1 themselves print as ``0%`` and ``100%``; a share that is no number prints ``-``.
    """
    if math.isnan(share):
        return "-"
    if share in (0, 1):
        return f"{share:.0%}"
    distance_percent = 100 * min(share, 1 - share)
    decimals = max(1, math.ceil(-math.log10(distance_percent) - 1e-9) + 1)
    # str() gives the shortest decimal that is this float, so that 0.999 is 99.9 and not a hair off
    exact = Decimal(str(float(share))) * 100
    return f"{exact.quantize(Decimal(1).scaleb(-decimals), rounding=rounding)}%"


def percent_interval(lower: float, upper: float) -> str:
    """Return ``[lower, upper]`` as percentages, rounded outwards so that it never says too much."""
    return f"[{percent(lower, ROUND_FLOOR)}, {percent(upper, ROUND_CEILING)}]"


def sure(confidence: float) -> str:
    """Return a confidence as ``95%`` or ``98.3%``, never more than it is."""
    number = percent(confidence, ROUND_FLOOR).removesuffix("%")
    return f"{number.rstrip('0').rstrip('.') if '.' in number else number}%"


def milliseconds(value_ms: float | None) -> str:
    """Return a duration for people, three digits in ms or s; ``-`` for one that is not known."""
    if value_ms is None or not math.isfinite(value_ms):
        return "-"
    value, unit = (value_ms / 1000, "s") if value_ms >= 999.5 else (value_ms, "ms")
    decimals = max(0, 2 - (math.floor(math.log10(value)) if value >= 1 else 0))
    return f"{value:,.{decimals}f} {unit}"


def number(value: float, digits: int = 3) -> str:
    """Return a rate, a factor or a limit with at most so many digits that count, and no exponent.

    Whole thousands keep all their digits; ``-`` for what is no number, ``∞`` for what has no end.
    """
    if math.isnan(value):
        return "-"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    exact = Decimal(str(float(value)))
    least = min(0, exact.adjusted() - digits + 1) if exact else 0  # adjusted: of the first digit
    rounded = exact.quantize(Decimal(1).scaleb(least), rounding=ROUND_HALF_EVEN)
    text = f"{rounded:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
