"""Which rows and index entries are the baseline's, however their cells are stored now."""

from __future__ import annotations

from collections import Counter
from typing import Any

from harness.truth.sqlite_pages.affinity import as_read, real_places
from harness.truth.sqlite_pages.checks import Witnesses
from harness.truth.sqlite_pages.file_format.image import Entry
from harness.truth.sqlite_pages.file_format.records import Record, SchemaObject, values
from harness.truth.sqlite_pages.findings import TreeDifference
from harness.truth.sqlite_pages.tree_cells import Segment

_NO_REALS = frozenset[int]()


class Matching:
    """Matches cells before and now, one table or index at a time, tables before their indexes."""

    def __init__(self, witnesses: Witnesses) -> None:
        """Ask ``witnesses`` only where two cells that differ may still say the same."""
        self.renumbered: set[str] = set()  # tables with rows that have other rowids now
        self._pristine, self._live = witnesses
        self._real_places: dict[tuple[str, str], frozenset[int]] = {}  # by tree, once asked for

    def rows(self, table: SchemaObject, segments: list[Segment]) -> TreeDifference:
        """Match the rows of a table by rowid, and by value where nobody chose the rowids."""
        before = {rowid: payload for segment in segments for rowid, payload in segment.before}
        now = {rowid: payload for segment in segments for rowid, payload in segment.now}
        if len(now) != sum(len(segment.now) for segment in segments):
            return TreeDifference(disorder=True)  # a rowid twice
        for rowid in before.keys() & now.keys():
            if self._same_row(table, rowid, before[rowid], now[rowid]):
                del before[rowid], now[rowid]
        if not before and not now:
            orders = ([[rowid for rowid, _ in side] for side in segment] for segment in segments)
            return TreeDifference(disorder=any(old != new for old, new in orders))
        if before and now and self._pristine.chooses_rowids(table.name):
            self._set_renumbered_apart(table, before, now)
        both = before.keys() & now.keys()
        return TreeDifference(
            added=sorted(now.keys() - both),
            missing=sorted(before.keys() - both),
            changed=sorted(both),
        )

    def entries(self, relation: SchemaObject, segments: list[Segment]) -> TreeDifference:
        """Match the entries of an index, or the rows of a table without rowid, by value."""
        old = Counter(payload for segment in segments for _, payload in segment.before)
        new = Counter(payload for segment in segments for _, payload in segment.now)
        before, now = by_value(old - new), by_value(new - old)
        reals = _NO_REALS
        if before - now and now - before:
            reals = self._reals(relation)
            before, now = _as_read(before, reals), _as_read(now, reals)
        if relation.table in self.renumbered:  # an entry ends with its row's rowid
            before, now = _without_last(before), _without_last(now)
        difference = _counts(before, now)
        more_and_fewer = difference.more and difference.fewer
        if relation.kind == "table" and more_and_fewer and _widths(before) != _widths(now):
            whole = self._whole_rows(relation)
            return difference if whole is None else whole
        if not difference and relation.table not in self.renumbered:
            difference.disorder = any(
                _records(segment.before, reals) != _records(segment.now, reals)
                for segment in segments
            )
        return difference

    def _whole_rows(self, table: SchemaObject) -> TreeDifference | None:
        """Match rows as SQL shows them, with the columns left to defaults; None where it cannot."""
        before, now = self._pristine.rows(table.name), self._live.rows(table.name)
        if before is None or now is None:
            return None
        return _counts(Counter(map(repr, before)), Counter(map(repr, now)))

    def _set_renumbered_apart(
        self, table: SchemaObject, before: dict[int, bytes], now: dict[int, bytes]
    ) -> None:
        """Take out rows that are there before and now, at rowids that nobody chose."""
        reals = self._reals(table)
        old_rows = {rowid: as_read(values(payload), reals) for rowid, payload in before.items()}
        new_rows = {rowid: as_read(values(payload), reals) for rowid, payload in now.items()}
        both = Counter(old_rows.values()) & Counter(new_rows.values())
        if both:
            self.renumbered.add(table.name)
        for payloads, rows in ((before, old_rows), (now, new_rows)):
            to_take_out = both.copy()
            for rowid in sorted(rows, reverse=True):
                if to_take_out[rows[rowid]]:
                    to_take_out[rows[rowid]] -= 1
                    del payloads[rowid]

    def _same_row(self, table: SchemaObject, rowid: int, old: bytes, new: bytes) -> bool:
        """Whether two payloads are one row, whichever of its encodings each of them has.

        Integers of other widths, whole numbers in REAL columns, columns left to defaults.
        """
        if old == new:
            return True
        before, now = values(old), values(new)
        if len(before) == len(now):
            if before == now or not _may_read_alike(before, now):
                return before == now
            reals = self._reals(table)
            return as_read(before, reals) == as_read(now, reals)
        shown = self._pristine.rows(table.name, rowid), self._live.rows(table.name, rowid)
        return shown[0] is not None and repr(shown[0]) == repr(shown[1])  # 0.0 is not -0.0

    def _reals(self, relation: SchemaObject) -> frozenset[int]:
        """Return which fields of its records are REAL columns; asked where it matters only."""
        if relation.key not in self._real_places:
            connection = self._pristine.connection()
            self._real_places[relation.key] = real_places(connection, relation)
        return self._real_places[relation.key]


def by_value(payloads: Counter[bytes]) -> Counter[Record]:
    """Count records by what they say: one value has several encodings."""
    counted: Counter[Record] = Counter()
    for payload, count in payloads.items():
        counted[values(payload)] += count
    return counted


def _as_read(records: Counter[Record], reals: frozenset[int]) -> Counter[Record]:
    counted: Counter[Record] = Counter()
    for record, count in records.items():
        counted[as_read(record, reals)] += count
    return counted


def _records(entries: list[Entry], reals: frozenset[int]) -> list[Record]:
    return [as_read(values(payload), reals) for _, payload in entries]


def _counts(before: Counter[Any], now: Counter[Any]) -> TreeDifference:
    return TreeDifference(more=(now - before).total(), fewer=(before - now).total())


def _may_read_alike(before: Record, now: Record) -> bool:
    """Whether all that differs is an integer in one and a real in the other."""
    kinds = {"integer", "real"}
    return all({a[0], b[0]} == kinds for a, b in zip(before, now, strict=True) if a != b)


def _without_last(records: Counter[Record]) -> Counter[Record]:
    counted: Counter[Record] = Counter()
    for record, count in records.items():
        counted[record[:-1]] += count
    return counted


def _widths(records: Counter[Record]) -> Counter[int]:
    counted: Counter[int] = Counter()
    for record, count in records.items():
        counted[len(record)] += count
    return counted
