"""What the API is about: users, bots and integrations, and which values a request may give them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from harness.backend.schema import CHANNELS

_INTEGERS = range(-(2**63), 2**63)  # what SQLite can store
_REQUIRED = object()

Kind = Literal["text", "integer", "flag"]


class Invalid(Exception):
    """A body that is no row of the resource; the message says which column and why."""

    def __init__(self, message: str, column: str) -> None:
        super().__init__(message)
        self.column = column


class Column(NamedTuple):
    """One value that a request may give."""

    name: str
    kind: Kind = "text"
    choices: tuple[str, ...] = ()  # () allows any
    default: Any = _REQUIRED
    example: Any = ""

    @property
    def required(self) -> bool:
        """Whether a request must give it."""
        return self.default is _REQUIRED

    def value(self, given: Any) -> Any:
        """Return what is stored for ``given``; Invalid when it does not fit."""
        if self.kind == "flag" and (given is True or given is False or _is_integer(given, (0, 1))):
            return int(given)
        if self.kind == "integer" and _is_integer(given, _INTEGERS):
            return given
        if self.kind == "text" and isinstance(given, str) and _is_unicode(given):
            if not self.choices or given in self.choices:
                return given
            wanted = f"one of {', '.join(self.choices)}"
        else:
            wanted = {"text": "a string", "integer": "an integer", "flag": "true or false"}[
                self.kind
            ]
        raise Invalid(f"{self.name} must be {wanted}", self.name)


class Resource(NamedTuple):
    """One table as the API shows it."""

    table: str
    columns: tuple[Column, ...]  # what a request gives
    clock: tuple[str, ...]  # columns that the backend sets to its own time, seconds since 1970
    order: tuple[str, ...]  # all columns, as a row is shown

    def values(self, body: Any) -> dict[str, Any]:
        """Return the values of a new row, defaults filled in; Invalid when ``body`` is none."""
        if not isinstance(body, Mapping):
            raise Invalid("the body must be a JSON object", "")
        known = {column.name: column for column in self.columns}
        for name in body:
            if name not in known:
                shown = name.encode("utf-8", "replace").decode()[:80]
                raise Invalid(f"{self.table} take no {shown!r}; known: {', '.join(known)}", shown)
        values = {}
        for column in self.columns:
            if column.name in body:
                values[column.name] = column.value(body[column.name])
            elif column.required:
                raise Invalid(f"{column.name} is missing", column.name)
            else:
                values[column.name] = column.default
        return values


def _is_integer(given: Any, among: range | tuple[int, ...]) -> bool:
    return isinstance(given, int) and not isinstance(given, bool) and given in among


def _is_unicode(text: str) -> bool:
    """Whether it can be stored: JSON can spell half a surrogate pair, UTF-8 cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


RESOURCES = (
    Resource(
        "users",
        (
            Column("email", example="ada@e2e.test"),
            Column("name", example="Ada Example"),
            Column("role", choices=("owner", "admin", "member"), default="member"),
            Column("locale", default="en_US"),
        ),
        clock=("created_at", "updated_at"),
        order=("id", "email", "name", "role", "locale", "created_at", "updated_at"),
    ),
    Resource(
        "bots",
        (
            Column("user_id", "integer", example=1),
            Column("name", example="Greeter"),
            Column("description", default=""),
            Column("status", choices=("draft", "live", "paused"), default="draft"),
            Column("is_default", "flag", default=0),
        ),
        clock=("updated_at",),
        order=("id", "user_id", "name", "description", "status", "is_default", "updated_at"),
    ),
    Resource(
        "integrations",
        (
            Column("bot_id", "integer", example=1),
            Column("channel", choices=CHANNELS, example="email"),
            Column("config", default="{}"),
        ),
        clock=("created_at",),
        order=("id", "bot_id", "channel", "config", "created_at"),
    ),
)
