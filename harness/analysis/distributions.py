"""How long each step took, as a distribution: values at fixed shares of the cycles."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from harness.statistics.timings import Ordered

Distribution = dict[str, list[float]]


# of the cycles, in which a step took no longer
SHARES = (
    0.0, 0.001, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6,
    0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.925, 0.95, 0.975, 0.99, 0.995, 0.999, 1.0,
)  # fmt: skip


def distributions(timings_ms: Mapping[str, Ordered]) -> dict[str, Distribution]:
    """Return {step: {"shares": SHARES, "values": ms}} for each step that took place.

    ``timings_ms`` has those of each step in order of size, without nan.

    A value is one that was measured: the smallest with at least that share at or below it, the
    inverse of the empirical distribution (R. J. Hyndman, Y. Fan, "Sample quantiles in statistical
    packages", The American Statistician 50 (1996) 361-365, definition 1).
    """
    by_step = {}
    for step, values_ms in timings_ms.items():
        if len(values_ms):
            ranks = np.ceil(np.array(SHARES) * len(values_ms)).astype(np.int64) - 1
            by_step[step] = {
                "shares": list(SHARES),
                "values": values_ms[np.maximum(ranks, 0)].tolist(),
            }
    return by_step
