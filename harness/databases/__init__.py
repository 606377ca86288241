"""Databases: a folder for each engine; and what verification finds, whatever the engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Grade = Literal["rows", "exact"]
Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class TableDifferences:
    """Rows of one table that are not the baseline's; a row is (key..., columns...)."""

    added: tuple[Row, ...] = ()
    missing: tuple[Row, ...] = ()
    changed: tuple[tuple[Row, Row], ...] = ()  # (baseline, now), same key

    def __len__(self) -> int:
        """Count the rows that differ."""
        return len(self.added) + len(self.missing) + len(self.changed)


@dataclass(frozen=True, slots=True)
class Differences:
    """What verification finds between a database and its baseline; empty everywhere when equal."""

    tables: dict[str, TableDifferences] = field(default_factory=dict)  # only tables that differ
    sequences: dict[str, tuple[Any, Any]] = field(default_factory=dict)  # name -> (baseline, now)
    schema: tuple[str, ...] = ()  # one sentence a schema object that differs
    settings: dict[str, tuple[Any, Any]] = field(default_factory=dict)  # name -> (baseline, now)
    unread: dict[str, str] = field(default_factory=dict)  # table -> why SQL could not read it

    def clean(self, grade: Grade) -> bool:
        """Whether the database is the baseline at ``grade``; an unread table is never clean."""
        if self.tables or self.schema or self.settings or self.unread:
            return False
        return grade == "rows" or not self.sequences

    def sentences(self) -> list[str]:
        """One line each for people: table by table, then sequences, schema, settings."""
        lines = [
            f"{name}: {len(t.added)} added, {len(t.missing)} missing, {len(t.changed)} changed"
            for name, t in sorted(self.tables.items())
        ]
        lines += [f"sequence {n}: {a} -> {b}" for n, (a, b) in sorted(self.sequences.items())]
        lines += list(self.schema)
        lines += [f"setting {n}: {a} -> {b}" for n, (a, b) in sorted(self.settings.items())]
        lines += [f"{n}: not readable: {why}" for n, why in sorted(self.unread.items())]
        return lines
