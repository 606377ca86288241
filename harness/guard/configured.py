"""What a team's pyproject.toml asks of a guard, below what is asked on the spot."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness import registry
from harness.configured.project_file import TABLE
from harness.configured.settings import Settings
from harness.databases.engine import Given
from harness.databases.engines import address_of
from harness.errors import ConfigurationError, UnknownName, UsageError
from harness.guard.entrance import BY_DIFFERENCE, NO_CLEANUP

_AS_ASKED = {"recovery": "recoveries"}  # the others are called as what may be asked


def database_of(given: str | None, settings: Settings) -> Given:
    """Return the database that was given, else the file's; UsageError where there is neither."""
    if given is not None:
        return given
    if (found := database_in(settings)) is not None:
        return found
    where = f"{settings.path} gives none" if settings.path else "no pyproject.toml does"
    passed_by = "".join(f"; {path} belongs to another user, and was not read"
                        for path in settings.passed_by)  # fmt: skip
    raise UsageError(
        "which database? Give --database DATABASE, or write 'database' into "
        f"[tool.{TABLE}] of pyproject.toml ({where}{passed_by})"
    )


def database_in(settings: Settings) -> Given | None:
    """Return the database that a file names, a path relative to that file; None where it does not.

    Raises:
        UsageError: with file, line and key: it can be none.
    """
    written = settings.values.get("database")
    if written is None:
        return None
    path = settings.folder / written
    if not os.path.lexists(path):
        address_of(written, what=settings.place("database"))
        if "://" in written:
            return str(written)
    return str(written) if settings.folder == Path.cwd() else path


def asked_with(given: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """Return what is asked of a guard, by the names of ``Asked``: what is given, else the file's.

    Args:
        given: what is asked on the spot; None and an empty list are not asked. Words that mean
            production are added to the file's: nobody takes one away by adding another.
        settings: the file's.

    Raises:
        ConfigurationError: with file, line and key: a recovery that nobody knows.
    """
    asked = {name: value for name, value in given.items() if value not in (None, (), [])}
    for key, value in settings.values.items():
        name = _AS_ASKED.get(key, key)
        if key == "signs":
            asked[name] = [*value, *asked.get(name, ())]
        elif key != "database" and name not in asked:
            asked[name] = _meant(key, value, settings)
    return asked


def _meant(key: str, value: Any, settings: Settings) -> Any:
    if key == "recovery":
        chain = [value] if isinstance(value, str) else value
        for name in chain:
            try:
                registry.find("recovery", name)
            except UnknownName as error:
                raise ConfigurationError(f"{settings.place(key)}: {error}") from error
        return chain
    if key == "cleanup" and value not in (BY_DIFFERENCE, NO_CLEANUP):
        from harness.cleanup.given.command import CommandCleanup  # noqa: PLC0415 - takes its time

        return CommandCleanup(value, folder=settings.folder)
    return value
