"""The ledger of a cycle as it is stored: a JSON list of entries, each the list of its values.

Which value stands where in an entry is said here alone: in the order of LedgerEntry.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from harness.faults.schedule.ledger import LedgerEntry


def to_text(entries: Sequence[LedgerEntry]) -> str | None:
    """Return the entries of one cycle as they are stored; None where there are none."""
    return json.dumps(entries, separators=(",", ":")) if entries else None


def of_text(text: str | None) -> tuple[LedgerEntry, ...]:
    """Return the entries of one cycle."""
    return tuple(LedgerEntry(*entry) for entry in json.loads(text)) if text else ()


def of_texts(texts: Iterable[str | None]) -> Iterator[list[LedgerEntry]]:
    """Give the entries of each cycle in turn; quicker than to parse one text after another."""
    for entries in json.loads(f"[{','.join(text or '[]' for text in texts)}]"):
        yield [LedgerEntry(*entry) for entry in entries]


def sql_path(name: str) -> str:
    """Return where a value stands in an entry, as SQLite's JSON functions take it."""
    return f"$[{LedgerEntry._fields.index(name)}]"


__all__ = ["LedgerEntry", "of_text", "of_texts", "sql_path", "to_text"]
