"""Measure whether a test database really comes back clean, and guard it while tests run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from harness.guard.calling import Callable

    guard: Callable
else:  # to a type checker this would make every name one of the package's

    def __getattr__(name: str) -> Any:
        """Load what guards when it is first asked for, so that ``import harness`` costs nothing."""
        if name == "guard":
            from importlib import import_module  # noqa: PLC0415 - as above

            return import_module("harness.guard")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
