"""Figures of a stored run: ``harness.plot.reliability(harness.load(DIR))``.

Each takes a ``Run`` and perhaps the axes to draw on, and returns the axes, whose figure is saved as
SVG, PDF or PNG: ``harness.plot.curve(run).figure.savefig("curve.pdf")``. Reliability and failures
stand on a logarithmic scale of failures, on which 99% and 99.9% are as far apart as 99.9% and
99.99%. What never failed has no point there, only a bound with an arrow.
"""

from __future__ import annotations

from harness.plot.builds import builds
from harness.plot.cost import cost
from harness.plot.forest import reliability
from harness.plot.needed import needed
from harness.plot.outcomes import outcomes
from harness.plot.shadows import independence
from harness.plot.steps import timings
from harness.plot.sweeps import curve
from harness.plot.timeline import timeline

__all__ = [
    "builds", "cost", "curve", "independence", "needed", "outcomes", "reliability", "timeline",
    "timings",
]  # fmt: skip
