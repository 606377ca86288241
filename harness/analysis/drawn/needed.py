"""How many cycles a claim takes: by the claim, for some numbers of failures; and what was run."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from harness.statistics.sequential import support_boundary

FAILURES = (0, 1, 2, 5)
_STEPS = 4  # to a decade
_CONFIDENCE = 0.95


class Boundary(NamedTuple):
    """The cycle at which a claim is supported with so many failures, by what the claim allows."""

    failures: int
    points: list[tuple[float, int]]  # (failures that the claim allows, cycles)


class Claimed(NamedTuple):
    """A claim of the run: what it allows, how far it came."""

    condition: str
    claim: str
    allowed: float  # a share of failures
    cycles: int  # that were run, or at which it was decided
    failures: int
    verdict: str


class Needed(NamedTuple):
    """What the figure shows."""

    confidence: float  # of the boundaries
    boundaries: list[Boundary]
    claims: list[Claimed]


def needed(summary: Mapping[str, Any]) -> Needed:
    """Return the boundaries over every decade that the run claims in, and its claims."""
    judged = [
        (condition, claim)
        for condition in summary["conditions"]
        for claim in condition.get("claims") or ()
        if _is_one_share(claim) and claim.get("cycles")
    ]
    sure = Counter(claim.get("confidence") or _CONFIDENCE for _, claim in judged)
    confidence = sure.most_common(1)[0][0] if sure else _CONFIDENCE
    claims = [_claimed(condition, claim) for condition, claim in judged]
    allowed = [one.allowed for one in claims]
    lines = boundaries(confidence, max([0.1, *allowed]), min([0.001, *allowed]))
    return Needed(confidence, lines, claims)


def _is_one_share(claim: Mapping[str, Any]) -> bool:
    """Whether so many must not fail: no range, and not all of them, which no cycles support."""
    return 0 < (claim.get("at_least") or 0) < 1 and claim.get("at_most") is None


def _claimed(condition: Mapping[str, Any], claim: Mapping[str, Any]) -> Claimed:
    return Claimed(
        condition["name"],
        claim["claim"],
        1 - claim["at_least"],
        claim.get("decided_at_cycle") or claim["cycles"],
        claim.get("failures") or 0,
        claim.get("verdict") or "-",
    )


@lru_cache(maxsize=32)
def boundaries(confidence: float, loosest: float, strictest: float) -> list[Boundary]:
    """Return when claims are supported, from what allows ``loosest`` failures to ``strictest``."""
    steps = range(
        math.floor(-_STEPS * math.log10(loosest)), 1 - math.floor(_STEPS * math.log10(strictest))
    )
    allowed = [loosest, *(10 ** (-step / _STEPS) for step in steps), strictest]
    inside = sorted({share for share in allowed if strictest <= share <= loosest}, reverse=True)
    return [
        Boundary(k, [(share, support_boundary(k, 1 - share, confidence)) for share in inside])
        for k in FAILURES
    ]
