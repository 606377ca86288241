"""How many cycles an open claim still takes, at the least."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.statistics.sequential import UNREACHABLE, log_e_refute, support_boundary

_FARTHEST, _STEPS = 1e7, 400  # as far as a refutation is looked for, and in how many looks


def fewest_to_decide(failures: int, cycles: int, claim: float, confidence: float) -> int:
    """Return the fewest further cycles in which an open claim may well be decided.

    It is supported if nothing else fails, or refuted if failures go on as they did so far,
    whichever takes fewer. An outlook and no verdict: it decides who gets cycles, and nothing else.

    Args:
        failures: among the cycles so far.
        cycles: so far.
        claim: the reliability claimed, a share from 0 to 1.
        confidence: between 0 and 1.

    Returns:
        1 or more; a refutation is found to within some percent. `UNREACHABLE` where neither can
        come about.
    """
    at = min(support_boundary(failures, claim, confidence), _refuted_at(
        failures, cycles, claim, confidence
    ))  # fmt: skip
    return UNREACHABLE if at >= UNREACHABLE else max(1, at - cycles)


def _refuted_at(failures: int, cycles: int, claim: float, confidence: float) -> int:
    """Return the cycle at which a claim is refuted if failures go on as they did so far."""
    if not failures or failures / cycles <= 1 - claim:
        return UNREACHABLE
    steps = np.geomspace(cycles + 1, max(_FARTHEST, 2 * cycles), _STEPS)
    ahead: NDArray[Any] = np.unique(np.ceil(steps))
    evidence = log_e_refute(ahead * (failures / cycles), ahead, claim)
    refuting = np.flatnonzero(evidence >= -np.log1p(-confidence))
    return int(ahead[refuting[0]]) if len(refuting) else UNREACHABLE
