"""Names in SQLite: how SQL writes one, which are the same, and what is left to call the rowid."""

from __future__ import annotations

from collections.abc import Iterable

_ROWID_NAMES = ("rowid", "_rowid_", "oid")  # https://www.sqlite.org/lang_createtable.html#rowid


def quoted(name: str) -> str:
    """Quote an identifier for SQL."""
    return '"' + name.replace('"', '""') + '"'


def folded(name: str) -> str:
    """Fold case as SQLite does for names: A to Z only. Names that fold alike are the same."""
    return name.lower() if name.isascii() else name.encode().lower().decode()


def free_rowid(columns: Iterable[str]) -> str | None:
    """Give the first name of the rowid that no column has taken; None when all are."""
    taken = set(map(folded, columns))
    return next((name for name in _ROWID_NAMES if name not in taken), None)
