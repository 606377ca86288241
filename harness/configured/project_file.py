"""Find the pyproject.toml that holds for a folder: the nearest upwards that has this tool's table.

The look ends at the root of a repository (``.git``), which belongs to it, or of the file system. A
file may name a command that is run, so one counts only when it is this user's, root's, or of
whoever owns the folder that the look begins in: anybody can leave a file in /tmp.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

from harness.errors import ConfigurationError

# ruff: noqa: PLC0415 - most folders have no table, and the parser takes as long as all the rest

NAME, TABLE = "pyproject.toml", "reliability-harness"


class Found:
    """What a look has found.

    Args:
        path: None: there is none.
        text: what stands in it.
        table: this tool's.
        passed_by: files of others, which do not count.
    """

    # no dataclass: making one takes longer than the look
    def __init__(
        self,
        path: Path | None = None,
        text: str = "",
        table: dict[str, Any] | None = None,
        passed_by: tuple[Path, ...] = (),
    ) -> None:
        self.path, self.text, self.table, self.passed_by = path, text, table or {}, passed_by


def find(start: Path) -> Found:
    """Look from a folder upwards.

    Raises:
        ConfigurationError: a file cannot be read, so nobody knows what it says.
    """
    trusted = {os.geteuid(), 0, *_owner(start)}
    passed_by: list[Path] = []
    for folder in (start, *start.parents):
        path = folder / NAME
        text = _read(path, trusted)
        if text is None:
            passed_by.append(path)
        elif text and (table := _table(path, text)) is not None:
            return Found(path, text, table, tuple(passed_by))
        if os.path.lexists(folder / ".git"):
            break
    return Found(passed_by=tuple(passed_by))


def _owner(folder: Path) -> tuple[int, ...]:
    try:
        return (os.stat(folder).st_uid,)
    except OSError:
        return ()


def _read(path: Path, trusted: set[int]) -> str | None:
    """Read a file; "" where it cannot have the table, None for one of somebody not trusted."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        if not os.path.exists(path) or os.stat(path).st_uid not in trusted:
            return None
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return ""
        if status.st_uid not in trusted:
            return None
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read()
    finally:
        os.close(descriptor)
    if TABLE.encode() not in content:  # it cannot be named otherwise: most files need no parser
        return ""
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: not in UTF-8, as TOML is: {error}") from error


def _table(path: Path, text: str) -> dict[str, Any] | None:
    """Return this tool's table; None where the file has none, and only names the tool."""
    import tomllib

    try:
        tools = tomllib.loads(text).get("tool", {})
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path}: not TOML: {error}") from error
    table = tools.get(TABLE) if isinstance(tools, dict) else None
    if table is not None and not isinstance(table, dict):
        raise ConfigurationError(f"{path}: tool.{TABLE} is no table: write [tool.{TABLE}]")
    return table
