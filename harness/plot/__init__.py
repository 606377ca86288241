"""Figures of a stored run: ``harness.plot.reliability(harness.load(DIR))``.

Each takes a ``Run`` and perhaps the axes to draw on, and returns the axes. Reliability stands on a
logarithmic scale of failures, on which 99% and 99.9% are as far apart as 99.9% and 99.99%.
"""

from __future__ import annotations

from harness.plot.forest import reliability
from harness.plot.shadows import independence
from harness.plot.steps import timings
from harness.plot.sweeps import curve

__all__ = ["curve", "independence", "reliability", "timings"]
