"""Where cycles run, by engine: a package or a file each, found by the engine's name."""

from __future__ import annotations

import importlib
import os
import pkgutil
from pathlib import Path

from harness.databases.engine import Given
from harness.databases.engines import address_of, engine_of
from harness.errors import UsageError
from harness.experiment.cycle.grounds.ground import Ground

_BASE = "ground"


def ground_of(database: Path) -> type[Ground]:
    """Return where cycles run on copies of ``database``: the ground of its engine.

    UsageError where there is no engine for it, or cycles cannot run on its databases yet.
    """
    name = engine_of(database).name
    if name not in {module.rpartition(".")[2] for module in modules()}:
        raise UsageError(
            f"experiments run on copies of a file, and databases of {name} are none: the guard "
            "alone works there"
        )
    ground: type[Ground] = importlib.import_module(f"{__name__}.{name}").Ground
    return ground


def file_of(given: Given, *, what: str) -> Path:
    """Return the path of a database that cycles can run on copies of.

    UsageError, of ``what``, for what can be no path of one.
    """
    address = address_of(given, what=what)
    if not isinstance(address, os.PathLike):
        raise UsageError(f"{what} {address}: experiments run on copies of a file, and this is none")
    return Path(address)


def modules() -> list[str]:
    """Name the module of every engine's ground."""
    names = (module.name for module in pkgutil.iter_modules(__path__) if module.name != _BASE)
    return [f"{__name__}.{name}" for name in names]
