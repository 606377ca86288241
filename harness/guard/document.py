"""What verification finds, as JSON: one shape for everything that tells it to programs."""

from __future__ import annotations

import math
from typing import Any

from harness.databases import Differences, TableDifferences

VERSION = 2  # of ``guard --json`` and ``verify --json``; raised when a key changes its meaning


def of(found: Differences, *, rows: bool) -> dict[str, Any]:
    """Give all that differs; ``rows``: with every row, else only how many of each table."""
    return {
        "clean": {"rows": found.clean("rows"), "exact": found.clean("exact")},
        "whole": found.whole or None,
        "tables": {name: _table(table, rows=rows) for name, table in found.tables.items()},
        "sequences": _pairs(found.sequences),
        "schema": [str(thing) for thing in found.schema],
        "settings": _pairs(found.settings),
        "unread": dict(found.unread),
        "damage": dict(found.damage),
        "shadows": {
            name: {shadow: _table(table, rows=rows) for shadow, table in shadows.items()}
            for name, shadows in found.shadows.items()
        },
        "by_shadows": dict(found.by_shadows),
        "attributes": _pairs(found.attributes),
    }


def _table(table: TableDifferences, *, rows: bool) -> dict[str, Any]:
    described: dict[str, Any] = dict(
        zip(("added", "missing", "changed"), table.counts, strict=True)
    )
    if rows:
        described["rows"] = {
            "added": [_plain(row) for row in table.added],
            "missing": [_plain(row) for row in table.missing],
            "changed": [_pair(was, now) for was, now in table.changed],
        }
    return described


def _pairs(values: dict[str, tuple[Any, Any]]) -> dict[str, Any]:
    return {name: _pair(was, now) for name, (was, now) in values.items()}


def _pair(was: Any, now: Any) -> dict[str, Any]:
    return {"baseline": _plain(was), "now": _plain(now)}


def _plain(value: Any) -> Any:
    """Give a value as JSON can hold it: what JSON has no word for comes as an object."""
    if isinstance(value, tuple | list):
        return [_plain(part) for part in value]
    if isinstance(value, bytes):
        return {"blob": value.hex()}
    if isinstance(value, float) and not math.isfinite(value):
        return {"real": str(value)}
    if value is None or isinstance(value, int | float | str):
        return value
    return str(value)
