"""How a fault reaches what it strikes, by engine: a package or a file each, found by its name."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

from harness.databases.engines import engine_of
from harness.errors import UsageError
from harness.faults.reach.reach import Reach


def reach_of(database: Path) -> Reach:
    """Return what faults can do to ``database``, by its engine; UsageError where there is none."""
    name = engine_of(database).name
    if name not in {module.name for module in pkgutil.iter_modules(__path__)}:
        raise UsageError(f"faults reach no database of {name} yet: experiments run on files")
    module = importlib.import_module(f"{__name__}.{name}")
    reach: Reach = module.Reach(database)
    return reach
