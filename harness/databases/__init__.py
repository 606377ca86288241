"""Databases: a folder for each engine; and what verification finds, whatever the engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from harness.printable import printable

Grade = Literal["rows", "exact"]
Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class TableDifferences:
    """Rows of one table that are not the baseline's; a row is (key..., columns...).

    Where they are many, an engine may give some of them, and of the others the number.
    """

    added: tuple[Row, ...] = ()
    missing: tuple[Row, ...] = ()
    changed: tuple[tuple[Row, Row], ...] = ()  # (baseline, now), same key
    beyond: tuple[int, int, int] = (0, 0, 0)  # as many more were added, are missing, were changed

    def __len__(self) -> int:
        """Count the rows that differ, also those that are not given."""
        return sum(self.counts)

    @property
    def counts(self) -> tuple[int, int, int]:
        """How many were added, are missing, were changed."""
        added, missing, changed = self.beyond
        return (
            len(self.added) + added,
            len(self.missing) + missing,
            len(self.changed) + changed,
        )

    @property
    def rest(self) -> str:
        """Say how many rows are not given; empty where all are."""
        more = sum(self.beyond)
        return f"and {more:,} rows more" if more else ""

    def sentence(self, name: str) -> str:
        """Count them for people, as those of the table ``name``."""
        added, missing, changed = self.counts
        return f"{name}: {added} added, {missing} missing, {changed} changed"


@dataclass(frozen=True, slots=True)
class SchemaDifference:
    """A schema object that is not the baseline's; as text "table orders changed"."""

    kind: str  # table, index, view or trigger
    name: str
    what: Literal["added", "missing", "changed"]
    table: str = field(default="", compare=False, repr=False)  # that it belongs to, or is

    def __str__(self) -> str:
        """Return the sentence for people, which JSON documents have as well."""
        return f"{self.kind} {self.name} {self.what}"


@dataclass(frozen=True, slots=True)
class Differences:
    """What verification finds between a database and its baseline; empty everywhere when equal."""

    tables: dict[str, TableDifferences] = field(default_factory=dict)  # only tables that differ
    sequences: dict[str, tuple[Any, Any]] = field(default_factory=dict)  # name -> (baseline, now)
    schema: tuple[SchemaDifference, ...] = ()
    settings: dict[str, tuple[Any, Any]] = field(default_factory=dict)  # name -> (baseline, now)
    unread: dict[str, str] = field(default_factory=dict)  # table -> why SQL could not read it
    # What may be seen neither here nor there -> why: no difference, as nobody can tell
    unseen: dict[str, str] = field(default_factory=dict)
    # What is not a row, and not what it must be -> how: "index i" -> "no longer matches its table"
    damage: dict[str, str] = field(default_factory=dict)
    # Virtual table -> what it is stored in; only "exact" minds where its own rows are the same.
    shadows: dict[str, dict[str, TableDifferences]] = field(default_factory=dict)
    by_shadows: dict[str, str] = field(default_factory=dict)  # those that its rows do not tell: why
    # What the database has beside its content, its owner for instance: name -> (baseline, now)
    attributes: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    whole: str = ""  # a phrase about what is there where the baseline is that nothing is

    def proves(self, grade: Grade) -> bool:
        """Whether content and, at "exact", attributes are the baseline's."""
        return self.clean(grade) and (grade == "rows" or not self.attributes)

    def clean(self, grade: Grade) -> bool:
        """Whether the content is the baseline's; never with an unread table or with damage."""
        if self.tables or self.schema or self.settings or self.unread or self.damage or self.whole:
            return False
        return grade == "rows" or not (self.sequences or self.shadows)

    def as_stored(self) -> Iterator[tuple[str, str, TableDifferences]]:
        """Give what differs where it is stored: (table, itself or what it is stored in, rows)."""
        for name, rows in self.tables.items():
            if name not in self.shadows:
                yield name, name, rows
        for name, shadows in self.shadows.items():
            for shadow, rows in shadows.items():
                yield name, shadow, rows

    def without(self, settings: Mapping[str, tuple[Any, Any]]) -> Differences:
        """Leave out settings that differ in just this way: name -> (baseline, now)."""
        left = {name: pair for name, pair in self.settings.items() if settings.get(name) != pair}
        return self if left == self.settings else replace(self, settings=left)

    def sentences(self) -> list[str]:
        """One line each for people, ``printable``: tables, sequences, schema, settings, damage."""
        lines = [table.sentence(name) for name, table in sorted(self.tables.items())]
        return [*map(printable, lines), *self.sentences_beside_rows()]

    def sentences_beside_rows(self) -> list[str]:
        """One line each for what differs beside the rows of tables, in the same order."""
        lines = [self.whole] if self.whole else []
        lines += [
            f"{name}: the same rows, stored otherwise"
            for name in sorted(self.shadows)
            if not (name in self.tables or self._altered(name))
        ]
        lines += [
            f"{name}: judged by its shadow tables: {why}"
            for name, why in sorted(self.by_shadows.items())
        ]
        lines += [
            f"sequence {name}: {before} -> {now}"
            for name, (before, now) in sorted(self.sequences.items())
        ]
        lines += map(str, self.schema)
        lines += [
            f"setting {name}: {before} -> {now}"
            for name, (before, now) in sorted(self.settings.items())
        ]
        lines += [f"{name}: not readable: {why}" for name, why in sorted(self.unread.items())]
        lines += [f"{what} {how}" for what, how in sorted(self.damage.items())]
        lines += [f"{name} {was} -> {now}" for name, (was, now) in sorted(self.attributes.items())]
        return [*map(printable, lines)]

    def _altered(self, name: str) -> bool:
        return any(thing.kind == "table" and thing.name == name for thing in self.schema)
