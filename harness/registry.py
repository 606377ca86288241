"""Find a fault, recovery, cleanup, workload or report by its name.

Built-in ones are modules of the package (one file each, its class carries ``name``); other
people's are entry points in the group ``harness.<package>``.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from harness.errors import UnknownName

PACKAGES = ("faults", "recovery", "cleanup", "workloads", "reports")


@cache
def find(package: str, name: str) -> Any:
    """Return the class called ``name`` in ``package``; UnknownName gives the nearest choice."""
    known = names(package)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise UnknownName(f"no {package} is called {name!r}; {hint}known: {', '.join(known)}")
    if name not in _built_in(package):
        (point, *_) = entry_points(group=f"harness.{package}", name=name)
        try:
            return point.load()
        except (ImportError, AttributeError) as error:
            raise UnknownName(
                f"{package} {name!r} ({point.value}) does not load: {error}"
            ) from error
    module = importlib.import_module(f"harness.{package}.{name}")
    for value in vars(module).values():
        if isinstance(value, type) and vars(value).get("name") == name:
            return value
    raise UnknownName(f"harness.{package}.{name} holds no class whose name is {name!r}")


@cache
def names(package: str) -> tuple[str, ...]:
    """Return every known name in ``package``, sorted.

    A built-in module counts when it defines a class with ``name`` equal to the module's own name;
    helpers whose names begin with an underscore or that are listed in the package's ``HELPERS``
    do not. Nobody's entry point takes the place of a built-in one.
    """
    others = {point.name for point in entry_points(group=f"harness.{package}")}
    return tuple(sorted(_built_in(package) | others))


def _built_in(package: str) -> set[str]:
    home = importlib.import_module(f"harness.{package}")
    helpers = set(getattr(home, "HELPERS", ()))
    return {
        m.name
        for m in pkgutil.iter_modules(home.__path__)
        if not m.name.startswith("_") and m.name not in helpers
    }
