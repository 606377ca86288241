"""Whoever runs cycles has one surface."""

from __future__ import annotations

import inspect

from harness.experiment.run.cluster.pool import ClusterPool
from harness.experiment.run.pool import Pool
from harness.experiment.run.workers import Workers


def test_both_kinds_have_it() -> None:
    """Types say so; the names and what they take are the same as well."""
    for name in ("run", "prepare", "noted"):
        wanted = list(inspect.signature(getattr(Workers, name)).parameters)
        for kind in (Pool, ClusterPool):
            assert list(inspect.signature(getattr(kind, name)).parameters) == wanted
