"""What people give where the path of a SQLite file is asked for: the address of an ORM or a driver.

It is never read as one: which folder such an address is relative to only its own program knows.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

_ADDRESS = re.compile(r"(?:jdbc:)?(sqlite3?|file)(?:\+\w+)?:(.*)", re.IGNORECASE | re.DOTALL)
_WORDS = re.compile(r"\s*(data ?source|filename)\s*=\s*([^;]*)", re.IGNORECASE)  # of ADO.NET
_MEMORY = (":memory:", "memory:")


def hint(text: str) -> str:
    """Say that an address is none of a file, and which path it may mean; "" for any other text.

    No password that it may hold is repeated.
    """
    if text in _MEMORY:
        return _OF_MEMORY
    if found := _WORDS.match(text):
        return _sentence(f"{found[1]}=", found[2].strip("'\" "))
    if found := _ADDRESS.fullmatch(text):
        scheme, rest = found[1].lower(), found[2].partition("?")[0].partition("#")[0]
        path = unquote(_of_uri(rest)) if scheme == "file" else _of_orm(rest)
        return _sentence(text[: found.start(2)], path)
    return ""


_OF_MEMORY = "means a database in memory: no guard can bring that back, give the path of a file"


def _sentence(kind: str, path: str) -> str:
    if path in ("", *_MEMORY):
        return _OF_MEMORY
    path = path if path.startswith((".", "/")) else f"./{path}"
    return f"is an address ({kind}), which is not read: give the path of the file, perhaps {path}"


def _of_uri(rest: str) -> str:
    """Take the host away: ``//localhost/a`` and ``///a`` are ``/a``."""
    if not rest.startswith("//"):
        return rest
    _, slash, path = rest[2:].partition("/")
    return slash + path


def _of_orm(rest: str) -> str:
    """Three slashes are relative, four absolute; two, or none, are written by those who differ."""
    if not rest.startswith("//"):
        return rest
    host, slash, path = rest[2:].partition("/")
    return path if not host or "@" in host else host + slash + path
