"""What an experiment may set of a user's own project: database, create, test, cleanup, backend."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from harness.experiment.written.parts import Number, Part, Whole

AUTO = "auto"  # rows made by Faker for whatever schema there is
NONE = "none"  # no cleanup: the recovery alone


def _a_list_is_a_tuple(value: Any) -> Any:
    """Take a list of SQL statements or one text; say what else it cannot be."""
    if isinstance(value, list) and value and all(isinstance(word, str) and word for word in value):
        return tuple(value)
    if isinstance(value, tuple) or (isinstance(value, str) and value.strip()):
        return value
    raise ValueError(
        "must be a command line, a function as 'package.module:function', or a list of SQL "
        f"statements, not {value!r}"
    )


# A command line, "package.module:function", a list of SQL statements, or a word that is known.
Doing = Annotated[str | tuple[str, ...], BeforeValidator(_a_list_is_a_tuple)]


def _a_way_to_know(value: str) -> str:
    """Take a path, "port", or "log: REGEX"."""
    if value == "port" or value.startswith("/"):
        return value
    pattern = value.removeprefix("log:").strip()
    if not value.startswith("log:") or not pattern:
        raise ValueError(f'must be a path as "/health", "port", or "log: REGEX", not {value!r}')
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from error
    return value


class BackendSetting(Part):
    """The user's own backend: how to start it, and how to know that it is ready."""

    start: Annotated[str, Field(min_length=1)]  # a command line
    ready: Annotated[str, AfterValidator(_a_way_to_know)] = (
        "/"  # a path that answers below 500, "port", or
    )
    # "log: REGEX" for a line of its output
    ready_timeout_s: Annotated[Number, Field(gt=0, le=600)] = 30.0
    port_variable: Annotated[str, Field(pattern=r"^[A-Za-z_]\w*$")] = "PORT"
    requests: Annotated[Whole, Field(ge=1, le=10_000)] = 16  # of a phase, that faults may strike


class ProjectSetting(Part):
    """A user's own database, and what is done to it in a cycle."""

    database: Annotated[str, Field(min_length=1)]  # relative to the experiment's file; copied
    create: Doing = AUTO
    test: Doing | None = None  # runs after create
    rows: Annotated[Whole, Field(ge=1, le=10_000)] = 2  # of each table, for "auto"
    tables: tuple[str, ...] = ()  # for "auto": only these, and what they refer to; (): all
    timeout_s: Annotated[Number, Field(gt=0, le=3600)] = 20.0  # of each command
    backend: BackendSetting | None = None
    home: str = ""  # the folder of the experiment's file; not for the file itself to say

    @property
    def path(self) -> Path:
        """Where the database is."""
        return Path(self.home) / self.database


__all__ = ["AUTO", "NONE", "BackendSetting", "Doing", "ProjectSetting"]
