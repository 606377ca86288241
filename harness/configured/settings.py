"""Read the table ``[tool.reliability-harness]`` and refuse what nobody could mean by it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.configured.keys import ALSO, KEYS, SAID_ONCE
from harness.configured.project_file import TABLE, find
from harness.errors import ConfigurationError
from harness.hidden import without_passwords


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds for everybody in a folder; relative paths in it are relative to its file."""

    path: Path | None = None  # None: there is no file
    values: dict[str, Any] = field(default_factory=dict)  # as they were written
    lines: dict[str, int] = field(default_factory=dict)  # of each key, as far as it was found
    passed_by: tuple[Path, ...] = ()  # files of others, which do not count

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
    lines = dict(_lines(found.text))
    read = Settings(found.path, found.table, lines, found.passed_by)
    if problems := [f"{read.place(key)}: {why}" for key, why in _problems(found.table)]:
        raise ConfigurationError("\n".join(problems))
    return read


def _problems(table: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        plain = key.replace("-", "_")
        if key in KEYS:
            if not KEYS[key].fits(value):
                yield key, f"{without_passwords(repr(value))} is not {KEYS[key].wanted}"
        elif plain in SAID_ONCE:
            yield (
                key,
                (
                    f"is for one run and cannot be said for all: give {SAID_ONCE[plain]} on "
                    "the command line where it is meant"
                ),
            )
        else:
            yield key, f"there is no such key in [tool.{TABLE}]; {_nearest(plain)}{_KNOWN}"


_KNOWN = f"known: {', '.join(KEYS)}"


def _nearest(name: str) -> str:
    import difflib  # noqa: PLC0415 - only who has mistaken a name needs it

    near = [ALSO[name]] if name in ALSO else difflib.get_close_matches(name, KEYS, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}? " if near else ""


def _lines(text: str) -> Iterator[tuple[str, int]]:
    """Give the line of every key that stands by itself below the table's header."""
    inside = False
    for number, line in enumerate(text.splitlines(), start=1):
        if line.lstrip().startswith("["):
            inside = TABLE in line
        elif inside and (key := re.match(r"""\s*["']?([\w-]+)["']?\s*=""", line)):
            yield key[1], number
