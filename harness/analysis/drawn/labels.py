"""Labels beside the ends of lines, moved until none touches another."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise


def apart(wanted: Sequence[float], gap: float) -> list[float]:
    """Return ``wanted`` places (0 to 1) moved until neighbours are ``gap`` apart.

    Their order stays. All stay within 0 to 1, closer together where there is no room for more.
    """
    if not wanted:
        return []
    gap = min(gap, 1 / max(1, len(wanted) - 1))
    order = sorted(range(len(wanted)), key=lambda number: wanted[number])
    placed = [min(1.0, max(0.0, wanted[number])) for number in order]
    for here, after in pairwise(range(len(placed))):
        placed[after] = max(placed[after], placed[here] + gap)
    placed[-1] = min(placed[-1], 1.0)
    for after, here in pairwise(reversed(range(len(placed)))):
        placed[here] = min(placed[here], placed[after] - gap)
    moved = [0.0] * len(wanted)
    for place, number in zip(placed, order, strict=True):
        moved[number] = place
    return moved
