"""Find a fault, recovery, cleanup, workload or report by its name.

Built-in ones are modules of the package (one file each, its class carries ``name``); other
people's are entry points in the group ``harness.<package>``, see docs/extending.md.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING, Any

from harness.errors import UnknownName

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

# ruff: noqa: PLC0415 - what is built in is found at once, and no other distribution is looked at

PACKAGES = ("faults", "recovery", "cleanup", "workloads", "reports")
# What a class in each package must be; by name, as importing them all takes its time.
BASES = {
    "faults": "Fault",
    "recovery": "Recovery",
    "cleanup": "Cleanup",
    "workloads": "Workload",
    "reports": "Report",
}


@cache
def find(package: str, name: str) -> Any:
    """Return the class called ``name`` in ``package``; UnknownName gives the nearest choice."""
    if name in built_in(package):
        return _built_in(package, name)
    known = names(package)
    if name not in known:
        import difflib

        near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}? " if near else ""
        what = package.removesuffix("s")
        raise UnknownName(f"no {what} is called {name!r}; {hint}known: {', '.join(known)}")
    return _other(package, [point for point in others(package) if point.name == name])


def _built_in(package: str, name: str) -> Any:
    module = importlib.import_module(f"harness.{package}.{name}")
    for value in vars(module).values():
        if isinstance(value, type) and vars(value).get("name") == name:
            return value
    raise UnknownName(f"harness.{package}.{name} holds no class whose name is {name!r}")


@cache
def names(package: str) -> tuple[str, ...]:
    """Return every known name in ``package``, sorted.

    A built-in one is a module of the package itself, which defines a class with ``name`` equal to
    the module's own name; what helps it lies in the package's folders. Nobody's entry point takes
    the place of a built-in one.
    """
    return tuple(sorted(built_in(package) | {point.name for point in others(package)}))


@cache
def built_in(package: str) -> frozenset[str]:
    """Return the names that the package itself has."""
    home = importlib.import_module(f"harness.{package}")
    return frozenset(m.name for m in pkgutil.iter_modules(home.__path__) if not m.ispkg)


def others(package: str) -> tuple[EntryPoint, ...]:
    """Return what other distributions offer, sorted by name, whether or not it loads."""
    from importlib.metadata import entry_points

    # one that stands twice on the path is found twice
    points = dict.fromkeys(entry_points(group=f"harness.{package}"))
    return tuple(sorted(points, key=lambda point: (point.name, distribution(point))))


def distribution(point: EntryPoint) -> str:
    """Name the distribution that an entry point comes from, with its version."""
    return f"{point.dist.name} {point.dist.version}" if point.dist else "an unknown distribution"


def load(package: str, point: EntryPoint) -> Any:
    """Return the class of an entry point; UnknownName says what is wrong with it."""
    called = f"{package} {point.name!r} ({point.value}, of {distribution(point)})"
    try:
        found = point.load()
    except Exception as error:  # importing somebody else's module may raise anything
        from harness.moved import advice

        raise UnknownName(
            f"{called} does not load: {type(error).__name__}: {error}; "
            f"{advice(error) or 'mend that package, or remove it'}"
        ) from error
    problem = _problem(package, point.name, found)
    if problem:
        raise UnknownName(f"{called} {problem}")
    return found


def _other(package: str, points: list[EntryPoint]) -> Any:
    """Return the one class that ``points`` of the same name mean; UnknownName when they differ."""
    if len({point.value for point in points}) > 1:
        offers = ", ".join(f"{point.value} of {distribution(point)}" for point in points)
        name = points[0].name
        raise UnknownName(
            f"{package} {name!r} is offered more than once: {offers}; remove all but one"
        )
    return load(package, points[0])


def _problem(package: str, name: str, found: Any) -> str | None:
    """Say why ``found`` cannot be used under ``name``, and what to write instead."""
    import inspect

    base = getattr(importlib.import_module(f"harness.{package}"), BASES[package])
    wanted = f"harness.{package}.{base.__name__}"
    if not isinstance(found, type):
        return f"is no class: name a class that derives from {wanted}"
    if not issubclass(found, base):
        return f"is a class but no {base.__name__}: derive it from {wanted}"
    if getattr(found, "name", None) != name:
        own = getattr(found, "name", None)
        carries = f"carries the name {own!r}" if own is not None else "carries no name"
        return f"{carries}: write name = {name!r} in the class, as its entry point is called"
    if not isinstance(getattr(found, "contract", None), str):
        return "has no contract: write one sentence, contract = '...', in the class"
    if inspect.isabstract(found):
        missing = ", ".join(sorted(vars(found)["__abstractmethods__"]))
        return f"does not say how it does: {missing}; define that in the class"
    return None
