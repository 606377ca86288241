"""How many cycles an open claim still takes, if it goes well."""

from __future__ import annotations

import math

import numpy as np

from harness.statistics.sequential import (
    UNREACHABLE,
    Floats,
    log_e_refute,
    log_e_support,
    support_boundary,
)

_FARTHEST, _STEPS = 1e7, 600  # as far as it is looked ahead, and in how many looks
_EARLY = 500  # cycles: where none of so many failed, no refutation is awaited any more


def fewest_to_decide(failures: int, cycles: int, claim: float, confidence: float) -> int:
    """Return the fewest further cycles in which an open claim may well be decided.

    It is supported if fewer fail from now on than did so far, or refuted if more do, by as much as
    chance easily makes of it (the root of their number; one, where none of the first few hundred
    failed); whichever takes fewer cycles. An outlook and no verdict: it decides who gets cycles,
    and nothing else.

    Args:
        failures: among the cycles so far.
        cycles: so far.
        claim: the reliability claimed, a share from 0 to 1.
        confidence: between 0 and 1.

    Returns:
        1 or more; exact where no failure is awaited, else to within some percent. `UNREACHABLE`
        where neither can come about.
    """
    fewer, more = failures - math.sqrt(failures), failures + math.sqrt(failures)
    if not failures and cycles < _EARLY:
        more = 1.0
    ahead: Floats = np.unique(np.ceil(np.geomspace(cycles + 1, _FARTHEST + cycles, _STEPS)))
    enough, further = -math.log1p(-confidence), (ahead - cycles) / max(cycles, 1)
    at = _first(ahead, log_e_refute(np.minimum(failures + more * further, ahead), ahead, claim),
                enough)  # fmt: skip
    if fewer:
        supporting = log_e_support(failures + fewer * further, ahead, claim)
        at = min(at, _first(ahead, supporting, enough))
    else:
        at = min(at, support_boundary(failures, claim, confidence))
    return UNREACHABLE if at >= UNREACHABLE else max(1, at - cycles)


def _first(ahead: Floats, evidence: Floats, enough: float) -> int:
    """Return the first of the cycles ``ahead`` with enough evidence, or `UNREACHABLE`."""
    reached = np.flatnonzero(evidence >= enough)
    return int(ahead[reached[0]]) if len(reached) else UNREACHABLE
