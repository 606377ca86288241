"""Load what guards when it is first asked for; in one sentence where nothing can be guarded."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

from harness.errors import UsageError


def load(module: str) -> ModuleType:
    """Load a module by its whole name; UsageError on a system that nothing can be guarded on."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != "fcntl":
            raise
        raise UsageError(
            f"guarding a database needs Linux or macOS: Python on {sys.platform} lacks their file "
            "locks (fcntl). Run it there, for instance in WSL or in a container."
        ) from None
