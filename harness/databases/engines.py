"""Which engine an address belongs to, by its scheme; a file's path has none.

An engine is a folder of ``harness.databases``; other people's is an entry point of the group
``harness.databases``, called after its scheme.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, cast

from harness import databases, extras, registry
from harness.databases.engine import Address, Engine, Given, Reason
from harness.errors import UsageError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

FILES = ""  # the scheme of what has none
_theirs: dict[str, Engine] = {}  # other people's that have been loaded


def address_of(given: Given | Address, *, what: str = "--database") -> Address:
    """Return the address of a database; one that was made before is itself.

    Raises:
        UsageError: there is no engine for it, or it is no address of that engine's.
    """
    engine = getattr(given, "engine", None)
    if engine is not None:
        return cast(Address, given)
    return engine_of(given).address(cast(Given, given), what=what)


def engine_of(given: Given | Address) -> Engine:
    """Return the engine of a path or an address; UsageError for one there is no engine for."""
    engine = getattr(given, "engine", None)
    if engine is not None:
        return cast(Engine, engine)
    scheme, separator, _ = os.fsdecode(cast(Given, given)).partition("://")
    scheme = scheme.lower()
    # as others write it: "jdbc:acme://", "acme+driver://"
    plain = scheme.removeprefix("jdbc:").partition("+")[0]
    if scheme.startswith("jdbc:"):  # also "jdbc:sqlite:app.db"
        separator, plain = "://", plain.partition(":")[0]
    for name in (scheme, plain) if separator else (FILES,):
        engine = _of_scheme(name)
        if engine is not None:
            return engine
    is_one = re.fullmatch(r"(jdbc:)?[\w+.-]{1,40}", scheme)  # else a password may be in it
    raise UsageError(
        f"{scheme if is_one else '...'}:// databases cannot be guarded yet; known: a path of a "
        "SQLite file, and postgresql://USER@HOST:PORT/NAME"
    )


@cache
def _of_scheme(scheme: str) -> Engine | None:
    for name in built_in():
        if scheme in importlib.import_module(f"harness.databases.{name}").SCHEMES:
            return named(name)
    for point in registry.others("databases"):
        if point.name == scheme:
            return _loaded(point)
    return None


def known() -> Iterator[Engine]:
    """Give every engine that loads, the built-in ones first; none whose driver is not installed."""
    for name in built_in():
        with suppress(UsageError):  # whoever gives an address of its scheme is told
            yield named(name)
    for point in registry.others("databases"):
        with suppress(UsageError):
            yield _loaded(point)


def _loaded(point: EntryPoint) -> Engine:
    """Load other people's engine; UsageError says what is wrong with it."""
    try:
        engine = _theirs[point.value] = cast(Engine, point.load())
    except Exception as error:  # importing somebody else's module may raise anything
        from harness.moved import advice  # noqa: PLC0415 - only where one does not load

        raise UsageError(
            f"the engine {point.name!r} ({point.value}, of {registry.distribution(point)}) does "
            f"not load: {type(error).__name__}: {error}; "
            f"{advice(error) or 'mend that package, or remove it'}"
        ) from error
    return engine


@cache
def named(name: str) -> Engine:
    """Return a built-in engine by its name; UsageError where its driver is not installed."""
    try:
        return cast(Engine, importlib.import_module(f"harness.databases.{name}.engine").ENGINE)
    except ModuleNotFoundError as error:
        if lacking := extras.advice(error):
            raise UsageError(lacking) from None
        raise


@cache
def built_in() -> tuple[str, ...]:
    """Return the names of the built-in engines: they are the folders here."""
    return tuple(module.name for module in pkgutil.iter_modules(databases.__path__) if module.ispkg)


def describe(error: BaseException) -> Reason | None:
    """Ask every engine whether an error is its own; None where it is nobody's."""
    for engine in _in_use():
        if reason := engine.describe(error):
            return reason
    return None


def _in_use() -> Iterator[Engine]:
    """Give the engines that are loaded, or whose driver is: no other can have raised anything."""
    for name in built_in():
        if importlib.import_module(f"harness.databases.{name}").DRIVER in sys.modules:
            yield named(name)
    yield from _theirs.values()
