"""Compare tables by who wrote their rows: only what is new, or no longer there, is read.

A stored row is never written again: whatever changes it puts another in its place, which says who
wrote it, and leaves it where it is until it is nobody's. In a clone each has the place that it has
in what was cloned. So both sides are counted stretch by stretch: where as many old rows are as
the baseline has, and no new ones, nothing has changed; elsewhere the rows are found by place.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from psycopg import Connection

from harness.databases import TableDifferences
from harness.databases.postgresql.mark import Mark
from harness.databases.postgresql.matching import MOST_ROWS, Columns, matched
from harness.databases.postgresql.reading import Cells, both, each, texts
from harness.databases.postgresql.session import Row
from harness.databases.postgresql.tables import Stored, StoredTable

_STRETCH = 32  # pages that are counted as one; a few thousand rows


@dataclass(frozen=True, slots=True)
class Pair:
    """One table on both sides; in a fast comparison as old, or where it is in the clone as well."""

    number: int
    was: StoredTable
    now: StoredTable

    @property
    def same_place(self) -> bool:
        """Whether rows that nobody touched have the same place on both sides."""
        return (self.was.oid, self.was.node) == (self.now.oid, self.now.node)


@dataclass(slots=True)
class Counts:
    """How many rows a table has by stretch: (old, new)."""

    by_stretch: dict[int, tuple[int, int]] = field(default_factory=dict)

    @property
    def old(self) -> int:
        """Those of before the mark."""
        return sum(old for old, _ in self.by_stretch.values())

    @property
    def new(self) -> int:
        """Those of after it."""
        return sum(new for _, new in self.by_stretch.values())

    def at(self, stretch: int) -> tuple[int, int]:
        """Of one stretch."""
        return self.by_stretch.get(stretch, (0, 0))


def is_fit(was: Stored, now: Stored, mark: Mark) -> bool:
    """Whether who wrote a row tells anything: the same database, and numbers that can be told."""
    return (
        now.database == mark.database and mark.reaches(now.next_number) and was.labels == now.labels
    )


def fits(name: str, was: StoredTable, now: StoredTable, mark: Mark) -> bool:
    """Whether a table is the one that was backed up, and its rows still mean the same."""
    as_marked = (was.oid, was.shape) if mark.shapes is None else mark.shapes.get(name)
    return (
        (now.oid, now.shape) == as_marked
        and was.columns == now.columns
        and now.plain
        and was.is_heap
        and now.is_heap
        and was.populated
        and now.populated
    )


def compare(
    was: tuple[Connection[Row], Stored], now: tuple[Connection[Row], Stored], pairs: Sequence[Pair]
) -> tuple[dict[int, TableDifferences], list[int], dict[int, str]]:
    """Compare tables that fit.

    Returns:
        By number, how tables differ; the numbers of those of which this cannot tell; and by
        number, why a table cannot be read.
    """
    numbers = [pair.number for pair in pairs]
    by_number = {pair.number: pair for pair in pairs}
    (before, failed), (after, failed_now) = both(
        lambda: _counts(was, numbers, {one.number: (one.was, one.same_place) for one in pairs}),
        lambda: _counts(now, numbers, {one.number: (one.now, one.same_place) for one in pairs}),
    )
    failed |= failed_now
    found: dict[int, TableDifferences] = {}
    unclear: list[int] = []
    for number in numbers:
        if number in failed:
            continue
        pair, old, new = by_number[number], before[number], after[number]
        if not pair.same_place:
            if new.new or new.old != old.old + old.new:
                unclear.append(number)
        elif (differing := _differing(old, new)) is None:
            unclear.append(number)
        elif differing and (rows := _looked_up(was, now, pair, differing, (old, new))):
            found[number] = rows
    return found, unclear, failed


def _counts(
    side: tuple[Connection[Row], Stored],
    numbers: Sequence[int],
    tables: Mapping[int, tuple[StoredTable, bool]],
) -> tuple[defaultdict[int, Counts], dict[int, str]]:
    connection, stored = side
    new = _is_new(stored)
    counted = f"count(*) FILTER (WHERE NOT {new}), count(*) FILTER (WHERE {new})"

    def query(number: int) -> str:
        table, by_stretch = tables[number]
        if not by_stretch or table.pages <= _STRETCH:
            return f"SELECT {number}, 0, {counted} FROM {table.sql}"
        return (
            f"SELECT {number}, {_NUMBER}, s.* FROM"
            f" generate_series(0, {table.pages // _STRETCH}) {_STRETCHES}, "
            f"LATERAL (SELECT {counted} FROM {table.sql} WHERE {_within(_NUMBER)}) s"
        )

    counts: defaultdict[int, Counts] = defaultdict(Counts)
    rows, failed = each(connection, numbers, query)
    for number, stretch, old_rows, new_rows in rows:
        counts[number].by_stretch[stretch] = (old_rows, new_rows)
    return counts, failed


def _is_new(stored: Stored) -> str:
    # What was written more than half of all numbers ago seems to be still to come: taken for new,
    # and then seen to be the same on both sides.
    return f"age(xmin) <= {stored.age}"


# Inside of the query of a table its own columns come first, whatever they are called.
_STRETCHES = 'AS "e2e stretches" ("e2e stretch")'
_NUMBER = '"e2e stretches"."e2e stretch"'


def _within(stretch: str) -> str:
    return (
        f"ctid >= format('(%s,0)', {stretch} * {_STRETCH})::tid "
        f"AND ctid < format('(%s,0)', ({stretch} + 1) * {_STRETCH})::tid"
    )


def _differing(was: Counts, now: Counts) -> list[int] | None:
    """Name the stretches in which rows may differ; None where that is not to be told by place."""
    found = []
    rows = 0
    for stretch in was.by_stretch.keys() | now.by_stretch.keys():
        old, new_in_baseline = was.at(stretch)
        left, new = now.at(stretch)
        if left > old:
            return None  # a row that the baseline must have had, and has not
        if left < old or new or new_in_baseline:
            found.append(stretch)
            rows += old - left + new + new_in_baseline
    return sorted(found) if rows <= MOST_ROWS else None


def _looked_up(
    was: tuple[Connection[Row], Stored],
    now: tuple[Connection[Row], Stored],
    pair: Pair,
    differing: Iterable[int],
    counts: tuple[Counts, Counts],
) -> TableDifferences | None:
    """Read the rows of those stretches that may differ; None where they turn out to be equal."""
    before, after = counts
    written = [n for n in differing if before.at(n)[1] or after.at(n)[1]]
    thinned = [n for n in differing if before.at(n)[0] != after.at(n)[0]]
    columns = Columns.common(pair.was, pair.now)
    old, new = both(
        lambda: _read(was, pair.was, columns, written, thinned),
        lambda: _read(now, pair.now, columns, written, thinned),
    )
    gone = sorted(old[1] - new[1])
    rows_gone = (
        texts(
            was[0],
            f"SELECT {columns.selected} FROM {pair.was.sql} "
            f"WHERE ctid = ANY('{{{','.join(gone)}}}'::tid[])",
        )
        if gone
        else []
    )
    found = matched(columns, [*old[0], *rows_gone], new[0])
    return found if len(found) else None


def _read(
    side: tuple[Connection[Row], Stored],
    table: StoredTable,
    columns: Columns,
    written: Sequence[int],
    thinned: Sequence[int],
) -> tuple[list[Cells], set[str]]:
    """Read what is new in the one stretches, and the places of what is old in the others."""
    connection, stored = side
    new = _is_new(stored)
    rows: list[Cells] = []
    places: set[str] = set()
    if written:
        selected = f"SELECT {columns.selected} FROM {table.sql} WHERE {new}"
        rows = texts(connection, _of(table, selected, written))
    if thinned:
        selected = f"SELECT ctid FROM {table.sql} WHERE NOT {new}"
        together = "SELECT string_agg(t.ctid::text, ' ') FROM ({}) t"
        ((text,),) = texts(connection, together.format(_of(table, selected, thinned)))
        places = {f'"{place}"' for place in (text or "").split()}
    return rows, places


def _of(table: StoredTable, selected: str, stretches: Sequence[int]) -> str:
    if table.pages <= _STRETCH:
        return selected
    return (
        f"SELECT s.* FROM unnest('{{{','.join(map(str, stretches))}}}'::int[]) {_STRETCHES}, "
        f"LATERAL ({selected} AND {_within(_NUMBER)} OFFSET 0) s"  # as it stands: not made a join
    )


__all__ = ["Counts", "Pair", "compare", "fits", "is_fit"]
