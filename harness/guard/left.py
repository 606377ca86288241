"""What differs from the baseline, told to people in few lines; ``verbose``: in as many as it has.

A table that is gone, or new, is one line: that its rows, its indexes, its triggers and its
sequence are gone with it needs none of their own. What the schema lost comes first: where not all
is told, that is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from harness.databases import Differences, Row, SchemaDifference
from harness.printable import printable

MOST_LINES = 10


def sentences(found: Differences, *, verbose: bool, more: str) -> list[str]:
    """Tell it; ``more`` says what shows the rest, where that is left out."""
    if verbose:
        return [*map(printable, _every_row(found))]
    told = [*map(printable, _folded(found))]
    if len(told) <= MOST_LINES:
        return told
    kept = told[: MOST_LINES - 1]
    return [*kept, f"and {len(told) - len(kept):,} more: {more}"]


def _every_row(found: Differences) -> Iterator[str]:
    for name, table in sorted(found.tables.items()):
        yield table.sentence(name)
        yield from (f"  + {_cells(row)}" for row in table.added)
        yield from (f"  - {_cells(row)}" for row in table.missing)
        yield from (f"  ~ {_cells(was)} -> {_cells(now)}" for was, now in table.changed)
        if table.rest:
            yield f"  {table.rest}"
    yield from found.sentences_beside_rows()
    yield from (f"not looked at: {what}: {why}" for what, why in sorted(found.unseen.items()))


def _cells(row: Row) -> str:
    return ", ".join(repr(cell) for cell in row)


def _folded(found: Differences) -> Iterator[str]:
    whole = {
        thing.name: thing
        for thing in found.schema
        if thing.kind == "table" and thing.what in ("added", "missing")
    }
    for thing in found.schema:
        if thing.kind == "table" and (along := _along(found, thing)):
            yield f"{thing}, with {along}"
        elif not _goes_along(thing, whole):
            yield str(thing)
    for name, table in sorted(found.tables.items()):
        if name not in whole:
            yield table.sentence(name)
    altered = {thing.name for thing in found.schema if thing.kind == "table"}
    rest = replace(
        found,
        schema=(),
        sequences={name: pair for name, pair in found.sequences.items() if name not in whole},
        shadows={name: rows for name, rows in found.shadows.items() if name not in altered},
    )
    yield from rest.sentences_beside_rows()


def _goes_along(thing: SchemaDifference, whole: dict[str, SchemaDifference]) -> bool:
    """Whether it belongs to a table that came, or went, in the same way."""
    table = whole.get(thing.table)
    return table is not None and table.what == thing.what and thing.kind != "table"


def _along(found: Differences, table: SchemaDifference) -> str:
    """Count what came, or went, with a table."""
    if table.what == "changed":
        return ""
    rows = found.tables.get(table.name)
    kinds = Counter(thing.kind for thing in found.schema if _goes_along(thing, {table.name: table}))
    counted = [(len(rows) if rows else 0, "row"), *((n, kind) for kind, n in kinds.items())]
    return ", ".join(_many(number, what) for number, what in counted if number)


def _many(number: int, what: str) -> str:
    plural = "es" if what.endswith("x") else "s"
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}{plural}"
