"""Which engine an address belongs to. A second engine is one more file beside ``sqlite.py``."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from harness.databases import Differences, Grade
from harness.databases.sqlite import engine as sqlite
from harness.errors import UsageError
from harness.system.files import Files


class Engine(Protocol):
    """What the guard asks of an engine; each engine's module has these functions."""

    name: str
    default_recoveries: tuple[str, ...]  # in the order in which they are tried

    def connect(
        self,
        path: Path,
        *,
        busy_timeout_ms: int = ...,
        read_only: bool = ...,
        immutable: bool = ...,
    ) -> Any:
        """Open a connection of the engine's own kind; ``immutable``: on what nobody writes."""

    def quoted(self, name: str) -> str:
        """Quote the name of a table or column for SQL."""

    def differences(
        self, database: Path, baseline: Path, *, grade: Grade = ..., busy_timeout_ms: int = ...
    ) -> Differences:
        """Find every difference between a live database and its baseline."""

    def make_durable(self, database: Path, files: Files) -> None:
        """Make the present content last a power cut, whoever wrote it."""


def engine_of(database: str | Path) -> Engine:
    """Return the engine of a path or an address; UsageError for one there is no engine for."""
    scheme, found, _ = str(database).partition("://")
    if not found:
        return sqlite
    if scheme in ("sqlite", "file"):
        raise UsageError(f"{scheme}:// addresses are not read: give the path of the file")
    raise UsageError(f"{scheme}:// databases cannot be guarded yet; known: a path of a SQLite file")
