"""How a fault reaches what it strikes, by engine: a package or a file each, found by its name."""

from __future__ import annotations

import importlib
from pathlib import Path

from harness.databases.engines import engine_of
from harness.faults.reach.reach import Reach


def reach_of(database: Path) -> Reach:
    """Return what faults can do to ``database``, by its engine; UsageError where there is none."""
    module = importlib.import_module(f"{__name__}.{engine_of(database).name}")
    reach: Reach = module.Reach(database)
    return reach
