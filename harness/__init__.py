"""Measure whether a test database really comes back clean, and guard it while tests run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness import plot
    from harness.analysis.loading import load
    from harness.guard.calling import Callable

    guard: Callable
    __version__: str
else:  # to a type checker this would make every name one of the package's

    def __getattr__(name: str) -> Any:
        """Load what is asked for when it is first asked for: ``import harness`` costs nothing."""
        from importlib import import_module  # noqa: PLC0415 - as above

        try:
            if name in ("guard", "plot"):
                return import_module(f"harness.{name}")
            if name == "__version__":
                return import_module("harness.version").VERSION
            if name == "load":
                return import_module("harness.analysis.loading").load
        except ModuleNotFoundError as error:
            needed = import_module("harness.extras").advice(error)
            if needed is None:
                raise
            raise ModuleNotFoundError(f"harness.{name}: {needed}", name=error.name) from None
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = ["__version__", "guard", "load", "plot"]
