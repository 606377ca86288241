"""Read the table ``[tool.reliability-harness]`` and refuse what nobody could mean by it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.configured.project_file import find
from harness.errors import ConfigurationError

# ruff: noqa: PLC0415 - most folders have no table, and a guard starts at once


class Settings:
    """What holds for everybody in a folder; relative paths in it are relative to its file.

    Args:
        path: the file; None: there is none.
        values: as they were written, by their keys.
        lines: of each key, as far as it was found.
        passed_by: files of others, which do not count.
    """

    # no dataclass: making one takes longer than the look
    def __init__(
        self,
        path: Path | None = None,
        values: dict[str, Any] | None = None,
        lines: dict[str, int] | None = None,
        passed_by: tuple[Path, ...] = (),
    ) -> None:
        self.path, self.values, self.lines = path, values or {}, lines or {}
        self.passed_by = passed_by

    @property
    def folder(self) -> Path:
        """The folder that relative paths start from."""
        return self.path.parent if self.path else Path()

    def place(self, key: str) -> str:
        """Say where a key stands, as messages begin."""
        line = f":{self.lines[key]}" if key in self.lines else ""
        return f"{self.path}{line}: {key}"


def settings(start: Path | None = None) -> Settings:
    """Read what holds in a folder, or in the one at work.

    Raises:
        ConfigurationError: with the file, the line and the key, one problem a line.
    """
    try:
        found = find(start or Path.cwd())
    except FileNotFoundError:  # the folder at work was removed
        return Settings()
    if found.path is None:
        return Settings(passed_by=found.passed_by)
    from harness.configured import checks

    read = Settings(found.path, found.table, dict(checks.lines(found.text)), found.passed_by)
    if wrong := [f"{read.place(key)}: {why}" for key, why in checks.problems(found.table)]:
        raise ConfigurationError("\n".join(wrong))
    return read
