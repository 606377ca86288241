"""What holds for a guard in a folder, and where each value comes from: ``harness config``."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from harness.configured.keys import KEYS
from harness.configured.project_file import NAME, TABLE
from harness.configured.settings import Settings
from harness.databases.engines import address_of, engine_of
from harness.errors import UsageError
from harness.guard.configured import database_in
from harness.guard.entrance import NO_CLEANUP, Asked
from harness.guard.refusals import SIGNS, SIGNS_VARIABLE
from harness.guard.target import state_folders
from harness.hidden import without_passwords

VERSION = 1  # of the JSON
DEFAULT, FILE, ENVIRONMENT = "default", "file", "environment"  # where a value comes from
STATE = "state_folder"


@dataclass(frozen=True, slots=True)
class Held:
    """One value that holds; of ``signs`` all values do, wherever they come from."""

    key: str
    value: Any  # of JSON; a password in it is not shown
    source: str  # DEFAULT, FILE or ENVIRONMENT
    line: int | None = None  # of the file, where it was found
    variable: str | None = None  # of the environment


def held(settings: Settings, environment: Mapping[str, str] | None = None) -> list[Held]:
    """Give every value that holds, in the order of the keys.

    Args:
        settings: of the file.
        environment: None is the process's own.
    """
    environment = os.environ if environment is None else environment
    found = [one for key in KEYS for one in _of_key(key, settings, environment)]
    for folder, variable in state_folders():
        source = ENVIRONMENT if variable else DEFAULT
        value = folder and str(folder)
        found.append(Held(STATE, value, source, variable=variable or None))
    return found


def _of_key(key: str, settings: Settings, environment: Mapping[str, str]) -> Iterator[Held]:
    written = settings.values.get(key)
    if key == "signs":
        yield Held(key, list(SIGNS), DEFAULT)
        given = [sign.strip() for sign in environment.get(SIGNS_VARIABLE, "").split(",")]
        if any(given):
            yield Held(key, [sign for sign in given if sign], ENVIRONMENT, variable=SIGNS_VARIABLE)
    elif written is None:
        yield Held(key, _default(key, settings), DEFAULT)
    if written is not None:
        value = _shown(key, written, settings)
        yield Held(key, value, FILE, settings.lines.get(key))


def _default(key: str, settings: Settings) -> Any:
    if key == "recovery":
        try:
            engine = engine_of(settings.values.get("database", "a.db"))
        except UsageError:  # of an engine that is not here
            return None
        return list(engine.default_recoveries)
    return {"database": None, "cleanup": NO_CLEANUP}.get(key, getattr(Asked(), key, None))


def _shown(key: str, written: Any, settings: Settings) -> Any:
    if key == "database":
        try:
            address = address_of(database_in(settings) or "")
            shown = address.whole if isinstance(address, os.PathLike) else str(address)
            return without_passwords(shown)
        except UsageError:  # whoever wants to guard it is told; here it is shown as it is
            return without_passwords(written)
    if key == "recovery":
        return [written] if isinstance(written, str) else written
    return without_passwords(written) if isinstance(written, str) else written


def as_lines(found: Sequence[Held], settings: Settings) -> list[str]:
    """Tell it to people: a line for each value, and where it comes from."""
    rows = [(one.key, _told(one.value), _where(one)) for one in found]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    lines = [f"{key:{widths[0]}}  {value:{widths[1]}}  {where}" for key, value, where in rows]
    read = f"read: {settings.path}" if settings.path else f"no pyproject.toml has [tool.{TABLE}]"
    passed_by = [f"{path} is passed by: it belongs to another user" for path in settings.passed_by]
    return [read, *passed_by, "", *lines]


def _where(one: Held) -> str:
    if one.source == FILE:
        return NAME if one.line is None else f"{NAME}:{one.line}"
    return one.variable or one.source


def _told(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}"
    return "-" if value is None else str(value)


def as_json(found: Sequence[Held], settings: Settings) -> str:
    """Tell it to programs."""
    told = {
        "version": VERSION,
        "file": str(settings.path) if settings.path else None,
        "passed_by": [str(path) for path in settings.passed_by],
        "settings": [asdict(one) for one in found],
    }
    return json.dumps(told, indent=2)
