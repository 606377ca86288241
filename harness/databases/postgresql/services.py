"""A connection service file: names under which the parameters of a connection lie.

https://www.postgresql.org/docs/current/libpq-pgservice.html
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from harness.errors import UsageError


def service(
    name: str, *, what: str, environment: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Read the parameters of a service, as libpq does.

    Args:
        name: of the service.
        what: the option that its name was given to.
        environment: of the process; None is its real one.

    Raises:
        UsageError: no file that libpq reads has it.
    """
    environment = os.environ if environment is None else environment
    files = [*_files(environment)]
    for file in files:
        try:
            lines = file.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
        except OSError:
            continue
        found = _section(lines, name)
        if found is None:
            continue
        if not all(map(str.isidentifier, found)):
            raise UsageError(
                f"{what}: a line under [{name}] in {file} is no NAME=VALUE, without spaces: "
                "PostgreSQL's own library would not read it. Correct that file."
            )
        return found
    places = ", ".join(map(str, files))
    raise UsageError(
        f"{what}: there is no service {name!r} in {places}. Write it there, or name its file in "
        "PGSERVICEFILE, or write postgresql://USER@HOST:PORT/NAME."
    )


def _files(environment: Mapping[str, str]) -> Iterator[Path]:
    named = environment.get("PGSERVICEFILE")
    yield Path(named) if named else Path("~/.pg_service.conf").expanduser()
    system = environment.get("PGSYSCONFDIR") or "/etc/postgresql-common"
    yield Path(system, "pg_service.conf")


def _section(lines: list[str], name: str) -> dict[str, str] | None:
    """Give what stands under ``[name]``; None where that is not there. The first value counts."""
    found: dict[str, str] | None = None
    for line in map(str.strip, lines):
        if line.startswith("["):
            if found is not None:
                return found
            if line == f"[{name}]":
                found = {}
        elif found is not None and line and not line.startswith(("#", "ldap://")):
            key, _, value = line.partition("=")
            found.setdefault(key, value)
    return found
