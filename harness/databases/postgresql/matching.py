"""Rows of one table that one side has and the other has not: matched by key, counted, bounded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from harness.databases import Row, TableDifferences
from harness.databases.postgresql.names import quoted
from harness.databases.postgresql.reading import Cells
from harness.databases.postgresql.tables import StoredTable

MOST_ROWS = 10_000  # of one table that are told one by one; the others are counted


@dataclass(frozen=True, slots=True)
class Columns:
    """What of a table is compared: what both sides have.

    Attributes:
        names: in the baseline's order.
        key: that tell rows apart, of ``names``; () where nothing does.
        whole_numbers: those that are integers.
    """

    names: tuple[str, ...]
    key: tuple[str, ...]
    whole_numbers: Collection[str]

    @classmethod
    def common(cls, was: StoredTable | None, now: StoredTable | None) -> Columns:
        """Choose them; of a table on one side only, all."""
        one = was or now
        assert one is not None  # noqa: S101 - for mypy: a name is of one side at least
        other = now or one
        names = tuple(name for name in one.columns if name in set(other.columns))
        key = one.key if one.key == other.key and set(one.key) <= set(names) else ()
        return cls(names, key, one.whole_numbers & other.whole_numbers)

    @property
    def selected(self) -> str:
        """Give them for SELECT."""
        return ", ".join(map(quoted, self.names))

    @property
    def row(self) -> str:
        """Give SQL for the text of a whole row: no two that differ have the same."""
        return f"ROW({self.selected})::text"

    @property
    def key_row(self) -> str:
        """Give SQL for the text of the key; of the whole row where there is none."""
        return f"ROW({', '.join(map(quoted, self.key))})::text" if self.key else self.row

    def key_of(self, row: Cells) -> Cells:
        """Give what tells a row apart from others."""
        return tuple(row[self.names.index(name)] for name in self.key)

    def shown(self, row: Cells) -> Row:
        """Give a row for people and programs: an integer as a number, all else as its text."""
        return tuple(
            int(cell) if cell is not None and name in self.whole_numbers else cell
            for name, cell in zip(self.names, row, strict=True)
        )


def matched(
    columns: Columns,
    was: Iterable[Cells],
    now: Iterable[Cells],
    beyond: tuple[int, int, int] = (0, 0, 0),
) -> TableDifferences:
    """Pair rows that are equal, which are no difference, and then those of the same key.

    Args:
        columns: of the rows.
        was: of the baseline, those that may differ.
        now: of the live side.
        beyond: how many more were added, are missing, were changed.
    """
    before, after = Counter(was), Counter(now)
    missing, added = list((before - after).elements()), list((after - before).elements())
    if not columns.key:
        return TableDifferences(_shown(columns, added), _shown(columns, missing), (), beyond)
    by_key = {columns.key_of(row): row for row in missing}
    changed = [(by_key[key], row) for row in added if (key := columns.key_of(row)) in by_key]
    of_both = {columns.key_of(row) for row, _ in changed}
    return TableDifferences(
        _shown(columns, [row for row in added if columns.key_of(row) not in of_both]),
        _shown(columns, [row for row in missing if columns.key_of(row) not in of_both]),
        tuple((columns.shown(row), columns.shown(other)) for row, other in changed),
        beyond,
    )


def _shown(columns: Columns, rows: Sequence[Cells]) -> tuple[Row, ...]:
    return tuple(map(columns.shown, rows))


__all__ = ["MOST_ROWS", "Columns", "matched"]
